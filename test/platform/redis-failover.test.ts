import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { startScoreWorker } from '../../workers/score.js'
import { startUpkeepWorker } from '../../workers/upkeep.js'
import { openQueues, type Queues } from '../../src/platform/queues.js'
import { createJournal } from '../../src/telemetry/journal.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant } from '../helpers/devices.js'
import { NO_INTEL } from '../helpers/intel.js'
import { waitingGroups } from '../helpers/journal.js'
import { silentLog } from '../helpers/log.js'
import { type RedisGroup, startCluster, startSentinel } from '../helpers/redis-groups.js'

t.setTimeout(240_000)

const PHONES = 20
/** Acknowledged before, while and after the master is killed. */
const REPORTS_BETWEEN = 300

t.test('a master that Sentinels replace', async (t) => {
  await testFailover(t, await startSentinel(t))
})

t.test('a node of a cluster that its replica replaces', async (t) => {
  await testFailover(t, await startCluster(t, { replicaOf: '{sallyport:score}' }))
})

async function testFailover (t: Test, group: RedisGroup | undefined): Promise<void> {
  if (group === undefined) {
    t.pass('nothing to test', { skip: 'neither redis-server nor valkey-server' })
    return
  }
  const { db, url } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const devices = []
  for (let n = 0; n < PHONES; n++) devices.push(await seedDevice(db, tenantId))
  const open = async (): Promise<Queues> => {
    const queues = await openQueues({ databaseUrl: url, redisUrl: group.url, log: silentLog })
    t.teardown(async () => await queues.close())
    return queues
  }
  // As two processes have them.
  const [api, worker] = [await open(), await open()]
  const journal = createJournal({ db, score: api.producer('score'), log: silentLog, maxWaiting: 1_000 })
  t.teardown(async () => await journal.close())
  const deps = { queues: worker, db, log: silentLog, score: worker.producer('score'), sync: rememberingProducer<'sync'>() }
  startScoreWorker({ ...deps, concurrency: 2, onScored: () => {}, intel: { current: () => NO_INTEL } })
  const upkeep = await startUpkeepWorker({
    ...deps, intel: rememberingProducer<'intel'>(), retentionDays: { reports: 30, stateChanges: 7, history: 365, retiredDevices: 365, credentials: 365 }, subscriptions: { run: async () => {}, close: async () => {} }
  } as unknown as Parameters<typeof startUpkeepWorker>[0])
  t.teardown(async () => await upkeep.close())

  const schedules = await worker.queue('upkeep').getJobSchedulersCount()
  t.ok(schedules > 0)

  let acknowledged = 0
  const over = new AbortController()
  const sequences = devices.map(() => 0)
  const load = Promise.all(devices.map(async (device, at) => {
    while (!over.signal.aborted) {
      await journal.append({ ...device, report: makeReport(++sequences[at]!, { integrity: { rooted: sequences[at]! % 2 === 0 } }) })
      acknowledged++
      await wait(10)
    }
  }))
  const moreReports = async (): Promise<void> => {
    const enough = acknowledged + REPORTS_BETWEEN
    await until(() => acknowledged >= enough, `${REPORTS_BETWEEN} reports more`)
  }
  try {
    await moreReports()
    await Promise.all([group.failOver(), moreReports()])
    await moreReports()
  } finally {
    over.abort()
    await load
  }
  await until(async () => (await waitingGroups(db)).length === 0, 'every group is scored')

  const { rows } = await sql<{ deviceId: string, reports: string, merged: string }>`
    select r.device_id as "deviceId", count(*) as reports, max(s.sequence) as merged from report r join device_state s on s.device_id = r.device_id group by 1`.execute(db)
  t.strictSame(
    rows.map(({ deviceId, reports, merged }) => [deviceId, Number(reports), Number(merged)]).sort(),
    devices.map(({ deviceId }, at) => [deviceId, sequences[at]!, sequences[at]!]).sort(),
    'every acknowledged report is in the journal once, and every state has its phone\'s last'
  )
  t.strictSame(await db.selectFrom('quarantined_report').selectAll().execute(), [])

  await until(async () => (await worker.queue('upkeep').getJobSchedulersCount()) === schedules, 'the schedules are there')
  const ran = new Promise<void>((resolve) => worker.startWorker('preview', async () => resolve(), { concurrency: 1 }))
  await api.producer('preview').add([{ previewId: tenantId }])
  await ran
}

async function until (condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + 90_000; !await condition();) {
    if (Date.now() > deadline) throw new Error(`not in 90 seconds: ${what}`)
    await wait(20)
  }
}
