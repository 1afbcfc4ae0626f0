import { type ChildProcess, spawn } from 'node:child_process'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { findFreePort } from './free-port.js'
import { argumentsOf, isAlive, programOf, workingFolderOf } from './process-identity.js'
import { chownTo, type PostgresAccount } from './postgres-account.js'

/** Everything a program of PostgreSQL sees of the environment. */
export const SERVER_ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** Recovery after a crash reads up to max_wal_size of log again before the server is ready. */
const START_LIMIT_MS = 5 * 60_000
const SLOW_START_MS = 5_000
const MAX_PORTS = 5
/** For the children of a server that was killed, which let go of its memory within moments. */
const MEMORY_IN_USE_LIMIT_MS = 10_000
const MAX_LOG_BYTES = 16 * 1024 * 1024

/**
 * Ever less polite: fast shutdown, immediate shutdown (recovers at the next start), kill. In
 * all less than the time a part of Sallyport has to stop (lifecycle.ts).
 */
const WAYS_TO_END = [['SIGINT', 14_000], ['SIGQUIT', 3_000], ['SIGKILL', 2_000]] as const

export interface ServerOptions {
  readonly postgres: string
  /** Real path of the cluster. */
  readonly folder: string
  readonly account: PostgresAccount
  readonly settings: Readonly<Record<string, string>>
  /** Nothing of the cluster is to be left when we are gone. */
  readonly throwAway: boolean
  readonly log: Logger
}

export interface Server {
  readonly port: number
  readonly pid: number
  /** How it ended. */
  readonly exited: Promise<string>
  /** Resolves when the process is gone. */
  stop (): Promise<void>
}

/** Starts the server on a free loopback port and waits until it accepts connections. @throws with the end of its log. */
export async function startServer (options: ServerOptions): Promise<Server> {
  const memoryDeadline = Date.now() + MEMORY_IN_USE_LIMIT_MS
  for (let ports = 1; ;) {
    const result = await tryToStart(options, await findFreePort())
    if ('server' in result) return result.server
    // Another program may have taken the port between our look and the server's.
    if (result.said.includes('could not bind') && ports++ < MAX_PORTS) continue
    if (!result.said.includes('is still in use') || Date.now() > memoryDeadline) throw new Error(`PostgreSQL did not start (${result.failure}):\n${result.said}`)
    await wait(200)
  }
}

async function tryToStart (options: ServerOptions, port: number): Promise<{ server: Server } | { failure: string, said: string }> {
  const { postgres, folder, account, settings, throwAway, log } = options
  const { file, fd, from } = await openLog(folder, account)
  const args = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  // In a session of its own: Ctrl-C in a terminal must reach us, not the server, which has to stop last.
  const child = spawn(postgres, ['-D', folder, ...args], { ...account, cwd: '/', env: SERVER_ENVIRONMENT, detached: true, stdio: ['ignore', fd.fd, fd.fd] })
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(String(signal ?? `exit code ${code}`)))
    child.once('error', (error) => resolve(error.message))
  })
  await fd.close()
  const { pid } = child
  if (pid === undefined) return { failure: await exited, said: '' }

  const watcher = watchOver(pid, throwAway ? folder : undefined, log)
  // Its number may soon be somebody else's.
  void exited.then(() => watcher.kill('SIGKILL'))
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  const failure = await Promise.race([waitUntilReady(folder, pid, hasEnded, log), exited])
  if (failure !== undefined) {
    await endProcess(pid, hasEnded)
    return { failure, said: (await readFile(file)).subarray(from).toString().slice(-4_000) }
  }
  return {
    server: {
      port,
      pid,
      exited,
      async stop () {
        await endProcess(pid, hasEnded)
        await exited
      }
    }
  }
}

