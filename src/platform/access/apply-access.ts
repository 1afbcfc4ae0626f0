import { createHash } from 'node:crypto'
import type pg from 'pg'
import { DEFAULT_ROLE_PREFIX, ROLE_KINDS, type RoleKind, roleName, TENANT_ROLES } from './database-roles.js'
import { listGrants, listPolicies, type Grant, type GrantTarget, type TablePolicies } from './read-access.js'
import { quoteName } from '../quote-name.js'
import { type ShortLocksOptions, withShortLocks } from '../short-locks.js'
import { FUNCTION_ACCESS, OWNER_ALONE, QUEUE_ROLES, SEQUENCE_ACCESS, TABLE_ACCESS, type TenantOf } from './table-access.js'

const PRIVILEGES: Readonly<Record<string, string>> = { s: 'SELECT', i: 'INSERT', u: 'UPDATE', d: 'DELETE' }

/** The migrating user may not make roles. The message says what somebody who may must run. */
export class RolesMissingError extends Error {
  constructor (statements: readonly string[], cause: unknown) {
    super(`The database lacks roles that Sallyport works in, and this user may not make them. Have somebody run as an administrator of the server, then migrate again:\n${statements.map((one) => `  ${one};`).join('\n')}`, { cause })
  }
}

export interface ApplyAccessOptions extends ShortLocksOptions {
  readonly rolePrefix?: string | undefined
  readonly queueSchema: string
}

/**
 * Makes roles, grants and policies what table-access.ts says, and nothing else. What is right
 * already is not touched, so that a start changes nothing. Must be connected as the owner of the
 * tables, under the migrator's lock.
 */
export async function applyAccess (client: pg.ClientBase, options: ApplyAccessOptions): Promise<void> {
  const { rolePrefix = DEFAULT_ROLE_PREFIX, queueSchema } = options
  const role = (kind: RoleKind): string => roleName(kind, rolePrefix)
  const roles = ROLE_KINDS.map(role)
  await ensureRoles(client, roles)
  await refuseMightyRoles(client, roles)
  const { rows: [schema] } = await client.query<{ name: string }>('select current_schema() as name')
  const schemas = [schema!.name, queueSchema]
  await closeToEverybody(client, schema!.name)

  const wanted = await listWanted(client, schema!.name, queueSchema, role)
  const present = new Map((await listGrants(client, schemas, roles)).map((grant) => [keyOf(grant), grant]))
  // First what is taken away: to take a right to a table away takes those to its columns as well.
  for (const [key, grant] of present) if (!wanted.has(key)) await client.query(statementOf('revoke', grant))
  const left = new Map((await listGrants(client, schemas, roles)).map((grant) => [keyOf(grant), grant]))
  for (const [key, grant] of wanted) if (!left.has(key)) await client.query(statementOf('grant', grant))

  await applyPolicies(client, role, options)
}

/**
 * Takes away what PostgreSQL lets everybody do unasked. Whoever may make things in our schema can put a function or operator of their own in the way of ours, and
 * what runs as the owner would run it (databases that come from before PostgreSQL 15 are so). Whoever may execute a trigger's function can make it the trigger of
 * a table of theirs: what it does with the row, through a type of theirs and a cast from it to ours, is then their code run as the owner.
 */
async function closeToEverybody (client: pg.ClientBase, schema: string): Promise<void> {
  const { rows: [open] } = await client.query<{ schema: boolean, functions: string[] }>(`
    select has_schema_privilege('public', n.oid, 'create') and pg_has_role(n.nspowner, 'usage') as schema, array(
      select p.oid::regprocedure::text from pg_proc p
      where p.pronamespace = n.oid and p.proname || '(' || oidvectortypes(p.proargtypes) || ')' = any($2) and has_function_privilege('public', p.oid, 'execute')
    ) as functions
    from pg_namespace n where n.nspname = $1`, [schema, [...Object.keys(FUNCTION_ACCESS), ...OWNER_ALONE]])
  // A schema of somebody else's stays as they have it; `sallyport doctor` tells.
  if (open!.schema) await client.query(`revoke create on schema ${quoteName(schema)} from public`)
  for (const name of open!.functions) await client.query(`revoke execute on function ${name} from public`)
}

