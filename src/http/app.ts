import { randomBytes } from 'node:crypto'
import helmet from '@fastify/helmet'
import underPressure from '@fastify/under-pressure'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Logger } from 'pino'
import { OverloadedError } from '../errors.js'
import { tenantEntered } from '../operators/operator.js'
import type { Metrics } from '../platform/metrics.js'
import { NO_TRACING, type Tracing } from '../platform/tracing.js'
import { REPORT_LIMITS } from '../telemetry/report.js'
import { HTTP_LIMITS, type HttpLimits, serverOptionsOf } from './http-limits.js'
import { addAccessTable } from './plugins/access.js'
import { addAgentAuth, type AgentAuthOptions } from './plugins/agent-auth.js'
import { addJsonWhereExpected } from './plugins/json-where-expected.js'
import { addContentEncoding } from './plugins/content-encoding.js'
import { addDrain, type Drain } from './plugins/drain.js'
import { addOpenApi } from './plugins/openapi.js'
import { addOperatorAuth, type OperatorAuthOptions } from './plugins/operator-auth.js'
import { addPartnerAuth, type PartnerAuthOptions } from './plugins/partner-auth.js'
import { addProblemDetails, UNREADABLE_REQUESTS } from './plugins/problem-details.js'
import { addAgentLimits, addRateLimit, keyOf, RATE_LIMITS, type RateCounting, type RateLimits } from './plugins/rate-limits.js'
import { addTracing } from './plugins/tracing.js'
import { countRequests } from './plugins/count-requests.js'
import { createSignInLimit, type SignInLimit } from './plugins/sign-in-limit.js'
import { addStrictHttp } from './plugins/strict-http.js'
import { addTenantScope } from './plugins/tenant-scope.js'
import { type AccessRoutesOptions, platformAccessRoutes } from './routes/access.js'
import { deviceStatusRoutes, type DeviceStatusRoutesOptions } from './routes/device-status.js'
import { enrollmentRoutes, type EnrollmentRoutesOptions } from './routes/enrollment.js'
import { guardedHostsRoutes } from './routes/guarded-hosts.js'
import { consentRedirectRoutes, onboardingRoutes, type OnboardingRoutesOptions } from './routes/onboarding.js'
import { intelRescoringsRoutes } from './routes/intel-rescorings.js'
import { intelRoutes, type IntelRoutesOptions } from './routes/intel.js'
import { intelSubscriptionsRoutes, type IntelSubscriptionsRoutesOptions } from './routes/intel-subscriptions.js'
import { meRoutes } from './routes/me.js'
import { partnerRoutes, type PartnerRoutesOptions } from './routes/partner/index.js'
import { ssfPublicRoutes, ssfRoutes, type SsfRoutesOptions } from './routes/ssf.js'
import { telemetryRoutes, type TelemetryRoutesOptions } from './routes/telemetry.js'
import { tenantRoutes, type TenantRoutesOptions } from './routes/tenant/index.js'
import { tenantsRoutes, type TenantsRoutesOptions } from './routes/tenants.js'
import { tokenRoutes, type TokenRoutesOptions } from './routes/token.js'
import { upkeepRoutes } from './routes/upkeep.js'
import { buildSerializer } from './serializer.js'
import { createValidatorCompiler } from './validator.js'

/** What the API needs: each part's options, put together by whoever starts it. */
export interface AppOptions {
  readonly log: Logger
  readonly version: string
  readonly tracing?: Tracing
  readonly metrics?: Pick<Metrics, 'httpRequests'>
  readonly agentAuth: AgentAuthOptions
  readonly operatorAuth: OperatorAuthOptions
  readonly enrollment: EnrollmentRoutesOptions
  readonly token: TokenRoutesOptions
  readonly telemetry: TelemetryRoutesOptions
  readonly deviceStatus: DeviceStatusRoutesOptions
  readonly tenant: Omit<TenantRoutesOptions, 'access'>
  readonly tenants: TenantsRoutesOptions
  readonly access: AccessRoutesOptions
  readonly partner: PartnerRoutesOptions & Pick<PartnerAuthOptions, 'verifyCaller'>
  readonly onboarding: OnboardingRoutesOptions
  readonly intel: IntelRoutesOptions
  readonly intelSubscriptions: IntelSubscriptionsRoutesOptions
  readonly signals: SsfRoutesOptions
  readonly rateLimits?: Partial<RateLimits>
  readonly rateCounting?: RateCounting
  /** Proxies whose word on the caller's address counts. */
  readonly trustProxy?: readonly string[]
  readonly httpLimits?: Partial<HttpLimits>
  /** Given what ends the server without its clients noticing. */
  readonly onDrainable?: (drain: Drain) => void
  /** The event loop lags behind by this much on average: requests are turned away (503) until it has caught up. */
  readonly maxEventLoopDelayMs?: number
}

/** Agents give up on an answer at about this time; to work on for them helps nobody. */
const MAX_EVENT_LOOP_DELAY_MS = 3_000
/** What is parsed for strangers: an enrolment has a kilobyte, an assertion at most four. */
const STRANGERS_BODY_BYTES = 64 * 1024

