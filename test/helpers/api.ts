import { randomBytes, randomUUID } from 'node:crypto'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Test } from 'tap'
import { createAccessTokens } from '../../src/devices/access-tokens.js'
import { hashEnrollmentToken } from '../../src/devices/enroll-device.js'
import type { ScoreDeps } from '../../src/devices/score-devices.js'
import { createSigningKeys, type SigningKeys } from '../../src/devices/signing-keys.js'
import { createTokenCutoffs } from '../../src/devices/token-cutoffs.js'
import { type AppOptions, buildApp } from '../../src/http/app.js'
import { createSharedCounts } from '../../src/http/plugins/rate-store.js'
import type { FeedImports } from '../../src/intel/feed-imports.js'
import type { IntelCache } from '../../src/intel/index/intel-cache.js'
import { IntuneError } from '../../src/intune/intune-error.js'
import { createApiKey } from '../../src/operators/api-keys.js'
import { createOperatorLookup } from '../../src/operators/find-operator.js'
import type { Role } from '../../src/operators/roles.js'
import { createRefusals, type Refusals } from '../../src/operators/sign-in/refusals.js'
import { createSessions } from '../../src/operators/sign-in/sessions.js'
import { hasTenant } from '../../src/operators/tenants.js'
import { createAddressGuard } from '../../src/platform/address-guard.js'
import { type Database, openDatabase } from '../../src/platform/database.js'
import type { Tracing } from '../../src/platform/tracing.js'
import { createSetSigner } from '../../src/signals/ssf/set-keys.js'
import { createJournal, type Journal } from '../../src/telemetry/journal.js'
import { createTestDatabase, openAs } from './database.js'
import { makeKey } from './device-keys.js'
import { rememberingProducer, seedTenant } from './devices.js'
import { NO_INTEL } from './intel.js'
import { rememberSecret, silentLog } from './log.js'

/** The whole API on a database of its own, with one tenant. */
export interface TestApi extends ScoreDeps {
  readonly app: FastifyInstance
  readonly db: Database
  /** Every connection of the API ends, and none begins. */
  takeDatabaseAway (): Promise<void>
  readonly databaseUrl: string
  readonly tenantId: string
  readonly keys: SigningKeys
  readonly refusals: Refusals
  readonly cutoffs: Awaited<ReturnType<typeof createTokenCutoffs>>
  readonly score: ReturnType<typeof rememberingProducer<'score'>>
  readonly sync: ReturnType<typeof rememberingProducer<'sync'>>
  readonly intelJobs: ReturnType<typeof rememberingProducer<'intel'>>
  /** What Intune was asked: `true` to provision, `false` to deprovision. */
  readonly provisioned: boolean[]
  /** An API key with this role in this tenant (the test's own, when none is named). */
  keyFor (role: Role, tenantId?: string): Promise<string>
  /** A request with a bearer token. */
  call (bearer: string | undefined, method: 'GET' | 'POST' | 'DELETE' | 'PUT' | 'PATCH', url: string, body?: InjectOptions['payload'], headers?: Readonly<Record<string, string>>): Promise<LightMyRequestResponse>
  /** A phone that has enrolled, and its access token. */
  enroll (tenantId?: string): Promise<{ readonly deviceId: string, readonly entraDeviceId: string, readonly accessToken: string }>
}

export interface TestApiOptions {
  readonly log?: Logger
  readonly rateLimits?: AppOptions['rateLimits']
  readonly rateCounting?: AppOptions['rateCounting']
  /** Another process of the same installation: the same database, a pool of its own. */
  readonly beside?: Pick<TestApi, 'databaseUrl' | 'tenantId'>
  readonly publicUrl?: () => string
  readonly secrets?: AppOptions['intelSubscriptions']['secrets']
  /** Hosts inside that signals may be sent to. */
  readonly privateHosts?: readonly string[]
  readonly longPollMs?: number
  readonly maxEventLoopDelayMs?: number
  readonly httpLimits?: AppOptions['httpLimits']
  readonly trustProxy?: readonly string[]
  /** Entra and Graph; without them Entra does not answer, and Graph holds nothing. */
  readonly intune?: AppOptions['tenant']['onboarding']['intune']
  readonly journalOf?: (journal: Journal) => Pick<Journal, 'append'>
  /** Who calls the partner state API; without it there is none. */
  readonly verifyCaller?: AppOptions['partner']['verifyCaller']
  /** Without it nobody waits for a change. */
  readonly changeWaiter?: AppOptions['partner']['waiter']
  readonly tracing?: Tracing
  readonly findOperator?: AppOptions['operatorAuth']['findOperator']
  /** Who signed in with a provider's token; without it only keys count. */
  readonly verifyTokenOf?: (db: Database) => AppOptions['operatorAuth']['verifyToken']
  /** Where feeds are imported; without it, where the test runs: a process takes seconds to start under its loaders. */
  readonly feedImports?: Pick<FeedImports, 'store'>
  /** Threat intelligence as it is stored; without it nothing is known to be bad. */
  readonly intelOf?: (db: Database) => Promise<Pick<IntelCache, 'current' | 'refresh'>>
}

