import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { buildOpsApp } from '../../src/http/ops-app.js'
import { measureInstallation } from '../../src/operators/measure-installation.js'
import { createMetrics } from '../../src/platform/metrics.js'
import { QUEUE_NAMES } from '../../src/platform/queue-names.js'
import { openQueues } from '../../src/platform/queues.js'
import { isProblem } from '../helpers/api.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedDevice, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'

type Checks = Parameters<typeof buildOpsApp>[0]['checks']

async function setUp (t: Test, more: Checks = {}, degradations: Checks = {}) {
  const { db, url } = await createTestDatabase(t)
  const queues = await openQueues({ databaseUrl: url, log: silentLog })
  const metrics = createMetrics()
  metrics.onScrape(async () => await measureInstallation({ db, queues, metrics }))
  const app = await buildOpsApp({
    log: silentLog, metrics, queues,
    checks: { database: async () => { await sql`select 1`.execute(db) }, queues: async () => { await queues.check() }, ...more },
    degradations
  })
  let closed = false
  const closeQueues = async (): Promise<void> => {
    if (!closed) await queues.close()
    closed = true
  }
  t.teardown(async () => {
    await app.close()
    await closeQueues()
  })
  return { app, db, queues, metrics, closeQueues }
}

/** The samples of a page for Prometheus, by name and labels; fails for a line that is none. */
function samplesOf (page: string): Map<string, number> {
  const samples = new Map<string, number>()
  for (const line of page.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, name, value] = /^([a-z_0-9]+(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? []
    if (name === undefined) throw new Error(`not a sample: ${line}`)
    samples.set(name, Number(value))
  }
  return samples
}

t.test('a process that runs is healthy; it is ready when all it needs is there', async (t) => {
  const { app, db, closeQueues } = await setUp(t)
  const health = await app.inject('/healthz')
  t.match([health.statusCode, health.json()], [200, { status: 'ok' }])
  const ready = await app.inject('/readyz')
  t.strictSame([ready.statusCode, ready.json()], [200, { status: 'ready', checked: ['database', 'queues'], missing: {}, degraded: {} }])

  await closeQueues()
  await db.destroy()
  const unready = await app.inject('/readyz')
  t.equal(unready.statusCode, 503)
  t.match(unready.json(), { status: 'not-ready', missing: { database: /./, queues: /./ } }, 'and it says what is missing')
  t.equal((await app.inject('/healthz')).statusCode, 200, 'a restart would not bring the database back')
})

t.test('what a process can do without for a while is told, and does not take it away', async (t) => {
  let fault: Error | undefined = new Error('connect ECONNREFUSED 127.0.0.1:6379')
  const { app } = await setUp(t, {}, { engine: async () => { if (fault !== undefined) throw fault } })
  const degraded = await app.inject('/readyz')
  t.strictSame([degraded.statusCode, degraded.json()], [200, { status: 'degraded', checked: ['database', 'queues', 'engine'], missing: {}, degraded: { engine: 'connect ECONNREFUSED 127.0.0.1:6379' } }])
  fault = undefined
  t.match((await app.inject('/readyz')).json(), { status: 'ready', degraded: {} })
})

t.test('a check without a message, and one that never answers, are told as well', async (t) => {
  const { app } = await setUp(t, {
    connection: async () => { throw Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }) },
    silence: async () => await new Promise(() => {})
  })
  const answer = await app.inject('/readyz')
  t.equal(answer.statusCode, 503)
  t.strictSame(answer.json().missing, { connection: 'ECONNREFUSED', silence: 'no answer within 3000 ms' })
})

