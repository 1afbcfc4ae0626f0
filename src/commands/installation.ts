import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import { type Config, ConfigError } from '../config.js'
import { createFeedImports, type FeedImports } from '../intel/feed-imports.js'
import { createIntelCache, type IntelCache } from '../intel/index/intel-cache.js'
import { createCallBudget, PUBLISHED_LIMITS } from '../intune/call-budget.js'
import type { EntraApp } from '../intune/entra-credential.js'
import { createIntuneClient, type IntuneClient, type IntuneClientOptions } from '../intune/intune-client.js'
import { measureProcess } from '../operators/measure-process.js'
import { measureInstallation } from '../operators/measure-installation.js'
import { asRole, atPooler, ROLE_KINDS, type RoleKind, roleName, TENANT_ROLES } from '../platform/access/database-roles.js'
import { requireRole } from '../platform/access/require-role.js'
import { type PoolName, poolSize, PROCESS_POOLS, type ProcessKind } from '../platform/connections.js'
import { type Database, openDatabase } from '../platform/database.js'
import type { Lifecycle } from '../platform/lifecycle.js'
import { createMetrics, type Metrics } from '../platform/metrics.js'
import { readSchemaGap, requireSchema } from '../platform/migrate.js'
import { inTenant } from '../platform/tenant-scope.js'
import type { Tracing } from '../platform/tracing.js'
import { openQueues, type Queues } from '../platform/queues.js'
import { takeOverOf } from '../platform/take-over.js'
import { tracingOf } from './tracing-parts.js'

/** What every process of an installation has: its configuration and its connections. */
export interface Installation {
  readonly config: Config
  readonly log: Logger
  readonly lifecycle: Lifecycle
  /** Of the process: as `api` or `worker`. */
  readonly db: Database
  /**
   * As another role; opened when it is first asked for. Roles of one tenant see rows within `inTenant` only.
   * `control`: a few connections of its own for heartbeats and the budget of calls, which what is busy elsewhere must not hold up.
   */
  dbAs (role: RoleKind, use?: 'control'): Database
  readonly queues: Queues
  readonly metrics: Metrics
  readonly tracing: Tracing
  readonly intel: IntelCache
  /** Where feeds are imported: one at a time, off the event loop. */
  readonly feeds: FeedImports
  readonly intune: IntuneClient
  /** How phones reach the API. With a free port it is known once the API listens. */
  readonly publicUrl: { value: string }
  /** What must work for this process to be of use; whoever starts a part adds what that needs. */
  readonly checks: Record<string, () => Promise<void>>
  /** What it can do without for a while, since nothing is lost meanwhile: to take it away would make things worse. */
  readonly degradations: Record<string, () => Promise<void>>
}

/** Of which there are no rows. */
const NO_TENANT = '00000000-0000-0000-0000-000000000000'
const BREAKER_VALUES = { closed: 0, 'half-open': 1, open: 2 } as const

