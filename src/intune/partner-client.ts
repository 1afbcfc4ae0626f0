import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { request, type Dispatcher } from 'undici'
import type { CallBudget } from './call-budget.js'
import type { Discovery } from './discovery.js'
import type { EntraTokens } from './entra-credential.js'
import { createHostBreakers, type HostBreakers } from './host-breakers.js'
import type { CallObserver, IntuneCall } from './intune-call.js'
import { describeError, IntuneError } from './intune-error.js'
import {
  appSyncAnswerRequest, appSyncRequest, DEVICE_SERVICE, heartbeatRequest, intuneScope, isUploadTaken, readAppSyncAnswer, readHeartbeatAnswer, readTenantAnswer, readUploadStatus, statusRequest,
  TENANT_SERVICE, tenantRequest, toldError, uploadRequest,
  type AppSyncAnswer, type HealthRecord, type HeartbeatAnswer, type PartnerWireConfig, type UploadStatus, type WireAnswer, type WireRequest
} from './partner-wire.js'
import { NO_TRACING, type Tracing } from '../platform/tracing.js'
import { parseRetryAfter } from '../platform/retry-delay.js'

export interface PartnerClientOptions {
  readonly wire: PartnerWireConfig
  readonly tokens: EntraTokens
  readonly discovery: Discovery
  /** Connections for messages about phones. */
  readonly agent: Dispatcher
  /** Connections for the tenant itself: heartbeats do not queue behind messages. */
  readonly tenantAgent?: Dispatcher
  readonly breakers?: HostBreakers
  /** Told of each call that nobody asked it for: second tries, and all about the tenant itself. */
  readonly budget?: Pick<CallBudget, 'note'>
  /** Resource identifier of the Intune API. */
  readonly resource: string
  readonly observe: CallObserver
  readonly tracing?: Tracing
  /** How long a service may take to answer. */
  readonly answerLimitMs: number
}

/**
 * Intune's partner services. Every function throws IntuneError. Uploads and looks at their status
 * are for the caller to have asked the call budget for.
 */
export interface PartnerClient {
  setProvisioned (entraTenantId: string, input: { readonly provisioned: boolean, readonly publicUrl: string }): Promise<void>
  sendHeartbeat (entraTenantId: string, at: Date): Promise<HeartbeatAnswer>
  upload (entraTenantId: string, message: { readonly messageId: string, readonly records: readonly HealthRecord[], readonly at: Date }): Promise<void>
  getUploadStatus (entraTenantId: string, messageId: string): Promise<UploadStatus>
}

/** iOS App Sync. Every function throws IntuneError; both are calls for the caller to have asked the call budget for. */
export interface AppSyncClient {
  requestApps (entraTenantId: string, request: { readonly messageId: string, readonly entraDeviceIds: readonly string[], readonly at: Date }): Promise<void>
  getApps (entraTenantId: string, messageId: string): Promise<AppSyncAnswer>
}

interface Call {
  readonly operation: IntuneCall['operation']
  readonly entraTenantId: string
  readonly service: string
  readonly build: (base: string) => WireRequest
}

interface Answer extends WireAnswer {
  readonly retryAfterMs: number | undefined
  readonly clientRequestId: string
  readonly host: string
}

const FRESH_TOKEN_PAUSE_MS = 1_000
const RETRY_PAUSE_MS = 200
/** Longer waits are for the caller, who has other tenants to serve. */
const LONGEST_WAIT_MS = 2_000

export function createPartnerClient (options: PartnerClientOptions): PartnerClient & AppSyncClient {
  const { wire, breakers = createHostBreakers() } = options
  const call = async (input: Call): Promise<Answer> => await callPartner({ ...options, breakers }, input)

  return {
    async setProvisioned (entraTenantId, input) {
      const answer = await call({
        operation: input.provisioned ? 'provision' : 'deprovision',
        entraTenantId,
        service: TENANT_SERVICE,
        build: (base) => tenantRequest(wire, base, entraTenantId, input)
      })
      const verdict = readTenantAnswer(answer, input)
      if (!verdict.ok) {
        throw new IntuneError('not-set-up', `Intune did not ${input.provisioned ? 'provision' : 'deprovision'} the tenant: ${verdict.reason}`, { clientRequestId: answer.clientRequestId })
      }
    },

    async sendHeartbeat (entraTenantId, at) {
      const answer = await call({ operation: 'heartbeat', entraTenantId, service: TENANT_SERVICE, build: (base) => heartbeatRequest(wire, base, entraTenantId, at) })
      const verdict = readHeartbeatAnswer(answer)
      if (!verdict.ok) throw new IntuneError('not-set-up', `Intune did not take the heartbeat: ${verdict.reason}`, { clientRequestId: answer.clientRequestId })
      return verdict
    },

    async upload (entraTenantId, message) {
      const answer = await call({ operation: 'upload', entraTenantId, service: DEVICE_SERVICE, build: (base) => uploadRequest(wire, base, entraTenantId, message) })
      const details = { clientRequestId: answer.clientRequestId }
      if (!isUploadTaken(answer)) throw new IntuneError('not-set-up', 'Intune took the message without effect: the tenant is not provisioned there.', details)
      const reason = toldError(answer.body)
      if (reason !== undefined) throw new IntuneError('rejected', `Intune refused the message: ${reason}`, details)
    },

    async requestApps (entraTenantId, request) {
      const answer = await call({ operation: 'app-sync', entraTenantId, service: DEVICE_SERVICE, build: (base) => appSyncRequest(wire, base, entraTenantId, request) })
      const details = { clientRequestId: answer.clientRequestId }
      if (!isUploadTaken(answer)) throw new IntuneError('not-set-up', 'Intune took the question for apps without effect: the tenant is not provisioned there.', details)
      const reason = toldError(answer.body)
      if (reason !== undefined) throw new IntuneError('rejected', `Intune refused the question for apps: ${reason}`, details)
    },

    async getApps (entraTenantId, messageId) {
      return readAppSyncAnswer(wire, await call({ operation: 'app-sync-answer', entraTenantId, service: DEVICE_SERVICE, build: (base) => appSyncAnswerRequest(wire, base, messageId) }))
    },

    async getUploadStatus (entraTenantId, messageId) {
      try {
        return readUploadStatus(await call({ operation: 'upload-status', entraTenantId, service: DEVICE_SERVICE, build: (base) => statusRequest(wire, base, messageId) }))
      } catch (error) {
        // Asked twice, the second time at an address looked up anew: the message never arrived.
        if (error instanceof IntuneError && error.details.status === 404) return { state: 'unknown' }
        throw error
      }
    }
  }
}

