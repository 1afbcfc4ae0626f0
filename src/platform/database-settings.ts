import { sql } from 'kysely'
import type { Database } from './database.js'

/** What of PostgreSQL's settings decides whether it keeps what it has acknowledged, and keeps going. */
export interface DatabaseSettings {
  /** As `server_version_num`: 180001. */
  readonly version: number
  /** Its clock minus ours, in ms, as well as one exchange tells. */
  readonly clockAheadMs: number
  readonly isReadOnly: boolean
  readonly encoding: string
  readonly timeZone: string
  readonly fsync: boolean
  readonly fullPageWrites: boolean
  readonly synchronousCommit: string
  readonly autovacuum: boolean
  readonly isolation: string
  /** Milliseconds; 0: no limit. */
  readonly statementTimeoutMs: number
  readonly idleInTransactionTimeoutMs: number
  readonly lockTimeoutMs: number
  /** Everybody who may log in to the database may make functions and tables in our schema. */
  readonly isSchemaOpen: boolean
}

interface Row extends Omit<DatabaseSettings, 'clockAheadMs'> { readonly now: number }

export async function readDatabaseSettings (db: Database): Promise<DatabaseSettings> {
  // The first query opens the connection, which takes a while.
  await sql`select 1`.execute(db)
  const askedAt = Date.now()
  const { rows: [row] } = await sql<Row>`
    select (extract(epoch from clock_timestamp()) * 1000)::float8 as now,
      current_setting('server_version_num')::integer as version,
      pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean as "isReadOnly",
      current_setting('server_encoding') as encoding,
      current_setting('TimeZone') as "timeZone",
      current_setting('fsync')::boolean as fsync,
      current_setting('full_page_writes')::boolean as "fullPageWrites",
      current_setting('synchronous_commit') as "synchronousCommit",
      current_setting('autovacuum')::boolean as autovacuum,
      current_setting('default_transaction_isolation') as isolation,
      (select max(setting::bigint) filter (where name = 'statement_timeout') from pg_settings) as "statementTimeoutMs",
      (select max(setting::bigint) filter (where name = 'idle_in_transaction_session_timeout') from pg_settings) as "idleInTransactionTimeoutMs",
      (select max(setting::bigint) filter (where name = 'lock_timeout') from pg_settings) as "lockTimeoutMs",
      coalesce(has_schema_privilege('public', current_schema()::text, 'create'), false) as "isSchemaOpen"`.execute(db)
  const answeredAt = Date.now()
  const { now, ...settings } = row!
  return { ...settings, clockAheadMs: now - (askedAt + answeredAt) / 2 }
}
