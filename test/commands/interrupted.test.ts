import { randomUUID } from 'node:crypto'
import { createReadStream, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'
import pg from 'pg'
import t, { type Test } from 'tap'
import { createTenant } from '../../src/operators/tenants.js'
import { verifyAudit } from '../../src/operators/verify-audit.js'
import { loadBackup } from '../../src/platform/backup/load-backup.js'
import { openDatabase } from '../../src/platform/database.js'
import { migrate, requireSchema } from '../../src/platform/migrate.js'
import { startCommand, temporaryFolder } from '../e2e/sallyport.js'
import { until } from '../e2e/stage.js'
import { startCommands } from '../helpers/commands.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedDevice } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { SLOW } from '../helpers/slow.js'
import { createEmptyDatabase } from '../platform/databases.js'

const commands = startCommands(t)

async function connect (t: Test, databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'test' })
  await client.connect()
  t.teardown(async () => await client.end())
  return client
}

const countOf = async (client: pg.Client, from: string): Promise<number> => (await client.query<{ n: number }>(`select count(*)::integer as n from ${from}`)).rows[0]!.n

async function makeBackup (t: Test): Promise<{ readonly file: string, readonly url: string }> {
  const { db, url } = await createTestDatabase(t)
  await createTenant({ db }, { name: 'Contoso', entraTenantId: randomUUID(), actor: 'test' })
  const file = join(temporaryFolder(t), 'whole.backup')
  const { code, errors } = await commands(['backup', file], { env: { DATABASE_URL: url } })
  t.equal(code, 0, errors)
  return { file, url }
}

t.test('a restore that ends after the rows are there, and before the world is told, is gone on with; nothing works with the database before', async (t) => {
  const { file } = await makeBackup(t)
  const databaseUrl = await createEmptyDatabase(t)
  const log = silentLog
  await loadBackup(createReadStream(file).pipe(createGunzip()), { databaseUrl })
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 1 })
  t.teardown(async () => await db.destroy())
  const message = /a restore was interrupted .*run `sallyport restore` with the same file again/
  await t.rejects(requireSchema(db, log), { message })
  await t.rejects(migrate({ databaseUrl }), { message })
  const other = await makeBackup(t)
  await db.destroy()
  t.match((await commands(['restore', other.file], { env: { DATABASE_URL: databaseUrl } })).errors, /holds the backup of .*, whose restore was interrupted: go on with that file/)
  t.match((await commands(['backup', `${file}.2`], { env: { DATABASE_URL: databaseUrl } })).errors, message)

  const { code, errors, out } = await commands(['restore', file, '--json'], { env: { DATABASE_URL: databaseUrl } })
  t.equal(code, 0, errors)
  t.match(JSON.parse(out), { tenants: 1, rows: Number })
  const client = await connect(t, databaseUrl)
  t.equal(await countOf(client, 'tenant'), 1)
  t.equal(await countOf(client, "audit_event where action = 'platform.restored'"), 1)
  t.strictSame(await migrate({ databaseUrl }), [])
})

t.test('a backup of an older schema is not loaded into a newer one, whose migrations would not see its rows', async (t) => {
  const older = await createEmptyDatabase(t)
  await migrate({ databaseUrl: older })
  const { file } = await makeBackup(t)
  const client = await connect(t, older)
  await client.query("insert into schema_migration (name, sha256) values ('9998_newer.sql', 'x')")
  t.match((await commands(['restore', file], { env: { DATABASE_URL: older } })).errors, /has a newer schema than the backup \(9998_newer\.sql\)/)
})

t.test('what a killed backup left is deleted by the next one into the folder, and nothing else is', async (t) => {
  const { file, url } = await makeBackup(t)
  const folder = join(file, '..')
  const whole = readFileSync(file)
  const old = new Date(Date.now() - 2 * 60 * 60 * 1000)
  const put = (name: string, content: Buffer | string, at = old): void => {
    writeFileSync(join(folder, name), content)
    utimesSync(join(folder, name), at, at)
  }
  put('left.backup.4711.unfinished', whole.subarray(0, Math.floor(whole.length / 2)))
  put('working.backup.4712.unfinished', whole, new Date())
  put('thesis.4713.unfinished', 'not ours')
  put('whole.unfinished', whole)
  const { code, errors } = await commands(['backup', join(folder, 'next.backup')], { env: { DATABASE_URL: url } })
  t.equal(code, 0, errors)
  t.match(errors, /left\.backup\.4711\.unfinished was left by a backup that was interrupted, and is deleted/)
  t.strictSame(readdirSync(folder).sort(), ['next.backup', 'thesis.4713.unfinished', 'whole.backup', 'whole.unfinished', 'working.backup.4712.unfinished'])
})

