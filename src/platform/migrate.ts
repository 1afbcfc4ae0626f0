import { setTimeout } from 'node:timers/promises'
import { createPostgresBackend, Queue } from 'bullmq'
import pg from 'pg'
import type { Logger } from 'pino'
import { applyAccess } from './access/apply-access.js'
import { RESTORE_MARK } from './backup/restore-mark.js'
import type { Database } from './database.js'
import { listMigrations, type Migration, splitStatements } from './migration-files.js'
import { QUEUE_NAMES } from './queue-names.js'
import { type Applied, compareSchema, SchemaVersionError } from './schema-version.js'
import { sqlState } from './database-errors.js'
import { type ShortLocksOptions, withShortLocks } from './short-locks.js'

/** BullMQ's tables live in a schema of their own (queues.ts). */
export const QUEUE_SCHEMA = 'bullmq'

// Any number serves, as long as nobody else uses it on this database.
export const MIGRATION_LOCK = 5_411_972_026

export interface MigrateOptions extends ShortLocksOptions {
  /** Of the owner of the tables. */
  readonly databaseUrl: string
  /** First part of the names of the roles (DATABASE_ROLE_PREFIX). */
  readonly rolePrefix?: string | undefined
  /** The last file to apply; then neither queues nor rights are looked at. For what is of an older version. */
  readonly upTo?: string | undefined
  /** A restore in the middle of its work: it may do what nobody else may before it is finished. */
  readonly isRestoring?: boolean
}

/**
 * Brings the database to this version's schema and answers the names of the files newly applied.
 * Several processes may call it at once: one works, the others wait. A database that is newer is
 * left as it is. Nobody who works meanwhile is held up for longer than a lock is waited for.
 * @throws SchemaVersionError when a file that was applied has changed since, or this version is too old for the database
 */
export async function migrate (options: MigrateOptions): Promise<string[]> {
  const { databaseUrl, log, upTo } = options
  const migrations = await listMigrations()
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'sallyport migrate' })
  // A connection that breaks fails the query; the event alone would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    // Must come first, so that processes that start together see each other's work.
    await takeTurn(client, log)
    await client.query(`create table if not exists schema_migration (
      name text primary key, sha256 text not null, applied_at timestamptz not null default now())`)
    await ensureMinimumColumn(client)
    const { missing, newer } = compareSchema(migrations, (await listApplied(client)).filter(({ name }) => options.isRestoring !== true || name !== RESTORE_MARK))
    if (newer.length > 0) {
      // Rights and queues are the newer version's to keep as well.
      log?.info({ newer }, 'the database is newer than this Sallyport, which can work with it')
      return []
    }
    const wanted = upTo === undefined ? missing : missing.filter(({ name }) => name <= upTo)
    for (const migration of wanted) {
      await applyMigration(client, migration, options)
      log?.info({ migration: migration.name }, 'migration applied')
    }
    if (upTo === undefined) {
      await migrateQueues(databaseUrl)
      await createQueueSequences(client)
      await applyAccess(client, { ...options, queueSchema: QUEUE_SCHEMA })
    }
    return wanted.map(({ name }) => name)
  } finally {
    await client.end()
  }
}

/** Waits for other migrations and backups to end, and says so: a backup may take hours. */
async function takeTurn (client: pg.ClientBase, log: Logger | undefined): Promise<void> {
  const isTaken = async (): Promise<boolean> => (await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [MIGRATION_LOCK])).rows[0]!.taken
  if (await isTaken()) return
  const { rows } = await client.query<{ pid: number, name: string }>(`
    select a.pid, a.application_name as name from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'advisory' and l.granted and l.database = (select oid from pg_database where datname = current_database()) and (l.classid::bigint << 32) + l.objid::bigint = $1`, [MIGRATION_LOCK])
  log?.warn({ holders: rows.map(({ pid, name }) => `${name} (process ${pid} of the server)`) }, 'the migration waits until another one, or a backup, has ended')
  // Asked again and again: a statement that waits has a snapshot, and `create index concurrently` of the other would wait for that.
  while (!await isTaken()) await setTimeout(TURN_PAUSE_MS)
}

const TURN_PAUSE_MS = 200

