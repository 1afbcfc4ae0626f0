import t, { type Test } from 'tap'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { sql } from 'kysely'
import { scoreGroup } from '../../src/devices/score-devices.js'
import { openQueues } from '../../src/platform/queues.js'
import { claimMessage, freeMessage, watchMessages } from '../../src/intune/outbox-repository.js'
import { syncTenant } from '../../src/intune/sync-tenant.js'
import { expireAssertions } from '../../src/devices/expire-assertions.js'
import { rescoreDueDevices } from '../../src/devices/rescore-due-devices.js'
import { insertQuarantined } from '../../src/telemetry/journal-groups.js'
import { createJournalDays, dayOf, dropJournalDays } from '../../src/telemetry/journal-days.js'
import { insertReports } from '../../src/telemetry/journal-repository.js'
import { toStorableReport } from '../../src/telemetry/storable-report.js'
import { sweepJournal } from '../../src/telemetry/sweep-journal.js'
import { wakeSyncs } from '../../src/intune/wake-syncs.js'
import { startScoreWorker } from '../../workers/score.js'
import { type RetentionDays, startUpkeepWorker } from '../../workers/upkeep.js'
import { NO_INTEL } from '../helpers/intel.js'
import { recordingPartner, seedWaitingDevices } from '../intune/helpers.js'

const DAY_MS = 24 * 3_600_000
const RETENTION: RetentionDays = { reports: 30, stateChanges: 7, history: 365, retiredDevices: 365, credentials: 365 }
const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY_MS)

async function setUp (t: Test) {
  const { db, url } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  return { db, url, tenantId, score: rememberingProducer<'score'>(), sync: rememberingProducer<'sync'>() }
}

type Setup = Awaited<ReturnType<typeof setUp>>

async function seedGroup ({ db, tenantId }: Setup, receivedAt: Date, isScored: boolean, reports = 1): Promise<{ groupId: number, deviceId: string }> {
  const { deviceId } = await seedDevice(db, tenantId)
  await createJournalDays(db, receivedAt, 0)
  const entries = Array.from({ length: reports }, (_, sequence) => ({ deviceId, source: null, ...toStorableReport(makeReport(sequence)) }))
  const groupId = (await insertReports(db, entries, receivedAt)).groupId!
  if (isScored) await db.deleteFrom('unscored_group').where('id', '=', groupId).execute()
  return { groupId, deviceId }
}

t.test('groups that were committed and never scored get a job, the young ones not yet', async (t) => {
  const setup = await setUp(t)
  const { db, score } = setup
  const lost = await seedGroup(setup, new Date(Date.now() - 60_000), false)
  await seedGroup(setup, new Date(Date.now() - 60_000), true)
  await seedGroup(setup, new Date(), false)
  t.strictSame(await sweepJournal({ db, score }, { olderThanSeconds: 10, waitingJobs: 499 }), { groups: 1 })
  t.strictSame(await sweepJournal({ db, score: rememberingProducer<'score'>() }, { olderThanSeconds: 10, waitingJobs: 500 }), { groups: 0 }, 'where enough jobs wait, they take forgotten groups along')
  t.strictSame(score.payloads, [{ groupId: lost.groupId }])
})

t.test('phones whose judgement changes by itself are judged again, once, and again if that was lost', async (t) => {
  const { db, tenantId, score } = await setUp(t)
  const devices = await seedWaitingDevices(db, tenantId, 3)
  await db.updateTable('device_state').set({ due_at: new Date(Date.now() - 1000) }).where('device_id', 'in', devices.slice(0, 2).map(({ deviceId }) => deviceId)).execute()
  await db.updateTable('device_state').set({ due_at: new Date(Date.now() + 60_000) }).where('device_id', '=', devices[2]!.deviceId).execute()
  t.strictSame(await rescoreDueDevices({ db, score }), { devices: 2 })
  t.strictSame(score.payloads.flatMap(({ deviceIds }) => deviceIds ?? []).sort(), devices.slice(0, 2).map(({ deviceId }) => deviceId).sort())
  t.strictSame(await rescoreDueDevices({ db, score }), { devices: 0 })
  await db.updateTable('device_state').set({ due_at: new Date(0) }).execute()
  t.strictSame(await rescoreDueDevices({ db, score }), { devices: 3 })
})