/** Opens all connections; they close with the lifecycle. The database must be migrated. */
export async function openInstallation (config: Config, options: { readonly log: Logger, readonly lifecycle: Lifecycle, readonly kind: ProcessKind }): Promise<Installation> {
  const { log, lifecycle, kind } = options
  const name = kind === 'worker' ? 'worker' : 'api'
  const databaseUrl = requireDatabaseUrl(config)
  const urlAs = (role: RoleKind): string => asRole(databaseUrl, role, config.DATABASE_ROLE_PREFIX)
  // What needs a connection for itself goes past it: the queues' LISTEN, and threads and processes that come and go.
  const poolerUrl = config.DATABASE_POOLER_URL
  let closing = false
  const opened = new Map<string, Database>()
  const dbAs: Installation['dbAs'] = (role, use) => {
    const pool: PoolName = use === undefined ? role : `${role} ${use}`
    const known = opened.get(pool)
    if (known !== undefined) return known
    // Or operators would be told a wrong number of connections.
    if (!PROCESS_POOLS[kind].includes(pool)) throw new Error(`a process of the kind ${kind} has no connections as ${pool}`)
    const db = openDatabase({
      connectionString: poolerUrl === undefined ? urlAs(role) : atPooler(poolerUrl, role, config.DATABASE_ROLE_PREFIX),
      pooled: poolerUrl !== undefined,
      maxConnections: poolSize(pool),
      applicationName: `sallyport ${pool}`,
      oneTenant: TENANT_ROLES.includes(role),
      onError: (error) => { if (!closing) log.warn({ err: error }, 'an idle database connection broke') }
    })
    opened.set(pool, db)
    return db
  }
  const db = dbAs(name)
  lifecycle.onStop('database', async () => {
    closing = true
    await Promise.all([...opened.values()].map(async (one) => await one.destroy()))
  })

  await requireSchema(db, log)
  // At a pooler each role is a line of its configuration, and may be a wrong one.
  const toCheck: readonly RoleKind[] = poolerUrl === undefined ? [name] : ROLE_KINDS.filter((role) => PROCESS_POOLS[kind].includes(role))
  await Promise.all(toCheck.map(async (role) => await inTenant(NO_TENANT, async () => await requireRole(dbAs(role), roleName(role, config.DATABASE_ROLE_PREFIX)))))
  const tracing = await tracingOf(config, log)
  lifecycle.onStop('traces', async () => await tracing.close())
  const queues = await openQueues({ databaseUrl: urlAs(name), redisUrl: config.REDIS_URL, prefix: config.REDIS_PREFIX, log, silenceMs: takeOverOf(config.TAKE_OVER_SECONDS).jobMs, tracing })
  lifecycle.onStop('queues', async () => await queues.close())

  const metrics = createMetrics()
  const intune = await openIntune(config, log, {
    budget: createCallBudget(dbAs(name, 'control'), { ...PUBLISHED_LIMITS, writes: config.INTUNE_WRITE_LIMIT, calls: config.INTUNE_CALL_LIMIT }),
    tracing,
    breakers: { onState: (host, state) => metrics.intuneHosts.set({ host }, BREAKER_VALUES[state]) },
    onCall: ({ operation, status }) => metrics.intuneCalls.inc({ kind: operation, outcome: status === undefined ? 'no-answer' : `${Math.floor(status / 100)}xx` })
  })
  lifecycle.onStop('Intune client', async () => await intune.close())

  const intel = await createIntelCache({ db, log, databaseUrl: urlAs(name) })
  lifecycle.onStop('intel cache', async () => intel.close())
  // In the API it is platform administrators that import.
  const feeds = createFeedImports({ databaseUrl: urlAs(name === 'api' ? 'platform' : name) })
  lifecycle.onStop('imports of feeds', async () => await feeds.close())
  metrics.onScrape(async () => await measureInstallation({ db, queues, metrics, unresponsiveDays: config.INTUNE_UNRESPONSIVE_DAYS }))
  metrics.onScrape(async () => await measureProcess({ metrics, queues, apps: { partner: appsOf(config).INTUNE_CLIENT_ID, setup: appsOf(config).INTUNE_SETUP_CLIENT_ID } }))
  const checks: Installation['checks'] = {
    process: async () => { if (lifecycle.isStopping) throw new Error('it is stopping') },
    database: async () => { await sql`select 1`.execute(db) },
    schema: async () => {
      const { missing } = await readSchemaGap(db)
      if (missing.length > 0) throw new Error(`the database lacks ${missing.join(', ')}; run sallyport migrate`)
    },
    intel: async () => { if (intel.current().version === 0) throw new Error('no feed was ever imported') }
  }
  // What an API takes in is committed in PostgreSQL, and found there without a job. A worker is of no use without jobs.
  const degradations: Installation['degradations'] = {}
  const part = name === 'api' ? degradations : checks
  part.queues = async () => await queues.check()
  return { config, checks, degradations, log, lifecycle, db, dbAs, queues, metrics, tracing, intel, feeds, intune, publicUrl: { value: config.PUBLIC_URL ?? `http://${config.HOST}:${config.PORT}` } }
}

