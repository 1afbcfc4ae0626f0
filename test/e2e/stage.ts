import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { startRedis, type StartedRedis } from '../../bench/redis-server.js'
import { seedSimulatedTenant } from '../../src/commands/simulated-tenant.js'
import { startSimulator } from '../../src/commands/start-simulator.js'
import { createEnrollmentToken } from '../../src/operators/enrollment-tokens.js'
import { createTenant } from '../../src/operators/tenants.js'
import { type Database, openDatabase } from '../../src/platform/database.js'
import { findFreePort } from '../../src/platform/free-port.js'
import { migrate } from '../../src/platform/migrate.js'
import { threadFile } from '../../src/platform/thread.js'
import { createTestDatabase } from '../helpers/database.js'
import { type RedisGroup, startCluster, startSentinel } from '../helpers/redis-groups.js'
import { startCommand, type StartedCommand, temporaryFolder } from './sallyport.js'
import { type StagePostgres, startStagePostgres } from './stage-postgres.js'

export interface StageOptions {
  readonly apis?: number
  readonly workers?: number
  /** A PostgreSQL of the stage's own, to be killed; else a database of the test run's. */
  readonly ownPostgres?: boolean
  /** A database that is there already. */
  readonly databaseUrl?: string
  /** Queues in Redis, where there is one on this machine. */
  readonly redis?: StageRedisKind | undefined
  /** Customers; one by default. */
  readonly tenants?: number
  readonly env?: Readonly<Record<string, string>>
}

type Kind = 'api' | 'worker'
export type StageRedisKind = 'single' | 'sentinel' | 'cluster'

export interface StageRedis {
  readonly url: string
  /** Of a single one: it is away until it is started; what it held is lost. */
  stop? (): Promise<void>
  start? (): Promise<void>
  /** Of a single one: kills it; another, which is empty, takes its place. */
  replace? (): Promise<void>
  /** Of several: kills the master, once; resolves when another has taken its place. */
  failOver? (): Promise<void>
}

/** One process of Sallyport, and what takes its place. */
export interface StageProcess {
  readonly kind: Kind
  readonly opsUrl: string
  readonly pid: number
  /** SIGKILL. */
  kill (): Promise<void>
  /** SIGTERM; answers the exit code. */
  stop (): Promise<number | null>
  /** After it has ended: a new one at the same addresses, with settings of its own if need be. Resolves when it is ready. */
  start (settings?: Readonly<Record<string, string>>): Promise<void>
  signal (name: NodeJS.Signals): void
  /** What it wrote to standard error, and those before it at these addresses. */
  errors (): string
}

/** A customer, as phones and Intune know it. */
export interface StageTenant {
  readonly entraTenantId: string
  readonly tenantId: string
  readonly enrollmentToken: string
}

/** API and workers as processes, the simulated Intune in ours. */
export interface Stage {
  readonly db: Database
  readonly databaseUrl: string
  readonly apiUrls: readonly string[]
  readonly processes: readonly StageProcess[]
  /** What all of them are told. */
  readonly env: Readonly<Record<string, string>>
  readonly simulator: string
  readonly tenants: readonly StageTenant[]
  readonly postgres?: StagePostgres
  readonly redis?: StageRedis
  /** Sets the wall clocks of these processes, all by default; resolves when they go by them. */
  setClock (offsetMs: number, of?: readonly StageProcess[]): Promise<void>
}

const READY_MS = 60_000
const CLIENT = { INTUNE_CLIENT_ID: '99999999-0000-4000-8000-00000000000a', INTUNE_CLIENT_SECRET: 'not-a-secret-of-anybody' }
const CLOCK_MODULE = fileURLToPath(threadFile('children/set-clock', import.meta.url))

