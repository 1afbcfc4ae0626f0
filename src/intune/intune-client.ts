import type { Logger } from 'pino'
import { type AppAccess, createAppAccess } from './app-access.js'
import type { CallBudget } from './call-budget.js'
import { createDiscovery, type Discovery } from './discovery.js'
import { askEntraTime } from './entra-time.js'
import { createEntraTokens, type EntraApp } from './entra-credential.js'
import { createGraphClient, graphScope, type GraphClient } from './graph-client.js'
import { createHttpsAgent } from './https-agent.js'
import { createHostBreakers, type HostBreakersOptions } from './host-breakers.js'
import { callLogger, type CallObserver } from './intune-call.js'
import { type AppSyncClient, createPartnerClient, type PartnerClient } from './partner-client.js'
import type { Tracing } from '../platform/tracing.js'
import { intuneScope, type PartnerWireConfig } from './partner-wire.js'

export interface IntuneClientOptions extends EntraApp {
  /** https; where tokens come from. */
  readonly authorityHost: string
  /** https; Microsoft Graph without version. */
  readonly graphBaseUrl: string
  /** Resource identifier of the Intune API; its trailing slash belongs to it. */
  readonly resource: string
  /** Hosts that discovered services may have; a leading dot means any host below. */
  readonly endpointHosts: readonly string[]
  /** A second app with the larger permissions that setting Intune up needs; without it the first app does it. */
  readonly setupApp?: EntraApp
  /** PEM of authorities to trust besides the usual ones. */
  readonly extraCaPem?: string
  readonly wire: PartnerWireConfig
  readonly log: Logger
  readonly onCall?: CallObserver
  /** How fast Intune may be called; none: as fast as it goes. */
  readonly budget?: CallBudget
  readonly breakers?: HostBreakersOptions
  readonly tracing?: Tracing
  /** How long Graph and Intune may take to answer; 15 s by default. */
  readonly answerLimitMs?: number
}

/** Everything Sallyport can ask Microsoft. Connects on first use. */
export interface IntuneClient {
  readonly budget?: CallBudget
  readonly partner: PartnerClient
  /** Apps of iPhones and iPads, as Intune knows them. */
  readonly appSync: AppSyncClient
  readonly graph: GraphClient
  /** Where a tenant's Intune services are. */
  readonly discovery: Discovery
  /** What our app may do in a tenant. */
  readonly access: AppAccess
  /** The app that sets Intune up: the same one, unless there is a second. */
  readonly setup: { readonly graph: GraphClient, readonly access: AppAccess, readonly isSeparate: boolean }
  /** What time it is at Entra. @throws when Entra does not answer */
  askEntraTime (): Promise<Date>
  /** Ends kept-alive connections. */
  close (): Promise<void>
}

const ANSWER_LIMIT_MS = 15_000

export function createIntuneClient (options: IntuneClientOptions): IntuneClient {
  const hosts = { extraCaPem: options.extraCaPem, allowedHosts: [new URL(options.graphBaseUrl).hostname, ...options.endpointHosts] }
  const agent = createHttpsAgent(hosts)
  const tenantAgent = createHttpsAgent(hosts)
  const observe = callLogger(options.log, options.onCall)
  const tokens = createEntraTokens(options)
  const { answerLimitMs = ANSWER_LIMIT_MS, budget } = options
  const { graphBaseUrl: baseUrl, authorityHost, extraCaPem, setupApp } = options
  const breakers = createHostBreakers({
    ...options.breakers,
    onState (host, state) {
      options.log[state === 'open' ? 'error' : 'info']({ host, state }, 'circuit of an Intune host')
      options.breakers?.onState?.(host, state)
    }
  })
  const graph = createGraphClient({ baseUrl, tokens, agent, observe, answerLimitMs })
  const access = createAppAccess({ authorityHost, app: options, tokens, scopes: { graph: graphScope(baseUrl), intune: intuneScope(options.resource) } })
  const setup = setupApp === undefined ? { graph, access, isSeparate: false } : setUpApart(setupApp)
  const discovery = createDiscovery({ graph, allowedHosts: options.endpointHosts })
  const partner = createPartnerClient({
    wire: options.wire, tokens, discovery, agent, tenantAgent, breakers, resource: options.resource, observe, answerLimitMs, ...(budget === undefined ? {} : { budget }), ...(options.tracing === undefined ? {} : { tracing: options.tracing })
  })
  return {
    partner,
    appSync: partner,
    graph,
    discovery,
    access,
    setup,
    ...(budget === undefined ? {} : { budget }),
    askEntraTime: async () => await askEntraTime({ authorityHost, agent }),
    async close () {
      await Promise.all([agent.close(), tenantAgent.close()])
    }
  }

  function setUpApart (app: EntraApp): IntuneClient['setup'] {
    const tokens = createEntraTokens({ ...app, authorityHost, answerLimitMs, ...(extraCaPem === undefined ? {} : { extraCaPem }) })
    return {
      graph: createGraphClient({ baseUrl, tokens, agent, observe, answerLimitMs }),
      access: createAppAccess({ authorityHost, app, tokens, scopes: { graph: graphScope(baseUrl) } }),
      isSeparate: true
    }
  }
}