/** The server's log in its folder, and where in it this start begins. */
async function openLog (folder: string, account: PostgresAccount): Promise<{ file: string, fd: Awaited<ReturnType<typeof open>>, from: number }> {
  const file = join(folder, 'server.log')
  const size = await stat(file).then(({ size }) => size, () => 0)
  if (size > MAX_LOG_BYTES) await rename(file, `${file}.1`)
  const fd = await open(file, 'a', 0o600)
  await chownTo(account, file)
  return { file, fd, from: size > MAX_LOG_BYTES ? 0 : size }
}

/** The eighth line of postmaster.pid becomes "ready" (PostgreSQL's pidfile.h, PM_STATUS_READY). */
async function waitUntilReady (folder: string, pid: number, hasEnded: () => boolean, log: Logger): Promise<string | undefined> {
  const startedAt = Date.now()
  let told = false
  while (Date.now() - startedAt < START_LIMIT_MS) {
    const lines = (await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (Number(lines[0]) === pid && lines[7]?.trim() === 'ready') return undefined
    if (hasEnded()) break
    if (!told && Date.now() - startedAt > SLOW_START_MS) {
      told = true
      log.info('PostgreSQL is recovering its data; this may take minutes')
    }
    await wait(5)
  }
  return `not ready after ${Math.round((Date.now() - startedAt) / 1000)} s`
}

/**
 * The server must not outlive us, however we end: when our end of the pipe closes, a shell
 * stops it. It is in a session of its own as well, or a Ctrl-C would end it before us.
 */
function watchOver (pid: number, throwAwayFolder: string | undefined, log: Logger): ChildProcess {
  const script = `cat >/dev/null
kill -s "$2" "$1" 2>/dev/null
n=0
while kill -0 "$1" 2>/dev/null && [ "$n" -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
[ "$n" -lt 300 ] || kill -s QUIT "$1" 2>/dev/null
[ -z "$3" ] || rm -rf -- "$3" "$3.password"`
  const args = throwAwayFolder === undefined ? ['INT', ''] : ['QUIT', throwAwayFolder]
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(pid), ...args], { cwd: '/', env: SERVER_ENVIRONMENT, detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  // Without a watcher the server may outlive a crash of ours; the next start would end it.
  watcher.on('error', (error) => log.warn({ err: error }, 'nobody watches over PostgreSQL'))
  watcher.unref();
  // There is none when the shell could not be started.
  (watcher.stdin as unknown as { unref (): void } | null)?.unref()
  return watcher
}

/** Ends a server that a crash of ours left running on this cluster, and removes a pid file that names somebody else. */
export async function stopStaleServer (folder: string, log: Logger): Promise<void> {
  const pidFile = join(folder, 'postmaster.pid')
  const text = await readFile(pidFile, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const pid = Number(text.split('\n')[0])
  if (Number.isInteger(pid) && pid > 1 && isAlive(pid) && isServerOf(pid, folder)) {
    log.warn({ pid }, 'a PostgreSQL of an earlier run still serves this data folder; stopping it')
    await endProcess(pid, () => !isAlive(pid))
  }
  // PostgreSQL would refuse to start when an unrelated process has the number by now. Should a
  // server of ours escape us here, its shared memory still keeps a second one out.
  await rm(pidFile, { force: true })
}

function isServerOf (pid: number, folder: string): boolean {
  if (programOf(pid)?.endsWith('postgres') !== true) return false
  // A server works in its data folder. Where we may not see that, as root in most containers
  // may not, it is known by the argument that we started it with.
  const workingFolder = workingFolderOf(pid)
  if (workingFolder !== undefined) return workingFolder === folder
  return /\0-D\0([^\0]*)\0| -D (.*?) -c /.exec(argumentsOf(pid) ?? '')?.slice(1).includes(folder) === true
}

async function endProcess (pid: number, hasEnded: () => boolean): Promise<void> {
  for (const [signal, limitMs] of WAYS_TO_END) {
    if (hasEnded()) return
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return
      throw error
    }
    const deadline = Date.now() + limitMs
    while (!hasEnded() && Date.now() < deadline) await wait(10)
  }
  if (!hasEnded()) throw new Error(`PostgreSQL (process ${pid}) cannot be ended`)
}
