import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { request, type Dispatcher } from 'undici'
import type { Discovery } from './discovery.js'
import type { EntraTokens } from './entra-credential.js'
import type { CallObserver, IntuneCall } from './intune-call.js'
import { describeError, IntuneError } from './intune-error.js'
import {
  DEVICE_SERVICE, heartbeatRequest, intuneScope, isUploadTaken, readHeartbeatAnswer, readTenantAnswer, readUploadStatus, statusRequest,
  TENANT_SERVICE, tenantRequest, toldError, uploadRequest,
  type HealthRecord, type HeartbeatAnswer, type PartnerWireConfig, type UploadStatus, type WireAnswer, type WireRequest
} from './partner-wire.js'
import { parseRetryAfter } from '../platform/retry-delay.js'

export interface PartnerClientOptions {
  readonly wire: PartnerWireConfig
  readonly tokens: EntraTokens
  readonly discovery: Discovery
  readonly agent: Dispatcher
  /** Resource identifier of the Intune API. */
  readonly resource: string
  readonly observe: CallObserver
  /** How long a service may take to answer. */
  readonly answerLimitMs: number
}

/** Intune's partner services. Every function throws IntuneError. */
export interface PartnerClient {
  setProvisioned (entraTenantId: string, input: { readonly provisioned: boolean, readonly publicUrl: string }): Promise<void>
  sendHeartbeat (entraTenantId: string, at: Date): Promise<HeartbeatAnswer>
  upload (entraTenantId: string, message: { readonly messageId: string, readonly records: readonly HealthRecord[], readonly at: Date }): Promise<void>
  getUploadStatus (entraTenantId: string, messageId: string): Promise<UploadStatus>
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
}

const FRESH_TOKEN_PAUSE_MS = 1_000
const RETRY_PAUSE_MS = 200
/** Longer waits are for the caller, who has other tenants to serve. */
const LONGEST_WAIT_MS = 2_000

export function createPartnerClient (options: PartnerClientOptions): PartnerClient {
  const { wire } = options
  const call = async (input: Call): Promise<Answer> => await callPartner(options, input)

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

    async getUploadStatus (entraTenantId, messageId) {
      return readUploadStatus(await call({ operation: 'upload-status', entraTenantId, service: DEVICE_SERVICE, build: (base) => statusRequest(wire, base, messageId) }))
    }
  }
}

/**
 * One call with what experience asks for: a second try after a second on 401 (new tokens are
 * refused now and then), then one with a new token; one more try on network errors, server
 * errors and wrong addresses, looked up anew because tenants move; a short Retry-After is
 * waited for. Anything longer is the caller's.
 */
async function callPartner (options: PartnerClientOptions, input: Call): Promise<Answer> {
  const { entraTenantId } = input
  let refusals = 0
  let failures = 0
  for (;;) {
    const outcome = await exchange(options, input).catch((error: unknown) => {
      if (error instanceof IntuneError) throw error
      return new IntuneError('unavailable', `Intune could not be reached: ${describeError(error)}`, { cause: error })
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

async function exchange (options: PartnerClientOptions, { operation, entraTenantId, service, build }: Call): Promise<Answer> {
  const [token, base] = await Promise.all([
    options.tokens.getToken(entraTenantId, intuneScope(options.resource)),
    options.discovery.findService(entraTenantId, service)
  ])
  const { method, url, headers, body } = build(base)
  const clientRequestId = randomUUID()
  const startedAt = performance.now()
  let status: number | undefined
  try {
    const response = await request(url, {
      method,
      headers: { ...headers, accept: 'application/json', authorization: `Bearer ${token}`, 'client-request-id': clientRequestId },
      ...(body === undefined ? {} : { body }),
      dispatcher: options.agent,
      signal: AbortSignal.timeout(options.answerLimitMs)
    })
    const text = await response.body.text()
    status = response.statusCode
    return { status, body: parseJson(text), retryAfterMs: parseRetryAfter(response.headers['retry-after']), clientRequestId }
  } finally {
    options.observe({ operation, status, seconds: (performance.now() - startedAt) / 1000, clientRequestId, entraTenantId })
  }
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

const isWorthAnotherTry = (error: IntuneError): boolean => error.failure === 'unavailable' || error.failure === 'throttled'

const MESSAGE_FAULTS = new Set([400, 409, 413, 415, 422])

function toIntuneError ({ status, body, retryAfterMs, clientRequestId }: Answer): IntuneError {
  const told = toldError(body)
  const what = `Intune answered ${status}${told === undefined ? '' : `: ${told}`}`
  const details = { clientRequestId, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  if (status === 429) return new IntuneError('throttled', what, details)
  if (status === 401) return new IntuneError('unauthorized', `${what}. It does not accept our token.`, details)
  if (status === 403) return new IntuneError('unauthorized', `${what}. The app needs update_device_health and an administrator's consent.`, details)
  if (MESSAGE_FAULTS.has(status)) return new IntuneError('rejected', what, details)
  // Wrong addresses and redirects too: the service may have moved.
  return new IntuneError('unavailable', what, details)
}
