import pg from 'pg'
import type { Logger } from 'pino'
import { findPostgresAccount } from './postgres-account.js'
import { binariesIn, reachableBinaries } from './postgres-binaries.js'
import { prepareCluster, SUPERUSER } from './postgres-cluster.js'
import { makeThrowAwayHome, openClusterHome } from './postgres-home.js'
import { type Server, startServer, stopStaleServer } from './postgres-process.js'

export interface EmbeddedPostgresOptions {
  /** Where the cluster is kept; none: a throw-away cluster that is gone after `stop`. */
  readonly dataDir?: string
  readonly log: Logger
  /** More server settings, by name. */
  readonly settings?: Readonly<Record<string, string>>
  /** Folder with `postgres` and `initdb` of another PostgreSQL than the one that comes with Sallyport. */
  readonly programs?: string | undefined
  /** The server ended although nobody asked it to. */
  readonly onExit?: (reason: string) => void
}

export interface EmbeddedPostgres {
  /** Connection string of the database `sallyport`. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Fast shutdown: open transactions are rolled back. Resolves when the process is gone. */
  stop (): Promise<void>
}

const DATABASE = 'sallyport'

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // A socket in a shared folder would clash with other servers, and its path may be too long.
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  synchronous_commit: 'on',
  max_wal_size: '2GB',
  wal_compression: 'on',
  checkpoint_timeout: '15min',
  // Our queries are short; compiling them costs more than it gains.
  jit: 'off'
}

// Losing a throw-away cluster to a power cut loses nothing.
const THROW_AWAY_SETTINGS: Readonly<Record<string, string>> = { fsync: 'off', full_page_writes: 'off', max_wal_size: '512MB' }

/**
 * Starts a PostgreSQL of our own on a free loopback port; makes the cluster when there is none,
 * and recovers what a crash left behind (docs/decisions/0001-embedded-postgresql.md).
 * @throws FolderInUseError when another Sallyport runs on the folder.
 */
export async function startEmbeddedPostgres (options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, log } = options
  const wanted = await findPostgresAccount(log)
  const throwAway = dataDir === undefined
  const home = throwAway ? await makeThrowAwayHome(wanted) : await openClusterHome(dataDir, wanted, log)
  const { folder, account } = home

  const undo: Array<() => Promise<void>> = [home.release]
  const stop = async (): Promise<void> => {
    const step = undo.pop()
    // The folder is given back even when the server cannot be ended.
    if (step !== undefined) await step().finally(stop)
  }
  try {
    const binaries = options.programs === undefined ? await reachableBinaries(account, log) : await binariesIn(account, options.programs)
    await stopStaleServer(folder, log)
    const password = await prepareCluster(home, binaries, { throwAway, log })

    const settings = { ...SETTINGS, ...(throwAway ? THROW_AWAY_SETTINGS : {}), ...options.settings }
    const server = await startServer({ postgres: binaries.postgres, folder, account, settings, throwAway, log })
    let stopping: Promise<void> | undefined
    undo.push(async () => await server.stop())
    const urlOf = (database: string): string => `postgres://${SUPERUSER}:${password}@127.0.0.1:${server.port}/${database}`
    await ensureDatabase(urlOf('postgres'))

    reportUnexpectedEnd(server, () => stopping !== undefined, options)
    return {
      url: urlOf(DATABASE),
      port: server.port,
      pid: server.pid,
      async stop () {
        stopping ??= stop()
        await stopping
      }
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function reportUnexpectedEnd (server: Server, isStopping: () => boolean, { log, onExit }: EmbeddedPostgresOptions): void {
  void server.exited.then((reason) => {
    if (isStopping()) return
    log.fatal({ reason }, 'PostgreSQL ended by itself')
    onExit?.(reason)
  })
}

async function ensureDatabase (url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  // A server that ends now fails the query; the event alone would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`create database ${DATABASE}`)
  } finally {
    await client.end()
  }
}
