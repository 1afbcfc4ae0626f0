import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { randomUUID } from 'node:crypto'
import { BearerChecker } from './bearer.js'
import { SimulatedClock } from './clock.js'
import { consentRoutes } from './consent-routes.js'
import { controlRoutes } from './control-routes.js'
import { entraRoutes } from './entra-routes.js'
import { FaultSet } from './faults.js'
import { graphRoutes } from './graph-routes.js'
import { MessageProcessor } from './partner-messages.js'
import { PARTNER_PREFIXES } from './partner-paths.js'
import { partnerRoutes } from './partner-routes.js'
import { RequestLog } from './request-log.js'
import { DEFAULT_TENANT, type TenantDefaults } from './seed-tenant.js'
import { addServiceHooks } from './service-hooks.js'
import { TenantStore } from './tenant-store.js'
import { Throttles } from './throttles.js'
import { TokenAuthority } from './tokens.js'
import { validatorCompiler } from './validator.js'

export interface SimulatorAppOptions {
  /** The real time, ms since 1970; the control routes move the simulated time away from it. */
  readonly clock?: () => number
  readonly log?: FastifyBaseLogger
  /** What tenants start from: the unverified names of the partner entity and the processing delay. */
  readonly defaults?: Partial<TenantDefaults>
}

/** Where the app can be reached; filled in once it listens. */
export interface Origins {
  http: string
  https: string
}

/** Messages of several hundred devices are a few hundred kilobytes; the real limit is not public. */
const BODY_LIMIT_BYTES = 4 * 1024 * 1024

/**
 * A local Microsoft for one program to talk to: Entra's token endpoint, Graph, the Intune
 * partner services, and behind them compliance and access. docs/simulator.md says what of it
 * is documented by Microsoft and what is inferred.
 */
export async function buildSimulatorApp (options: SimulatorAppOptions = {}): Promise<{ app: FastifyInstance, origins: Origins }> {
  const origins: Origins = { http: 'http://localhost', https: 'https://localhost' }
  const ownOrigins = (): string[] => [origins.http, origins.https]
  const store = new TenantStore(new SimulatedClock(options.clock))
  const tokens = await TokenAuthority.create()
  const bearer = new BearerChecker({ store, tokens, ownOrigins })
  const messages = new MessageProcessor(store)
  const faults = new FaultSet()
  const log = new RequestLog()
  const throttles = new Throttles()

  const app = Fastify({
    ...(options.log === undefined ? {} : { loggerInstance: options.log }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    genReqId: () => randomUUID(),
    // Callers keep connections open; stopping must not wait for them.
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300 }
  })
  app.setValidatorCompiler(validatorCompiler)
  app.addHook('onClose', async () => messages.close())
  app.get('/healthz', async () => ({ status: 'ok' }))

  await app.register(async (scope) => {
    addServiceHooks(scope, 'entra', { faults, log })
    await scope.register(entraRoutes, { store, tokens, ownOrigins, httpsOrigin: () => origins.https })
    await scope.register(consentRoutes, { store })
  })
  for (const version of ['v1.0', 'beta'] as const) {
    await app.register(async (scope) => {
      addServiceHooks(scope, 'graph', { faults, log })
      await scope.register(graphRoutes, { store, bearer, throttles, version, httpsOrigin: () => origins.https })
    }, { prefix: `/${version}` })
  }
  for (const prefix of PARTNER_PREFIXES) {
    await app.register(async (scope) => {
      addServiceHooks(scope, 'partner', { faults, log })
      await scope.register(partnerRoutes, { store, bearer, messages, throttles })
    }, { prefix })
  }
  await app.register(controlRoutes, { prefix: '/_sim', store, faults, log, bearer, tokens, throttles, defaults: { ...DEFAULT_TENANT, ...options.defaults } })

  return { app: app as unknown as FastifyInstance, origins }
}
