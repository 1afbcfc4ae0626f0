import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { createIntuneClient } from '../../src/intune/intune-client.js'
import { openQueues, type QueueWorker } from '../../src/platform/queues.js'
import type { Producer } from '../../src/platform/queue-names.js'
import { createJournal, type Journal, type JournalOptions } from '../../src/telemetry/journal.js'
import { sweepJournal } from '../../src/telemetry/sweep-journal.js'
import { startScoreWorker } from '../../workers/score.js'
import { startSyncWorker } from '../../workers/sync.js'
import { startTestApi } from '../helpers/api.js'
import { makeReport, rememberingProducer } from '../helpers/devices.js'
import { NO_INTEL } from '../helpers/intel.js'
import { silentLog } from '../helpers/log.js'
import { findRedis } from '../helpers/redis.js'
import { linksOf, recordTraces, traceIdOf } from '../helpers/spans.js'
import { startSimulatedIntune } from '../intune/simulator.js'

const newTrace = (): string => `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`
const idIn = (traceParent: string): string => traceParent.slice(3, 35)

/** API, score and sync on one database, with a tenant at a simulated Intune; spans in memory. */
async function setUp (t: Test, redisUrl?: string) {
  const recorded = recordTraces(t)
  const { tracing } = recorded
  const journal: { current?: Journal } = {}
  const api = await startTestApi(t, { tracing, journalOf: () => ({ append: async (entry) => await journal.current!.append(entry) }) })
  const { db, databaseUrl } = api
  const simulated = await startSimulatedIntune(t, db)
  const intune = createIntuneClient({ ...simulated.clientOptions, tracing })
  t.teardown(async () => await intune.close())
  const queues = await openQueues({ databaseUrl, log: silentLog, tracing, ...(redisUrl === undefined ? {} : { redisUrl, prefix: `test-${randomBytes(6).toString('hex')}` }) })
  let closing: Promise<void> | undefined
  /** Lets what is under way come to its end, and its spans be told. */
  const close = async (): Promise<void> => await (closing ??= stopAll())
  t.teardown(close)
  const workers: QueueWorker[] = []
  async function stopAll (): Promise<void> {
    await Promise.all(workers.map(async (worker) => await worker.close()))
    await queues.close()
    await tracing.close()
  }
  const startWorkers = (): void => {
    workers.push(startScoreWorker({ score: queues.producer('score'), queues, db, concurrency: 2, log: silentLog, sync: queues.producer('sync'), intel: { current: () => NO_INTEL }, tracing }), startSyncWorker({ queues, db, intune, log: silentLog, publicUrl: 'https://mtd.example', concurrency: 2, tracing }))
  }
  const enroll = async (): Promise<{ deviceId: string, entraDeviceId: string, accessToken: string }> => {
    const phone = await api.enroll(simulated.tenantId)
    await simulated.enroll([phone.entraDeviceId])
    return phone
  }
  const reported = async (deviceIds: readonly string[], health: string): Promise<void> => {
    while ((await db.selectFrom('device_state').select('device_id').where('device_id', 'in', deviceIds).where('reported_health', '=', health).execute()).length < deviceIds.length) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  /** Those who take in reports, with what they hand on. */
  const startJournal = (score: Producer<'score'>, options: Partial<JournalOptions> = {}): void => {
    const current = journal.current = createJournal({ db, score, log: silentLog, maxWaiting: 100, tracing, ...options })
    t.teardown(async () => await current.close())
  }
  return { ...recorded, startJournal, api, db, queues, simulated, startWorkers, enroll, reported, close }
}

/** One trace, whole: every span but the first has its parent among the others. */
function isWhole (t: Test, recorded: ReturnType<typeof recordTraces>, traceParent: string, names: readonly string[]): void {
  const spans = recorded.spans.filter((span) => traceIdOf(span) === idIn(traceParent))
  const ids = new Set([...spans.map((span) => span.spanContext().spanId), traceParent.slice(36, 52)])
  t.strictSame(spans.filter((span) => !ids.has(span.parentSpanContext?.spanId ?? '')).map(({ name }) => name), [], 'no span hangs in the air')
  const found = new Set(spans.map(({ name }) => name))
  for (const name of names) t.ok(found.has(name), `${name} among ${[...found].join(', ')}`)
}

const WHOLE_WAY = ['POST /v1/telemetry', 'store reports', 'add score.score', 'process score', 'judge devices', 'add sync.sync', 'process sync', 'send states to Intune', 'Intune upload', 'wait for Intune', 'Intune upload-status']

async function oneTrace (t: Test, redisUrl?: string): Promise<void> {
  const world = await setUp(t, redisUrl)
  const { spans, api, queues } = world
  world.startJournal(queues.producer('score'))
  world.startWorkers()
  const { deviceId, entraDeviceId, accessToken } = await world.enroll()
  const first = newTrace()
  t.equal((await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(1, { integrity: { rooted: true } }), { traceparent: first })).statusCode, 202)
  await world.reported([deviceId], 'highSeverity')
  // In the trace as well, but later than the first message: provisioning, and what a second report does.
  const second = newTrace()
  t.equal((await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(2, { integrity: { rooted: false } }), { traceparent: second })).statusCode, 202)
  await world.reported([deviceId], 'secured')
  await world.close()

  isWhole(t, world, first, WHOLE_WAY)
  isWhole(t, world, second, WHOLE_WAY)
  t.match(spans.find(({ name }) => name === 'POST /v1/telemetry')!.attributes, { 'http.request.method': 'POST', 'http.route': '/v1/telemetry', 'http.response.status_code': 202 })
  t.match(spans.find(({ name }) => name === 'Intune upload')!.attributes, { 'http.response.status_code': 200, 'sallyport.client_request_id': /^[0-9a-f-]{36}$/ })
  const all = JSON.stringify(spans.map(({ name, attributes, events, links }) => ({ name, attributes, events, links })))
  for (const id of [deviceId, entraDeviceId]) t.notOk(all.includes(id), 'no span names a phone')
}