const nobody = async (): Promise<never> => { throw new IntuneError('unavailable', 'Nobody answers.') }
const NO_ACCESS = { clientId: 'an-app', inspect: nobody, consentUrl: ({ state }: { readonly state: string }) => `https://login.example/adminconsent?state=${state}` }
/** An empty tenant that takes everything. */
const EMPTY_GRAPH = { get: async () => ({ value: [] }), send: async () => ({ value: [], id: randomUUID() }) }
const AWAY: NonNullable<TestApiOptions['intune']> = {
  access: NO_ACCESS, graph: EMPTY_GRAPH, discovery: { findService: nobody, dropServices () {} }, setup: { access: NO_ACCESS, graph: EMPTY_GRAPH, isSeparate: false }
}

/** Whoever tests limits has them counted in one minute, however long it takes: in the next they would begin anew. */
function rateCountingOf ({ rateLimits, rateCounting }: TestApiOptions): Pick<AppOptions, 'rateCounting'> {
  if (rateCounting !== undefined) return { rateCounting }
  const startedAt = Date.now()
  return rateLimits === undefined ? {} : { rateCounting: { counts: createSharedCounts({ now: () => startedAt }) } }
}

export async function startTestApi (t: Test, options: TestApiOptions = {}): Promise<TestApi> {
  const { db, url: databaseUrl } = options.beside === undefined ? await createTestDatabase(t) : openBeside(t, options.beside.databaseUrl)
  const log = options.log ?? silentLog
  // As in start-api.ts: the API works in the roles that it has in earnest. `db` itself is the owner's.
  const [apiDb, operatorDb, platformDb] = [openAs(t, databaseUrl, 'api'), openAs(t, databaseUrl, 'operator'), openAs(t, databaseUrl, 'platform')]
  const keys = await createSigningKeys({ db: apiDb, log, secrets: options.secrets })
  const cutoffs = await createTokenCutoffs({ db: apiDb, log })
  const score = rememberingProducer<'score'>()
  const sync = rememberingProducer<'sync'>()
  const intelJobs = rememberingProducer<'intel'>()
  const previewJobs = rememberingProducer<'preview'>()
  const journal = createJournal({ db: apiDb, score, log, maxWaiting: 1_000 })
  const accessTokens = createAccessTokens({ keys, lifetimeSeconds: 600 })
  const provisioned: boolean[] = []
  const partner = {
    setProvisioned: async (_entraTenantId: string, { provisioned: wish }: { readonly provisioned: boolean }) => { provisioned.push(wish) }
  }
  const intel = await options.intelOf?.(db) ?? { current: () => NO_INTEL, refresh: async () => NO_INTEL }
  const scoring: ScoreDeps = { db: apiDb, intel, sync, log }
  const onboarding = { db: platformDb, intune: options.intune ?? AWAY, log, connectorId: '5a11ab0e-0000-4000-8000-00000000c0de', publicUrl: 'https://mtd.example', apps: {} }
  const signals: AppOptions['signals'] & AppOptions['tenant']['signals'] = {
    db: operatorDb,
    log,
    secrets: options.secrets,
    guard: createAddressGuard({ privateHosts: options.privateHosts ?? [] }),
    authorityHost: 'https://login.microsoftonline.com',
    version: '0.0.0-test',
    publicUrl: options.publicUrl ?? (() => 'https://mtd.example'),
    signer: createSetSigner({ db: apiDb, secrets: options.secrets }),
    longPollMs: options.longPollMs ?? 1_000
  }
  // Written when the test asks for it, and at its end.
  const refusals = createRefusals({ db: apiDb, log, flushMs: 2 ** 30 })
  const app = await buildApp({
    log,
    version: '0.0.0-test',
    ...(options.tracing === undefined ? {} : { tracing: options.tracing }),
    agentAuth: { keys, cutoffs },
    operatorAuth: {
      findOperator: options.findOperator ?? createOperatorLookup(apiDb),
      verifyToken: options.verifyTokenOf?.(apiDb),
      hasTenant: async (id) => await hasTenant({ db: apiDb }, id),
      sessions: createSessions({ db: apiDb }),
      refusals
    },
    enrollment: { db: apiDb, accessTokens, cutoffs, sync, log },
    token: { db: apiDb, accessTokens, publicUrl: options.publicUrl ?? (() => 'https://mtd.example') },
    telemetry: { journal: options.journalOf?.(journal) ?? journal },
    deviceStatus: { db: apiDb },
    tenant: {
      db: operatorDb,
      scoring,
      policy: { db: operatorDb, intel: intelJobs, preview: previewJobs },
      devices: { db: operatorDb, cutoffs, sync, score, log, replay: { intel, journalDb: apiDb } },
      connector: { db: operatorDb, intune: { partner } as never, log, sync, reconcile: rememberingProducer<'reconcile'>(), publicUrl: 'https://mtd.example' },
      onboarding: { ...onboarding, db: operatorDb },
      journal: options.journalOf?.(journal) ?? journal,
      signals
    },
    tenants: { db: platformDb },
    access: { db: platformDb, tenantDb: operatorDb },
    partner: { db: openAs(t, databaseUrl, 'partner'), privacyMode: false, verifyCaller: options.verifyCaller, waiter: options.changeWaiter ?? { wait: async () => {} } },
    onboarding,
    intelSubscriptions: { db: platformDb, secrets: options.secrets },
    signals,
    intel: { db: platformDb, intel, ...(options.feedImports === undefined ? {} : { store: options.feedImports.store }), onChanged: async () => await intelJobs.add([{}]) },
    ...(options.rateLimits === undefined ? {} : { rateLimits: options.rateLimits }),
    ...rateCountingOf(options),
    ...(options.trustProxy === undefined ? {} : { trustProxy: options.trustProxy }),
    ...(options.httpLimits === undefined ? {} : { httpLimits: options.httpLimits }),
    // 0: never. On a busy machine a test is late, not wrong.
    maxEventLoopDelayMs: options.maxEventLoopDelayMs ?? 0
  })
  t.teardown(async () => {
    await app.close()
    await refusals.close()
    await journal.close()
    keys.close()
    cutoffs.close()
  })
  const tenantId = options.beside?.tenantId ?? await seedTenant(db)

  const call: TestApi['call'] = async (bearer, method, url, payload, headers = {}) => await app.inject({
    method, url, ...(payload === undefined ? {} : { payload }),
    headers: { ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }), ...headers }
  })
  return {
    app, db, databaseUrl, tenantId, keys, refusals, cutoffs, score, sync, intelJobs, provisioned, intel, log, call,
    async takeDatabaseAway () {
      await Promise.all([apiDb, operatorDb, platformDb].map(async (one) => await one.destroy()))
    },
    async keyFor (role, tenant = tenantId) {
      return rememberSecret((await createApiKey({ db }, { name: `${role} of the test`, role, actor: 'test', ...(role === 'platform-admin' ? {} : { tenantId: tenant }) })).key)
    },
    async enroll (tenant = tenantId) {
      const token = rememberSecret(randomBytes(16).toString('hex'))
      await db.insertInto('enrollment_token').values({ tenant_id: tenant, token_hash: hashEnrollmentToken(token), label: 'test' }).execute()
      const entraDeviceId = randomUUID()
      const answer = await call(token, 'POST', '/v1/enroll', {
        entraDeviceId, platform: 'android', osVersion: '15', manufacturer: 'Google', model: 'Pixel 8', publicKey: (await makeKey()).publicJwk
      })
      if (answer.statusCode !== 201) throw new Error(answer.body)
      rememberSecret(answer.json<{ accessToken: string }>().accessToken)
      return { ...answer.json(), entraDeviceId }
    }
  }
}

