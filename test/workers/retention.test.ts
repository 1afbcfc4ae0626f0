import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { expireRetiredDevices } from '../../src/devices/expire-devices.js'
import { expireQuarantined } from '../../src/devices/expire-history.js'
import { expireCredentials } from '../../src/operators/expire-credentials.js'
import { verifyAudit } from '../../src/operators/verify-audit.js'
import { createTestDatabase, openAs } from '../helpers/database.js'
import { rememberingProducer, seedDevice, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'

const DAY_MS = 24 * 3_600_000
const days = (count: number): Date => new Date(Date.now() + count * DAY_MS)

async function setUp (t: Test) {
  const { db, url } = await createTestDatabase(t)
  // As the upkeep: with the rights that workers have.
  return { db, worker: openAs(t, url, 'worker'), tenantId: await seedTenant(db) }
}

t.test('phones that were retired long ago are erased, and nobody else; that is written down', async (t) => {
  const { db, worker, tenantId } = await setUp(t)
  const phones: Record<string, string> = {}
  for (const [name, columns] of Object.entries({
    'retired long ago': { retired_at: days(-31) }, 'retired lately': { retired_at: days(-29) }, 'revoked long ago': { revoked_at: days(-31) },
    'retired and revoked': { retired_at: days(-31), revoked_at: days(-40) }, enrolled: {}
  })) {
    const { deviceId } = await seedDevice(db, tenantId)
    phones[name] = deviceId
    await db.updateTable('device').set({ serial_number: 'SER-1', ...columns }).where('id', '=', deviceId).execute()
    await db.insertInto('device_state').values({ device_id: deviceId, tenant_id: tenantId, sequence: 1, state: '{"ssid":"x"}' } as never).execute()
    await db.insertInto('level_change').values({ tenant_id: tenantId, device_id: deviceId, at: days(-50), from_level: null, to_level: 'low', findings: '[]' }).execute()
  }
  const sync = rememberingProducer<'sync'>()
  t.equal(await expireRetiredDevices({ db: worker, sync, log: silentLog }, { retentionDays: 30 }), 1)
  const erased = phones['retired long ago']!
  t.strictSame(await db.selectFrom('device').select('id').where('erased_at', 'is not', null).execute(), [{ id: erased }])
  t.match(await db.selectFrom('device').select('serial_number').where('id', '=', erased).execute(), [{ serial_number: null }])
  t.strictSame(await db.selectFrom('level_change').select('id').where('device_id', '=', erased).execute(), [])
  t.equal((await db.selectFrom('level_change').select('id').execute()).length, 4)
  t.match(await db.selectFrom('audit_event').select(['actor', 'action', 'subject']).execute(), [{ actor: 'retention', action: 'device.erased', subject: erased }])
  t.equal((await verifyAudit({ db }, {})).intact, true)
  t.equal(await expireRetiredDevices({ db: worker, sync, log: silentLog }, { retentionDays: 30 }), 0, 'once')
})

t.test('keys, tokens, grants and links that ended long ago are forgotten, those that count or ended lately are not', async (t) => {
  const { db, worker, tenantId } = await setUp(t)
  const hash = (): Buffer => randomBytes(32)
  const ends = { 'ended long ago': { expires_at: days(-31) }, 'ended lately': { expires_at: days(-29) }, counts: { expires_at: days(9) }, 'never ends': {} }
  for (const [name, end] of Object.entries(ends)) {
    await db.insertInto('api_key').values({ tenant_id: tenantId, name, role: 'viewer', key_hash: hash(), ...end }).execute()
    await db.insertInto('enrollment_token').values({ tenant_id: tenantId, label: name, token_hash: hash(), ...end }).execute()
    await db.insertInto('operator_grant').values({ tenant_id: tenantId, role: 'viewer', directory: randomUUID(), kind: 'subject', value: name, label: name, created_by: 'ann', ...end }).execute()
  }
  const revoked = { expires_at: days(100), revoked_at: days(-31) }
  const { id: old } = await db.insertInto('api_key').values({ tenant_id: tenantId, name: 'revoked long ago', role: 'viewer', key_hash: hash(), ...revoked }).returning('id').executeTakeFirstOrThrow()
  await db.insertInto('api_key_tenant').values({ api_key_id: old, tenant_id: tenantId }).execute()
  await db.updateTable('api_key').set({ replaces: old }).where('name', '=', 'counts').execute()
  await db.insertInto('enrollment_token').values({ tenant_id: tenantId, label: 'revoked long ago', token_hash: hash(), ...revoked }).execute()
  for (const [label, uses, created] of [['used up long ago', 2, -31], ['used up lately', 2, -29], ['not used up', 1, -31]] as const) {
    await db.insertInto('enrollment_token').values({ tenant_id: tenantId, label, token_hash: hash(), max_uses: 2, uses, created_at: days(created) }).execute()
  }
  for (const [created, tenant] of [[-40, tenantId], [-35, tenantId], [-34, null]] as const) {
    await db.insertInto('consent_request').values({ state_hash: hash(), tenant_id: tenant, tenant_name: tenant === null ? 'New' : null, app: 'partner', created_by: 'ann', created_at: days(created), expires_at: days(created + 1), outcome: tenant === null ? null : 'granted' }).execute()
  }

  t.strictSame(await expireCredentials(worker, { retentionDays: 30 }), { apiKeys: 2, enrollmentTokens: 3, grants: 1, consentLinks: 2 })
  const left = ['counts', 'ended lately', 'never ends']
  t.strictSame((await db.selectFrom('api_key').select('name').orderBy('name').execute()).map(({ name }) => name), left)
  t.strictSame((await db.selectFrom('operator_grant').select('label').orderBy('label').execute()).map(({ label }) => label), left)
  t.strictSame((await db.selectFrom('enrollment_token').select('label').orderBy('label').execute()).map(({ label }) => label), ['counts', 'ended lately', 'never ends', 'not used up', 'used up lately'])
  t.match(await db.selectFrom('consent_request').select(['tenant_id', 'outcome', 'created_at']).execute(), [{ tenant_id: tenantId, outcome: 'granted', created_at: Date }], 'the last of a tenant says that there is consent')
  await t.rejects(sql`select key_hash from api_key`.execute(worker), { code: '42501' }, 'and no worker sees a key')
})

t.test('a report that was set aside goes when nobody has tried it again for so long', async (t) => {
  const { db, worker, tenantId } = await setUp(t)
  const { deviceId } = await seedDevice(db, tenantId)
  for (const [id, ago] of [[1, -31], [2, -29]] as const) {
    await db.insertInto('quarantined_report').values({ id, tenant_id: tenantId, device_id: deviceId, report_id: randomUUID(), received_at: days(-60), body: '{}', source: null, error: 'x', quarantined_at: days(ago) }).execute()
  }
  t.equal(await expireQuarantined(worker, { retentionDays: 30 }), 1)
  t.strictSame(await db.selectFrom('quarantined_report').select('id').execute(), [{ id: 2 }])
})
