import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { createAccessTokens } from '../devices/access-tokens.js'
import type { EnrolledDevice } from '../devices/enroll-device.js'
import { createSigningKeys } from '../devices/signing-keys.js'
import { createTokenCutoffs } from '../devices/token-cutoffs.js'
import { type AppOptions, buildApp } from '../http/app.js'
import type { Database } from '../platform/database.js'
import type { Drain } from '../http/plugins/drain.js'
import { createSharedCounts, startExchange } from '../http/plugins/rate-store.js'
import { buildOpsApp } from '../http/ops-app.js'
import { connectRateRedis, createCountExchange } from '../platform/rate-exchange.js'
import { DRAIN_LIMIT_MS } from '../platform/lifecycle.js'
import { leftToSweep } from '../platform/left-to-sweep.js'
import { listUpkeepTasks } from '../platform/upkeep-tasks.js'
import { VERSION } from '../platform/version.js'
import { createJournal } from '../telemetry/journal.js'
import { appsOf, type Installation } from './installation.js'
import { issuerOf, operatorPartsOf, signInProbeOf } from './operator-parts.js'
import { partnerPartsOf } from './partner-parts.js'
import { signalsOf } from './signal-parts.js'
import { secretsOf } from './subscription-parts.js'
import { scoringOf } from './wire-workers.js'

export interface StartApiOptions {
  /** Told of every phone that enrols, before it gets its answer. */
  readonly onEnrolled?: (device: EnrolledDevice) => Promise<void>
}

export interface StartedApi {
  readonly url: string
  readonly opsUrl: string
}

/** Connections that wait for their next request when the server stops listening have this long for it, if there is a delay at all. */
const LINGER_MS = 1_000
/** An import of a feed that is on its way may come to its end. */
const IMPORT_GRACE_MS = 10_000

/** Starts the API and the operations port of this process. */
export async function startApi (installation: Installation, options: StartApiOptions = {}): Promise<StartedApi> {
  const { config, db, dbAs, queues, log, lifecycle, metrics, tracing, intel, feeds, intune, publicUrl } = installation
  // What operators ask for one tenant sees that tenant alone; what is asked of the platform has a role of its own.
  const [operatorDb, platformDb] = [dbAs('operator'), dbAs('platform')]
  let listens = false
  // The first to start and the last to stop: it says that the API is not there yet, or no more.
  installation.checks.API = async () => { if (!listens) throw new Error('it does not listen') }
  const opsUrl = await startOps(installation)
  const keys = await createSigningKeys({ db, secrets: secretsOf(config), log, rotateAfterDays: config.SIGNING_KEY_DAYS })
  lifecycle.onStop('signing keys', async () => keys.close())
  const cutoffs = await createTokenCutoffs({ db, log })
  lifecycle.onStop('token cutoffs', async () => cutoffs.close())
  // What these ask for is committed before, and found without a job: states that Intune does not have, rounds and previews that are due, changes of the intelligence.
  const sync = leftToSweep(queues.producer('sync'), log)
  const reconcile = leftToSweep(queues.producer('reconcile'), log)
  const preview = leftToSweep(queues.producer('preview'), log)
  const intelChanged = leftToSweep(queues.producer('intel'), log)
  const score = queues.producer('score')
  const journal = createJournal({
    db, score, log,
    maxWaiting: config.JOURNAL_MAX_WAITING,
    metrics,
    tracing
  })
  lifecycle.onStop('journal', async () => await journal.close())

  const accessTokens = createAccessTokens({ keys, lifetimeSeconds: config.ACCESS_TOKEN_SECONDS })
  const connectorDeps = { db: operatorDb, intune, log, sync, reconcile, unresponsiveDays: config.INTUNE_UNRESPONSIVE_DAYS, get publicUrl () { return publicUrl.value } }
  // Not copied but made twice: where phones find us is known only when the API listens.
  const onboardingAs = (db: Database): AppOptions['tenant']['onboarding'] & AppOptions['onboarding'] => ({ db, intune, log, connectorId: config.INTUNE_CONNECTOR_ID, apps: appsOf(config), redisUrl: config.REDIS_URL, askEntraTime: intune.askEntraTime, askSignIn: signInProbeOf(config), get publicUrl () { return publicUrl.value } })
  const partner = await partnerPartsOf(installation)
  const signals = { ...signalsOf(installation), db: operatorDb }
  let drain!: Drain
  const app = await buildApp({
    log,
    tracing,
    metrics,
    onDrainable (one) { drain = one },
    version: VERSION,
    ...(config.TRUST_PROXY === undefined ? {} : { trustProxy: config.TRUST_PROXY.split(',').map((one) => one.trim()) }),
    ...startRateLimits(installation),
    agentAuth: { keys, cutoffs },
    operatorAuth: await operatorPartsOf(installation),
    enrollment: { db, accessTokens, cutoffs, sync, log, ...(options.onEnrolled === undefined ? {} : { onEnrolled: options.onEnrolled }) },
    token: { db, accessTokens, publicUrl: () => publicUrl.value },
    telemetry: { journal, metrics },
    deviceStatus: { db },
    tenant: {
      db: operatorDb,
      scoring: scoringOf(installation),
      policy: { db: operatorDb, intel: intelChanged, preview },
      devices: { db: operatorDb, cutoffs, sync, score: leftToSweep(score, log), log, replay: { intel, journalDb: db, privacyMode: config.PRIVACY_MODE } },
      connector: connectorDeps,
      onboarding: onboardingAs(operatorDb),
      signals,
      journal
    },
    tenants: { db: platformDb },
    // Keys and people may belong to several tenants.
    access: { db: platformDb, tenantDb: operatorDb, issuer: issuerOf(config) },
    partner: partner.options,
    onboarding: onboardingAs(platformDb),
    intelSubscriptions: { db: platformDb, secrets: secretsOf(config) },
    signals,
    intel: { db: platformDb, intel, store: feeds.store, onChanged: async () => await intelChanged.add([{}]) }
  })
  lifecycle.onStop('API', async () => await app.close())
  // Before the API, which waits for its answers.
  lifecycle.onStop('waiting relying parties', async () => partner.waiter.close())
  // Likewise: an import is undone and its sender comes again.
  lifecycle.onStop('imports of feeds', async () => await feeds.close({ graceMs: IMPORT_GRACE_MS }))
  const url = await listen(app, config.HOST, config.PORT)
  listens = true
  const delayMs = config.STOP_DELAY_SECONDS * 1000
  lifecycle.onDrain('API', async () => {
    drain.announce()
    await sleep(delayMs)
    listens = false
    await drain.stopListening(Math.min(delayMs, LINGER_MS))
  }, delayMs + DRAIN_LIMIT_MS)
  if (config.PUBLIC_URL === undefined) publicUrl.value = url
  installation.checks.journal = async () => { if (journal.waiting() >= config.JOURNAL_MAX_WAITING) throw new Error(`${journal.waiting()} reports wait for a commit, and more are turned away`) }
  return { url, opsUrl }
}

