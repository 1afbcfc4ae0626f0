import pg from 'pg'
import t from 'tap'
import { openDatabase } from '../../../src/platform/database.js'
import { migrate, requireSchema } from '../../../src/platform/migrate.js'
import { readMigration } from '../../../src/platform/migration-files.js'
import { compareSchema } from '../../../src/platform/schema-version.js'
import { openAs } from '../../helpers/database.js'
import { silentLog } from '../../helpers/log.js'
import { createEmptyDatabase } from '../databases.js'

const file = (name: string, sql = 'select 1;') => readMigration(name, sql)
const applied = (name: string, sql = 'select 1;') => ({ name, sha256: file(name, sql).sha256, minimum: file(name, sql).minimum })
const [FIRST, SECOND, THIRD] = ['0001_a.sql', '0002_b.sql', '0003_c.sql'] as const

t.test('which versions of process and database go together', async (t) => {
  t.match(compareSchema([file(FIRST), file(SECOND)], [applied(FIRST)]), { missing: [{ name: SECOND }], newer: [] }, 'older database')
  t.strictSame(compareSchema([file(FIRST)], [applied(FIRST), applied(SECOND)]), { missing: [], newer: [SECOND] }, 'newer database, which the process need not know')
  t.strictSame(compareSchema([file(FIRST), file(SECOND)], [applied(FIRST), applied(SECOND), applied(THIRD, '-- minimum: 0002\nselect 1;')]).newer, [THIRD], 'the process knows enough')
  t.throws(() => compareSchema([file(FIRST)], [applied(FIRST), applied(SECOND), applied(THIRD, '-- minimum: 0002\nselect 1;')]), { message: /too old for its database, which has 0003_c\.sql/ })
  t.throws(() => compareSchema([file(FIRST)], [applied(FIRST, 'select 2;')]), { message: /0001_a\.sql was changed/ })
})

t.test('a process starts on a newer schema that it can work with, and an older `migrate` leaves it alone', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  await migrate({ databaseUrl })
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query("insert into schema_migration (name, sha256) values ('9998_expand.sql', 'x')")
  await client.query('alter table device add column newer text')
  await client.query('grant delete on device to sallyport_operator')
  const db = openAs(t, databaseUrl, 'worker')
  await requireSchema(db, silentLog)
  t.strictSame(await migrate({ databaseUrl }), [])
  const { rows: [row] } = await client.query("select has_table_privilege('sallyport_operator', 'device', 'delete') as kept")
  t.ok(row.kept, 'rights are the newer version\'s to keep')

  await client.query("insert into schema_migration (name, sha256, minimum) values ('9999_contract.sql', 'x', '9998')")
  await t.rejects(requireSchema(db, silentLog), { message: /too old for its database, which has 9999_contract\.sql: start the version/ })
  await t.rejects(migrate({ databaseUrl }), { message: /too old for its database/ })
  await client.end()
})

t.test('a process that runs goes on while the schema changes under it', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  await migrate({ databaseUrl })
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 1 })
  t.teardown(async () => await db.destroy())
  const list = async (): Promise<number> => (await db.selectFrom('device').selectAll().execute()).length
  // Often enough that the statement is prepared.
  for (let n = 0; n < 6; n++) await list()
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('alter table device add column newer text')
  await client.end()
  // A transaction may meet it once; whoever tries again gets through.
  t.equal(await list().catch(async () => await list()), 0)
  for (let n = 0; n < 6; n++) t.equal(await list(), 0)
})

t.test('a process says what is missing when the database is older or empty', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  await t.rejects(requireSchema(openAs(t, databaseUrl, 'api'), silentLog), { message: /the database is not ready .*run `sallyport migrate` first/ })
  await migrate({ databaseUrl, upTo: '0018_reconciliation.sql' })
  const owner = openDatabase({ connectionString: databaseUrl, maxConnections: 1 })
  t.teardown(async () => await owner.destroy())
  await t.rejects(requireSchema(owner, silentLog), { message: /the database lacks .*0020_row_level_security\.sql.*: run `sallyport migrate` first/ })
})
