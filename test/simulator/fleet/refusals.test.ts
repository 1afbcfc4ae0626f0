import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseRetryAfter } from '../../../src/simulator/fleet/report-client.js'
import { type FleetOptions, runFleet } from '../../../src/simulator/fleet/run-fleet.js'
import type { Report } from '../../../src/telemetry/report.js'

interface Asked { readonly path: string, readonly token: string, readonly reports: readonly Report[] }
type Reply = { readonly status: number, readonly body: object } | 'silence'

const receipt = ({ reportId }: Report, resend: readonly string[] = []) => ({ reportId, status: 'accepted', resend })
const problem = (status: number, code: string): Reply => ({ status, body: { status, code, detail: `because ${code}` } })
const accept = ({ path, reports }: Asked): Reply =>
  ({ status: 202, body: path.endsWith('/batch') ? { results: reports.map((report) => receipt(report)) } : receipt(reports[0]!) })

/** Enrols everybody, gives tokens, and answers reports as it is told to. */
async function startServer (t: Test, answer: (asked: Asked, before: readonly Asked[]) => Reply, enrol: () => Reply | undefined = () => undefined): Promise<{ api: string, asked: Asked[] }> {
  const asked: Asked[] = []
  let enrolled = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const reply = ((): Reply => {
        if (request.url!.endsWith('/token')) return { status: 200, body: { accessToken: `token-${++enrolled}`, expiresIn: 600 } }
        const body = JSON.parse(text) as Report & { reports?: Report[] }
        if (request.url!.endsWith('/enroll')) return enrol() ?? { status: 201, body: { deviceId: '00000000-0000-4000-8000-00000000000a', accessToken: `token-${++enrolled}`, expiresIn: 600 } }
        const one = { path: request.url!, token: request.headers.authorization!.slice(7), reports: body.reports ?? [body] }
        const decided = answer(one, asked)
        asked.push(one)
        return decided
      })()
      if (reply !== 'silence') response.writeHead(reply.status, { 'content-type': 'application/json' }).end(JSON.stringify(reply.body))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return { api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const one = (api: string): FleetOptions => ({ api, enrollmentToken: 'x', phones: 1, rate: 40, seconds: 0.5, seed: 4, speed: 7_200, drainSeconds: 5 })

t.test('a report that is refused for good is given up and told; the others go on', async (t) => {
  const { api, asked } = await startServer(t, (now, before) => before.length === 2 ? problem(400, 'invalid-input') : accept(now))
  const result = await runFleet(one(api))
  const given = asked[2]!.reports.length
  t.match(result, { due: 21, accepted: 21 - given, refused: { 400: given }, refusals: { 400: 'because invalid-input' }, leftOver: 0 })
})

t.test('of a batch, each report has its own answer', async (t) => {
  let mixed: Asked | undefined
  const { api, asked } = await startServer(t, (now, before) => {
    if (before.length === 1) return problem(503, 'database-unavailable')
    if (mixed !== undefined || now.reports.length < 3) return accept(now)
    mixed = now
    const errors = [{ status: 503, code: 'overloaded', detail: '' }, { status: 400, code: 'invalid-input', detail: 'bad' }]
    return { status: 207, body: { results: now.reports.map((report, index) => index < 2 ? { reportId: report.reportId, status: 'rejected', resend: [], error: errors[index] } : receipt(report)) } }
  })
  const result = await runFleet(one(api))
  t.match(result, { due: 21, accepted: 20, refused: { 400: 1 }, leftOver: 0 })
  const [again, refused, taken] = mixed!.reports.map(({ reportId }) => asked.filter(({ reports }) => reports.some((report) => report.reportId === reportId)).length)
  t.ok(again! > refused!, 'what was put off came again')
  t.ok(taken! <= refused! + 1, 'what was taken did not, but for repeats')
})

t.test('what is asked for comes whole at once, and an access token that ran out is replaced', async (t) => {
  const { api, asked } = await startServer(t, (now, before) => {
    if (now.token === 'token-1' && before.length >= 3) return problem(401, 'expired-token')
    return before.length === 0 ? { status: 202, body: receipt(now.reports[0]!, ['apps', 'os']) } : accept(now)
  })
  const result = await runFleet(one(api))
  t.match(result, { due: 22, accepted: 22, refused: {}, resend: { apps: 1, os: 1 }, retried: { 401: /\d/ }, leftOver: 0 }, '401 is no refusal when a new token helps')
  t.match(asked[1]!.reports[0], { sequence: 2, apps: { mode: 'snapshot' }, os: { version: /\d/ } })
  t.equal(asked.at(-1)!.token, 'token-2')
})

t.test('a phone that is out is out', async (t) => {
  const { api } = await startServer(t, (now, before) => before.length === 0 ? accept(now) : problem(401, 'device-revoked'))
  t.match(await runFleet(one(api)), { due: 21, accepted: 1, refused: { 401: 20 }, leftOver: 0 })
})

t.test('what nobody acknowledges is left over, and not in the ledger', async (t) => {
  const ledger = join(t.testdir(), 'ledger.jsonl')
  const { api } = await startServer(t, (now, before) => before.length < 3 ? accept(now) : 'silence')
  const result = await runFleet({ ...one(api), ledger, drainSeconds: 0.2 })
  t.equal(result.accepted + result.leftOver, result.due)
  t.ok(result.leftOver > 0)
  t.equal(readFileSync(ledger, 'utf8').split('\n').length - 1, result.accepted)
})

t.test('the signal ends a run at once', async (t) => {
  const stop = new AbortController()
  const { api } = await startServer(t, (now, before) => {
    if (before.length === 2) stop.abort()
    return accept(now)
  })
  const result = await runFleet({ ...one(api), seconds: 600, rate: 20 }, stop.signal)
  t.ok(result.seconds < 60)
  t.equal(result.accepted + result.leftOver, result.due)
})

t.test('a phone that is not let in ends the run with the reason', async (t) => {
  const { api } = await startServer(t, accept, () => problem(401, 'invalid-token'))
  await t.rejects(runFleet(one(api)), { message: /could not enrol at http.*401/ })
  await t.rejects(runFleet({ ...one('http://127.0.0.1:1'), patienceSeconds: 0 }), { message: /could not enrol at http:\/\/127\.0\.0\.1:1/ })
})

t.test('Retry-After is seconds or a date', async (t) => {
  t.equal(parseRetryAfter('2'), 2_000)
  t.equal(parseRetryAfter('Mon, 23 Nov 2026 08:00:05 GMT', Date.parse('2026-11-23T08:00:00Z')), 5_000)
  for (const nonsense of [undefined, '', 'soon', '-1', ['1', '2']]) t.equal(parseRetryAfter(nonsense), undefined)
})
