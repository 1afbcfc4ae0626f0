import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { scoreGroup } from '../../../src/devices/score-devices.js'
import { createEnrollmentToken } from '../../../src/operators/enrollment-tokens.js'
import type { FleetResult } from '../../../src/simulator/fleet/fleet-tally.js'
import type { LedgerLine } from '../../../src/simulator/fleet/ledger.js'
import { type FleetOptions, runFleet } from '../../../src/simulator/fleet/run-fleet.js'
import { EMPTY_STATE } from '../../../src/telemetry/device-state.js'
import { mergeReport } from '../../../src/telemetry/merge.js'
import { startTestApi, type TestApi, type TestApiOptions } from '../../helpers/api.js'
import { readJournal, waitingGroups } from '../../helpers/journal.js'

const SEED = Number(process.env.FLEET_SEED ?? Date.now() % 1_000_000)
const PLENTY = { perDevice: 1e9, perTenant: 1e9, perAddress: 1e9 }

interface Listening extends TestApi {
  readonly url: string
  readonly enrollmentToken: string
  readonly ledger: string
}

/** Listens on a port of its own; with `port`, where somebody did before. */
async function listen (t: Test, options: TestApiOptions = {}, port = 0): Promise<Listening> {
  const api = await startTestApi(t, { rateLimits: PLENTY, ...options })
  const url = await api.app.listen({ port, host: '127.0.0.1' })
  const { token } = await createEnrollmentToken(api, { tenantId: api.tenantId, label: 'fleet', actor: 'test' })
  return { ...api, url, enrollmentToken: token, ledger: join(t.testdir(), 'ledger.jsonl') }
}

const small = ({ url, enrollmentToken, ledger }: Listening): FleetOptions =>
  ({ api: url, enrollmentToken, ledger, phones: 12, rate: 120, seconds: 2, seed: SEED, speed: 7_200, drainSeconds: 20 })

const readLedger = (path: string): LedgerLine[] => readFileSync(path, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as LedgerLine)

async function compareWithJournal (t: Test, { db, ledger }: Listening, result: FleetResult): Promise<void> {
  const journal = (await readJournal(db)).map(({ deviceId, reportId, body }) => `${deviceId} ${reportId} ${body!.sequence}`)
  t.equal(new Set(journal).size, journal.length, 'no report is in the journal twice')
  const lines = readLedger(ledger)
  const acknowledged = lines.map(({ deviceId, reportId, sequence }) => `${deviceId} ${reportId} ${sequence}`)
  t.equal(JSON.stringify(acknowledged.sort()), JSON.stringify(journal.sort()), 'the ledger is the journal')
  for (const status of ['accepted', 'duplicate', 'stale'] as const) t.equal(lines.filter((line) => line.status === status).length, result[status], status)
}

/** Scores what comes in, as the workers do, until told to stop. */
function startScoring (api: TestApi): { stop: () => Promise<void> } {
  let over = false
  const loop = (async () => {
    for (;;) {
      const wasOver = over
      for (const id of await waitingGroups(api.db)) await scoreGroup(api, id)
      if (wasOver) return
      await breathe()
    }
  })()
  return {
    async stop () {
      over = true
      await loop
    }
  }
}

t.test('an undisturbed fleet is acknowledged report by report, and never asked for a base', async (t) => {
  t.comment(`FLEET_SEED=${SEED}`)
  const api = await listen(t)
  const scoring = startScoring(api)
  const result = await runFleet(small(api))
  await scoring.stop()
  t.comment(JSON.stringify(result))
  t.match(result, { phones: 12, seed: SEED, due: 12 + 240, accepted: 12 + 240, duplicate: 0, stale: 0, refused: {}, retried: {}, resend: {}, leftOver: 0 })
  t.strictSame(result.resend, {})
  t.equal(result.recognised, result.repeated)
  t.ok(result.latencyMs!.p50 > 0 && result.latencyMs!.p50 <= result.latencyMs!.p99 && result.latencyMs!.p99 <= result.latencyMs!.max)
  await compareWithJournal(t, api, result)

  let deltas = 0
  const states = new Map<string, typeof EMPTY_STATE>()
  const inOrder = (await readJournal(api.db)).sort((a, b) => a.body!.sequence - b.body!.sequence)
  for (const { deviceId, body, receivedAt, source } of inOrder) {
    const state = states.get(deviceId) ?? EMPTY_STATE
    if (body!.apps?.mode === 'delta') {
      deltas += 1
      t.equal(body!.apps.baseDigest, state.apps?.digest, 'starts from what the server has')
    }
    states.set(deviceId, mergeReport(state, { report: body!, receivedAt, source }).state)
  }
  t.ok(deltas > 10, `${deltas} deltas`)
})

/** Stands in for an API that is busy, until it was asked so often. */
async function beBusy (port: number, requests: number): Promise<void> {
  let asked = 0
  const server = createServer((request, response) => {
    request.resume()
    asked += 1
    if (asked === 1) request.socket.destroy()
    else response.writeHead(asked % 2 === 0 ? 503 : 429, { 'retry-after': '1' }).end()
    if (asked === requests) server.emit('enough')
  }).listen(port, '127.0.0.1')
  await once(server, 'enough')
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}

t.test('with the API gone in the middle, reports wait at the phones and come later', async (t) => {
  const first = await listen(t)
  const { port } = first.app.server.address() as AddressInfo
  const run = runFleet({ ...small(first), seconds: 3 })
  while ((await readJournal(first.db)).length < 120) await breathe()
  first.app.server.closeAllConnections()
  await first.app.close()
  await beBusy(port, 10)
  const second = await startTestApi(t, { rateLimits: PLENTY, beside: first })
  await second.app.listen({ port, host: '127.0.0.1' })
  const result = await run
  t.comment(JSON.stringify(result))
  t.match(result, { due: 12 + 360, refused: {}, retried: { 503: /\d/, 429: /\d/, none: /\d/ }, leftOver: 0 })
  t.ok(result.largestBacklog > 30, 'the load did not fall')
  t.ok(result.latencyMs!.max > 900, 'latency counts from the due time')
  await compareWithJournal(t, first, result)
})