t.test('many phones due at one instant go behind all others, and wait while there is no room for them', async (t) => {
  const { db, tenantId, score } = await setUp(t)
  await sql`
    with made as (
      insert into device (tenant_id, entra_device_id, platform, public_key) select ${tenantId}::uuid, gen_random_uuid(), 'android', '{}' from generate_series(1, 12003) returning id
    ), numbered as (select id, row_number() over () as n from made)
    insert into device_state (device_id, tenant_id, state, due_at)
    select id, ${tenantId}::uuid, '{}', case n when 1 then now() - interval '2 hours' when 2 then now() - interval '1 second' when 3 then now() + interval '1 hour' else now() - interval '1 hour' end from numbered`.execute(db)
  t.strictSame(await rescoreDueDevices({ db, score }, { waitingJobs: 50 }), { devices: 2 }, 'one that was due before them, and one after')
  t.strictSame(score.priorities, [undefined])
  t.strictSame(await rescoreDueDevices({ db, score }, { waitingJobs: 45 }), { devices: 1_000 }, 'room for five jobs')
  t.strictSame(score.priorities.slice(1), Array(5).fill(10))
  while ((await rescoreDueDevices({ db, score })).devices > 0);
  const handed = score.payloads.flatMap(({ deviceIds }) => deviceIds ?? [])
  t.equal(handed.length, 12_002)
  t.equal(new Set(handed).size, 12_002, 'each once')
})

t.test('tenants with something due get a sync job; those in hand, waiting or disconnected do not', async (t) => {
  const { db, tenantId, sync } = await setUp(t)
  await seedWaitingDevices(db, tenantId, 2)
  t.strictSame(await wakeSyncs({ db, sync }), { tenants: 1 })
  const message = await claimMessage(db, { tenantId, limit: 10, refused: false, watchMs: 60_000 })
  t.strictSame(await wakeSyncs({ db, sync }), { tenants: 0 }, 'in hand')
  await watchMessages(db, [message!.id], -1)
  t.strictSame(await wakeSyncs({ db, sync }), { tenants: 1 }, 'the worker died')
  await freeMessage(db, message!)
  await db.updateTable('intune_outbox').set({ refused: true, next_attempt_at: new Date(Date.now() + 60_000) }).execute()
  t.strictSame(await wakeSyncs({ db, sync }), { tenants: 0 }, 'waiting')
  t.strictSame(sync.payloads, [{ tenantId }, { tenantId }])
})

t.test('the journal loses whole days when their time is up, but for those with work left; what was set aside stays', async (t) => {
  const setup = await setUp(t)
  const { db } = setup
  const old = await seedGroup(setup, daysAgo(40), true, 3)
  const aside = (await db.selectFrom('report').select('id').where('device_id', '=', old.deviceId).execute())[1]!
  await insertQuarantined(db, [{ reportId: aside.id, error: 'x' }, { reportId: aside.id, error: 'y' }], new Date())
  const unscored = await seedGroup(setup, daysAgo(41), false)
  const young = await seedGroup(setup, daysAgo(29), true)
  const day = dayOf(daysAgo(40))
  t.strictSame(await dropJournalDays(db, { retentionDays: 30 }), [day])
  const left = await db.selectFrom('report').select('device_id').orderBy('day').execute()
  t.strictSame(left.map((row) => row.device_id), [unscored.deviceId, young.deviceId])
  t.strictSame(await dropJournalDays(db, { retentionDays: 30 }), [])
  t.match(await db.selectFrom('quarantined_report').selectAll().execute(), [{ id: aside.id, device_id: old.deviceId, error: /x; y|y; x/ }])
  await insertQuarantined(db, [{ reportId: aside.id, error: 'z' }], new Date())
  t.match(await db.selectFrom('quarantined_report').selectAll().execute(), [{ id: aside.id, error: 'z' }], 'tried again in vain')
})

