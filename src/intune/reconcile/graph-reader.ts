import { setTimeout as sleep } from 'node:timers/promises'
import type { GraphClient, GraphRequest } from '../graph-client.js'
import { IntuneError } from '../intune-error.js'
import { backoffMs, parseRetryAfter } from '../../platform/retry-delay.js'
import { type GraphPage, readPage } from './graph-rows.js'
import type { RequestBudget } from './request-budget.js'

export interface GraphReaderDeps {
  readonly graph: Pick<GraphClient, 'send'>
  readonly budget: RequestBudget
  /** The longest pause that is waited here; a longer one is the caller's, who keeps its place and comes back. */
  readonly longestPauseMs?: number
  readonly pause?: (ms: number) => Promise<unknown>
  /** Ends a pause with its reason. */
  readonly signal?: AbortSignal | undefined
}

/** One part of a batch: its answer, or why there is none. */
export type BatchPart = { readonly answer: unknown } | { readonly error: IntuneError }

/** Graph in one tenant, read within the budget and with patience. Every function throws IntuneError. */
export interface GraphReader {
  /** How many requests went out, parts of batches counted one by one. */
  readonly requests: number
  get (path: string): Promise<unknown>
  /** One page of a collection, by path or link. */
  page (link: string): Promise<GraphPage>
  /** GETs in batches; the answers come in the order of the paths. */
  batch (paths: readonly string[]): Promise<BatchPart[]>
}

/** Most requests that Graph takes in one batch. */
const BATCH_SIZE = 20
const MAX_TRIES = 5
const LONGEST_PAUSE_MS = 20_000
/** For answers that say "too many" and not for how long. */
const BACKOFF = { firstMs: 1_000, maxMs: LONGEST_PAUSE_MS }

/** `permission`: what the app needs for what is read at the moment, for words to an administrator. */
export function createGraphReader ({ graph, budget, longestPauseMs = LONGEST_PAUSE_MS, signal, pause = async (ms) => await pauseUnless(signal, ms) }: GraphReaderDeps, entraTenantId: string, permission: () => string | undefined = () => undefined): GraphReader {
  let requests = 0
  const send = async (request: Omit<GraphRequest, 'permission'>): Promise<unknown> => {
    const needed = permission()
    return await graph.send(entraTenantId, { ...request, ...(needed === undefined ? {} : { permission: needed }) })
  }

  /** Throttling and server errors are waited out, with the pause that Graph asks for or growing ones. */
  async function patiently<T> (size: number, ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      await budget.take(entraTenantId, size)
      requests += size
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof IntuneError) || (error.failure !== 'throttled' && error.failure !== 'unavailable')) throw error
        const waitMs = error.details.retryAfterMs ?? Math.min(backoffMs(BACKOFF, attempt), longestPauseMs)
        if (attempt >= MAX_TRIES || waitMs > longestPauseMs) throw error
        await pause(waitMs)
      }
    }
  }

  const get = async (path: string): Promise<unknown> => await patiently(1, async () => await send({ method: 'GET', path }))

  async function askBatch (paths: readonly string[]): Promise<BatchPart[]> {
    const answer = await patiently(paths.length, async () => await send({
      method: 'POST', path: '/$batch', body: { requests: paths.map((url, index) => ({ id: String(index), method: 'GET', url })) }
    }))
    const parts = new Map<string, BatchPart>()
    const { responses } = (answer ?? {}) as { responses?: unknown }
    for (const response of Array.isArray(responses) ? responses as Array<Record<string, unknown>> : []) parts.set(String(response['id']), readPart(response))
    return await Promise.all(paths.map(async (path, index) => {
      const part = parts.get(String(index))
      // A part that was throttled, failed or forgotten is asked for alone, as Graph advises; it waits by its own Retry-After.
      if (part === undefined) return await askAlone(path, 0)
      if ('error' in part && part.error.failure !== 'rejected' && part.error.failure !== 'unauthorized') {
        return await askAlone(path, Math.min(part.error.details.retryAfterMs ?? backoffMs(BACKOFF, 1), longestPauseMs))
      }
      return part
    }))
  }

  async function askAlone (path: string, waitMs: number): Promise<BatchPart> {
    if (waitMs > 0) await pause(waitMs)
    try {
      return { answer: await get(path) }
    } catch (error) {
      if (error instanceof IntuneError) return { error }
      throw error
    }
  }

  return {
    get requests () { return requests },
    get,
    async page (link) {
      const page = readPage(await get(link))
      if (page === undefined) throw new IntuneError('unavailable', 'Microsoft Graph answered something that is no collection.')
      return page
    },
    async batch (paths) {
      const parts: BatchPart[] = []
      for (let at = 0; at < paths.length; at += BATCH_SIZE) parts.push(...await askBatch(paths.slice(at, at + BATCH_SIZE)))
      return parts
    }
  }
}

/** @throws the signal's reason */
async function pauseUnless (signal: AbortSignal | undefined, ms: number): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => { throw signal?.aborted === true ? signal.reason : error })
}

function readPart ({ status, headers, body }: Record<string, unknown>): BatchPart {
  if (typeof status === 'number' && status >= 200 && status < 300) return { answer: body }
  const header = Object.entries((headers ?? {}) as Record<string, unknown>).find(([name]) => name.toLowerCase() === 'retry-after')?.[1]
  const retryAfterMs = parseRetryAfter(header === undefined ? undefined : String(header))
  const told = (body as { error?: { code?: unknown, message?: unknown } } | undefined)?.error
  const failure = status === 429 ? 'throttled' : status === 401 || status === 403 ? 'unauthorized' : typeof status !== 'number' || status >= 500 ? 'unavailable' : 'rejected'
  return {
    error: new IntuneError(failure, `Microsoft Graph answered ${String(status)} within a batch: ${String(told?.code ?? '')} ${String(told?.message ?? '')}`.trim(), {
      ...(typeof status === 'number' ? { status } : {}),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs })
    })
  }
}
