import { randomBytes, randomUUID } from 'node:crypto'
import type pg from 'pg'

interface Column { readonly name: string, readonly type: string, readonly references: { readonly table: string, readonly column: string } | null, readonly choice: string | null }
interface Table { readonly name: string, readonly columns: readonly Column[] }

/** Where a rule over several columns must hold, what makes a row right. */
const RIGHT: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  suppression: { detection: 'dev-usb-debugging' },
  policy: { version: 1 },
  api_key: { role: 'viewer' },
  vulnerability: { kind: 'os', platform: 'android' },
  intel_change: { kind: 'all' },
  device_state: { state: '{"origins":{}}' },
  app_build: { app: '{"appId":"org.example"}' }
}
/** Have their row already, get it from a trigger, or are no data of ours. */
const LEFT_OUT = new Set(['schema_migration', 'intel_version', 'history_cut', 'audit_link'])

/**
 * Puts a row of each tenant into every table of the present schema, whatever version it is of:
 * what a row must have is read from the catalog. Answers the ids of the tenants.
 */
export async function fillTables (client: pg.ClientBase, tenants: number): Promise<string[]> {
  const tables = await listTables(client)
  const ids: string[] = []
  for (let n = 0; n < tenants; n++) {
    const made = new Map<string, Record<string, unknown>>()
    for (const table of tables) {
      const row: Record<string, unknown> = {}
      for (const column of table.columns) row[column.name] = valueOf(table.name, column, made)
      const names = Object.keys(row)
      const { rows: [stored] } = await client.query<Record<string, unknown>>(
        `insert into ${table.name} ${names.length === 0 ? 'default values' : `(${names.map((name) => `"${name}"`).join(', ')}) values (${names.map((_, index) => `$${index + 1}`).join(', ')})`} returning *`,
        Object.values(row)).catch((error: Error) => { throw new Error(`a row for ${table.name}: ${error.message}`, { cause: error }) })
      made.set(table.name, stored!)
    }
    ids.push(made.get('tenant')!.id as string)
  }
  return ids
}

/** Tables and the columns that a row must have, referenced tables first. */
async function listTables (client: pg.ClientBase): Promise<Table[]> {
  const { rows } = await client.query<{ table: string, column: string | null, required: boolean, type: string, to_table: string | null, to_column: string | null, choice: string | null, needs: string[] }>(`
    select c.relname as "table", a.attname as "column", format_type(a.atttypid, null) as type,
      a.attnotnull and not a.atthasdef or a.attname in ('tenant_id', 'device_id', 'tenant_number') as required, f.to_table, f.to_column,
      (select (regexp_match(pg_get_constraintdef(k.oid), '''([^'']+)'''))[1] from pg_constraint k
        where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum]) as choice,
      array(select distinct k.confrelid::regclass::text from pg_constraint k where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid) as needs
    from pg_class c
    left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attidentity = '' and a.attgenerated = ''
      and (a.attnotnull and not a.atthasdef or a.attname in ('tenant_id', 'device_id', 'tenant_number') or a.attname = any($1))
    left join lateral (
      select k.confrelid::regclass::text as to_table, t.attname as to_column from pg_constraint k join pg_attribute t on t.attrelid = k.confrelid and t.attnum = k.confkey[1]
      where k.conrelid = c.oid and k.contype = 'f' and k.conkey = array[a.attnum] limit 1
    ) f on true
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    order by c.relname, a.attnum`, [Object.values(RIGHT).flatMap((row) => Object.keys(row))])
  const byName = new Map<string, { needs: readonly string[], columns: Column[] }>()
  for (const row of rows) {
    if (LEFT_OUT.has(row.table)) continue
    const table = byName.get(row.table) ?? { needs: row.needs, columns: [] }
    byName.set(row.table, table)
    if (row.column !== null && (row.required || RIGHT[row.table]?.[row.column] !== undefined)) table.columns.push({ name: row.column, type: row.type, references: row.to_table === null ? null : { table: row.to_table, column: row.to_column! }, choice: row.choice })
  }
  const sorted: Table[] = []
  const visit = (name: string): void => {
    const table = byName.get(name)
    if (table === undefined || sorted.some((one) => one.name === name)) return
    // Tenants and phones are named by id also where no reference says so.
    for (const need of [...table.needs, ...(name === 'tenant' ? [] : name === 'device' ? ['tenant'] : ['tenant', 'device'])]) if (need !== name) visit(need)
    sorted.push({ name, columns: table.columns })
  }
  for (const name of byName.keys()) visit(name)
  return sorted
}

/** Numbers that were given out: each once, and small enough for any type of number. */
let numbers = 0

function valueOf (table: string, { name, type, references, choice }: Column, made: ReadonlyMap<string, Readonly<Record<string, unknown>>>): unknown {
  const right = RIGHT[table]?.[name]
  if (right !== undefined) return right
  if (references !== null) return made.get(references.table)?.[references.column] ?? null
  if (name === 'tenant_id') return made.get('tenant')!.id
  if (name === 'tenant_number') return made.get('tenant')!.number
  if (name === 'device_id') return made.get('device')!.id
  if (choice !== null) return choice
  if (type.endsWith('[]')) return '{}'
  switch (type) {
    case 'uuid': return randomUUID()
    case 'bytea': return randomBytes(32)
    case 'jsonb': return '{}'
    case 'boolean': return true
    case 'date': return new Date().toISOString().slice(0, 10)
    case 'timestamp with time zone': return new Date()
    case 'text': return randomBytes(6).toString('hex')
    default: return ++numbers
  }
}