t.test('used assertions go once they have expired', async (t) => {
  const { db, tenantId } = await setUp(t)
  const { deviceId } = await seedDevice(db, tenantId)
  await db.insertInto('used_assertion').values([
    { device_id: deviceId, jti: 'old', expires_at: new Date(Date.now() - 2 * 3_600_000) },
    { device_id: deviceId, jti: 'old by this clock alone', expires_at: new Date(Date.now() - 60_000) },
    { device_id: deviceId, jti: 'new', expires_at: new Date(Date.now() + 60_000) }
  ]).execute()
  t.equal(await expireAssertions(db), 1)
  t.strictSame(await db.selectFrom('used_assertion').select('jti').orderBy('jti').execute(), [{ jti: 'new' }, { jti: 'old by this clock alone' }])
})

t.test('the worker does all of it by itself: lost work gets jobs, what has expired goes', async (t) => {
  const setup = await setUp(t)
  const { db, url, tenantId, score, sync } = setup
  const partner = recordingPartner()
  const intuneDeps = { db, intune: { partner }, log: silentLog, publicUrl: 'https://mtd.example' }
  const [device] = await seedWaitingDevices(db, tenantId, 1)
  await syncTenant(intuneDeps, { tenantId })
  await seedWaitingDevices(db, tenantId, 50)
  const lost = await seedGroup(setup, new Date(Date.now() - 60_000), false)
  const old = await seedGroup(setup, daysAgo(40), true)
  await db.updateTable('device_state').set({ due_at: new Date(0) }).where('device_id', '=', device!.deviceId).execute()

  const queues = await openQueues({ databaseUrl: url, log: silentLog })
  t.teardown(async () => await queues.close())
  await startUpkeepWorker({ ...intuneDeps, queues, score, sync, intel: rememberingProducer<'intel'>(), preview: rememberingProducer<'preview'>(), retentionDays: RETENTION, subscriptions: { run: async () => {}, close: async () => {} } })

  const done = async (): Promise<boolean> => {
    const groups = await db.selectFrom('report').select('id').where('device_id', '=', old.deviceId).execute()
    return groups.length === 0 && score.payloads.some(({ groupId }) => groupId === lost.groupId) &&
      score.payloads.some(({ deviceIds }) => deviceIds?.includes(device!.deviceId)) && sync.payloads.some((payload) => payload.tenantId === tenantId)
  }
  while (!await done()) await new Promise((resolve) => setTimeout(resolve, 10))
  t.pass('everything was found')
})

t.test('a publisher who never answers holds up neither the other tasks nor the end', async (t) => {
  const setup = await setUp(t)
  const { db, url, score, sync } = setup
  const lost = await seedGroup(setup, new Date(Date.now() - 60_000), false)
  let end = (): void => {}
  const runs = { begun: 0 }
  const never = new Promise<void>((resolve) => { end = resolve })
  const subscriptions = {
    run: async () => { if (runs.begun++ === 0) await never },
    close: async () => end()
  }
  const queues = await openQueues({ databaseUrl: url, log: silentLog })
  t.teardown(async () => await queues.close())
  const worker = await startUpkeepWorker({ db, intune: { partner: recordingPartner() }, log: silentLog, publicUrl: 'https://mtd.example', queues, score, sync, intel: rememberingProducer<'intel'>(), preview: rememberingProducer<'preview'>(), retentionDays: RETENTION, subscriptions })
  while (runs.begun === 0 || !score.payloads.some(({ groupId }) => groupId === lost.groupId)) await new Promise((resolve) => setTimeout(resolve, 10))
  await worker.close()
  t.pass('it ended')
})

