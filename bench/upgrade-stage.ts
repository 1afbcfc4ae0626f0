import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { putToSimulator, seedSimulatedTenant, SIMULATED_USER } from '../src/commands/simulated-tenant.js'
import { createLogger } from '../src/platform/log.js'
import { startBenchPostgres } from './bench-postgres.js'
import { stopWhenInterrupted } from './interruption.js'
import type { Build } from './old-build.js'
import { type Kind, makeRollingProcess, type RollingProcess } from './rolling-process.js'
import { startRemote } from './remote.js'
import type { SimulatorApi } from './simulator-process.js'
import { makeDataDir } from './started-sallyport.js'

const run = promisify(execFile)
const PAGE = 10_000
const MAX_BUFFER = 16 * 1024 * 1024
/** A command that should have ended by itself. */
const COMMAND_LIMIT_MS = 10 * 60 * 1000

/** One database and one simulated Intune, for processes of several versions. */
export interface UpgradeStage {
  readonly databaseUrl: string
  readonly simulatorUrl: string
  readonly tenantId: string
  readonly entraTenantId: string
  readonly enrollmentToken: string
  readonly adminKey: string
  readonly platformKey: string
  readonly apis: readonly RollingProcess[]
  readonly workers: readonly RollingProcess[]
  /** Runs a command of a version to its end and answers what it printed. @throws with what it said when it fails */
  command (build: Build, ...args: readonly string[]): Promise<string>
  /** Tells the simulated Intune of phones. */
  introduce (entraDeviceIds: readonly string[]): Promise<void>
  stop (): Promise<void>
}

/** Lays the installation out with the old version's own commands; no process runs yet. */
export async function setUpgradeStage (build: Build, { apis, workers }: { readonly apis: number, readonly workers: number }): Promise<UpgradeStage> {
  const dataDir = await makeDataDir()
  const undo: Array<() => Promise<unknown>> = [async () => await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })]
  const stop = stopWhenInterrupted(async () => { for (const one of undo.reverse()) await one() })
  try {
    const postgres = await startBenchPostgres({ dataDir: join(dataDir, 'postgres'), log: createLogger({ level: 'error' }) })
    undo.push(async () => await postgres.stop())
    const simulator = startRemote<SimulatorApi>('simulator-process')
    undo.push(async () => await simulator.stop())
    const { httpUrl, httpsUrl, caCertificatePem } = await simulator.call('start', undefined)
    const caFile = join(dataDir, 'ca.pem')
    await writeFile(caFile, caCertificatePem)
    const [entraTenantId, clientId, clientSecret] = [randomUUID(), randomUUID(), 'not-a-secret-of-anybody']
    await seedSimulatedTenant({ httpUrl }, { entraTenantId, name: 'Upgrade', clientId, clientSecret })

    const env: NodeJS.ProcessEnv = {
      ...process.env,
      DATABASE_URL: postgres.url,
      SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
      HOST: '127.0.0.1',
      OPS_PORT: '0',
      // What assertions are meant for; the phones' tokens last for the whole run.
      PUBLIC_URL: 'http://sallyport.example',
      ACCESS_TOKEN_SECONDS: '86400',
      ENTRA_AUTHORITY_HOST: httpsUrl,
      GRAPH_BASE_URL: httpsUrl,
      INTUNE_ENDPOINT_HOSTS: new URL(httpsUrl).hostname,
      INTUNE_CA_FILE: caFile,
      INTUNE_CLIENT_ID: clientId,
      INTUNE_CLIENT_SECRET: clientSecret,
      RATE_LIMIT_ADDRESS: '1000000',
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn'
    }
    const command: UpgradeStage['command'] = async ({ folder }, ...args) =>
      (await run(process.execPath, [join(folder, 'bin/sallyport.js'), ...args], { env, maxBuffer: MAX_BUFFER, timeout: COMMAND_LIMIT_MS })).stdout
    await command(build, 'migrate')
    const { tenantId } = JSON.parse(await command(build, 'tenant', 'create', '--name', 'Upgrade', '--entra-tenant-id', entraTenantId)) as { tenantId: string }
    const { token } = JSON.parse(await command(build, 'enrollment-token', 'create', '--tenant', tenantId)) as { token: string }
    const keyOf = async (...args: string[]): Promise<string> => (JSON.parse(await command(build, 'api-key', 'create', ...args)) as { key: string }).key
    const make = async (kind: Kind, count: number): Promise<RollingProcess[]> => await Promise.all(Array.from({ length: count }, async (_, index) => await makeRollingProcess(kind, index + 1, env)))
    const places = { apis: await make('api', apis), workers: await make('worker', workers) }
    undo.push(async () => await Promise.all([...places.apis, ...places.workers].map(async (one) => await one.stop())))

    return {
      databaseUrl: postgres.url,
      simulatorUrl: httpUrl,
      tenantId,
      entraTenantId,
      enrollmentToken: token,
      adminKey: await keyOf('--role', 'admin', '--tenant', tenantId),
      platformKey: await keyOf('--role', 'platform-admin'),
      ...places,
      command,
      async introduce (ids) {
        for (let at = 0; at < ids.length; at += PAGE) {
          await putToSimulator({ httpUrl }, `/_sim/tenants/${entraTenantId}/devices`, ids.slice(at, at + PAGE).map((entraDeviceId) => ({ entraDeviceId, platform: 'android', userId: SIMULATED_USER })))
        }
      },
      stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Ids of all phones that there are, as Intune knows them. */
export async function listEntraIds (databaseUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return (await client.query<{ id: string }>('select entra_device_id as id from device')).rows.map(({ id }) => id)
  } finally {
    await client.end()
  }
}
