import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { type Config, type Environment, loadConfig } from '../config.js'
import { startEmbeddedPostgres } from '../platform/embedded-postgres.js'
import { createLifecycle, type Lifecycle } from '../platform/lifecycle.js'
import { startChild } from './child-process.js'
import type { SimulatorAddress } from './start-simulator.js'

const SIMULATOR_PORT = 8081

export interface UpOptions {
  readonly port?: number
  readonly opsPort?: number
  /** Where everything is kept; default `data` in the working directory. */
  readonly dataDir?: string
  /** A throw-away data folder, removed at the end. */
  readonly ephemeral?: boolean
  /** Worker processes beside the API; 0: the workers run in the API's process. */
  readonly workers?: number
  readonly simulatorPort?: number
}

/** The contract's ready line; its names and their order are fixed. */
export interface ReadyLine {
  readonly event: 'ready'
  readonly api: string
  readonly ops: string
  readonly intuneSimulator: string | null
  readonly tenantId: string | null
  readonly entraTenantId: string | null
  readonly operatorToken: string | null
  readonly enrollmentToken: string | null
}

export interface Running {
  readonly ready: ReadyLine
  readonly processes: ReadonlyArray<{ readonly name: string, readonly pid: number }>
  readonly databaseUrl: string
  stop (): Promise<void>
}

/** What all parts of one `up` share. */
export interface Start {
  readonly options: UpOptions
  readonly env: Environment
  readonly log: Logger
  readonly lifecycle: Lifecycle
  /** The settings before the parts that we start ourselves are known. */
  readonly first: Config
  readonly dataDir: string
  readonly databaseUrl: string
  /** Undefined with credentials for the real Intune. */
  readonly simulator: SimulatorAddress | undefined
  readonly processes: Array<{ name: string, pid: number }>
  /** A part ended although nobody asked it to: the rest ends with it. */
  died (name: string, reason: string): void
}

/**
 * Starts everything that is not configured to be elsewhere: PostgreSQL, the Intune
 * simulator, API and workers. What was started stops in reverse order, also when a later
 * part fails to start.
 */
export async function up (options: UpOptions, env: Environment, log: Logger, lifecycle: Lifecycle = createLifecycle(log)): Promise<Running> {
  try {
    return await startAll(options, env, log, lifecycle)
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
}

async function startAll (options: UpOptions, env: Environment, log: Logger, lifecycle: Lifecycle): Promise<Running> {
  const first = loadConfig({ ...env, ...portSettings(options) })
  const dataDir = await openDataDir(options, lifecycle)
  const processes: Start['processes'] = []
  const died = (name: string, reason: string): void => {
    log.fatal({ process: name, reason }, 'a part of Sallyport ended by itself')
    void lifecycle.stop().then(() => process.exit(1))
  }

  // To load the rest of the code takes longer than PostgreSQL and the simulator's keys do: so all at once.
  const [database, simulator, parts] = await Promise.allSettled([
    first.DATABASE_URL ?? startDatabase(),
    first.INTUNE_CLIENT_ID === undefined ? startSimulatorPart() : undefined,
    import('./up-parts.js')
  ])
  if (database.status === 'rejected') throw database.reason
  if (simulator.status === 'rejected') throw simulator.reason
  if (parts.status === 'rejected') throw parts.reason
  if (lifecycle.isStopping) throw new Error('it was asked to stop while it started')
  return await parts.value.startParts({ options, env, log, lifecycle, first, dataDir, databaseUrl: database.value, simulator: simulator.value, processes, died })

  async function startDatabase (): Promise<string> {
    const postgres = await startEmbeddedPostgres({
      ...(options.ephemeral === true ? {} : { dataDir: join(dataDir, 'postgres') }),
      log,
      onExit: (reason) => died('PostgreSQL', reason)
    })
    lifecycle.onStop('postgres', async () => await postgres.stop())
    processes.push({ name: 'postgres', pid: postgres.pid })
    return postgres.url
  }

  /** In our process, or in one of its own where the workers are as well. */
  async function startSimulatorPart (): Promise<SimulatorAddress> {
    const port = options.simulatorPort ?? (options.port === 0 ? 0 : SIMULATOR_PORT)
    if ((options.workers ?? 0) === 0) {
      const { startSimulator } = await import('./start-simulator.js')
      const running = await startSimulator({ port })
      lifecycle.onStop('Intune simulator', async () => await running.close())
      return running
    }
    const child = await startChild<SimulatorAddress>('simulator', ['simulate', 'intune', '--port', String(port)], { env, onExit: (reason) => died('simulator', reason) })
    lifecycle.onStop('Intune simulator', async () => await child.stop())
    processes.push({ name: 'simulator', pid: child.pid })
    return child.ready
  }
}

async function openDataDir (options: UpOptions, lifecycle: Lifecycle): Promise<string> {
  if (options.ephemeral !== true) {
    const dataDir = resolve(options.dataDir ?? 'data')
    try {
      await mkdir(dataDir, { recursive: true })
    } catch (error) {
      throw new Error(`the data folder ${dataDir} cannot be made (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}); name another with --data-dir, or --ephemeral`, { cause: error })
    }
    return dataDir
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'sallyport-'))
  lifecycle.onStop('data folder', async () => await rm(dataDir, { recursive: true, force: true }))
  return dataDir
}

/** The ports of the command line, as settings. */
export function portSettings (options: UpOptions): Environment {
  return {
    ...(options.port === undefined ? {} : { PORT: String(options.port) }),
    ...(options.opsPort === undefined ? {} : { OPS_PORT: String(options.opsPort) })
  }
}
