import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AuthenticationHandler, Client, GraphError, RetryHandler, RetryHandlerOptions, TelemetryHandler, type Context, type Middleware
} from '@microsoft/microsoft-graph-client'
import { fetch, type Dispatcher } from 'undici'
import type { EntraTokens } from './entra-credential.js'
import type { CallObserver } from './intune-call.js'
import { describeError, IntuneError } from './intune-error.js'
import { parseRetryAfter } from '../platform/retry-delay.js'

export interface GraphClientOptions {
  /** https, without version. */
  readonly baseUrl: string
  readonly tokens: EntraTokens
  readonly agent: Dispatcher
  readonly observe: CallObserver
  /** How long Graph may take to answer. */
  readonly answerLimitMs: number
}

/** Beta holds what v1.0 has not (yet): some types of policies and apps, some properties. */
export type GraphVersion = 'v1.0' | 'beta'

export interface GraphRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below the version, or a next link. */
  readonly path: string
  /** v1.0 by default. */
  readonly version?: GraphVersion
  readonly body?: object
  /** Application permission that lets us do this; named when Graph refuses. */
  readonly permission?: string
}

/** Microsoft Graph in a customer's tenant. */
export interface GraphClient {
  /** GET of a path below v1.0, or of a next link. @throws IntuneError */
  get (entraTenantId: string, path: string): Promise<unknown>
  /** Any request; undefined where the answer has no body. @throws IntuneError */
  send (entraTenantId: string, request: GraphRequest): Promise<unknown>
}

/** Longer waits are for the caller, who has other tenants to serve. */
const LONGEST_WAIT_MS = 3_000
const MAX_RETRIES = 2
const RETRY_DELAY_SECONDS = 0.2
const FRESH_TOKEN_PAUSE_MS = 1_000
const MAX_PAGES = 100
const DISCOVERY_PERMISSION = 'Application.Read.All'

/** Each cloud has a Graph and a scope of its own. */
export const graphScope = (baseUrl: string): string => `${new URL(baseUrl).origin}/.default`

/** The official client with its own handlers for tokens, retries and telemetry; only the last step, the HTTP exchange, is ours. */
export function createGraphClient ({ baseUrl, tokens, agent, observe, answerLimitMs }: GraphClientOptions): GraphClient {
  const scope = graphScope(baseUrl)
  const customHosts = new Set([new URL(baseUrl).hostname])

  async function sendOnce (entraTenantId: string, { method, path, version = 'v1.0', body }: GraphRequest): Promise<unknown> {
    // Asked for here and not inside the client, which would wrap a refusal beyond recognition.
    const token = await tokens.getToken(entraTenantId, scope)
    const client = Client.initWithMiddleware({
      baseUrl,
      customHosts,
      defaultVersion: 'v1.0',
      middleware: chain([
        new AuthenticationHandler({ getAccessToken: async () => token }),
        new RetryHandler(new RetryHandlerOptions(RETRY_DELAY_SECONDS, MAX_RETRIES, isWorthWaiting)),
        new TelemetryHandler(),
        new HttpHandler(agent, observe, entraTenantId, answerLimitMs)
      ])
    })
    const request = client.api(path).version(version).header('client-request-id', randomUUID())
    switch (method) {
      case 'GET': return await request.get()
      case 'POST': return await request.post(body)
      case 'PATCH': return await request.patch(body)
      case 'DELETE': return await request.delete()
    }
  }

  async function send (entraTenantId: string, request: GraphRequest): Promise<unknown> {
    try {
      return await sendOnce(entraTenantId, request).catch(async (error: unknown) => {
        if (!(error instanceof GraphError) || error.statusCode !== 401) throw error
        // A token can be too new for the service it is for, or its key may have been withdrawn.
        await sleep(FRESH_TOKEN_PAUSE_MS)
        tokens.dropTokens(entraTenantId)
        return await sendOnce(entraTenantId, request)
      })
    } catch (error) {
      throw toIntuneError(error, request.permission)
    }
  }

  return { send, get: async (entraTenantId, path) => await send(entraTenantId, { method: 'GET', path, permission: DISCOVERY_PERMISSION }) }
}

