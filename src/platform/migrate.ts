import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createPostgresBackend, Queue } from 'bullmq'
import { sql } from 'kysely'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Database } from './database.js'
import { packageRoot } from './package-root.js'

/** BullMQ's tables live in a schema of their own (queues.ts). */
export const QUEUE_SCHEMA = 'bullmq'

// Any number serves, as long as nobody else uses it on this database.
const LOCK = 5_411_972_026

interface Migration {
  readonly name: string
  readonly text: string
  readonly sha256: string
}

async function listMigrations (): Promise<Migration[]> {
  const folder = join(packageRoot, 'migrations')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return await Promise.all(names.map(async (name) => {
    const text = await readFile(join(folder, name), 'utf8')
    return { name, text, sha256: createHash('sha256').update(text).digest('hex') }
  }))
}

/**
 * Brings the database to this version's schema and answers the names of the files newly
 * applied. Several processes may call it at once: one works, the others wait.
 * @throws when a file that was applied has changed since, or the database is newer than the code.
 */
export async function migrate (options: { readonly databaseUrl: string, readonly log?: Logger }): Promise<string[]> {
  const migrations = await listMigrations()
  const client = new pg.Client({ connectionString: options.databaseUrl, application_name: 'sallyport migrate' })
  // A connection that breaks fails the query; the event alone would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    // Must come first, so that processes that start together see each other's work.
    await client.query('select pg_advisory_lock($1)', [LOCK])
    await client.query(`create table if not exists schema_migration (
      name text primary key, sha256 text not null, applied_at timestamptz not null default now())`)
    const { rows } = await client.query<{ name: string, sha256: string }>('select name, sha256 from schema_migration')
    const applied = new Map(rows.map(({ name, sha256 }) => [name, sha256]))
    assertSameHistory(migrations, applied)

    const missing = migrations.filter(({ name }) => !applied.has(name))
    for (const { name, text, sha256 } of missing) {
      await client.query('begin')
      await client.query(text)
      await client.query('insert into schema_migration (name, sha256) values ($1, $2)', [name, sha256])
      await client.query('commit')
      options.log?.info({ migration: name }, 'migration applied')
    }
    await migrateQueues(options.databaseUrl)
    return missing.map(({ name }) => name)
  } finally {
    await client.end()
  }
}

export interface SchemaGap {
  /** Migrations of this version that the database does not have. */
  readonly missing: readonly string[]
  /** Those that a newer version has applied. */
  readonly newer: readonly string[]
}

/** How the database's schema differs from this version's. */
export async function compareSchema (db: Database): Promise<SchemaGap> {
  const names = (await readdir(join(packageRoot, 'migrations'))).filter((name) => name.endsWith('.sql')).sort()
  const { rows } = await sql<{ name: string }>`select name from schema_migration order by name`.execute(db)
  const applied = rows.map(({ name }) => name)
  return { missing: names.filter((name) => !applied.includes(name)), newer: applied.filter((name) => !names.includes(name)) }
}

function assertSameHistory (migrations: readonly Migration[], applied: ReadonlyMap<string, string>): void {
  for (const { name, sha256 } of migrations) {
    const before = applied.get(name)
    if (before !== undefined && before !== sha256) throw new Error(`migrations/${name} was changed after it had been applied to this database`)
  }
  const known = new Set(migrations.map(({ name }) => name))
  const unknown = [...applied.keys()].filter((name) => !known.has(name))
  if (unknown.length > 0) throw new Error(`this database is newer than this Sallyport: it has ${unknown.join(', ')}`)
}

/** BullMQ brings its own schema up to date. */
async function migrateQueues (databaseUrl: string): Promise<void> {
  const queue = new Queue('migration', {
    connection: { connectionString: databaseUrl, schema: QUEUE_SCHEMA, migrate: true, max: 1 }
  }, createPostgresBackend)
  try {
    await queue.waitUntilReady()
  } finally {
    await queue.close()
  }
}
