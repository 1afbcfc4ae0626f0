import { randomUUID } from 'node:crypto'
import t from 'tap'
import { getOverview } from '../../src/operators/get-overview.js'
import type { Database } from '../../src/platform/database.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedDevice, seedTenant } from '../helpers/devices.js'

const HOUR_MS = 3_600_000

async function addPhone (db: Database, tenantId: string, platform: 'android' | 'ios', level: string | null, detections: readonly string[] = []): Promise<string> {
  const { deviceId } = await seedDevice(db, tenantId, platform)
  await db.insertInto('device_state').values({ device_id: deviceId, tenant_id: tenantId, sequence: 1, state: '{}', reporting_state: level === null ? 'pending' : 'activated', level }).execute()
  for (const [at, detection] of detections.entries()) {
    await db.insertInto('finding').values({
      id: randomUUID(), tenant_id: tenantId, device_id: deviceId, detection, rule_version: 1, category: 'app', severity: 'high', raises_level: true, subject: `subject ${at}`,
      title: 'x', evidence: '[]', attack: [], remediation: '{"user":"u","admin":"a"}', first_seen: new Date(), last_seen: new Date()
    }).execute()
  }
  return deviceId
}

const addChange = async (db: Database, tenantId: string, deviceId: string, at: Date, to: string): Promise<unknown> =>
  await db.insertInto('level_change').values({ tenant_id: tenantId, device_id: deviceId, at, from_level: null, to_level: to, findings: '[]' }).execute()

t.test('an empty fleet is zeros', async (t) => {
  const { db } = await createTestDatabase(t)
  t.strictSame(await getOverview({ db }, { tenantId: await seedTenant(db) }), { devices: 0, byLevel: {}, byState: {}, byPlatform: {}, byDetection: {}, changes: [] })
})

t.test('phones are counted once each way, findings by phone, and only one\'s own', async (t) => {
  const { db } = await createTestDatabase(t)
  const [tenantId, other] = [await seedTenant(db), await seedTenant(db)]
  await addPhone(db, tenantId, 'android', 'high', ['app-stalkerware', 'app-stalkerware', 'dev-no-passcode'])
  const resolved = await addPhone(db, tenantId, 'ios', 'secured', ['app-stalkerware'])
  await db.updateTable('finding').set({ status: 'resolved' }).where('device_id', '=', resolved).execute()
  await addPhone(db, tenantId, 'android', null)
  await seedDevice(db, tenantId, 'ios')
  for (const end of ['revoked_at', 'retired_at'] as const) {
    const gone = await addPhone(db, tenantId, 'android', 'high', ['dev-no-passcode'])
    await db.updateTable('device').set({ [end]: new Date() }).where('id', '=', gone).execute()
  }
  await addPhone(db, other, 'android', 'low', ['dev-no-passcode'])

  const { devices, byLevel, byState, byPlatform, byDetection } = await getOverview({ db }, { tenantId })
  t.equal(devices, 4)
  t.strictSame({ ...byLevel }, { high: 1, secured: 1, none: 2 })
  t.strictSame({ ...byState }, { activated: 2, pending: 2 })
  t.strictSame({ ...byPlatform }, { android: 2, ios: 2 })
  t.strictSame(byDetection, { 'app-stalkerware': 1, 'dev-no-passcode': 1 }, 'two findings of one phone are one phone')
})

t.test('changes of the last day are counted by the hour', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const deviceId = await addPhone(db, tenantId, 'android', 'high')
  const now = Date.now()
  const hour = new Date(Math.floor(now / HOUR_MS) * HOUR_MS)
  for (const at of [now - 25 * HOUR_MS, hour.getTime() - 2 * HOUR_MS, hour.getTime() - 2 * HOUR_MS + 1_000]) await addChange(db, tenantId, deviceId, new Date(at), 'high')
  await addChange(db, tenantId, deviceId, new Date(hour.getTime() - HOUR_MS), 'secured')
  const { changes } = await getOverview({ db }, { tenantId })
  t.strictSame(changes, [
    { hour: new Date(hour.getTime() - 2 * HOUR_MS).toISOString(), to: 'high', count: 2 },
    { hour: new Date(hour.getTime() - HOUR_MS).toISOString(), to: 'secured', count: 1 }
  ])
})
