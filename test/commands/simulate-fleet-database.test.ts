import t from 'tap'
import { runSeedDatabase } from '../../src/commands/simulate-fleet-database.js'
import { createTestDatabase } from '../helpers/database.js'

t.test('phones come into the database that the environment names, which is migrated first', async (t) => {
  const { db, url } = await createTestDatabase(t, { empty: true })
  const output = t.capture(process.stdout, 'write', () => true)
  await runSeedDatabase({ seedDatabase: 30, json: true }, { DATABASE_URL: url })
  const { tenantId, phones, indexesRebuilt } = JSON.parse(String(output()[0]!.args[0])) as Record<string, unknown>
  t.match({ tenantId, phones, indexesRebuilt }, { tenantId: /^[0-9a-f-]{36}$/, phones: 30, indexesRebuilt: true })
  const devices = await db.selectFrom('device').select('tenant_id').execute()
  t.equal(devices.length, 30)
  t.ok(devices.every((device) => device.tenant_id === tenantId))
  t.match(await db.selectFrom('audit_event').select(['tenant_id', 'action', 'detail']).orderBy('id', 'desc').limit(1).execute(), [{ tenant_id: tenantId, action: 'fleet.seeded', detail: { phones: 30 } }])
  await t.rejects(runSeedDatabase({ seedDatabase: 1, tenant: '11111111-2222-4333-8444-555555555555' }, { DATABASE_URL: url }), { message: /there is no tenant 1111/ })
})

t.test('every fault of the options is named', async (t) => {
  await t.rejects(runSeedDatabase({ seedDatabase: 0, tenant: 'x' }, { DATABASE_URL: 'postgres://127.0.0.1:1/none' }), { message: /--seed-database.*\n--tenant/ })
})