t.test('one trace leads from the agent\'s request over both jobs to Intune\'s answer', async (t) => await oneTrace(t))

t.test('so it does with the queues in Redis', async (t) => {
  const redis = await findRedis(t)
  if (redis === undefined) {
    t.comment('there is no Redis')
    return
  }
  await oneTrace(t, redis.url)
})

t.test('reports that are stored together keep their traces, also when their jobs are lost', async (t) => {
  const world = await setUp(t)
  const { spans, api, db, queues } = world
  const lost = rememberingProducer<'score'>()
  world.startJournal(lost, { groupEveryMs: 1_000 })
  const phones = [await world.enroll(), await world.enroll(), await world.enroll()]
  // The first is stored alone; the others within the next second go together.
  await api.call(phones[0]!.accessToken, 'POST', '/v1/telemetry', makeReport(1))
  const traces = phones.map(newTrace)
  await Promise.all(phones.map(async ({ accessToken }, index) => await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(2, { integrity: { rooted: true } }), { traceparent: traces[index]! })))
  t.equal(lost.payloads.length, 2)
  world.startWorkers()
  await sweepJournal({ db, score: queues.producer('score') }, { olderThanSeconds: 0, waitingJobs: 0 })
  await world.reported(phones.map(({ deviceId }) => deviceId), 'highSeverity')
  await world.close()

  const ids = traces.map(idIn).sort()
  for (const name of ['store reports', 'judge devices']) {
    const concerned = spans.filter((span) => span.name === name).map((span) => [traceIdOf(span), ...linksOf(span)].filter((id) => ids.includes(id)).sort())
    t.ok(concerned.some((found) => found.join() === ids.join()), `${name} is in one of the traces and linked to the others: ${JSON.stringify(concerned)}`)
  }
  const told = spans.filter(({ name }) => name === 'send states to Intune').flatMap((span) => [traceIdOf(span), ...linksOf(span)])
  t.strictSame(ids.filter((id) => !told.includes(id)), [], 'what Intune is told, however split, is in or linked to the trace of each report')
})

t.test('without a request in a trace nothing has spans: schedules and looks for jobs would fill the collector', async (t) => {
  const world = await setUp(t)
  const { deviceId } = await world.enroll()
  await world.db.updateTable('device_state').set({ last_report_at: new Date() }).execute()
  world.startWorkers()
  await world.queues.producer('score').add([{ deviceIds: [deviceId] }])
  await world.reported([deviceId], 'secured')
  await world.close()
  t.strictSame(world.spans.map(({ name }) => name), ['POST /v1/enroll'])
})
