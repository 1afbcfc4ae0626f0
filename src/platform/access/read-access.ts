import type pg from 'pg'

export interface GrantTarget {
  readonly kind: 'SCHEMA' | 'TABLE' | 'SEQUENCE' | 'FUNCTION'
  /** With its schema, quoted as statements have it. */
  readonly object: string
}

/** A right of a role; `column`: to this column of a table alone. */
export interface Grant extends GrantTarget {
  readonly role: string
  readonly privilege: string
  readonly column: string | null
}

/** All rights of these roles in these schemas. */
export async function listGrants (client: pg.ClientBase, schemas: readonly string[], roles: readonly string[]): Promise<Grant[]> {
  const { rows } = await client.query<Grant>(`
    with schema as (select oid, nspname, nspacl, '"' || replace(nspname, '"', '""') || '"' as quoted from pg_namespace where nspname = any($1)),
    relation as (select c.*, s.quoted || '."' || replace(c.relname, '"', '""') || '"' as quoted from pg_class c join schema s on s.oid = c.relnamespace),
    acl (kind, object, acl, col) as (
      select 'SCHEMA', quoted, nspacl, null::text from schema
      union all select case relkind when 'S' then 'SEQUENCE' else 'TABLE' end, quoted, relacl, null from relation
      union all select 'TABLE', r.quoted, a.attacl, a.attname::text from relation r join pg_attribute a on a.attrelid = r.oid where a.attacl is not null
      union all select 'FUNCTION', s.quoted || '.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')', p.proacl, null from pg_proc p join schema s on s.oid = p.pronamespace
    )
    select kind, object, r.rolname as role, privilege_type as privilege, col as "column"
    from acl cross join lateral aclexplode(acl) g join pg_roles r on r.oid = g.grantee
    where r.rolname = any($2)`, [schemas, roles])
  return rows
}

export interface TablePolicies {
  readonly name: string
  /** Row-level security is on. */
  readonly enabled: boolean
  readonly policies: ReadonlyArray<{ readonly name: string, readonly mark: string | null }>
}

/** The tables of the current schema, without the days of the journal, and their policies. */
export async function listPolicies (client: pg.ClientBase): Promise<TablePolicies[]> {
  const { rows } = await client.query<TablePolicies>(`
    select c.relname as name, c.relrowsecurity as enabled, coalesce((
      select jsonb_agg(jsonb_build_object('name', p.polname, 'mark', obj_description(p.oid, 'pg_policy'))) from pg_policy p where p.polrelid = c.oid
    ), '[]') as policies
    from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`)
  return rows
}
