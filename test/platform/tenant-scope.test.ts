import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { asRole } from '../../src/platform/access/database-roles.js'
import type { Database } from '../../src/platform/database.js'
import { preparing } from '../../src/platform/prepared-statements.js'
import { currentTenantId, inTenant, tenantPool } from '../../src/platform/tenant-scope.js'
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

t.test('the tenant is set for one statement, prepared or not, that fails or not, and gone from the connection after it', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const tenants = [await seedTenant(db), await seedTenant(db)]
  const pool = new pg.Pool({ connectionString: asRole(url, 'operator'), max: 1 })
  const operators: Database = new Kysely({ dialect: new PostgresDialect({ pool: tenantPool(preparing(pool)) }) })
  t.teardown(async () => await operators.destroy())
  const left = async (): Promise<string | null> => (await pool.query<{ tenant: string | null }>("select current_setting('sallyport.tenant_id', true) as tenant")).rows[0]!.tenant
  const visible = async (): Promise<number> => (await pool.query('select from tenant')).rowCount!
  for (let n = 0; n < 12; n++) {
    const tenantId = tenants[n % 2]!
    await inTenant(tenantId, async () => {
      t.strictSame((await operators.selectFrom('tenant').select('id').where('name', 'is not', null).execute()).map(({ id }) => id), [tenantId])
      t.strictSame((await sql<{ n: number, tenant: string }>`select ${n}::integer as n, current_setting('sallyport.tenant_id') as tenant`.execute(operators)).rows, [{ n, tenant: tenantId }])
      await t.rejects(sql`select ${n}::integer / 0`.execute(operators), { code: '22012' })
      await t.rejects(sql`select not_there from tenant where 7 = ${n}`.execute(operators), { code: '42703' }, 'also what cannot be parsed, as often as it comes')
      await t.rejects(sql`select ${'x'}::uuid`.execute(operators), { code: '22P02' })
    })
    t.notOk(await left(), 'nothing is set')
    t.equal(await visible(), 0, 'so nothing is shown')
  }
  t.equal(pool.totalCount, 1, 'all on one connection')
})

t.test('a connection that may still be in a transaction is not lent again', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const pool = new pg.Pool({ connectionString: asRole(url, 'operator'), max: 1 })
  t.teardown(async () => await pool.end())
  const scoped = tenantPool(preparing(pool))
  const processOf = async (): Promise<number> => (await pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid
  const before = await processOf()
  await inTenant(tenantId, async () => {
    const client = await scoped.connect()
    await client.query('begin', [])
    client.release()
  })
  t.not(await processOf(), before, 'it was closed')
})
