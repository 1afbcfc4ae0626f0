import t, { type Test } from 'tap'
import { listDeadLetters, resendDeadLetters } from '../../src/intune/dead-letters.js'
import { getConnector } from '../../src/intune/get-connector.js'
import { resyncTenant } from '../../src/intune/resync-tenant.js'
import { syncTenant, type SyncTenantDeps } from '../../src/intune/sync-tenant.js'
import { createTestDatabase } from '../helpers/database.js'
import { rememberingProducer, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { makeAllDue, recordingPartner, seedWaitingDevices, wantHealth, type WaitingDevice } from './helpers.js'
import type { Database } from '../../src/platform/database.js'

async function setUp (t: Test, giveUp = { refusals: 3, hours: 48 }) {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const partner = recordingPartner()
  const deps: SyncTenantDeps = { db, intune: { partner }, log: silentLog, publicUrl: 'https://mtd.example', tuning: { giveUp } }
  const [known, unknown, other] = await seedWaitingDevices(db, tenantId, 3, 'highSeverity')
  const refused = new Set([unknown!.entraDeviceId, other!.entraDeviceId])
  partner.onStatus = (records) => {
    const entraDeviceIds = records.map(({ entraDeviceId }) => entraDeviceId).filter((id) => refused.has(id))
    return entraDeviceIds.length === 0 ? { state: 'completed' } : { state: 'failed', reason: 'Device not found', entraDeviceIds }
  }
  const sync = async (): Promise<void> => {
    await db.updateTable('intune_outbox').set({ next_attempt_at: new Date(0) }).where('dead_at', 'is', null).execute()
    await syncTenant(deps, { tenantId })
  }
  return { db, tenantId, partner, deps, sync, refused, known: known!, unknown: unknown!, other: other!, producer: rememberingProducer<'sync'>() }
}

const isReported = async (db: Database, { deviceId }: WaitingDevice): Promise<string | null> =>
  (await db.selectFrom('device_state').select('reported_health').where('device_id', '=', deviceId).executeTakeFirstOrThrow()).reported_health

t.test('a state that Intune refuses again and again is given up, told in words, and not sent any more', async (t) => {
  const { db, tenantId, partner, sync, known, unknown, other } = await setUp(t)
  await sync()
  await sync()
  t.strictSame((await listDeadLetters({ db }, { tenantId })).items, [], 'not yet')
  t.match(await getConnector({ db }, { tenantId }), { failing: 2, deadLetters: 0, healthy: false })
  await sync()
  const { items } = await listDeadLetters({ db }, { tenantId })
  t.strictSame(items.map(({ deviceId }) => deviceId).sort(), [unknown.deviceId, other.deviceId].sort())
  t.match(items[0], { health: 'highSeverity', refusals: 3, refusedSince: String, deadAt: String, lastError: /Device not found/ })
  t.match(await getConnector({ db }, { tenantId }), { waiting: 0, failing: 0, deadLetters: 2, healthy: false, summary: /2 phones.*dead letters/ })
  t.equal(await isReported(db, known), 'highSeverity')

  const sent = partner.messages.length
  await sync()
  t.equal(partner.messages.length, sent)
})

t.test('hours of refusals are enough as well', async (t) => {
  const { db, tenantId, sync } = await setUp(t, { refusals: 1_000, hours: 2 })
  await sync()
  await db.updateTable('intune_outbox').set({ refused_since: new Date(Date.now() - 3 * 3_600_000) }).execute()
  await sync()
  t.equal((await listDeadLetters({ db }, { tenantId })).items.length, 2)
})

t.test('an operator sends them again: all, or those named', async (t) => {
  const { db, tenantId, sync, refused, producer, unknown, other } = await setUp(t)
  for (let times = 0; times < 3; times++) await sync()
  refused.clear()
  t.strictSame(await resendDeadLetters({ db, sync: producer, log: silentLog }, { tenantId, deviceIds: [unknown.deviceId, tenantId], actor: 'ann' }), { devices: 1 })
  t.strictSame(producer.payloads, [{ tenantId }])
  await sync()
  t.equal(await isReported(db, unknown), 'highSeverity')
  t.equal(await isReported(db, other), null)
  t.strictSame(await resendDeadLetters({ db, sync: producer, log: silentLog }, { tenantId, actor: 'ann' }), { devices: 1 })
  await sync()
  t.equal(await isReported(db, other), 'highSeverity')
  t.strictSame(await resendDeadLetters({ db, sync: producer, log: silentLog }, { tenantId, actor: 'ann' }), { devices: 0 })
  t.match(await getConnector({ db }, { tenantId }), { healthy: true, deadLetters: 0 })
})

t.test('what is sent again and refused again has all its tries anew', async (t) => {
  const { db, tenantId, sync, producer } = await setUp(t)
  for (let times = 0; times < 3; times++) await sync()
  await resendDeadLetters({ db, sync: producer, log: silentLog }, { tenantId, actor: 'ann' })
  await sync()
  t.strictSame((await listDeadLetters({ db }, { tenantId })).items, [])
  await sync()
  await sync()
  t.equal((await listDeadLetters({ db }, { tenantId })).items.length, 2)
})

t.test('a newer state of the phone revives it, and so does sending everything again', async (t) => {
  const { db, tenantId, sync, refused, unknown, other, producer } = await setUp(t)
  for (let times = 0; times < 3; times++) await sync()
  refused.clear()
  await wantHealth(db, tenantId, unknown.deviceId, 'secured')
  t.strictSame((await listDeadLetters({ db }, { tenantId })).items.map(({ deviceId }) => deviceId), [other.deviceId])
  await syncTenant({ ...(await depsOf(db)) }, { tenantId })
  t.equal(await isReported(db, unknown), 'secured')
  t.strictSame(await resyncTenant({ db, sync: producer, log: silentLog }, { tenantId, actor: 'ann' }), { devices: 3 })
  t.strictSame((await listDeadLetters({ db }, { tenantId })).items, [])
  await makeAllDue(db)
  await sync()
  t.equal(await isReported(db, other), 'highSeverity')
})

const depsOf = async (db: Database): Promise<SyncTenantDeps> => ({ db, intune: { partner: recordingPartner() }, log: silentLog, publicUrl: 'https://mtd.example' })

t.test('the list comes in pages, the last given up first, without a gap or a repetition', async (t) => {
  const { db, tenantId, sync, refused } = await setUp(t, { refusals: 1, hours: 48 })
  const more = await seedWaitingDevices(db, tenantId, 5, 'lowSeverity')
  for (const { entraDeviceId } of more) refused.add(entraDeviceId)
  await sync()
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const { items, nextCursor } = await listDeadLetters({ db }, { tenantId, limit: 2, cursor })
    seen.push(...items.map(({ deviceId }) => deviceId))
    cursor = nextCursor ?? undefined
  } while (cursor !== undefined)
  t.equal(seen.length, 7)
  t.equal(new Set(seen).size, 7)
  await t.rejects(listDeadLetters({ db }, { tenantId, cursor: 'x' }), { code: 'validation' })
})
