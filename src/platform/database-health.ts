import { statfs } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Database } from './database.js'

/** How the PostgreSQL server is that we work on. */
export interface DatabaseHealth {
  readonly databaseBytes: number
  /** Of everybody, to all databases of the server. */
  readonly connections: number
  readonly maxConnections: number
  /** Of these, kept for superusers and for roles with `pg_use_reserved_connections`: not for us. */
  readonly reservedConnections: number
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

interface Row extends Omit<DatabaseHealth, 'disk'> {
  readonly dataDirectory: string | null
}

export async function readDatabaseHealth (db: Database): Promise<DatabaseHealth> {
  const { rows: [row] } = await sql<Row>`
    select pg_database_size(current_database())::float8 as "databaseBytes",
      (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
      current_setting('max_connections')::integer as "maxConnections",
      current_setting('superuser_reserved_connections')::integer + coalesce(current_setting('reserved_connections', true), '0')::integer as "reservedConnections",
      a.oldest_seconds as "oldestTransactionSeconds", a.oldest_application as "oldestTransactionApplication", a.data_directory as "dataDirectory",
      (select age(datfrozenxid) from pg_database where datname = current_database()) as "xidAge"
    from read_server_activity() a`.execute(db)
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