t.test('the page for Prometheus has every metric, with help, and numbers from the database', async (t) => {
  const { app, db, queues, metrics } = await setUp(t)
  const tenantId = await seedTenant(db)
  const { deviceId } = await seedDevice(db, tenantId)
  await db.insertInto('device_state').values({ device_id: deviceId, tenant_id: tenantId, sequence: 1, state: '{}', reporting_state: 'activated', level: 'high' }).execute()
  await db.insertInto('intune_outbox').values({ device_id: deviceId, tenant_id: tenantId, version: 1, health: 'high', enqueued_at: new Date(Date.now() - 60_000) }).execute()
  await db.insertInto('intune_connector').values({ tenant_id: tenantId, state: 'provisioned', provisioned_at: new Date(Date.now() - 120_000) })
    .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet({ state: 'provisioned', provisioned_at: new Date(Date.now() - 120_000) })).execute()
  await db.insertInto('intel_feed').values({ name: 'a-feed', format: 'stix', imported_at: new Date(Date.now() - 3_600_000), sha256: '0'.repeat(64), entries: 7, skipped: '[]' }).execute()
  await db.insertInto('intel_subscription').values({ feed: 'a-feed', kind: 'file', url: 'https://feeds.example/', format: 'auto', every_seconds: 3_600 }).execute()
  await db.updateTable('intel_subscription').set({ created_at: new Date(Date.now() - 4 * 3_600_000) }).execute()
  await db.insertInto('state_change_waiting').values({ tenant_number: 1, device_id: deviceId, entra_device_id: deviceId, at: new Date(Date.now() - 30_000), version: 1, reporting_state: 'activated', previous_reporting_state: 'pending', health: 'secured' }).execute()
  const { id: rescoringId } = await db.insertInto('rescoring').values({ intel_version: 1 }).returning('id').executeTakeFirstOrThrow()
  await db.insertInto('rescoring_device').values({ device_id: deviceId, rescoring_id: rescoringId, intel_version: 1 }).execute()
  await queues.producer('score').add([{ deviceIds: [randomUUID()] }])
  metrics.reports.inc({ status: 'accepted' })
  metrics.acceptSeconds.observe(0.003)

  const page = await app.inject('/metrics')
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  const samples = samplesOf(page.body)
  t.equal(samples.get('sallyport_reports_total{status="accepted"}'), 1)
  t.equal(samples.get('sallyport_accept_seconds_count'), 1)
  t.equal(samples.get('sallyport_accept_seconds_bucket{le="0.005"}'), 1)
  t.equal(samples.get('sallyport_devices{level="high",state="activated"}'), 1)
  t.equal(samples.get('sallyport_intel_entries{feed="a-feed"}'), 7)
  t.ok(samples.get('sallyport_intel_feed_age_seconds{feed="a-feed"}')! >= 3_600)
  t.ok(samples.get('sallyport_intel_subscription_last_success_age_seconds{feed="a-feed"}')! >= 4 * 3_600, 'without a success yet, since it was made')
  t.equal(samples.get('sallyport_intel_subscription_stale{feed="a-feed"}'), 1)
  t.equal(samples.get('sallyport_intune_connectors{state="provisioned"}'), 1)
  t.equal(samples.get('sallyport_sync_waiting_devices'), 1)
  t.equal(samples.get('sallyport_rescoring_waiting_devices'), 1)
  t.ok(samples.get('sallyport_sync_lag_seconds')! >= 60)
  t.equal(samples.get('sallyport_state_changes_waiting'), 1)
  t.ok(samples.get('sallyport_state_changes_lag_seconds')! >= 30)
  t.ok(samples.get('sallyport_intune_heartbeat_age_seconds')! >= 120, 'without a heartbeat yet, since it was provisioned')
  t.equal(samples.get('sallyport_queue_jobs{queue="score",state="waiting"}'), 1)
  t.ok(samples.has('sallyport_queue_oldest_waiting_seconds{queue="score"}'))

  const described = new Set([...page.body.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name))
  for (const name of [
    'reports_total', 'reports_scored_total', 'reports_quarantined', 'accept_seconds', 'score_seconds', 'report_to_intune_seconds', 'journal_batch_reports', 'journal_waiting_reports',
    'queue_jobs', 'queue_oldest_waiting_seconds', 'queue_failures_total', 'findings_open', 'devices', 'intel_entries', 'intel_feed_age_seconds', 'intel_subscription_failures_total', 'intune_calls_total',
    'rescoring_waiting_devices', 'sync_waiting_devices', 'sync_lag_seconds', 'intune_heartbeat_age_seconds', 'intune_connectors', 'process_cpu_seconds_total'
  ]) t.ok(described.has(`sallyport_${name}`), name)
  t.notOk(page.body.includes(deviceId) || page.body.includes(tenantId), 'no label grows with the fleet')

  await db.updateTable('device_state').set({ level: 'secured' }).execute()
  await db.updateTable('intune_connector').set({ state: 'deprovisioned' }).execute()
  const later = samplesOf((await app.inject('/metrics')).body)
  t.notOk(later.has('sallyport_devices{level="high",state="activated"}'), 'who left a level is not counted there')
  t.equal(later.get('sallyport_devices{level="secured",state="activated"}'), 1)
  t.match([later.get('sallyport_sync_waiting_devices'), later.get('sallyport_sync_lag_seconds')], [1, 0], 'what waits for an administrator does not lag')
})

