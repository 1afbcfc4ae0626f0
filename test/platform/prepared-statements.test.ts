import { sql } from 'kysely'
import t from 'tap'
import { openDatabase } from '../../src/platform/database.js'
import { isWorthRetrying } from '../../src/platform/database-errors.js'
import { createStatementNames } from '../../src/platform/prepared-statements.js'
import { createTestDatabase } from '../helpers/database.js'

t.test('a statement gets a name once it has come a few times, and only so many do', async (t) => {
  const nameOf = createStatementNames()
  t.strictSame(Array.from({ length: 5 }, () => nameOf('select 1')), [undefined, undefined, undefined, 's1', 's1'])
  t.ok(Array.from({ length: 10_000 }, (_, n) => nameOf(`select ${n} once`)).every((name) => name === undefined))
  for (let n = 0; n < 300; n++) for (let time = 0; time < 4; time++) nameOf(`select ${n} often`)
  t.equal(nameOf('select 0 often'), 's2')
  t.equal(nameOf('select 299 often'), undefined, 'no place is left')
  t.equal(nameOf('select 1'), 's1')
})

t.test('queries that come again are prepared, each connection for itself, and give the same answers', async (t) => {
  const { db } = await createTestDatabase(t)
  const ask = async (n: number): Promise<number> => (await sql<{ twice: number }>`select ${n}::integer * 2 as twice`.execute(db)).rows[0]!.twice
  t.strictSame(await Promise.all(Array.from({ length: 50 }, async (_, n) => await ask(n))), Array.from({ length: 50 }, (_, n) => n * 2))
  const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements where statement like '%twice%'`.execute(db)
  t.match(rows, [{ statement: /\* 2 as twice/ }])
  await t.rejects(sql`select ${'x'}::integer * 2 as twice`.execute(db), { code: '22P02' })
  t.equal(await ask(21), 42, 'an error leaves the statement usable')
})

t.test('a table that changed under a prepared statement is a reason to try again, on another connection', async (t) => {
  const { url } = await createTestDatabase(t)
  const db = openDatabase({ connectionString: url, maxConnections: 1 })
  t.teardown(async () => await db.destroy())
  await sql`create table changing (a integer)`.execute(db)
  const read = async () => await sql`select * from changing`.execute(db)
  for (let time = 0; time < 6; time++) await read()
  await sql`alter table changing add column b integer`.execute(db)
  const error = await read().catch((error: unknown) => error)
  t.ok(isWorthRetrying(error), String(error))
  t.strictSame((await read()).rows, [])
})
