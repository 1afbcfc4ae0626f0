import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import t, { type Test } from 'tap'
import { asRole, type RoleKind, ROLE_KINDS, roleName, TENANT_ROLES } from '../../../src/platform/access/database-roles.js'
import { TABLE_ACCESS } from '../../../src/platform/access/table-access.js'
import { createTestDatabase } from '../../helpers/database.js'
import { fillTables } from '../../helpers/fill-tables.js'

async function connect (t: Test, connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  t.teardown(async () => await client.end())
  return client
}

/** Does something in a transaction that is undone. */
async function undone<T> (client: pg.Client, tenantId: string | undefined, work: () => Promise<T>): Promise<T> {
  await client.query('begin')
  try {
    if (tenantId !== undefined) await client.query(`set local sallyport.tenant_id = '${tenantId}'`)
    return await work()
  } finally {
    await client.query('rollback')
  }
}

const may = (table: keyof typeof TABLE_ACCESS, role: RoleKind, letter: string): boolean => (TABLE_ACCESS[table][role] ?? '').split(' ').includes(letter)
const TABLES = Object.keys(TABLE_ACCESS) as Array<keyof typeof TABLE_ACCESS>
/** Whose rows are a tenant's own. */
const KEPT_APART = TABLES.filter((table) => !['shared', 'mixed'].includes(TABLE_ACCESS[table].tenant as string))

t.test('every table with data of a tenant, told by its columns and references, has row-level security and a policy', async (t) => {
  const { url } = await createTestDatabase(t)
  const client = await connect(t, url)
  const { rows } = await client.query<{ name: string, enabled: boolean, policies: string[] }>(`
    with recursive mine as (
      select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and (c.relname = 'tenant' or a.attname in ('tenant_id', 'tenant_number', 'device_id', 'device_ids'))
      union
      -- What refers to a table with tenants' rows holds tenants' rows.
      select k.conrelid from pg_constraint k join mine on k.confrelid = mine.oid where k.contype = 'f'
    )
    select c.relname as name, c.relrowsecurity as enabled, array(select p.policyname::text from pg_policies p where p.schemaname = 'public' and p.tablename = c.relname order by 1) as policies
    from pg_class c where c.oid in (select oid from mine) and not c.relispartition order by 1`)
  t.ok(rows.length > 30, 'they are found')
  for (const { name, enabled, policies } of rows) {
    const { tenant } = TABLE_ACCESS[name as keyof typeof TABLE_ACCESS]
    t.not(tenant, 'shared', `${name} is no shared table`)
    t.ok(enabled, `${name} has row-level security`)
    t.strictSame(policies, tenant === 'mixed' ? ['all_tenants'] : ['all_tenants', 'one_tenant'], name)
  }
  t.strictSame(TABLES.filter((table) => TABLE_ACCESS[table].tenant === 'mixed'), ['report_group'], 'what holds several tenants\' data in one row')
  for (const role of TENANT_ROLES) t.equal(TABLE_ACCESS.report_group[role], undefined, `${role} may not see it at all`)
})

t.test('without a tenant a role of one tenant sees no row of any table, and with one no other\'s', async (t) => {
  const { url } = await createTestDatabase(t)
  const owner = await connect(t, url)
  const [one, other] = await fillTables(owner, 2) as [string, string]
  for (const role of TENANT_ROLES) {
    const client = await connect(t, asRole(url, role))
    for (const table of KEPT_APART) {
      const { rows: [all] } = await owner.query<{ n: number }>(`select count(*)::integer as n from ${table}`)
      t.equal(all!.n, 2, `${table} has a row of each tenant`)
      const columns = (TABLE_ACCESS[table][role] ?? '').split(' ').find((text) => /^s\b/.test(text))?.split(':')[1]
      const count = async (): Promise<number> => (await client.query(`select ${columns ?? '*'} from ${table}`)).rowCount!
      if (TABLE_ACCESS[table][role] === undefined) {
        await t.rejects(undone(client, one, count), { code: '42501' }, `${role} may not read ${table}`)
        continue
      }
      t.equal(await undone(client, undefined, count), 0, `${role} sees nothing of ${table} without a tenant`)
      const seen = await Promise.resolve(undone(client, one, async () => (await client.query<{ row: string }>(`select ${columns === undefined ? 'x::text' : columns.split(',').join(" || '' || ")} as row from ${table} x`)).rows))
      t.equal(seen.length, 1, `${role} sees one row of ${table}`)
      const others = await undone(client, other, async () => (await client.query<{ row: string }>(`select ${columns === undefined ? 'x::text' : columns.split(',').join(" || '' || ")} as row from ${table} x`)).rows)
      t.equal(others.length, 1)
      if (columns === undefined) t.not(seen[0]!.row, others[0]!.row, `each its own row of ${table}`)
    }
  }
})