t.test('while the database is away, the page holds what the process knows by itself', async (t) => {
  const { app, db, metrics, closeQueues } = await setUp(t)
  metrics.reports.inc({ status: 'accepted' }, 3)
  t.ok(samplesOf((await app.inject('/metrics')).body).has('sallyport_sync_waiting_devices'))
  await closeQueues()
  await db.destroy()
  const page = await app.inject('/metrics')
  t.equal(page.statusCode, 200)
  const samples = samplesOf(page.body)
  t.equal(samples.get('sallyport_reports_total{status="accepted"}'), 3)
  t.notOk(samples.has('sallyport_sync_waiting_devices'), 'and not what it knew once')
})

t.test('how the Redis of the queues is set up is told as far as it is known', async (t) => {
  const { db, queues } = await setUp(t)
  const metrics = createMetrics()
  const health = { name: 'Redis', version: '8.0.1', evictionPolicy: 'allkeys-lru', isPersistent: false, usedBytes: 25, maxBytes: 100 } as const
  const cases = [
    [health, { evicts: 1, persistent: 0, memory_ratio: 0.25 }],
    [{ ...health, evictionPolicy: 'noeviction', isPersistent: true, maxBytes: 0 }, { evicts: 0, persistent: 1, memory_ratio: undefined }],
    [{ ...health, evictionPolicy: null }, { evicts: undefined }],
    [undefined, { evicts: undefined, persistent: undefined, memory_ratio: undefined }]
  ] as const
  for (const [found, told] of cases) {
    await measureInstallation({ db, queues: { ...queues, engineHealth: async () => found }, metrics })
    const samples = samplesOf((await metrics.render()).body)
    for (const [name, value] of Object.entries(told)) t.equal(samples.get(`sallyport_queue_engine_${name}`), value, name)
  }
})

t.test('while the queues are away their pages say so', async (t) => {
  const { queues, metrics } = await setUp(t)
  const app = await buildOpsApp({ log: silentLog, metrics, queues: { queue: queues.queue, check: async () => { throw new Error('connect ECONNREFUSED') } }, checks: {} })
  t.teardown(async () => await app.close())
  for (const url of ['/queues', '/queues/api/queues', '/queues/queue/score']) isProblem(t, await app.inject(url), { status: 503, code: 'queues-unavailable' })
  t.equal((await app.inject('/healthz')).statusCode, 200)
})

t.test('the queues are there to see, and only to see', async (t) => {
  const { app, queues } = await setUp(t)
  await queues.producer('score').add([{ deviceIds: [randomUUID()] }])
  const page = await app.inject('/queues')
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-type'], /^text\/html/)
  for (const [, file] of page.body.matchAll(/(?:src|href)="([^"]*static[^"]*)"/g)) t.equal((await app.inject(new URL(file!, 'http://localhost/queues/').pathname)).statusCode, 200, file!)
  const board = (await app.inject('/queues/api/queues')).json<{ queues: Array<{ name: string, readOnlyMode: boolean, counts: { waiting: number } }> }>()
  t.strictSame(board.queues.map(({ name }) => name).sort(), [...QUEUE_NAMES].sort())
  t.ok(board.queues.every(({ readOnlyMode }) => readOnlyMode))
  t.equal(board.queues.find(({ name }) => name === 'score')!.counts.waiting, 1)
  const pause = await app.inject({ method: 'PUT', url: '/queues/api/queues/score/pause' })
  t.ok(pause.statusCode >= 400, 'nobody pauses a queue without signing in')
  t.equal((await queues.counts()).score.waiting, 1)
})

t.test('on loopback it answers only who calls it by an address or as localhost, so that no web page reads it under a name of its own', async (t) => {
  const { app } = await setUp(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const ask = async (host: string): Promise<number> => await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/metrics', headers: { host } }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode!))
    }).once('error', reject).end()
  })
  for (const host of ['127.0.0.1', `127.0.0.1:${port}`, 'localhost', `LOCALHOST:${port}`, '[::1]:9090', '10.1.2.3:9090', 'sallyport.localhost']) t.equal(await ask(host), 200, host)
  for (const host of ['rebound.example', `rebound.example:${port}`, '127.0.0.1.rebound.example', 'localhost.rebound.example']) t.equal(await ask(host), 421, host)
})

t.test('what is not there is a problem here as well', async (t) => {
  const { app } = await setUp(t)
  isProblem(t, await app.inject('/v1/tenants'), { status: 404, code: 'not-found' })
  isProblem(t, await app.inject({ method: 'POST', url: '/readyz' }), { status: 405, code: 'method-not-allowed' })
})
