import { sql } from 'kysely'
import t from 'tap'
import { currentTenantId, inTenant } from '../../src/platform/tenant-scope.js'
import { createTestDatabase, openAs } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'

t.test('a database of one tenant answers nobody who names none', async (t) => {
  const { url } = await createTestDatabase(t)
  const operators = openAs(t, url, 'operator')
  await t.rejects(operators.selectFrom('device').select('id').execute(), { message: /No tenant is set/ })
  await t.rejects(operators.transaction().execute(async (tx) => await tx.selectFrom('device').select('id').execute()), { message: /No tenant is set/ })
  t.throws(() => currentTenantId(), { message: /No tenant is set/ })
  t.throws(() => inTenant("'; reset role; --", () => {}), { message: /must be a UUID/ }, 'only ids get into a statement')
})

t.test('work for several tenants goes on side by side, and nothing of it is left on a connection', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const operators = openAs(t, url, 'operator')
  const tenants = await Promise.all([1, 2, 3].map(async () => await seedTenant(db)))
  const names = async (): Promise<string[]> => (await operators.selectFrom('tenant').select('id').execute()).map(({ id }) => id)
  await Promise.all(Array.from({ length: 60 }, async (_, n) => {
    const tenantId = tenants[n % 3]!
    await inTenant(tenantId, async () => {
      if (n % 2 === 0) t.strictSame(await names(), [tenantId])
      else t.strictSame(await operators.transaction().execute(async (tx) => (await tx.selectFrom('tenant').select('id').execute()).map(({ id }) => id)), [tenantId])
      if (n % 7 === 0) await t.rejects(sql`select 1 / 0`.execute(operators), { code: '22012' })
    })
  }))
  const { rows } = await sql<{ role: string, state: string }>`select usename as role, state from pg_stat_activity where datname = current_database() and state like 'idle in%'`.execute(db)
  t.strictSame(rows, [], 'no transaction is left open, also not after errors')
})

t.test('a transaction that fails is undone whole', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const operators = openAs(t, url, 'operator')
  const tenantId = await seedTenant(db)
  const insert = { tenant_id: tenantId, actor: 'test', action: 'a.b', subject: null, detail: '{}' }
  await inTenant(tenantId, async () => {
    await t.rejects(operators.transaction().execute(async (tx) => {
      await tx.insertInto('audit_event').values(insert).execute()
      throw new Error('no')
    }), /no/)
    t.strictSame(await operators.selectFrom('audit_event').select('id').execute(), [])
    await operators.insertInto('audit_event').values(insert).execute()
    t.equal((await operators.selectFrom('audit_event').select('id').execute()).length, 1, 'a statement of its own is committed')
  })
})