function openBeside (t: Test, url: string): { db: Database, url: string } {
  const db = openDatabase({ connectionString: url })
  t.teardown(async () => await db.destroy())
  return { db, url }
}

/** How many rows each table has: equal before and after means that nothing was stored. */
export async function countRows (db: Database): Promise<Readonly<Record<string, number>>> {
  const { rows } = await sql<{ table: string, rows: number }>`
    select table_name as "table", (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %I', table_name) || case table_name when 'audit_event' then ' where action <> ''operator.signed-in''' else '' end, false, true, '')))[1]::text::integer as rows
    from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not in ('operator_session', 'audit_link') order by 1`.execute(db)
  return Object.fromEntries(rows.map(({ table, rows }) => [table, rows]))
}

/** What an answer must be to be refused as the contract says; `paths` are the faults it must list, no more and no fewer. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly paths?: readonly string[]
}

/** An RFC 9457 problem, whole and without anything from inside. */
export function isProblem (t: Test, answer: Pick<LightMyRequestResponse, 'statusCode' | 'headers' | 'body'>, { status, code, paths }: Refusal, name = code): void {
  t.equal(answer.statusCode, status, `${name}: status`)
  t.match(answer.headers['content-type'], /^application\/problem\+json/, `${name}: media type`)
  const problem = JSON.parse(answer.body) as Record<string, unknown> & { errors?: Array<{ path: string, message: string }> }
  t.match(problem, { type: `urn:sallyport:problem:${code}`, title: String, status, detail: /./, instance: /^\//, code }, `${name}: problem`)
  t.notMatch(answer.body, /node_modules|\.ts:\d|select |FST_ERR/, `${name}: nothing from inside`)
  if (paths !== undefined) {
    t.strictSame([...new Set(problem.errors?.map(({ path }) => path))].sort(), [...paths].sort(), `${name}: every fault`)
    t.ok(problem.errors?.every(({ message }) => message !== ''), `${name}: each in words`)
  }
}
