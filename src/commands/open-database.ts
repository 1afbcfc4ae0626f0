import { lstat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { loadConfig } from '../config.js'
import { type Database, openDatabase } from '../platform/database.js'
import { startEmbeddedPostgres } from '../platform/embedded-postgres.js'
import { FolderInUseError } from '../platform/folder-lock.js'
import { createLifecycle, type Lifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { migrate } from '../platform/migrate.js'
import { openQueues, type Queues } from '../platform/queues.js'
import { readRunning } from './running-file.js'

/** What a command that works on stored things gets. */
export interface OpenedDatabase {
  readonly db: Database
  readonly databaseUrl: string
  /** Opened when it is first asked for. */
  queues (): Promise<Queues>
  readonly log: Logger
  readonly lifecycle: Lifecycle
}

/**
 * Does something in the database that the environment names, else in that of the embedded installation of the data
 * folder, whether it runs or not. @throws when there is neither
 */
export async function withStore (env: NodeJS.ProcessEnv, folder: string | undefined, work: (store: OpenedDatabase) => Promise<void>): Promise<void> {
  const config = loadConfig(env)
  const log = createLogger({ level: env.LOG_LEVEL === undefined || env.LOG_LEVEL === '' ? 'warn' : config.LOG_LEVEL })
  const lifecycle = createLifecycle(log)
  try {
    const databaseUrl = config.DATABASE_URL ?? await migratedUrl(resolve(folder ?? 'data'), config.DATABASE_ROLE_PREFIX, log, lifecycle)
    const db = openDatabase({ connectionString: databaseUrl, maxConnections: 3, applicationName: 'sallyport command' })
    lifecycle.onStop('database', async () => await db.destroy())
    let queues: Promise<Queues> | undefined
    await work({
      db,
      databaseUrl,
      log,
      lifecycle,
      async queues () {
        queues ??= openQueues({ databaseUrl, redisUrl: config.REDIS_URL, prefix: config.REDIS_PREFIX, log }).then((opened) => {
          lifecycle.onStop('queues', async () => await opened.close())
          return opened
        })
        return await queues
      }
    })
  } finally {
    await lifecycle.stop()
  }
}

async function migratedUrl (dataDir: string, rolePrefix: string, log: Logger, lifecycle: Lifecycle): Promise<string> {
  // Whoever forgot DATABASE_URL must not get a new, empty installation.
  if (!await isThere(join(dataDir, 'postgres')) && await readRunning(dataDir) === undefined) throw new Error(`DATABASE_URL is not set, and there is no installation in ${dataDir}; set it, or name the data folder with --data-dir`)
  const { url, isRunning } = await openEmbedded(dataDir, log, lifecycle)
  // What runs has done so itself.
  if (!isRunning) await migrate({ databaseUrl: url, rolePrefix, log })
  return url
}

const isThere = async (path: string): Promise<boolean> => await lstat(path).then(() => true, (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR')

/** The database of a data folder: of the installation that runs, else it is started until the lifecycle stops; made where there is none. */
export async function openEmbedded (dataDir: string, log: Logger, lifecycle: Lifecycle): Promise<{ readonly url: string, readonly isRunning: boolean }> {
  const running = await readRunning(dataDir)
  if (running?.databaseUrl !== undefined) return { url: running.databaseUrl, isRunning: true }
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), log })
    lifecycle.onStop('postgres', async () => await postgres.stop())
    return { url: postgres.url, isRunning: false }
  } catch (error) {
    if (error instanceof FolderInUseError) throw new Error(`the data folder is in use by process ${error.pid}, which is just starting or stopping; try again`)
    throw error
  }
}

/** The tenant that is meant: the one named, else the only one there is. @throws when that is not clear */
export async function tenantOf (db: Database, named: string | undefined): Promise<string> {
  const tenants = await db.selectFrom('tenant').select(['id', 'name']).orderBy('created_at').execute()
  if (named !== undefined) {
    const found = tenants.find(({ id }) => id === named.toLowerCase())
    if (found === undefined) throw new Error(`--tenant: there is no tenant ${named}`)
    return found.id
  }
  if (tenants.length !== 1) throw new Error(`--tenant is needed: there ${tenants.length === 0 ? 'is no tenant' : `are ${tenants.length} tenants`}`)
  return tenants[0]!.id
}