t.test('what is over by itself is judged anew within five seconds, by the workers as they run', async (t) => {
  const { db, url, tenantId, sync } = await setUp(t)
  const queues = await openQueues({ databaseUrl: url, log: silentLog })
  t.teardown(async () => await queues.close())
  const { deviceId } = await seedDevice(db, tenantId)
  const intel = { current: () => NO_INTEL }
  await createJournalDays(db, new Date(), 1)
  // A day is how long the event counts; the workers are started before it is over.
  const over = Date.now() + 6_000
  const event = { eventId: 'e', type: 'tls-interception', at: new Date(over - DAY_MS).toISOString(), probeHost: 'login.example', trustedCa: false, observedSha256: 'ab'.repeat(32) }
  const { groupId } = await insertReports(db, [{ deviceId, source: null, ...toStorableReport(makeReport(1, { events: [event] })) }], new Date())
  await scoreGroup({ db, intel, sync, log: silentLog }, groupId!)
  const state = async () => await db.selectFrom('device_state').select(['level', 'level_since', 'due_at']).where('device_id', '=', deviceId).executeTakeFirstOrThrow()
  t.match(await state(), { level: 'high', due_at: new Date(over) }, 'the moment is known beforehand')

  const score = startScoreWorker({ queues, score: queues.producer('score'), db, intel, sync, log: silentLog, concurrency: 1 })
  t.teardown(async () => await score.close())
  const upkeep = await startUpkeepWorker({
    db, intune: { partner: recordingPartner() }, log: silentLog, publicUrl: 'https://mtd.example', queues, score: queues.producer('score'), sync, intel: rememberingProducer<'intel'>(), preview: rememberingProducer<'preview'>(), retentionDays: RETENTION,
    subscriptions: { run: async () => {}, close: async () => {} }
  })
  t.teardown(async () => await upkeep.close())
  let now = await state()
  while (now.level === 'high') {
    await new Promise((resolve) => setTimeout(resolve, 20))
    now = await state()
  }
  const late = now.level_since!.getTime() - over
  t.ok(late >= 0 && late <= 5_000, `${late} ms after the end`)
})

t.test('which phones are due is found by an index, among many that are not', async (t) => {
  const { db, tenantId, score } = await setUp(t)
  await sql`
    with made as (
      insert into device (tenant_id, entra_device_id, platform, public_key) select ${tenantId}::uuid, gen_random_uuid(), 'android', '{}' from generate_series(1, 20000) returning id
    ) insert into device_state (device_id, tenant_id, state, due_at) select id, ${tenantId}::uuid, '{}', now() + make_interval(mins => (row_number() over ())::int) from made`.execute(db)
  await sql`analyze device_state`.execute(db)
  await sql`update device_state set due_at = now() - interval '1 second' where device_id in (select device_id from device_state order by due_at limit 30)`.execute(db)
  const scans = async (connection: typeof db): Promise<{ whole: number, byIndex: number }> => {
    await sql`select pg_stat_force_next_flush()`.execute(connection)
    const { rows: [row] } = await sql<{ whole: number, by_index: number }>`
      select s.seq_scan::int as whole, i.idx_scan::int as by_index from pg_stat_user_tables s join pg_stat_user_indexes i using (relid)
      where s.relname = 'device_state' and i.indexrelname = 'device_state_due_at_idx'`.execute(connection)
    return { whole: row!.whole, byIndex: row!.by_index }
  }
  await db.connection().execute(async (connection) => {
    const before = await scans(connection)
    t.strictSame(await rescoreDueDevices({ db: connection, score }), { devices: 30 })
    const after = await scans(connection)
    t.equal(after.whole, before.whole, 'the table is never read as a whole')
    t.ok(after.byIndex > before.byIndex)
  })
})
