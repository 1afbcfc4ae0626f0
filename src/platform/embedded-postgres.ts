import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, open, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import type { Logger } from 'pino'
import { lockFolder } from './folder-lock.js'
import { findPostgresAccount, type PostgresAccount } from './postgres-account.js'
import { claimFolder, makeThrowAwayFolder, openClusterFolder, reachableBinaries } from './postgres-home.js'
import { isAlive, programOf } from './process-identity.js'

export interface EmbeddedPostgresOptions {
  /** Where the cluster is kept; none: a throw-away cluster that is gone after `stop`. */
  readonly dataDir?: string
  readonly log: Logger
  /** More server settings, by name. */
  readonly settings?: Readonly<Record<string, string>>
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
const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 10_000
const SERVER_ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // A socket in a shared folder would clash with other servers, and its path may be too long.
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
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
 */
export async function startEmbeddedPostgres (options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, log } = options
  const account = await findPostgresAccount(log)
  const binaries = await reachableBinaries(account, log)
  const throwAway = dataDir === undefined
  const unlock = throwAway ? async () => {} : await lockFolder(dataDir)
  try {
    const folder = throwAway ? await makeThrowAwayFolder(account) : await openClusterFolder(dataDir, account, log)
    await stopStaleServer(folder, log)
    if (!await exists(join(folder, 'PG_VERSION'))) await makeCluster(binaries.initdb, folder, account, throwAway)
    const password = await readFile(`${folder}.password`, 'utf8')

    const settings = { ...SETTINGS, ...(throwAway ? THROW_AWAY_SETTINGS : {}), ...options.settings }
    const server = await startServer(binaries.postgres, folder, account, settings)
    const watcher = throwAway ? watchOver(server.child.pid!, folder) : undefined
    let stopping = false
    void server.exited.then((reason) => {
      if (stopping) return
      log.fatal({ reason }, 'PostgreSQL ended by itself')
      options.onExit?.(reason)
    })

    const urlOf = (database: string): string => `postgres://postgres:${password}@127.0.0.1:${server.port}/${database}`
    await ensureDatabase(urlOf('postgres'))
    return {
      url: urlOf(DATABASE),
      port: server.port,
      pid: server.child.pid!,
      async stop () {
        if (stopping) return await server.exited.then(() => {})
        stopping = true
        watcher?.kill('SIGKILL')
        await endProcess(server.child.pid!, server.exited)
        if (throwAway) await removeCluster(folder)
        await unlock()
      }
    }
  } catch (error) {
    await unlock()
    throw error
  }
}

const exists = async (path: string): Promise<boolean> => await stat(path).then(() => true, () => false)

async function removeCluster (folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await rm(`${folder}.password`, { force: true })
}

/** Makes a cluster beside the folder and moves it there when it is whole, so that a crash leaves nothing that looks like one. */
async function makeCluster (initdb: string, folder: string, account: PostgresAccount, throwAway: boolean): Promise<void> {
  const passwordFile = `${folder}.password`
  await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 })
  if (account.uid !== undefined && account.gid !== undefined) await chown(passwordFile, account.uid, account.gid)

  const unfinished = `${folder}.new`
  await rm(unfinished, { recursive: true, force: true })
  await claimFolder(unfinished, account)
  await promisify(execFile)(initdb, [
    '-D', unfinished, '--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`,
    '--encoding=UTF8', '--locale=C', ...(throwAway ? ['--no-sync'] : [])
  ], { ...account, cwd: '/', env: SERVER_ENVIRONMENT })
  await rm(folder, { recursive: true })
  await rename(unfinished, folder)
}

interface Server {
  readonly child: ChildProcess
  readonly port: number
  readonly exited: Promise<string>
}

/** Starts the server and waits until it accepts connections. Another program may take the free port first; then it tries another. */
async function startServer (postgres: string, folder: string, account: PostgresAccount, settings: Readonly<Record<string, string>>): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort()
    const logFile = await open(join(folder, 'server.log'), 'a', 0o600)
    const args = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    // In a session of its own: Ctrl-C in a terminal must reach us, not the server, which has to stop last.
    const child = spawn(postgres, ['-D', folder, ...args], { ...account, cwd: '/', env: SERVER_ENVIRONMENT, detached: true, stdio: ['ignore', logFile.fd, logFile.fd] })
    await logFile.close()
    const exited = Promise.race([
      once(child, 'exit').then(([code, signal]) => String(signal ?? `exit code ${code}`)),
      once(child, 'error').then(([error]) => (error as Error).message)
    ])
    const failure = await Promise.race([waitUntilReady(folder, child), exited])
    if (failure === undefined) return { child, port, exited }

    const tail = (await readFile(join(folder, 'server.log'), 'utf8')).slice(-2_000)
    if (attempt === 3 || !tail.includes('could not bind')) throw new Error(`PostgreSQL did not start (${failure}):\n${tail}`)
  }
}

/** The eighth line of postmaster.pid becomes "ready" (PostgreSQL's miscadmin.h, PM_STATUS_READY). */
async function waitUntilReady (folder: string, child: ChildProcess): Promise<string | undefined> {
  const deadline = Date.now() + START_LIMIT_MS
  while (Date.now() < deadline) {
    const lines = (await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return undefined
    if (child.exitCode !== null || child.signalCode !== null) break
    await wait(5)
  }
  return `not ready after ${START_LIMIT_MS / 1000} s`
}

async function findFreePort (): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** Ends a server that a crash of ours left running on this cluster, and removes a pid file that names somebody else. */
async function stopStaleServer (folder: string, log: Logger): Promise<void> {
  const pidFile = join(folder, 'postmaster.pid')
  const text = await readFile(pidFile, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const pid = Number(text.split('\n')[0])
  if (Number.isInteger(pid) && pid > 1 && isAlive(pid) && await isServerOf(pid, folder)) {
    log.warn({ pid }, 'a PostgreSQL of an earlier run still serves this data folder; stopping it')
    await endProcess(pid)
  }
  // PostgreSQL would refuse to start when an unrelated process has the number by now.
  await rm(pidFile, { force: true })
}

async function isServerOf (pid: number, folder: string): Promise<boolean> {
  if (programOf(pid)?.endsWith('postgres') !== true) return false
  // A server works in its data folder; where the system does not tell, its name must do.
  const workingFolder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return workingFolder === undefined || workingFolder === folder
}

/** Asks ever less politely: fast shutdown, immediate shutdown (recovers at the next start), kill. */
async function endProcess (pid: number, exited?: Promise<unknown>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return
      throw error
    }
    const deadline = Date.now() + STOP_LIMIT_MS
    const gone = exited?.then(() => true)
    while (Date.now() < deadline) {
      if (gone === undefined ? !isAlive(pid) : await Promise.race([gone, wait(20, false)])) return
      if (gone === undefined) await wait(20)
    }
  }
}

/** A throw-away server must not outlive us, however we end: when our end of the pipe closes, a shell stops it. */
function watchOver (pid: number, folder: string): ChildProcess {
  const script = 'cat >/dev/null; kill -QUIT "$1" 2>/dev/null; while kill -0 "$1" 2>/dev/null; do sleep 0.1; done; rm -rf -- "$2" "$2.password"'
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(pid), folder], { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  watcher.unref();
  (watcher.stdin as unknown as { unref (): void }).unref()
  return watcher
}

async function ensureDatabase (url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`create database ${DATABASE}`)
  } finally {
    await client.end()
  }
}