t.test('nothing of another tenant can be changed, taken away or put under its name', async (t) => {
  const { url } = await createTestDatabase(t)
  const owner = await connect(t, url)
  const [one, other] = await fillTables(owner, 2) as [string, string]
  const operator = await connect(t, asRole(url, 'operator'))
  const { rows: [numbers] } = await owner.query<{ other: number }>('select number as other from tenant where id = $1', [other])
  for (const table of KEPT_APART) {
    if (may(table, 'operator', 'd')) t.equal(await undone(operator, one, async () => (await operator.query(`delete from ${table}`)).rowCount), 1, `only its own row of ${table} is deleted`)
    const { tenant } = TABLE_ACCESS[table]
    if (typeof tenant === 'string' && may(table, 'operator', 'u')) {
      await t.rejects(undone(operator, one, async () => await operator.query(`update ${table} set ${tenant} = $1`, [tenant === 'tenant_id' ? other : numbers!.other])), { code: '42501' }, `no row of ${table} is given to another`)
    }
  }
  await t.rejects(undone(operator, one, async () => await operator.query('insert into audit_event (tenant_id, actor, action) values ($1, $2, $3)', [other, 'x', 'x.y'])), { code: '42501' })
  await t.rejects(undone(operator, one, async () => await operator.query('insert into audit_event (tenant_id, actor, action) values (null, $1, $2)', ['x', 'x.y'])), { code: '42501' }, 'nor the platform\'s')
  await undone(operator, one, async () => await operator.query('insert into audit_event (tenant_id, actor, action) values ($1, $2, $3)', [one, 'x', 'x.y']))
})

t.test('functions that see more than their caller keep to its tenant', async (t) => {
  const { url } = await createTestDatabase(t)
  const owner = await connect(t, url)
  const [one, other] = await fillTables(owner, 2) as [string, string]
  await owner.query('update device_apps set builds = array[7]')
  const { rows: [theirs] } = await owner.query<{ id: string }>('select id from device where tenant_id = $1', [other])
  const operator = await connect(t, asRole(url, 'operator'))
  const find = async (tenantId: string): Promise<number> => (await operator.query('select tenant_phones_with_build($1, array[7], $2)', [tenantId, '00000000-0000-0000-0000-000000000000'])).rowCount!
  t.equal(await undone(operator, one, async () => await find(one)), 1)
  t.equal(await undone(operator, one, async () => await find(other)), 0, 'another tenant\'s')
  t.equal(await undone(operator, undefined, async () => await find(one)), 0, 'no tenant set')
  await operator.query('begin')
  await operator.query(`set local sallyport.tenant_id = '${one}'`)
  await operator.query('select erase_device_reports($1)', [theirs!.id])
  await operator.query('commit')
  t.equal((await owner.query('select from report where device_id = $1', [theirs!.id])).rowCount, 1, 'their reports stay')
  const partner = await connect(t, asRole(url, 'partner'))
  for (const call of [`tenant_phones_with_build('${one}', array[7], '${one}')`, `erase_device_reports('${theirs!.id}')`, 'drop_journal_day(current_date)', 'create_journal_day(current_date)']) {
    await t.rejects(partner.query(`select ${call}`), { code: '42501' }, call)
  }
})