/** All grants that there shall be, by what tells them apart. */
async function listWanted (client: pg.ClientBase, schema: string, queueSchema: string, role: (kind: RoleKind) => string): Promise<ReadonlyMap<string, Grant>> {
  const wanted = new Map<string, Grant>()
  const want = (kind: RoleKind, target: GrantTarget, privilege: string, columns: readonly string[] = []): void => {
    for (const column of columns.length === 0 ? [null] : columns) {
      const grant = { ...target, role: role(kind), privilege, column }
      wanted.set(keyOf(grant), grant)
    }
  }
  for (const kind of ROLE_KINDS) want(kind, { kind: 'SCHEMA', object: quoteName(schema) }, 'USAGE')
  for (const [table, access] of Object.entries(TABLE_ACCESS)) {
    for (const kind of ROLE_KINDS) {
      for (const one of (access[kind] ?? '').split(' ').filter((text) => text !== '')) {
        const [letter = '', columns] = one.split(':')
        want(kind, { kind: 'TABLE', object: `${quoteName(schema)}.${quoteName(table)}` }, PRIVILEGES[letter]!, columns?.split(','))
      }
    }
  }
  const { rows: [server] } = await client.query<{ version: number }>("select current_setting('server_version_num')::integer as version")
  for (const [sequence, kinds] of Object.entries(SEQUENCE_ACCESS)) for (const kind of kinds) want(kind, { kind: 'SEQUENCE', object: `${quoteName(schema)}.${quoteName(sequence)}` }, 'USAGE')
  for (const [signature, kinds] of Object.entries(FUNCTION_ACCESS)) for (const kind of kinds) want(kind, { kind: 'FUNCTION', object: `${quoteName(schema)}.${signature}` }, 'EXECUTE')
  await wantQueues(client, queueSchema, want)
  // To vacuum and analyse (src/platform/tend-tables.ts); before, only owners could. A partition is asked for its own right.
  if (server!.version >= 170_000) for (const object of await listMaintained(client, schema, queueSchema)) want('worker', { kind: 'TABLE', object }, 'MAINTAIN')
  return wanted
}

async function listMaintained (client: pg.ClientBase, ...schemas: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ schema: string, name: string }>(
    "select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = any($1) and c.relkind in ('r', 'p')", [schemas])
  return rows.map(({ schema, name }) => `${quoteName(schema)}.${quoteName(name)}`)
}

const keyOf = ({ kind, object, role, privilege, column }: Grant): string => [kind, object, role, privilege, column ?? ''].join('\t')

function statementOf (verb: 'grant' | 'revoke', { kind, object, role, privilege, column }: Grant): string {
  return `${verb} ${privilege}${column === null ? '' : ` (${quoteName(column)})`} on ${kind} ${object} ${verb === 'grant' ? 'to' : 'from'} ${quoteName(role)}`
}

/** BullMQ's own tables and sequences: whoever uses the queues uses all of them. */
async function wantQueues (client: pg.ClientBase, queueSchema: string, want: (kind: RoleKind, target: GrantTarget, privilege: string) => void): Promise<void> {
  const { rows } = await client.query<{ name: string, sequence: boolean }>(
    "select relname as name, relkind = 'S' as sequence from pg_class where relnamespace = to_regnamespace($1) and relkind in ('r', 'p', 'S')", [quoteName(queueSchema)])
  for (const kind of QUEUE_ROLES) {
    want(kind, { kind: 'SCHEMA', object: quoteName(queueSchema) }, 'USAGE')
    for (const { name, sequence } of rows) {
      const target = { kind: sequence ? 'SEQUENCE' : 'TABLE', object: `${quoteName(queueSchema)}.${quoteName(name)}` } as const
      for (const privilege of sequence ? ['USAGE'] : ['SELECT', 'INSERT', 'UPDATE', 'DELETE']) want(kind, target, privilege)
    }
  }
}

/** Makes the roles that are missing and whoever migrates their member, so that all of Sallyport can run on one address. */
async function ensureRoles (client: pg.ClientBase, roles: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string, made: boolean, member: boolean, version: number, login: string }>(`
    select name, r.oid is not null as made, coalesce(pg_has_role(session_user, r.oid, 'member'), false) as member, current_setting('server_version_num')::integer as version, session_user as login
    from unnest($1::text[]) with ordinality wanted (name, place) left join pg_roles r on r.rolname = name order by place`, [roles])
  const statements = rows.flatMap(({ name, made, member, version, login }) => [
    ...(made ? [] : [`create role ${quoteName(name)} nologin`]),
    // Not inherited: a statement has these rights only where the role is taken on.
    ...(member ? [] : [`grant ${quoteName(name)} to ${quoteName(login)}${version >= 160_000 ? ' with inherit false, set true' : ''}`])
  ])
  for (const [place, statement] of statements.entries()) {
    try {
      await client.query(statement)
    } catch (error) {
      const code = (error as { code?: string }).code
      // Another database of the server is being migrated at the same time: roles are the server's, the migrator's lock is the database's.
      if (code === '42710' || code === '23505') continue
      if (code === '42501') throw new RolesMissingError(statements.slice(place), error)
      throw error
    }
  }
}