export async function setStage (t: Test, options: StageOptions = {}): Promise<Stage> {
  const { apis = 1, workers = 1, tenants: tenantCount = 1 } = options
  const folder = temporaryFolder(t)
  const [{ db, databaseUrl, postgres }, redis, simulator] = await Promise.all([
    openStageDatabase(t, options),
    options.redis === undefined ? undefined : startStageRedis(t, options.redis),
    startSimulator({ port: 0 })
  ])
  t.teardown(async () => await simulator.close())
  const tenants: StageTenant[] = []
  for (let number = 1; number <= tenantCount; number++) {
    const [name, entraTenantId] = [`Stage ${number}`, `99999999-0000-4000-8000-0000000009${String(number).padStart(2, '0')}`]
    await seedSimulatedTenant(simulator, { entraTenantId, name, clientId: CLIENT.INTUNE_CLIENT_ID, clientSecret: CLIENT.INTUNE_CLIENT_SECRET })
    const { tenantId } = await createTenant({ db }, { name, entraTenantId, actor: 'test' })
    const { token: enrollmentToken } = await createEnrollmentToken({ db }, { tenantId, label: 'stage', actor: 'test' })
    tenants.push({ tenantId, entraTenantId, enrollmentToken })
  }

  const caFile = join(folder, 'ca.pem')
  const clockFile = join(folder, 'clock')
  writeFileSync(caFile, simulator.caCertificatePem)
  writeFileSync(clockFile, '0')
  const ports = await Promise.all(Array.from({ length: 2 * apis + workers }, findFreePort))
  const apiPorts = ports.splice(0, apis)
  const apiUrls = apiPorts.map((port) => `http://127.0.0.1:${port}`)
  const env = {
    ...CLIENT,
    DATABASE_URL: databaseUrl,
    ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
    HOST: '127.0.0.1',
    PUBLIC_URL: apiUrls[0]!,
    ENTRA_AUTHORITY_HOST: simulator.httpsUrl,
    GRAPH_BASE_URL: simulator.httpsUrl,
    INTUNE_ENDPOINT_HOSTS: new URL(simulator.httpsUrl).hostname,
    INTUNE_CA_FILE: caFile,
    LOG_LEVEL: 'fatal',
    // Clocks jump by less.
    ACCESS_TOKEN_SECONDS: '86400',
    NODE_OPTIONS: `--import=${CLOCK_MODULE}`,
    CLOCK_FILE: clockFile,
    ...options.env
  }
  const begin = async (kind: Kind, settings: Readonly<Record<string, string>>): Promise<StageProcess> => {
    const started: StartedCommand[] = []
    const start = async (own = {}): Promise<StartedCommand> => {
      started.push(startCommand(t, [kind], { ...env, ...settings, ...own }))
      return await untilReady(started.at(-1)!, settings.OPS_PORT!)
    }
    let current = await start()
    return {
      kind,
      opsUrl: `http://127.0.0.1:${settings.OPS_PORT}`,
      get pid () { return current.child.pid! },
      async kill () {
        current.child.kill('SIGKILL')
        await current.exited
      },
      async stop () {
        current.child.kill('SIGTERM')
        return await current.exited
      },
      async start (own) {
        current = await start(own)
      },
      signal: (name) => { current.child.kill(name) },
      errors: () => started.map((one) => one.errors()).join('')
    }
  }
  const processes = await Promise.all([
    ...apiPorts.map(async (port) => await begin('api', { PORT: String(port), OPS_PORT: String(ports.pop()) })),
    ...Array.from({ length: workers }, async () => await begin('worker', { OPS_PORT: String(ports.pop()) }))
  ])

  return {
    db, databaseUrl, apiUrls, processes, env, tenants,
    simulator: simulator.httpUrl,
    ...(postgres === undefined ? {} : { postgres }),
    ...(redis === undefined ? {} : { redis }),
    async setClock (offsetMs, of = processes) {
      writeFileSync(clockFile, String(offsetMs))
      for (const one of of) one.signal('SIGUSR2')
      const isSet = ({ pid }: StageProcess): boolean => {
        try {
          return readFileSync(`${clockFile}.${pid}`, 'utf8') === String(offsetMs)
        } catch {
          return false
        }
      }
      await until(() => of.every(isSet), 'the clocks are set')
    }
  }
}

async function openStageDatabase (t: Test, { ownPostgres = false, databaseUrl }: StageOptions): Promise<Pick<Stage, 'db' | 'databaseUrl' | 'postgres'>> {
  if (!ownPostgres && databaseUrl === undefined) {
    const { db, url } = await createTestDatabase(t)
    return { db, databaseUrl: url }
  }
  const postgres = ownPostgres ? await startStagePostgres(t) : undefined
  if (postgres !== undefined) await migrate({ databaseUrl: postgres.url })
  const url = databaseUrl ?? postgres!.url
  const db = openDatabase({ connectionString: url, maxConnections: 4, onError: () => {} })
  t.teardown(async () => await db.destroy())
  return { db, databaseUrl: url, ...(postgres === undefined ? {} : { postgres }) }
}

async function startStageRedis (t: Test, kind: StageRedisKind): Promise<StageRedis | undefined> {
  if (kind !== 'single') {
    // The node that has the queue of scores is the one that will be missed.
    const group: RedisGroup | undefined = kind === 'sentinel' ? await startSentinel(t) : await startCluster(t, { replicaOf: '{sallyport:score}' })
    return group && { url: group.url, failOver: group.failOver }
  }
  let current: StartedRedis | undefined = await startRedis()
  if (current === undefined) return undefined
  t.teardown(async () => await current!.stop())
  const { url } = current
  const stop = async (): Promise<void> => await current!.stop()
  const start = async (): Promise<void> => { current = await startRedis({ port: Number(new URL(url).port) }) }
  return {
    url,
    stop,
    start,
    async replace () {
      await stop()
      await start()
    }
  }
}

async function untilReady (command: StartedCommand, opsPort: string): Promise<StartedCommand> {
  const url = `http://127.0.0.1:${opsPort}/readyz`
  await Promise.race([
    until(async () => (await fetch(url).catch(() => undefined))?.ok === true, `${url} is well`, READY_MS),
    command.exited.then((code) => { throw new Error(`ended with ${code}: ${command.errors()}`) })
  ])
  return command
}

/** Resident memory of a process in MB. */
export function readMemory (pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kilobytes) / 1024)
}

/** @throws when the condition does not come true within the limit */
export async function until (condition: () => boolean | Promise<boolean>, what: string, limitMs = 90_000): Promise<void> {
  for (const deadline = Date.now() + limitMs; !await condition(); await wait(20)) {
    if (Date.now() > deadline) throw new Error(`not in ${limitMs / 1000} seconds: ${what}`)
  }
}