/** All rows of a list, page by page. @throws IntuneError */
export async function listAll (graph: Pick<GraphClient, 'send'>, entraTenantId: string, request: Omit<GraphRequest, 'method' | 'body'>): Promise<Array<Record<string, unknown>>> {
  const rows: Array<Record<string, unknown>> = []
  let next: string | undefined = request.path
  for (let page = 0; next !== undefined; page++) {
    // To plan on half a list would be worse than not to plan.
    if (page === MAX_PAGES) throw new IntuneError('rejected', `Microsoft Graph's list ${request.path} has more than ${MAX_PAGES} pages.`)
    const answer = await graph.send(entraTenantId, { ...request, method: 'GET', path: next }) as { value?: unknown, '@odata.nextLink'?: unknown } | undefined
    if (Array.isArray(answer?.value)) rows.push(...answer.value.filter((row): row is Record<string, unknown> => typeof row === 'object' && row !== null))
    next = typeof answer?.['@odata.nextLink'] === 'string' ? answer['@odata.nextLink'] : undefined
  }
  return rows
}

function chain (handlers: readonly Middleware[]): Middleware {
  for (const [index, handler] of handlers.entries()) {
    const next = handlers[index + 1]
    if (next !== undefined) handler.setNext?.(next)
  }
  return handlers[0]!
}

class HttpHandler implements Middleware {
  constructor (readonly agent: Dispatcher, readonly observe: CallObserver, readonly entraTenantId: string, readonly answerLimitMs: number) {}

  async execute (context: Context): Promise<void> {
    const startedAt = performance.now()
    const headers = context.options?.headers as Record<string, string> | undefined
    const observed = (status: number | undefined): void => this.observe({
      operation: 'graph',
      status,
      seconds: (performance.now() - startedAt) / 1000,
      clientRequestId: headers?.['client-request-id'] ?? '',
      entraTenantId: this.entraTenantId
    })
    try {
      // The installed undici's own fetch: Node's older one cannot use this version's agents.
      const { method = 'GET', body } = context.options ?? {}
      const response = await fetch(String(context.request), {
        method,
        ...(headers === undefined ? {} : { headers }),
        ...(typeof body === 'string' ? { body } : {}),
        dispatcher: this.agent,
        redirect: 'manual',
        signal: AbortSignal.timeout(this.answerLimitMs)
      })
      context.response = response as unknown as NonNullable<Context['response']>
      observed(response.status)
    } catch (error) {
      observed(undefined)
      // The client keeps an error's message and not its cause, and fetch's own message says nothing.
      throw error instanceof TypeError && error.cause instanceof Error && error.cause.message !== '' ? error.cause : error
    }
  }
}

function isWorthWaiting (_delay: number, _attempt: number, _request: unknown, options: { method?: string } | undefined, response: { status: number, headers: { get (name: string): string | null } }): boolean {
  // A gateway that gave up does not know whether the thing was made: a second request might make it twice.
  if (options?.method === 'POST' && response.status === 504) return false
  return (parseRetryAfter(response.headers.get('retry-after')) ?? 0) <= LONGEST_WAIT_MS
}

function toIntuneError (error: unknown, permission?: string): IntuneError {
  if (error instanceof IntuneError) return error
  const cause = error instanceof Error && error.cause !== undefined ? ` (${describeError(error.cause)})` : ''
  if (!(error instanceof GraphError) || error.statusCode < 0) {
    return new IntuneError('unavailable', `Microsoft Graph could not be reached: ${describeError(error)}${cause}`, { cause: error })
  }
  const { statusCode } = error
  const retryAfterMs = parseRetryAfter(error.headers?.get('retry-after'))
  const details = { cause: error, status: statusCode, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  const what = `Microsoft Graph answered ${statusCode}: ${describeError(error)}`
  if (statusCode === 429) return new IntuneError('throttled', what, details)
  if (statusCode === 401 || statusCode === 403) {
    return new IntuneError('unauthorized', `${what}. The app needs ${permission ?? 'more permissions'} and an administrator's consent.`, details)
  }
  return new IntuneError(statusCode >= 500 ? 'unavailable' : 'rejected', what, details)
}