/** Roles belong to the server, and may have been made by somebody else: one that has more than we give it would see past all policies. */
async function refuseMightyRoles (client: pg.ClientBase, roles: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string, mighty: boolean, others: string[] }>(`
    select * from (
      select r.rolname as name, r.rolsuper or r.rolbypassrls as mighty, array(
        select o.rolname::text from pg_roles o where o.oid <> r.oid and pg_has_role(r.oid, o.oid, 'usage')
          and (o.rolname = any($1) or o.rolsuper or o.rolbypassrls or o.oid = (select relowner from pg_class where oid = to_regclass('tenant')))
        order by 1
      ) as others
      from pg_roles r where r.rolname = any($1)
    ) ours where mighty or others <> '{}' order by name`, [roles])
  if (rows.length === 0) return
  const repairs = rows.map(({ name, mighty, others }) => mighty ? `alter role ${quoteName(name)} nosuperuser nobypassrls` : `revoke ${others.map(quoteName).join(', ')} from ${quoteName(name)}`)
  throw new Error(`Roles that Sallyport works in have more rights than it gives them, and tenants would not be kept apart: ${rows.map(({ name }) => name).join(', ')}. Have somebody run as an administrator of the server, then migrate again:\n${repairs.map((one) => `  ${one};`).join('\n')}`)
}

interface Policy { readonly name: string, readonly kinds: readonly RoleKind[], readonly where: string }

/** What a table's rows are shown by: nothing for what is no tenant's. */
export function policiesOf (tenant: TenantOf): readonly Policy[] {
  if (tenant === 'shared') return []
  const others = ROLE_KINDS.filter((kind) => !TENANT_ROLES.includes(kind))
  const all: Policy = { name: 'all_tenants', kinds: others, where: 'true' }
  return tenant === 'mixed' ? [all] : [all, { name: 'one_tenant', kinds: TENANT_ROLES, where: conditionOf(tenant) }]
}

function conditionOf (tenant: Exclude<TenantOf, 'mixed' | 'shared'>): string {
  if (tenant === 'tenant_id') return 'tenant_id = current_tenant_id()'
  // Asked once for a statement, not for each row.
  if (tenant === 'tenant_number') return 'tenant_number = (select t.number from tenant t where t.id = current_tenant_id())'
  return tenant.where
}

/** Each table by itself, so that none is closed for longer than it takes, and at no moment without the policy that it had. */
async function applyPolicies (client: pg.ClientBase, role: (kind: RoleKind) => string, options: ShortLocksOptions): Promise<void> {
  const present = new Map((await listPolicies(client)).map((table) => [table.name, table]))
  for (const [table, { tenant }] of Object.entries(TABLE_ACCESS)) {
    const there = present.get(table)
    if (there === undefined) throw new Error(`table-access.ts tells of a table ${table} that the migrations do not make`)
    const statements = policyStatements(table, policiesOf(tenant), there, role)
    if (statements.length > 0) await withShortLocks(client, `policies of ${table}`, options, async () => { await client.query(['begin', ...statements, 'commit'].join(';\n')) })
  }
}

function policyStatements (table: string, wanted: readonly Policy[], there: TablePolicies, role: (kind: RoleKind) => string): string[] {
  const drop = (name: string): string => `drop policy ${quoteName(name)} on ${quoteName(table)}`
  const statements = there.policies.filter(({ name }) => !wanted.some((one) => one.name === name)).map(({ name }) => drop(name))
  for (const { name, kinds, where } of wanted) {
    const text = `on ${quoteName(table)} for all to ${kinds.map((kind) => quoteName(role(kind))).join(', ')} using (${where}) with check (${where})`
    const mark = createHash('sha256').update(text).digest('hex')
    const found = there.policies.find((one) => one.name === name)
    if (found?.mark === mark) continue
    // The server keeps the condition in its own words; so what was asked for is told by the comment.
    statements.push(...(found === undefined ? [] : [drop(name)]), `create policy ${quoteName(name)} ${text}`, `comment on policy ${quoteName(name)} on ${quoteName(table)} is '${mark}'`)
  }
  if (there.enabled !== (wanted.length > 0)) statements.push(`alter table ${quoteName(table)} ${wanted.length > 0 ? 'enable' : 'disable'} row level security`)
  return statements
}
