import { statfs } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Database } from './database.js'

/** How the PostgreSQL server is that we work on. */
export interface DatabaseHealth {
  readonly databaseBytes: number
  /** Of everybody, to all databases of the server. */
  readonly connections: number
  readonly maxConnections: number
  /** Null: none is open, or we may not see those of others. */
  readonly oldestTransactionSeconds: number | null
  /** Whose transaction that is. */
  readonly oldestTransactionApplication: string | null
  /** Transactions since the oldest row that is not frozen. */
  readonly xidAge: number
  /** Of the disk with its data; null where it is on another machine, or does not tell us where. */
  readonly disk: DiskSpace | null
}

export interface DiskSpace {
  readonly path: string
  readonly freeBytes: number
  readonly totalBytes: number
}

interface Row {
  readonly databaseBytes: number
  readonly connections: number
  readonly maxConnections: number
  readonly oldestTransactionSeconds: number | null
  readonly oldestTransactionApplication: string | null
  readonly xidAge: number
  readonly dataDirectory: string | null
}

export async function readDatabaseHealth (db: Database): Promise<DatabaseHealth> {
  const { rows: [row] } = await sql<Row>`
    select pg_database_size(current_database())::float8 as "databaseBytes",
      (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
      current_setting('max_connections')::integer as "maxConnections",
      extract(epoch from clock_timestamp() - oldest.xact_start)::float8 as "oldestTransactionSeconds",
      oldest.application_name as "oldestTransactionApplication",
      (select age(datfrozenxid) from pg_database where datname = current_database()) as "xidAge",
      -- Only on our own machine does its path say something to us.
      case when (inet_server_addr() is null or inet_server_addr() <<= '127.0.0.0/8' or inet_server_addr() = '::1') and pg_has_role(current_user, 'pg_read_all_settings', 'usage')
        then current_setting('data_directory') end as "dataDirectory"
    from (select 1) one left join lateral (
      select xact_start, application_name from pg_stat_activity
      where datname = current_database() and xact_start is not null and pid <> pg_backend_pid() order by xact_start limit 1
    ) oldest on true`.execute(db)
  const { dataDirectory, ...health } = row!
  return { ...health, disk: dataDirectory === null ? null : await readDiskSpace(dataDirectory) }
}

/** Null where there is no such path here: the server is in a container, and its loopback is ours. */
export async function readDiskSpace (path: string): Promise<DiskSpace | null> {
  try {
    const { bsize, bavail, blocks } = await statfs(path)
    return { path, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') return null
    throw error
  }
}