t.test('roles have the rights that they need and no others', async (t) => {
  const { url } = await createTestDatabase(t)
  const client = await connect(t, url)
  const { rows } = await client.query<{ role: string, table: string, privilege: string }>(`
    select r.rolname as role, c.relname as "table", g.privilege_type as privilege
    from pg_class c cross join lateral aclexplode(c.relacl) g join pg_roles r on r.oid = g.grantee
    where c.relnamespace = 'public'::regnamespace and r.rolname = any($1) and g.privilege_type <> 'MAINTAIN'`, [ROLE_KINDS.map((kind) => roleName(kind))])
  const has = (kind: RoleKind, table: string): string[] => rows.filter((row) => row.role === roleName(kind) && row.table === table).map(({ privilege }) => privilege).sort()
  for (const kind of ROLE_KINDS) {
    t.notOk(has(kind, 'audit_event').some((privilege) => !['SELECT', 'INSERT'].includes(privilege)), `${kind} only adds to the audit`)
    t.strictSame(has(kind, 'schema_migration'), ['SELECT'])
    t.strictSame(rows.filter((row) => row.role === roleName(kind) && ['TRUNCATE', 'TRIGGER', 'REFERENCES'].includes(row.privilege)), [])
  }
  t.strictSame([...new Set(rows.filter(({ role }) => role === roleName('partner')).map(({ privilege }) => privilege))], ['SELECT'], 'relying parties only read')
  t.strictSame(has('operator', 'signing_key'), [], 'operators do not see what tokens are signed with')
  t.strictSame(has('worker', 'api_key'), ['DELETE'], 'workers remove keys of operators that have ended, and do not see them')
  t.strictSame(has('api', 'policy'), ['SELECT'])
  t.strictSame(rows.filter(({ table }) => /_\d{8}$/.test(table)), [], 'nobody goes by a day of the journal itself')
  const { rows: open } = await client.query<{ name: string }>(`
    select p.proname as name from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef
      and has_function_privilege('public', p.oid, 'execute')`)
  t.strictSame(open, [], 'functions that run as the owner are not everybody\'s')
})

t.test('functions that run as the owner are not led astray by temporary objects of whoever calls them', async (t) => {
  const { url } = await createTestDatabase(t)
  const owner = await connect(t, url)
  const { rows: open } = await owner.query<{ name: string }>(`
    select p.oid::regprocedure::text as name from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef
      and coalesce(array_to_string(p.proconfig, ';'), '') !~ 'search_path=[^;]*pg_temp"?(;|$)'`)
  t.strictSame(open, [], 'all look there last')

  const [one, other] = await fillTables(owner, 2) as [string, string]
  await owner.query('update device_apps set builds = array[7]')
  const { rows: [mine] } = await owner.query<{ id: string }>('select id from device where tenant_id = $1', [one])
  const attacker = await connect(t, asRole(url, 'operator'))
  // A table of that name is what tells who sees all journals; this one is the attacker's own.
  await attacker.query('create temp table report_group (body text)')
  t.equal((await undone(attacker, one, async () => await attacker.query('select tenant_phones_with_build($1, array[7], $2)', [other, '00000000-0000-0000-0000-000000000000']))).rowCount, 0, 'no other tenant is shown')
  await attacker.query('create temp table report (device_id uuid, day date, id bigint)')
  await attacker.query("create function pg_temp.spy () returns trigger language plpgsql as $$ begin perform set_config('spy.ran_as', current_user, false); return old; end $$")
  await attacker.query('create trigger spy before delete on pg_temp.report for each row execute function pg_temp.spy()')
  await attacker.query('insert into pg_temp.report values ($1, current_date, 1)', [mine!.id])
  await undone(attacker, one, async () => await attacker.query('select erase_device_reports($1)', [mine!.id]))
  t.notOk((await attacker.query<{ who: string | null }>("select current_setting('spy.ran_as', true) as who")).rows[0]!.who, 'nothing of the attacker\'s ran as the owner')
})

