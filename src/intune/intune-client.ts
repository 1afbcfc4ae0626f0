import type { Logger } from 'pino'
import type { CallBudget } from './call-budget.js'
import { createDiscovery } from './discovery.js'
import { createEntraTokens } from './entra-credential.js'
import { createGraphClient, type GraphClient } from './graph-client.js'
import { createHttpsAgent } from './https-agent.js'
import { createHostBreakers, type HostBreakersOptions } from './host-breakers.js'
import { callLogger, type CallObserver } from './intune-call.js'
import { createPartnerClient, type PartnerClient } from './partner-client.js'
import type { PartnerWireConfig } from './partner-wire.js'

export interface IntuneClientOptions {
  /** https; where tokens come from. */
  readonly authorityHost: string
  /** https; Microsoft Graph without version. */
  readonly graphBaseUrl: string
  /** Resource identifier of the Intune API; its trailing slash belongs to it. */
  readonly resource: string
  /** Hosts that discovered services may have; a leading dot means any host below. */
  readonly endpointHosts: readonly string[]
  readonly clientId: string
  /** Exactly one of secret and certificate. */
  readonly clientSecret?: string
  readonly clientCertificatePath?: string
  /** PEM of authorities to trust besides the usual ones. */
  readonly extraCaPem?: string
  readonly wire: PartnerWireConfig
  readonly log: Logger
  readonly onCall?: CallObserver
  /** How fast Intune may be called; none: as fast as it goes. */
  readonly budget?: CallBudget
  readonly breakers?: HostBreakersOptions
  /** How long Graph and Intune may take to answer; 15 s by default. */
  readonly answerLimitMs?: number
}

/** Everything Sallyport can ask Microsoft. Connects on first use. */
export interface IntuneClient {
  readonly budget?: CallBudget
  readonly partner: PartnerClient
  readonly graph: GraphClient
  /** Ends kept-alive connections. */
  close (): Promise<void>
}

const ANSWER_LIMIT_MS = 15_000

export function createIntuneClient (options: IntuneClientOptions): IntuneClient {
  const agent = createHttpsAgent(options.extraCaPem)
  const tenantAgent = createHttpsAgent(options.extraCaPem)
  const observe = callLogger(options.log, options.onCall)
  const tokens = createEntraTokens(options)
  const { answerLimitMs = ANSWER_LIMIT_MS, budget } = options
  const breakers = createHostBreakers({
    ...options.breakers,
    onState (host, state) {
      options.log[state === 'open' ? 'error' : 'info']({ host, state }, 'circuit of an Intune host')
      options.breakers?.onState?.(host, state)
    }
  })
  const graph = createGraphClient({ baseUrl: options.graphBaseUrl, tokens, agent, observe, answerLimitMs })
  const discovery = createDiscovery({ graph, allowedHosts: options.endpointHosts })
  const partner = createPartnerClient({
    wire: options.wire, tokens, discovery, agent, tenantAgent, breakers, resource: options.resource, observe, answerLimitMs, ...(budget === undefined ? {} : { budget })
  })
  return {
    partner,
    graph,
    ...(budget === undefined ? {} : { budget }),
    async close () {
      await Promise.all([agent.close(), tenantAgent.close()])
    }
  }
}
