import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { loadConfig } from '../config.js'
import { startEmbeddedPostgres } from '../platform/embedded-postgres.js'
import { createLifecycle, type Lifecycle } from '../platform/lifecycle.js'
import { migrate } from '../platform/migrate.js'
import { installBundledFeed } from '../intel/install-bundled-feed.js'
import { startChild } from './child-process.js'
import { type EmbeddedCredentials, loadEmbeddedCredentials } from './embedded-credentials.js'
import { openInstallation, type Installation } from './installation.js'
import { connectSimulator, seedEmbeddedTenant } from './embedded-tenant.js'
import { writeRunning } from './running-file.js'
import { startApi } from './start-api.js'
import { startSimulator, type SimulatorAddress } from './start-simulator.js'
import { wireWorkers } from './wire-workers.js'

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

type Environment = Readonly<Record<string, string | undefined>>

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])
const SIMULATOR_PORT = 8081

/**
 * Starts everything that is not configured to be elsewhere: PostgreSQL, the Intune
 * simulator, API and workers. What was started stops in reverse order, also when a later
 * part fails to start.
 */
export async function up (options: UpOptions, env: Environment, log: Logger): Promise<Running> {
  const lifecycle = createLifecycle(log)
  try {
    return await startAll(options, env, log, lifecycle)
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
}

async function startAll (options: UpOptions, env: Environment, log: Logger, lifecycle: Lifecycle): Promise<Running> {
  const processes: Array<{ name: string, pid: number }> = []
  const first = loadConfig({ ...env, ...portSettings(options) })
  const dataDir = await openDataDir(options, lifecycle)

  const databaseUrl = first.DATABASE_URL ?? await startDatabase()
  await migrate({ databaseUrl, log })

  const simulated = first.INTUNE_CLIENT_ID === undefined
  const credentials = simulated ? await loadEmbeddedCredentials(dataDir) : undefined
  const simulator = simulated ? await startSimulatorPart() : undefined
  const settings: Environment = {
    ...env,
    ...portSettings(options),
    DATABASE_URL: databaseUrl,
    ...(simulator !== undefined && credentials !== undefined ? await simulatorSettings(simulator, credentials, dataDir) : {})
  }
  const config = loadConfig(settings)

  const installation = await openInstallation(config, { log, lifecycle, name: 'api' })
  await installBundledFeed({ db: installation.db }, { now: new Date() })
  await installation.intel.refresh()
  if (simulator !== undefined && credentials !== undefined) await seedEmbeddedTenant(installation, simulator, credentials)

  const api = await startApi(installation, {
    ...(simulator === undefined ? {} : { onEnrolled: connectSimulator(simulator, credentials!) })
  })
  processes.unshift({ name: 'api', pid: process.pid })
  await startWorkersPart(installation, settings)

  if (credentials !== undefined && options.ephemeral !== true) {
    lifecycle.onStop('running file', await writeRunning(dataDir, { api: api.url, operatorToken: credentials.operatorToken }))
  }
  const trusted = simulated && first.DATABASE_URL === undefined && LOOPBACK.has(config.HOST)
  const ready: ReadyLine = {
    event: 'ready',
    api: api.url,
    ops: api.opsUrl,
    intuneSimulator: simulator?.httpUrl ?? null,
    tenantId: credentials?.tenantId ?? null,
    entraTenantId: credentials?.entraTenantId ?? null,
    operatorToken: trusted ? credentials!.operatorToken : null,
    enrollmentToken: trusted ? credentials!.enrollmentToken : null
  }
  return { ready, processes, databaseUrl, stop: async () => await lifecycle.stop() }

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

  async function startSimulatorPart (): Promise<SimulatorAddress> {
    const port = options.simulatorPort ?? (options.port === 0 ? 0 : SIMULATOR_PORT)
    if ((options.workers ?? 0) === 0) {
      const running = await startSimulator({ port })
      lifecycle.onStop('Intune simulator', async () => await running.close())
      return running
    }
    const child = await startChild<SimulatorAddress>('simulator', ['simulate', 'intune', '--port', String(port)], { env, onExit: (reason) => died('simulator', reason) })
    lifecycle.onStop('Intune simulator', async () => await child.stop())
    processes.push({ name: 'simulator', pid: child.pid })
    return child.ready
  }

  async function startWorkersPart (installation: Installation, settings: Environment): Promise<void> {
    const count = options.workers ?? 0
    if (count === 0) {
      const workers = await wireWorkers(installation)
      lifecycle.onStop('workers', async () => await workers.close())
      return
    }
    const children = await Promise.all(Array.from({ length: count }, async (_, index) => {
      const name = `worker-${index + 1}`
      const child = await startChild(name, ['worker'], { env: { ...settings, OPS_PORT: '0', PUBLIC_URL: installation.publicUrl.value }, onExit: (reason) => died(name, reason) })
      lifecycle.onStop(name, async () => await child.stop())
      return child
    }))
    processes.push(...children.map(({ name, pid }) => ({ name, pid })))
  }

  function died (name: string, reason: string): void {
    log.fatal({ process: name, reason }, 'a part of Sallyport ended by itself')
    void lifecycle.stop().then(() => process.exit(1))
  }
}

async function openDataDir (options: UpOptions, lifecycle: Lifecycle): Promise<string> {
  if (options.ephemeral !== true) {
    const dataDir = resolve(options.dataDir ?? 'data')
    await mkdir(dataDir, { recursive: true })
    return dataDir
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'sallyport-'))
  lifecycle.onStop('data folder', async () => await rm(dataDir, { recursive: true, force: true }))
  return dataDir
}

function portSettings (options: UpOptions): Environment {
  return {
    ...(options.port === undefined ? {} : { PORT: String(options.port) }),
    ...(options.opsPort === undefined ? {} : { OPS_PORT: String(options.opsPort) })
  }
}

/** Points the Intune client at the simulator the way it is pointed at any other cloud: by configuration. */
async function simulatorSettings (simulator: SimulatorAddress, credentials: EmbeddedCredentials, dataDir: string): Promise<Environment> {
  const caFile = join(dataDir, 'intune-simulator-ca.pem')
  await writeFile(caFile, simulator.caCertificatePem)
  return {
    ENTRA_AUTHORITY_HOST: simulator.httpsUrl,
    GRAPH_BASE_URL: simulator.httpsUrl,
    INTUNE_ENDPOINT_HOSTS: new URL(simulator.httpsUrl).hostname,
    INTUNE_CA_FILE: caFile,
    INTUNE_CLIENT_ID: credentials.intuneClientId,
    INTUNE_CLIENT_SECRET: credentials.intuneClientSecret
  }
}