export interface SchemaGap {
  /** Migrations of this version that the database does not have. */
  readonly missing: readonly string[]
  /** Those that a newer version has applied. */
  readonly newer: readonly string[]
}

/** How the database's schema differs from this version's. @throws SchemaVersionError when they do not go together */
export async function readSchemaGap (db: Database): Promise<SchemaGap> {
  const applied = await db.selectFrom('schema_migration').selectAll().execute().catch((error: unknown) => {
    // Nobody has migrated it yet.
    if (sqlState(error) === '42P01') return []
    throw error
  })
  const { missing, newer } = compareSchema(await listMigrations(), applied)
  return { missing: missing.map(({ name }) => name), newer }
}

/** `isRestoring`: as of `migrate`. @throws SchemaVersionError when a process of this version cannot work with the database */
export async function requireSchema (db: Database, log: Logger, { isRestoring = false } = {}): Promise<void> {
  // All columns: a database of an older version lacks some.
  const applied = await db.selectFrom('schema_migration').selectAll().execute().catch((error: unknown) => { throw explainNoSchema(error) })
  const { missing, newer } = compareSchema(await listMigrations(), applied.filter(({ name }) => !isRestoring || name !== RESTORE_MARK))
  if (missing.length > 0) throw new SchemaVersionError(`the database lacks ${missing.map(({ name }) => name).join(', ')}: run \`sallyport migrate\` first`)
  if (newer.length > 0) log.info({ newer }, 'the database is newer than this Sallyport, which can work with it')
}

/** What the server says to whoever comes before everything is there. */
function explainNoSchema (error: unknown): unknown {
  const { message, code } = error as { message: string, code?: string }
  const isNotThere = code === '42P01' || (code === '22023' && /role .* does not exist/.test(message))
  if (isNotThere) return new SchemaVersionError(`the database is not ready (${message}): run \`sallyport migrate\` first`, { cause: error })
  if (code === '42501' && /set role/.test(message)) return new SchemaVersionError(`${message}: whoever DATABASE_URL logs in as must be a member of this role`, { cause: error })
  return error
}

/** Databases of the first versions lack it. */
async function ensureMinimumColumn (client: pg.ClientBase): Promise<void> {
  const { rowCount } = await client.query("select from pg_attribute where attrelid = 'schema_migration'::regclass and attname = 'minimum' and not attisdropped")
  if (rowCount === 0) await client.query('alter table schema_migration add column minimum text')
}

async function listApplied (client: pg.ClientBase): Promise<Applied[]> {
  return (await client.query<Applied>('select name, sha256, minimum from schema_migration')).rows
}

async function applyMigration (client: pg.ClientBase, migration: Migration, options: ShortLocksOptions): Promise<void> {
  const { name, sql, sha256, minimum } = migration
  const note = async (): Promise<void> => { await client.query('insert into schema_migration (name, sha256, minimum) values ($1, $2, $3)', [name, sha256, minimum]) }
  if (!migration.inTransaction) {
    for (const statement of splitStatements(sql)) {
      await withShortLocks(client, name, options, async () => {
        await dropUnfinishedIndex(client, statement)
        await client.query(statement)
      })
    }
    await note()
    return
  }
  await withShortLocks(client, name, options, async () => {
    await client.query('begin')
    await client.query(sql)
    await note()
    await client.query('commit')
  })
}

/** What an attempt before left behind: an index that is written to and never read. */
async function dropUnfinishedIndex (client: pg.ClientBase, statement: string): Promise<void> {
  const name = /^create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(\w+)/i.exec(statement)?.[1]
  if (name === undefined) return
  const { rowCount } = await client.query('select from pg_index where indexrelid = to_regclass($1) and not indisvalid', [name])
  if (rowCount !== 0) await client.query(`drop index concurrently ${name}`)
}

/** BullMQ makes a queue's sequence with its first job; but roles that use the queues may make nothing. */
async function createQueueSequences (client: pg.ClientBase): Promise<void> {
  for (const name of QUEUE_NAMES) {
    const { rows: [sequence] } = await client.query<{ name: string }>(`select format('%I.%I', $2::text, ${QUEUE_SCHEMA}.job_id_seq_name($1)) as name`, [name, QUEUE_SCHEMA])
    await client.query(`create sequence if not exists ${sequence!.name}`)
  }
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
