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

/** Microsoft Graph in a customer's tenant. */
export interface GraphClient {
  /** GET of a path below v1.0, or of a next link. @throws IntuneError */
  get (entraTenantId: string, path: string): Promise<unknown>
  /** POST of JSON, for what may be repeated without harm. @throws IntuneError */
  post (entraTenantId: string, path: string, body: object): Promise<unknown>
}

/** Longer waits are for the caller, who has other tenants to serve. */
const LONGEST_WAIT_MS = 3_000
const MAX_RETRIES = 2
const RETRY_DELAY_SECONDS = 0.2
const FRESH_TOKEN_PAUSE_MS = 1_000

/** The official client with its own handlers for tokens, retries and telemetry; only the last step, the HTTP exchange, is ours. */
export function createGraphClient ({ baseUrl, tokens, agent, observe, answerLimitMs }: GraphClientOptions): GraphClient {
  // Each cloud has a Graph and a scope of its own.
  const scope = `${new URL(baseUrl).origin}/.default`
  const customHosts = new Set([new URL(baseUrl).hostname])

  async function askOnce (entraTenantId: string, path: string, body?: object): Promise<unknown> {
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
    const request = client.api(path).header('client-request-id', randomUUID())
    return body === undefined ? await request.get() : await request.post(body)
  }

  async function ask (entraTenantId: string, path: string, body?: object): Promise<unknown> {
    try {
      return await askOnce(entraTenantId, path, body).catch(async (error: unknown) => {
        if (!(error instanceof GraphError) || error.statusCode !== 401) throw error
        // A token can be too new for the service it is for, or its key may have been withdrawn.
        await sleep(FRESH_TOKEN_PAUSE_MS)
        tokens.dropTokens(entraTenantId)
        return await askOnce(entraTenantId, path, body)
      })
    } catch (error) {
      throw toIntuneError(error)
    }
  }

  return {
    get: async (entraTenantId, path) => await ask(entraTenantId, path),
    post: async (entraTenantId, path, body) => await ask(entraTenantId, path, body)
  }
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
      const response = await fetch(String(context.request), {
        method: context.options?.method ?? 'GET',
        ...(context.options?.body === undefined || context.options.body === null ? {} : { body: context.options.body as string }),
        ...(headers === undefined ? {} : { headers }),
        dispatcher: this.agent,
        redirect: 'manual',
        signal: AbortSignal.timeout(this.answerLimitMs)
      })
      context.response = response as unknown as NonNullable<Context['response']>
      observed(response.status)
    } catch (error) {
      observed(undefined)
      throw error
    }
  }
}

function isWorthWaiting (_delay: number, _attempt: number, _request: unknown, _options: unknown, response: { headers: { get (name: string): string | null } }): boolean {
  return (parseRetryAfter(response.headers.get('retry-after')) ?? 0) <= LONGEST_WAIT_MS
}

function toIntuneError (error: unknown): IntuneError {
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
    return new IntuneError('unauthorized', `${what} The app needs the permission for this, and an administrator's consent.`, details)
  }
  return new IntuneError(statusCode >= 500 ? 'unavailable' : 'rejected', what, details)
}
