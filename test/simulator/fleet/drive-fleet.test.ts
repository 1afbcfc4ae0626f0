import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { driveFleet, type EnrolledPhone, introduceFleet } from '../../../src/simulator/fleet/drive-fleet.js'
import type { Report } from '../../../src/telemetry/report.js'

interface Seen { readonly token: string, readonly report: Report }

/** A server that answers what it is told to, and what it was asked. */
async function startServer (t: Test, answer: (seen: Seen, all: readonly Seen[]) => { status: number, body?: object } | 'hang up'): Promise<{ url: string, seen: Seen[] }> {
  const seen: Seen[] = []
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = { token: request.headers.authorization!, report: JSON.parse(Buffer.concat(chunks).toString()) as Report }
      const { status, body = {} } = (() => {
        const decided = answer(one, seen)
        seen.push(one)
        return decided === 'hang up' ? { status: 0 } : decided
      })()
      if (status === 0) request.socket.destroy()
      else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
  }
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

function makePhones (count: number): EnrolledPhone[] {
  return Array.from({ length: count }, (_, index) => {
    let sequence = 0
    const nextReport = (): Report => ({ reportId: `${index}-${++sequence}`, sequence, collectedAt: '2026-11-23T08:00:00Z' })
    return { phone: { nextReport }, deviceId: String(index), accessToken: `token-${index}`, accepted: 0, lastSequence: 0 }
  })
}

const accepted = { status: 202, body: { status: 'accepted' } }

t.test('each phone sends in order, with its own token, and counts what was acknowledged', async (t) => {
  const { url, seen } = await startServer(t, () => accepted)
  const phones = makePhones(6)
  await introduceFleet({ apiUrl: url, phones, connections: 3 })
  t.equal(seen.length, 6)
  const result = await driveFleet({ apiUrl: url, phones, connections: 4, seconds: 0.2 })
  t.equal(result.accepted, seen.length - 6)
  t.equal(result.latenciesMs.length, result.accepted)
  t.strictSame(result.refused, {})
  for (const phone of phones) {
    const own = seen.filter(({ token }) => token === `Bearer ${phone.accessToken}`).map(({ report }) => report.sequence)
    t.strictSame(own, Array.from({ length: own.length }, (_, index) => index + 1))
    t.equal(phone.accepted, own.length)
    t.equal(phone.lastSequence, own.at(-1))
  }
})

t.test('what is not acknowledged is sent again, unchanged', async (t) => {
  const { url, seen } = await startServer(t, (_, all) => all.length === 0 ? { status: 503 } : all.length === 1 ? 'hang up' : accepted)
  const phones = makePhones(1)
  const result = await driveFleet({ apiUrl: url, phones, connections: 1, seconds: 0.2 })
  t.strictSame(seen.slice(0, 3).map(({ report }) => report.sequence), [1, 1, 1])
  t.strictSame(seen[1], seen[0])
  t.strictSame(result.refused, { 503: 1, none: 1 })
})

t.test('a first report is sent again when the server has no time, and no other refusal is taken', async (t) => {
  const busy = await startServer(t, (_, all) => all.length < 3 ? { status: 503 } : accepted)
  const phones = makePhones(2)
  await introduceFleet({ apiUrl: busy.url, phones, connections: 2 })
  t.strictSame(phones.map(({ lastSequence }) => lastSequence), [1, 1])
  t.equal(busy.seen.length, 5)

  const strict = await startServer(t, () => ({ status: 401 }))
  await t.rejects(introduceFleet({ apiUrl: strict.url, phones: makePhones(1), connections: 1 }), { message: /refused.*401/ })
  t.equal(strict.seen.length, 1)
})

t.test('some reports are repeated although they were acknowledged', async (t) => {
  const { url, seen } = await startServer(t, ({ report }, all) => all.some((one) => one.report.reportId === report.reportId) ? { status: 202, body: { status: 'duplicate' } } : accepted)
  const result = await driveFleet({ apiUrl: url, phones: makePhones(4), connections: 2, seconds: 0.3, repeatShare: 0.5 })
  t.ok(result.repeated > 0)
  t.equal(result.recognised, result.repeated)
  t.equal(seen.length, result.accepted + result.repeated)
})

t.test('at a rate, reports are due whether or not others were answered', async (t) => {
  const { url } = await startServer(t, () => accepted)
  const result = await driveFleet({ apiUrl: url, phones: makePhones(10), connections: 5, seconds: 0.5, ratePerSecond: 100 })
  t.equal(result.accepted, 50)
})
