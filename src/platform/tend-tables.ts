import { sql } from 'kysely'
import type { Database } from './database.js'

export interface TendTablesResult {
  readonly vacuumed: readonly string[]
  readonly analyzed: readonly string[]
  /** What people have to look at: autovacuum cannot keep up, or may not. */
  readonly hints: ReadonlyArray<{ readonly table: string | null, readonly hint: string }>
}

interface TableRow {
  readonly name: string
  readonly live: number
  readonly dead: number
  readonly changed: number
  readonly frozen_age: number
  readonly may_maintain: boolean
}

/** More dead rows than live ones by this share: autovacuum, which begins at a fifth or less, does not get there. */
const DEAD_SHARE = 0.5
const MIN_DEAD = 10_000
/** So many changed since the planner last looked: its plans may be wrong by orders of magnitude. */
const CHANGED_SHARE = 0.5
const MIN_CHANGED = 10_000
/** PostgreSQL itself becomes aggressive at 200 million (autovacuum_freeze_max_age) and stops at two thousand. */
const OLD_TRANSACTIONS = 1_000_000_000
/** A transaction open for so long keeps dead rows from being removed anywhere. */
const OPEN_MINUTES = 15
/** In one run; the rest comes with the next. */
const MAX_TABLES = 3

/**
 * Looks where autovacuum is behind, does the worst tables where our role may, and says what else people should know.
 * The signal's reason is thrown between two tables.
 */
export async function tendTables (db: Database, { signal }: { readonly signal?: AbortSignal } = {}): Promise<TendTablesResult> {
  const tables = await readTables(db)
  const isDead = ({ live, dead }: TableRow): boolean => dead >= MIN_DEAD && dead > live * DEAD_SHARE
  const isUnknown = ({ live, changed }: TableRow): boolean => changed >= MIN_CHANGED && changed > live * CHANGED_SHARE
  const behind = tables.filter((table) => isDead(table) || isUnknown(table)).sort((a, b) => b.dead + b.changed - a.dead - a.changed)
  const vacuumed: string[] = []
  const analyzed: string[] = []
  for (const table of behind.filter(({ may_maintain: may }) => may).slice(0, MAX_TABLES)) {
    signal?.throwIfAborted()
    await maintain(db, table.name, isDead(table))
    if (isDead(table)) vacuumed.push(table.name)
    analyzed.push(table.name)
  }
  const hints: Array<{ table: string | null, hint: string }> = behind.filter(({ may_maintain: may }) => !may).map(({ name, live, dead, changed }) => ({
    table: name, hint: `autovacuum is behind: ${dead} dead rows beside ${live}, ${changed} changed since it was last analysed. Let its owner run VACUUM (ANALYZE), or grant MAINTAIN on it to our role (PostgreSQL 17).`
  }))
  for (const { name, frozen_age: age } of tables) {
    if (age > OLD_TRANSACTIONS) hints.push({ table: name, hint: `its oldest transaction is ${age} transactions old; at 2,000,000,000 PostgreSQL refuses to write. Look for what keeps VACUUM from freezing it.` })
  }
  for (const { pid, minutes } of await readLongTransactions(db)) {
    hints.push({ table: null, hint: `a transaction of process ${pid} has been open for ${minutes} minutes; until it ends no dead rows are removed.` })
  }
  return { vacuumed, analyzed, hints }
}

async function readTables (db: Database): Promise<TableRow[]> {
  const { rows } = await sql<TableRow>`
    select format('%I.%I', s.schemaname, s.relname) as name, s.n_live_tup::float8 as live, s.n_dead_tup::float8 as dead, s.n_mod_since_analyze::float8 as changed, age(c.relfrozenxid)::float8 as frozen_age,
      pg_has_role(c.relowner, 'usage')
        or case when current_setting('server_version_num')::integer >= 170000 then has_table_privilege(c.oid, 'MAINTAIN') else false end as may_maintain
    from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    where c.relkind = 'r' and c.relpersistence <> 't'`.execute(db)
  return rows
}

async function readLongTransactions (db: Database): Promise<Array<{ readonly pid: number, readonly minutes: number }>> {
  const { rows } = await sql<{ pid: number, minutes: number }>`
    select pid, floor(extract(epoch from now() - xact_start) / 60)::integer as minutes from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and xact_start < now() - make_interval(mins => ${OPEN_MINUTES}) and backend_xmin is not null
    order by xact_start limit 5`.execute(db)
  return rows
}

/** At autovacuum's own pace, so that nobody feels it; a table that somebody locks is left out. */
async function maintain (db: Database, name: string, isDead: boolean): Promise<void> {
  await db.connection().execute(async (connection) => {
    await sql`set vacuum_cost_delay = '2ms'`.execute(connection)
    try {
      // The name comes from the catalogue, quoted there.
      await sql.raw(`${isDead ? 'vacuum (analyze, skip_locked)' : 'analyze (skip_locked)'} ${name}`).execute(connection)
    } finally {
      await sql`reset vacuum_cost_delay`.execute(connection)
    }
  })
}