/** The API: agents, operators, and its own description. Not listening yet. */
export async function buildApp (options: AppOptions): Promise<FastifyInstance> {
  const httpLimits: HttpLimits = { ...HTTP_LIMITS, ...options.httpLimits }
  const app = Fastify({
    ...UNREADABLE_REQUESTS,
    loggerInstance: options.log as FastifyBaseLogger,
    genReqId: createRequestIds(),
    // A line for each report would cost more than the report; errors are logged where they are handled.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: REPORT_LIMITS.decodedBytes,
    ...(options.trustProxy === undefined ? {} : { trustProxy: [...options.trustProxy] }),
    ...serverOptionsOf(httpLimits),
    schemaController: { compilersFactory: { buildSerializer } },
    // What still arrives while the server closes is answered like anything else.
    return503OnClosing: false,
    // Keys like __proto__ in a body are data; nothing here copies them onto objects.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore'
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.setValidatorCompiler(createValidatorCompiler())
  if (options.metrics !== undefined) countRequests(app as unknown as FastifyInstance, options.metrics)
  addTracing(app as unknown as FastifyInstance, options.tracing ?? NO_TRACING)
  const drain = addDrain(app as unknown as FastifyInstance)
  options.onDrainable?.(drain)
  addAccessTable(app as unknown as FastifyInstance)
  addProblemDetails(app as unknown as FastifyInstance)
  addStrictHttp(app as unknown as FastifyInstance, httpLimits)
  addContentEncoding(app as unknown as FastifyInstance, { maxSentBytes: REPORT_LIMITS.sentBytes })
  app.removeContentTypeParser('text/plain')
  // Whoever runs it without TLS on a machine of their own must still see /docs.
  await app.register(helmet, { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } })
  await app.register(underPressure, {
    maxEventLoopDelay: options.maxEventLoopDelayMs ?? MAX_EVENT_LOOP_DELAY_MS,
    pressureHandler: () => { throw new OverloadedError() }
  })
  await addOpenApi(app as unknown as FastifyInstance, { version: options.version })

  const limits: RateLimits = { ...RATE_LIMITS, ...options.rateLimits }
  const counting = options.rateCounting ?? {}
  let signInLimit!: SignInLimit

  await app.register(async (open) => {
    await addRateLimit(open as unknown as FastifyInstance, counting)
    signInLimit = createSignInLimit(open as unknown as FastifyInstance, { maxFailures: limits.failures })
    open.addHook('onRoute', (route) => { route.bodyLimit ??= STRANGERS_BODY_BYTES })
    open.addHook('onRequest', open.rateLimit({ max: limits.perAddress, keyGenerator: keyOf.address }))
    await open.register(enrollmentRoutes, options.enrollment)
    await open.register(tokenRoutes, options.token)
    await open.register(consentRedirectRoutes, options.onboarding)
  }, { prefix: '/v1' })

  await app.register(async (open) => {
    await addRateLimit(open as unknown as FastifyInstance, counting)
    open.addHook('onRequest', open.rateLimit({ max: limits.perAddress, keyGenerator: keyOf.address }))
    addTenantScope(open as unknown as FastifyInstance, ({ params }) => (params as { tenantId: string }).tenantId)
    await open.register(ssfPublicRoutes, options.signals)
  })

  await app.register(async (agents) => {
    await addAgentAuth(agents as unknown as FastifyInstance, { ...options.agentAuth, signInLimit })
    await addAgentLimits(agents as unknown as FastifyInstance, limits, counting)
    await agents.register(telemetryRoutes, options.telemetry)
    await agents.register(deviceStatusRoutes, options.deviceStatus)
  }, { prefix: '/v1' })

  await app.register(async (operators) => {
    await addRateLimit(operators as unknown as FastifyInstance, counting)
    addOperatorAuth(operators as unknown as FastifyInstance, { ...options.operatorAuth, signInLimit })
    addJsonWhereExpected(operators as unknown as FastifyInstance)
    operators.addHook('onRequest', operators.rateLimit({ max: limits.perApiKey, keyGenerator: keyOf.apiKey }))
    addTenantScope(operators as unknown as FastifyInstance, ({ operator, params }) => tenantEntered(operator, (params as { tenantId?: string }).tenantId))
    await operators.register(tenantRoutes, { ...options.tenant, access: options.access, prefix: '/tenants/:tenantId' })
    await operators.register(meRoutes, options.access)
    await operators.register(platformAccessRoutes, options.access)
    await operators.register(tenantsRoutes, options.tenants)
    await operators.register(upkeepRoutes, options.tenants)
    await operators.register(onboardingRoutes, options.onboarding)
    await operators.register(intelRoutes, options.intel)
    await operators.register(guardedHostsRoutes, options.intel)
    await operators.register(intelRescoringsRoutes, options.intel)
    await operators.register(intelSubscriptionsRoutes, options.intelSubscriptions)
    await operators.register(ssfRoutes, options.signals)
  }, { prefix: '/v1' })

  await app.register(async (partners) => {
    await addRateLimit(partners as unknown as FastifyInstance, counting)
    const { sessions, refusals } = options.operatorAuth
    addPartnerAuth(partners as unknown as FastifyInstance, { verifyCaller: options.partner.verifyCaller, sessions, refusals, signInLimit })
    partners.addHook('onRequest', partners.rateLimit({ max: limits.perPartner, keyGenerator: keyOf.partner }))
    addTenantScope(partners as unknown as FastifyInstance, ({ partner }) => partner.tenantId)
    await partners.register(partnerRoutes, options.partner)
  }, { prefix: '/v1/partner' })

  return app as unknown as FastifyInstance
}

/** Ids that tell requests of all processes apart. */
function createRequestIds (): () => string {
  const prefix = randomBytes(6).toString('base64url')
  let count = 0
  return () => `${prefix}-${(++count).toString(36)}`
}