t.test('a backup whose connection ends leaves no file', async (t) => {
  const { url } = await createTestDatabase(t)
  const [client, holder] = [await connect(t, url), await connect(t, url)]
  await holder.query('begin')
  await holder.query('lock table tenant in access exclusive mode')
  const file = join(temporaryFolder(t), 'cut.backup')
  const running = commands(['backup', file], { env: { DATABASE_URL: url } })
  await until(async () => await countOf(client, "pg_stat_activity where application_name = 'sallyport backup' and datname = current_database() and wait_event_type = 'Lock'") === 1, 'the backup waits')
  await client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sallyport backup' and datname = current_database()")
  await holder.query('rollback')
  t.match(await running, { code: 1, errors: /terminat/i })
  t.strictSame(readdirSync(join(file, '..')), [])
})

/** Starts a command, kills it while it waits for this table, and resolves when nothing of it is left at the server. */
async function killWhileItWaitsFor (t: Test, table: string, databaseUrl: string, args: readonly string[]): Promise<void> {
  // A transaction sees who works as it was when it first looked.
  const [client, holder] = [await connect(t, databaseUrl), await connect(t, databaseUrl)]
  await holder.query('begin')
  await holder.query(`lock table ${table} in access exclusive mode`)
  const { child, exited } = startCommand(t, args, { DATABASE_URL: databaseUrl })
  const ours = "pg_stat_activity where application_name like 'sallyport%' and datname = current_database()"
  await until(async () => await countOf(client, `${ours} and wait_event_type = 'Lock'`) > 0, `${args.join(' ')} waits for ${table}`)
  child.kill('SIGKILL')
  await exited
  await holder.query('rollback')
  await until(async () => await countOf(client, ours) === 0, 'nothing of it is left')
  t.equal(await countOf(client, 'pg_locks where locktype = \'advisory\' and database = (select oid from pg_database where datname = current_database())'), 0, 'no lock is held')
}

t.test('killed in the middle, a restore has loaded nothing, and is begun anew', SLOW, async (t) => {
  const { file } = await makeBackup(t)
  const databaseUrl = await createEmptyDatabase(t)
  await migrate({ databaseUrl })
  await killWhileItWaitsFor(t, 'tenant', databaseUrl, ['restore', file])
  const client = await connect(t, databaseUrl)
  t.equal(await countOf(client, 'tenant'), 0)
  t.equal((await client.query("select from pg_trigger where not tgisinternal and tgenabled = 'D'")).rowCount, 0)
  t.equal((await commands(['restore', file], { env: { DATABASE_URL: databaseUrl } })).code, 0)
  t.equal(await countOf(client, 'tenant'), 1)
})

t.test('killed in the middle, an import has stored nothing or all, and is begun anew', SLOW, async (t) => {
  const { url } = await createTestDatabase(t)
  const file = join(t.testdir({ 'bad.csv': 'type,value\ndomain,one.example.net\ndomain,two.example.net\n' }), 'bad.csv')
  await killWhileItWaitsFor(t, 'indicator', url, ['intel', 'import', file, '--class', 'c2'])
  const client = await connect(t, url)
  const stored = await countOf(client, "indicator where feed = 'bad'")
  t.ok(stored === 0 || stored === 2, `${stored} are stored`)
  t.equal(await countOf(client, "intel_feed where name = 'bad'"), stored === 0 ? 0 : 1)
  t.equal((await commands(['intel', 'import', file, '--class', 'c2'], { env: { DATABASE_URL: url } })).code, 0)
  t.equal(await countOf(client, "indicator where feed = 'bad'"), 2)
})

t.test('killed in the middle, an erasure is of whole phones, and is begun anew', SLOW, async (t) => {
  const { db, url } = await createTestDatabase(t)
  const { tenantId } = await createTenant({ db }, { name: 'Contoso', entraTenantId: randomUUID(), actor: 'test' })
  const { deviceId } = await seedDevice(db, tenantId)
  await db.insertInto('device_state').values({ device_id: deviceId, tenant_id: tenantId, sequence: 1, state: '{"os":{"version":"15"}}', level: 'high' }).execute()
  // The last but one thing that an erasure does.
  await killWhileItWaitsFor(t, 'state_change_waiting', url, ['privacy', 'erase', '--device', deviceId])
  const client = await connect(t, url)
  t.equal(await countOf(client, 'device where erased_at is not null'), 0)
  t.equal(await countOf(client, "device_state where level = 'high'"), 1, 'as it was')
  t.equal((await commands(['privacy', 'erase', '--device', deviceId], { env: { DATABASE_URL: url } })).code, 0)
  t.equal(await countOf(client, 'device where erased_at is not null'), 1)
  t.ok((await verifyAudit({ db }, {})).intact)
})

t.test('killed in the middle, an export leaves nothing, and is begun anew', SLOW, async (t) => {
  const { db, url } = await createTestDatabase(t)
  const { tenantId } = await createTenant({ db }, { name: 'Contoso', entraTenantId: randomUUID(), actor: 'test' })
  const { deviceId } = await seedDevice(db, tenantId)
  await killWhileItWaitsFor(t, 'finding', url, ['privacy', 'export', '--device', deviceId])
  const { code, out, errors } = await commands(['privacy', 'export', '--device', deviceId], { env: { DATABASE_URL: url } })
  t.equal(code, 0, errors)
  t.ok(out.includes(deviceId))
  t.ok((await verifyAudit({ db }, {})).intact)
})
