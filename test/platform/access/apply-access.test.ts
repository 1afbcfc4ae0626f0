import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import t, { type Test } from 'tap'
import { asRole, ROLE_KINDS, roleName, withSessionSettings } from '../../../src/platform/access/database-roles.js'
import { requireRole } from '../../../src/platform/access/require-role.js'
import { openDatabase } from '../../../src/platform/database.js'
import { migrate } from '../../../src/platform/migrate.js'
import { openQueues } from '../../../src/platform/queues.js'
import { until } from '../../helpers/until.js'
import { silentLog } from '../../helpers/log.js'
import { createTestDatabase } from '../../helpers/database.js'
import { createEmptyDatabase } from '../databases.js'

async function connect (t: Test, connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  t.teardown(async () => await client.end())
  return client
}

/** The same database for another user. */
function forUser (url: string, user: string, password: string): string {
  const other = new URL(url)
  other.username = user
  other.password = password
  return other.href
}

/** All rights and policies, and which transaction wrote each. */
async function rightsOf (client: pg.Client): Promise<unknown[]> {
  const { rows } = await client.query(`
    select oid::regclass::text as name, relacl::text as rights, relrowsecurity as kept, xmin::text as written from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    union all select polname || ' ' || polrelid::regclass, polroles::text, null, xmin::text from pg_policy
    union all select proname, proacl::text, null, xmin::text from pg_proc where pronamespace = 'public'::regnamespace order by 1`)
  return rows
}

t.test('a second migration changes no right; one that was given or taken by hand is put right', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t)
  const client = await connect(t, databaseUrl)
  const before = await rightsOf(client)
  await migrate({ databaseUrl })
  t.strictSame(await rightsOf(client), before, 'nothing is written, so nobody waits')

  await client.query('grant delete on audit_event to sallyport_operator; revoke insert on audit_event from sallyport_worker; grant update (name) on tenant to sallyport_partner')
  await client.query('alter table finding disable row level security; drop policy one_tenant on device; create policy generous on device to sallyport_partner using (true)')
  await client.query('grant execute on function drop_journal_day(date) to sallyport_partner')
  // As every database has it that comes from before PostgreSQL 15, and every function that nobody took anything away from.
  await client.query('grant create on schema public to public; grant execute on function chain_audit_event(), append_audit_link(audit_event), erase_device_reports(uuid) to public')
  await migrate({ databaseUrl })
  const bare = (rows: unknown[]): unknown[] => (rows as Array<{ name: string, rights: string | null, kept: boolean | null }>)
    .map(({ name, rights, kept }) => ({ name, kept, rights: (rights ?? '').replace(/[{}]/g, '').split(',').sort() }))
  t.strictSame(bare(await rightsOf(client)), bare(before))
  await t.rejects((await connect(t, asRole(databaseUrl, 'partner'))).query('create function public.octet_length (uuid) returns integer language sql return 0'), { code: '42501' }, 'nobody puts anything in the way of what runs as the owner')
})