export function requireDatabaseUrl (config: Config): string {
  if (config.DATABASE_URL === undefined) throw new Error('DATABASE_URL is not set; only `sallyport up` brings its own PostgreSQL')
  return config.DATABASE_URL
}

/** Everything Sallyport can ask Microsoft, as configured. The caller closes it. */
export async function openIntune (config: Config, log: Logger, watch: Partial<Pick<IntuneClientOptions, 'budget' | 'breakers' | 'onCall' | 'tracing'>> = {}): Promise<IntuneClient> {
  const { INTUNE_CLIENT_ID: app, INTUNE_SETUP_CLIENT_ID: setupApp } = appsOf(config)
  if (app === undefined) throw new Error('INTUNE_CLIENT_ID is not set; only `sallyport up` brings its own Intune')
  return createIntuneClient({
    authorityHost: config.ENTRA_AUTHORITY_HOST,
    graphBaseUrl: config.GRAPH_BASE_URL,
    resource: config.INTUNE_RESOURCE,
    endpointHosts: config.INTUNE_ENDPOINT_HOSTS.split(',').map((host) => host.trim()),
    ...app,
    ...(setupApp === undefined ? {} : { setupApp }),
    ...(config.INTUNE_CA_FILE === undefined ? {} : { extraCaPem: await readSetting('INTUNE_CA_FILE', config.INTUNE_CA_FILE) }),
    wire: {
      entityType: config.PARTNER_WIRE_ENTITY_TYPE,
      healthField: config.PARTNER_WIRE_HEALTH_FIELD,
      healthValues: parsePairs(config.PARTNER_WIRE_HEALTH_VALUES),
      deviceApiVersion: config.PARTNER_WIRE_DEVICE_API_VERSION,
      tenantApiVersion: config.PARTNER_WIRE_TENANT_API_VERSION,
      appSync: {
        requestType: config.PARTNER_WIRE_APP_SYNC_REQUEST_TYPE,
        answerType: config.PARTNER_WIRE_APP_SYNC_ANSWER_TYPE,
        appsField: config.PARTNER_WIRE_APP_SYNC_APPS_FIELD
      }
    },
    log,
    ...watch
  })
}

/** The file that a setting names. @throws ConfigError that names the setting */
async function readSetting (variable: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new ConfigError([{ variable, message: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}): ${file}` }])
  }
}

/** Our Entra apps, by the setting that names each. */
export function appsOf (config: Config): Readonly<Record<string, EntraApp>> {
  const { INTUNE_CLIENT_ID: clientId, INTUNE_SETUP_CLIENT_ID: setupClientId } = config
  return {
    ...(clientId === undefined ? {} : { INTUNE_CLIENT_ID: { clientId, ...proofOf(config.INTUNE_CLIENT_SECRET, config.INTUNE_CLIENT_CERTIFICATE, config.INTUNE_FEDERATED_TOKEN_FILE) } }),
    ...(setupClientId === undefined
      ? {}
      : { INTUNE_SETUP_CLIENT_ID: { clientId: setupClientId, ...proofOf(config.INTUNE_SETUP_CLIENT_SECRET, config.INTUNE_SETUP_CLIENT_CERTIFICATE, config.INTUNE_SETUP_FEDERATED_TOKEN_FILE) } })
  }
}

/** How an Entra app proves itself; the configuration has checked that there is one way. */
function proofOf (clientSecret: string | undefined, clientCertificatePath: string | undefined, federatedTokenPath: string | undefined): Omit<EntraApp, 'clientId'> {
  if (clientSecret !== undefined) return { clientSecret }
  if (federatedTokenPath !== undefined) return { federatedTokenPath }
  return clientCertificatePath === undefined ? {} : { clientCertificatePath }
}

/** `a=1,b=2` → { a: '1', b: '2' }; the configuration has checked its form. */
function parsePairs (text: string | undefined): Record<string, string> {
  return Object.fromEntries((text ?? '').split(',').filter((pair) => pair !== '').map((pair) => pair.split('=') as [string, string]))
}
