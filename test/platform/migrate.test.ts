import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import t, { type Test } from 'tap'
import { migrate, QUEUE_SCHEMA } from '../../src/platform/migrate.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { nextMessage, startScript } from './children.js'
import { createEmptyDatabase } from './databases.js'

const NAMES = readdirSync(join(packageRoot, 'migrations')).filter((name) => name.endsWith('.sql')).sort()

async function connect (t: Test, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(async () => await client.end())
  return client
}

t.test('an empty database gets everything, a second time nothing', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  t.strictSame(await migrate({ databaseUrl }), NAMES)
  t.strictSame(await migrate({ databaseUrl }), [])

  const client = await connect(t, databaseUrl)
  const { rows } = await client.query('select table_schema, table_name from information_schema.tables where table_name in ($1, $2)', ['device', 'job'])
  t.ok(rows.some((row) => row.table_schema === 'public' && row.table_name === 'device'))
  const { rows: schemas } = await client.query('select 1 from information_schema.schemata where schema_name = $1', [QUEUE_SCHEMA])
  t.equal(schemas.length, 1, 'the queues have a schema of their own')
})

t.test('several processes at once: one works, the others wait and find it done', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  const children = [1, 2, 3].map(() => startScript(t, 'migrate', [databaseUrl]))
  await Promise.all(children.map(async (child) => await nextMessage(child)))
  const answers = await Promise.all(children.map(async (child) => {
    const answer = nextMessage<{ applied?: string[], error?: string }>(child)
    child.send('go')
    return await answer
  }))
  t.strictSame(answers.map(({ error }) => error), [undefined, undefined, undefined])
  t.strictSame(answers.flatMap(({ applied }) => applied ?? []), NAMES, 'each was applied once')
})

t.test('a database that is newer than this version may be is refused and not touched', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  await migrate({ databaseUrl })
  const client = await connect(t, databaseUrl)
  await client.query("insert into schema_migration (name, sha256, minimum) values ('9999_future.sql', 'x', '9999')")
  await t.rejects(migrate({ databaseUrl }), /too old for its database, which has 9999_future\.sql/)
  const { rows } = await client.query('select count(*)::int as n from schema_migration')
  t.equal(rows[0].n, NAMES.length + 1)
})

t.test('a migration that was changed after it had been applied is refused', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  await migrate({ databaseUrl })
  const client = await connect(t, databaseUrl)
  await client.query("update schema_migration set sha256 = 'another' where name = $1", [NAMES[0]])
  await t.rejects(migrate({ databaseUrl }), new RegExp(`${NAMES[0]} was changed`))
})

t.test('a migration that fails leaves nothing half done, and the next attempt goes on', async (t) => {
  const databaseUrl = await createEmptyDatabase(t)
  const client = await connect(t, databaseUrl)
  // In the way of the first migration's own.
  await client.query('create table tenant (id int)')
  await t.rejects(migrate({ databaseUrl }), /tenant/)
  const { rows } = await client.query("select table_name from information_schema.tables where table_schema = 'public' order by 1")
  t.strictSame(rows.map((row) => row.table_name), ['schema_migration', 'tenant'])
  await client.query('drop table tenant')
  t.strictSame(await migrate({ databaseUrl }), NAMES)
})

t.test('migrations are numbered without a gap', async (t) => {
  t.strictSame(NAMES.map((name) => Number(name.slice(0, 4))), NAMES.map((_, index) => index + 1))
  for (const name of NAMES) t.notMatch(readFileSync(join(packageRoot, 'migrations', name), 'utf8'), /^\s*(begin|commit)\s*;/im, `${name} runs in the migrator's transaction`)
})

t.test('`sallyport migrate` says what it needs', async (t) => {
  const run = promisify(execFile)(process.execPath, [join(packageRoot, 'bin/sallyport.js'), 'migrate'], { env: { PATH: process.env.PATH } })
  await t.rejects(run, /DATABASE_URL/)
})