t.test('neither COPY nor a setting shows more than the policy', async (t) => {
  const { url } = await createTestDatabase(t)
  const owner = await connect(t, url)
  const [one, other] = await fillTables(owner, 2) as [string, string]
  const operator = await connect(t, asRole(url, 'operator'))
  const copied = async (): Promise<string> => {
    const stream = operator.query(copyTo('copy device (tenant_id) to stdout'))
    let text = ''
    for await (const piece of stream) text += String(piece)
    return text
  }
  t.equal(await undone(operator, one, copied), `${one}\n`)
  t.equal(await undone(operator, undefined, copied), '')
  for (const setting of ['row_security = off', 'session_replication_role = replica']) {
    await t.rejects(undone(operator, one, async () => {
      await operator.query(`set local ${setting}`)
      await operator.query('select from device')
    }), { code: '42501' }, setting)
  }
  for (const look of ["pg_read_file('/etc/hostname')", "lo_import('/etc/hostname')", "pg_ls_dir('/')"]) await t.rejects(undone(operator, one, async () => await operator.query(`select ${look}`)), { code: '42501' }, look)
  await owner.query('analyze device')
  t.equal((await undone(operator, one, async () => await operator.query("select from pg_stats where tablename = 'device'"))).rowCount, 0, 'statistics tell of everybody\'s rows')
  t.notOk(JSON.stringify((await undone(operator, one, async () => await operator.query('explain (analyze, verbose) select * from device'))).rows).includes(other))
  // What is known of a conflict or a reference is known of rows that one does not see: of random ids alone.
  const { rows } = await owner.query<{ name: string }>(`
    select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indrelid
    where i.indisunique and c.relrowsecurity and not exists (
      select from pg_attribute a where a.attrelid = c.oid and a.attnum = any(i.indkey::smallint[])
        and (a.attname in ('tenant_id', 'tenant_number', 'chain') or a.atttypid in ('uuid'::regtype, 'bytea'::regtype) or a.attidentity <> '')
    ) order by 1`)
  t.strictSame(rows.map(({ name }) => name), [
    // Numbers that the database gives out, and places that end with whose they are.
    'audit_link_event_id_key', 'operator_grant_holder_idx', 'operator_session_place_idx', 'quarantined_report_pkey', 'report_group_pkey'
  ], 'every unique index names whose it is, or is over ids and hashes')
})

t.test('nobody\'s own table takes our trigger, which would run a cast of theirs as the owner', async (t) => {
  const { url } = await createTestDatabase(t)
  const owner = await connect(t, url)
  const attacker = await connect(t, asRole(url, 'partner'))
  // A type of the attacker's, and what PostgreSQL is to turn it into ours with wherever ours is wanted.
  await attacker.query('create temp table bait (id bigint, tenant_id uuid, at timestamptz, actor text, action text, subject text, detail jsonb)')
  await attacker.query(`
    create function pg_temp.turn (pg_temp.bait) returns audit_event language plpgsql as $$
    begin
      raise exception 'ran as %', current_user;
    end $$`)
  await attacker.query('create cast (pg_temp.bait as audit_event) with function pg_temp.turn (pg_temp.bait) as implicit')
  await t.rejects(attacker.query('create trigger chain after insert on pg_temp.bait for each row execute function chain_audit_event()'), { code: '42501' })
  await t.resolves(attacker.query("insert into pg_temp.bait (id, actor, action) values (1, 'x', 'x.y')"), 'nothing of the attacker\'s runs')

  const [one] = await fillTables(owner, 1) as [string]
  const operator = await connect(t, asRole(url, 'operator'))
  await operator.query(`begin; set local sallyport.tenant_id = '${one}'`)
  await operator.query('insert into audit_event (tenant_id, actor, action) values ($1, $2, $3)', [one, 'x', 'x.y'])
  await operator.query('commit')
  t.equal((await owner.query("select from audit_link l join audit_event e on e.id = l.event_id where e.action = 'x.y'")).rowCount, 1, 'our own table has it as before')
})