t.test('a user who is no superuser migrates and works, as on managed servers; one who may not make roles is told what to run', async (t) => {
  const suffix = randomBytes(4).toString('hex')
  const [owner, rolePrefix, password] = [`owner_${suffix}`, `mtd_${suffix}`, randomBytes(12).toString('hex')]
  let cleanUp = async (): Promise<void> => {}
  // Before the database's own, so after it: roles stay while anything refers to them.
  t.teardown(async () => await cleanUp())
  const emptyUrl = await createEmptyDatabase(t)
  const admin = await connect(t, emptyUrl)
  cleanUp = async () => {
    const client = new pg.Client({ connectionString: emptyUrl.replace(/\/[^/]*$/, '/postgres') })
    await client.connect()
    for (const role of [...ROLE_KINDS.map((kind) => roleName(kind, rolePrefix)), `api_${suffix}`, owner]) await client.query(`drop role if exists ${role}`)
    await client.end()
  }
  const database = new URL(emptyUrl).pathname.slice(1)
  await admin.query(`create role ${owner} login password '${password}'`)
  await admin.query(`alter database ${database} owner to ${owner}`)
  const databaseUrl = forUser(emptyUrl, owner, password)
  await t.rejects(migrate({ databaseUrl, rolePrefix }), { message: new RegExp(`may not make them.*\\n  create role "${rolePrefix}_api" nologin;[^]*grant "${rolePrefix}_platform" to "${owner}"`) })

  await admin.query(`alter role ${owner} createrole`)
  t.strictSame(await migrate({ databaseUrl, rolePrefix }), [], 'it goes on where it stopped')
  const { rows: [who] } = await admin.query('select rolsuper, rolbypassrls from pg_roles where rolname = $1', [owner])
  t.strictSame(who, { rolsuper: false, rolbypassrls: false })
  for (const kind of ROLE_KINDS) {
    const db = openDatabase({ connectionString: asRole(databaseUrl, kind, rolePrefix), maxConnections: 1 })
    await requireRole(db, roleName(kind, rolePrefix))
    await t.resolves(db.selectFrom('schema_migration').select('name').execute(), kind)
    await db.destroy()
  }

  // A role that others made, or gave more to, would make row-level security a thing on paper.
  for (const [give, take] of [[`alter role ${rolePrefix}_operator bypassrls`, `alter role ${rolePrefix}_operator nobypassrls`], [`grant ${rolePrefix}_worker to ${rolePrefix}_operator`, `revoke ${rolePrefix}_worker from ${rolePrefix}_operator`]] as const) {
    await admin.query(give)
    await t.rejects(migrate({ databaseUrl, rolePrefix }), { message: new RegExp(`would not be kept apart: ${rolePrefix}_operator\\.`) }, give)
    await admin.query(take)
  }
  t.strictSame(await migrate({ databaseUrl, rolePrefix }), [])

  // A user of its own for one kind of process.
  await admin.query(`create role api_${suffix} login noinherit password '${password}' in role ${rolePrefix}_api`)
  const own = forUser(emptyUrl, `api_${suffix}`, password)
  const api = openDatabase({ connectionString: asRole(own, 'api', rolePrefix), maxConnections: 1 })
  await t.resolves(api.selectFrom('device').select('id').execute())
  const swallowed = openDatabase({ connectionString: own, maxConnections: 1 })
  await t.rejects(requireRole(swallowed, roleName('api', rolePrefix)), { message: /a pooler in between must pass/ }, 'whoever is in no role notices')
  await Promise.all([api.destroy(), swallowed.destroy()])
  await t.rejects(connect(t, asRole(own, 'operator', rolePrefix)), { code: '42501' }, 'it has that role and no other')
  const bare = await connect(t, own)
  await t.rejects(bare.query('select from device'), { code: '42501' }, 'and without a role none')
})

t.test('the API puts jobs into the queues and workers do them, each in its own role', async (t) => {
  const { url } = await createTestDatabase(t)
  const [api, worker] = await Promise.all(['api', 'worker'].map(async (role) => await openQueues({ databaseUrl: asRole(url, role as 'api'), log: silentLog })))
  const tenants = [randomUUID(), randomUUID(), randomUUID()]
  const done = new Set<string>()
  const running = worker!.startWorker('sync', async ({ tenantId }) => { done.add(tenantId) }, { concurrency: 1 })
  await api!.producer('sync').add([{ tenantId: tenants[0]! }])
  await api!.producer('sync').add(tenants.slice(1).map((tenantId) => ({ tenantId })))
  await worker!.schedule('upkeep', 'sweep', 60_000, { task: 'sweep' })
  await until(() => done.size === 3, 'all are done')
  t.match(await api!.counts(), { sync: { waiting: 0, failed: 0 } })
  await running.close()
  await Promise.all([api!.close(), worker!.close()])
})

t.test('what connections start with is added to what an address says already', async (t) => {
  t.equal(withSessionSettings('postgres://h/d', { role: 'x' }), 'postgres://h/d?options=-c%20role%3Dx')
  t.equal(withSessionSettings('postgres://h/d?sslmode=require', { role: 'x', search_path: 'y' }), 'postgres://h/d?sslmode=require&options=-c%20role%3Dx%20-c%20search_path%3Dy')
  t.equal(withSessionSettings(asRole('postgres://h/d?options=-c%20jit%3Doff&a=b', 'worker', 'mtd'), { search_path: 'y' }), 'postgres://h/d?options=-c%20jit%3Doff%20-c%20role%3Dmtd_worker%20-c%20search_path%3Dy&a=b')
})
