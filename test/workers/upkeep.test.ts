import t, { type Test } from 'tap'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
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
import { startUpkeepWorker } from '../../workers/upkeep.js'
import { recordingPartner, seedWaitingDevices } from '../intune/helpers.js'

const DAY_MS = 24 * 3_600_000
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
  t.strictSame(await sweepJournal({ db, score }, { olderThanSeconds: 10 }), { groups: 1 })
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
  await startUpkeepWorker({ ...intuneDeps, queues, score, sync, intel: rememberingProducer<'intel'>(), retentionDays: 30, stateChangeRetentionDays: 7, subscriptions: { run: async () => {}, close: async () => {} } })

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
  const worker = await startUpkeepWorker({ db, intune: { partner: recordingPartner() }, log: silentLog, publicUrl: 'https://mtd.example', queues, score, sync, intel: rememberingProducer<'intel'>(), retentionDays: 30, stateChangeRetentionDays: 7, subscriptions })
  while (runs.begun === 0 || !score.payloads.some(({ groupId }) => groupId === lost.groupId)) await new Promise((resolve) => setTimeout(resolve, 10))
  await worker.close()
  t.pass('it ended')
})