/** Limits from the configuration, counted together with the other API processes. */
function startRateLimits ({ config, db, log, lifecycle }: Installation): Pick<AppOptions, 'rateLimits' | 'rateCounting'> {
  const counts = createSharedCounts({ exchangeCounts: createCountExchange(db) })
  const timer = startExchange(counts, { log })
  lifecycle.onStop('rate counts', async () => timer.close())
  const redis = config.REDIS_URL === undefined ? undefined : connectRateRedis({ url: config.REDIS_URL, log })
  lifecycle.onStop('rate limits in Redis', async () => redis?.disconnect())
  return {
    rateLimits: {
      perAddress: config.RATE_LIMIT_ADDRESS,
      failures: config.RATE_LIMIT_FAILURES,
      perDevice: config.RATE_LIMIT_DEVICE,
      deviceBytesPerHour: config.RATE_LIMIT_DEVICE_MB * 1024 * 1024,
      perTenant: config.RATE_LIMIT_TENANT,
      perApiKey: config.RATE_LIMIT_API_KEY,
      perPartner: config.RATE_LIMIT_PARTNER
    },
    rateCounting: { counts, ...(redis === undefined ? {} : { redis: { client: redis, prefix: config.REDIS_PREFIX } }) }
  }
}

/** Starts the operations port of a process: health, metrics, queues. */
export async function startOps (installation: Installation): Promise<string> {
  const { config, db, queues, log, lifecycle, metrics, checks, degradations } = installation
  const ops = await buildOpsApp({
    log,
    metrics,
    queues,
    listUpkeep: async () => await listUpkeepTasks(db),
    checks,
    degradations
  })
  lifecycle.onStop('operations port', async () => await ops.close())
  return await listen(ops, config.OPS_HOST, config.OPS_PORT)
}

async function listen (app: FastifyInstance, host: string, port: number): Promise<string> {
  const address = new URL(await app.listen({ host, port }))
  // What listens everywhere is reached on loopback.
  if (host === '0.0.0.0' || host === '::') address.hostname = '127.0.0.1'
  return address.origin
}