/**
 * One call with what experience asks for: a second try after a second on 401 (new tokens are
 * refused now and then), then one with a new token; one more try on network errors, server
 * errors and wrong addresses, looked up anew because tenants move; a short Retry-After is
 * waited for. Anything longer is the caller's.
 */
async function callPartner (options: BrokenOptions, input: Call): Promise<Answer> {
  const { entraTenantId } = input
  let refusals = 0
  let failures = 0
  for (let tries = 0; ; tries++) {
    const outcome = await exchange(options, input, tries).catch((error: unknown) => {
      // Entra and Graph have had their second try already.
      if (error instanceof IntuneError && error.details.host !== undefined) return error
      throw error
    })
    if (!(outcome instanceof IntuneError) && outcome.status >= 200 && outcome.status < 300) return outcome

    const error = outcome instanceof IntuneError ? outcome : toIntuneError(outcome)
    options.discovery.dropServices(entraTenantId)
    if (!(outcome instanceof IntuneError) && outcome.status === 401) {
      refusals += 1
      if (refusals === 1) {
        await sleep(FRESH_TOKEN_PAUSE_MS)
        continue
      }
      options.tokens.dropTokens(entraTenantId)
      if (refusals === 2) continue
      throw error
    }
    const waitMs = error.details.retryAfterMs ?? RETRY_PAUSE_MS
    failures += 1
    if (failures > 1 || !isWorthAnotherTry(error) || waitMs > LONGEST_WAIT_MS) throw error
    await sleep(waitMs)
  }
}

type BrokenOptions = PartnerClientOptions & { readonly breakers: HostBreakers }

/** @throws IntuneError when no answer came, and what the caller's own parts throw */
async function exchange (options: BrokenOptions, { operation, entraTenantId, service, build }: Call, tries: number): Promise<Answer> {
  const [token, base] = await Promise.all([
    options.tokens.getToken(entraTenantId, intuneScope(options.resource)),
    options.discovery.findService(entraTenantId, service)
  ])
  const { method, url, headers, body } = build(base)
  if (tries > 0 || service === TENANT_SERVICE) await options.budget?.note(entraTenantId, method === 'GET' ? 'read' : 'write')
  const { host } = new URL(url)
  const dispatcher = service === TENANT_SERVICE ? options.tenantAgent ?? options.agent : options.agent
  const clientRequestId = randomUUID()
  const startedAt = performance.now()
  let status: number | undefined
  const { tracing = NO_TRACING } = options
  const attributes = { 'http.request.method': method, 'server.address': host, 'sallyport.client_request_id': clientRequestId }
  return await tracing.inSpan(`Intune ${operation}`, { kind: 'client', attributes }, async (span) => await options.breakers.call(host, async () => {
    try {
      const response = await request(url, {
        method,
        headers: { ...headers, accept: 'application/json', authorization: `Bearer ${token}`, 'client-request-id': clientRequestId },
        ...(body === undefined ? {} : { body }),
        dispatcher,
        signal: AbortSignal.timeout(options.answerLimitMs)
      })
      const text = await response.body.text()
      status = response.statusCode
      span.set({ 'http.response.status_code': status })
      return { status, body: parseJson(text), retryAfterMs: parseRetryAfter(response.headers['retry-after']), clientRequestId, host }
    } catch (error) {
      throw new IntuneError('unavailable', `Intune could not be reached: ${describeError(error)}`, { cause: error, clientRequestId, host })
    } finally {
      options.observe({ operation, status, seconds: (performance.now() - startedAt) / 1000, clientRequestId, entraTenantId })
    }
  }))
}

function parseJson (text: string): unknown {
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // A proxy's page, for instance; the status tells enough.
    return undefined
  }
}

const isWorthAnotherTry = ({ failure, details }: IntuneError): boolean =>
  (failure === 'unavailable' && details.hostPausedMs === undefined) || failure === 'throttled'

const MESSAGE_FAULTS = new Set([400, 409, 413, 415, 422])

function toIntuneError ({ status, body, retryAfterMs, clientRequestId, host }: Answer): IntuneError {
  const told = toldError(body)
  const what = `Intune answered ${status}${told === undefined ? '' : `: ${told}`}`
  const details = { clientRequestId, status, host, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  if (status === 429) return new IntuneError('throttled', what, details)
  if (status === 401) return new IntuneError('unauthorized', `${what}. It does not accept our token.`, details)
  if (status === 403) return new IntuneError('unauthorized', `${what}. The app needs update_device_health and an administrator's consent.`, details)
  if (MESSAGE_FAULTS.has(status)) return new IntuneError('rejected', what, details)
  // Wrong addresses and redirects too: the service may have moved.
  return new IntuneError('unavailable', what, details)
}
