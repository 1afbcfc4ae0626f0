import type { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { type Dispatcher, request as send } from 'undici'
import type { AddressGuard } from '../../platform/address-guard.js'
import { createGuardedAgent } from '../../platform/guarded-agent.js'
import { describeFailure } from '../../platform/request-failure.js'
import { parseRetryAfter } from '../../platform/retry-delay.js'
import { FetchError } from './fetch-error.js'

export interface FetchLimits {
  /** Name, connection and TLS. */
  readonly connectMs: number
  /** From the request to the answer's headers. */
  readonly headersMs: number
  /** Between two pieces of the body. */
  readonly idleMs: number
  /** All of it, redirects included: who drips slowly enough for the other limits ends here. */
  readonly wholeMs: number
  /** Of a body, as sent and unpacked alike. */
  readonly maxBytes: number
  readonly maxRedirects: number
}

export const FETCH_LIMITS: FetchLimits = { connectMs: 10_000, headersMs: 30_000, idleMs: 30_000, wholeMs: 5 * 60_000, maxBytes: 64 * 1024 * 1024, maxRedirects: 5 }

/** What a publisher is told, and who he is: nobody else is told. */
export interface Credentials {
  readonly header: string
  readonly value: string
  /** The only origin that is told. */
  readonly origin: string
}

export interface FetcherOptions {
  readonly guard: AddressGuard
  readonly allowHttp: boolean
  readonly limits?: Partial<FetchLimits>
  readonly userAgent: string
  readonly credentials?: Credentials | undefined
  /** Ends whatever is under way. */
  readonly signal?: AbortSignal | undefined
}

export interface FetchInput {
  readonly url: string
  readonly accept?: string
  /** Asked for only if it is not this any more. */
  readonly etag?: string | null
  readonly lastModified?: string | null
  readonly maxBytes?: number
}

export interface Fetched {
  /** 304: as it was; the body is empty. */
  readonly status: 200 | 304
  /** Where it was found in the end. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

export interface Fetcher {
  /** @throws FetchError; the reason of `signal` when that ended it */
  fetch (input: FetchInput): Promise<Fetched>
  close (): Promise<void>
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** Enough for the reason of a refusal. */
const MAX_REFUSAL_BYTES = 64 * 1024
const UNPACKERS: Readonly<Record<string, (options: { readonly chunkSize: number }) => Transform>> = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress }
const CHUNK_BYTES = 64 * 1024

/** Fetches for one subscription, within limits and only from addresses that may be spoken to. The caller closes it. */
export function createFetcher (options: FetcherOptions): Fetcher {
  const { guard, credentials, userAgent, signal } = options
  const limits = { ...FETCH_LIMITS, ...options.limits }
  const agent = createGuardedAgent({
    guard,
    connectMs: limits.connectMs,
    headersMs: limits.headersMs,
    idleMs: limits.idleMs,
    refusal: (reason) => new FetchError('refused', reason)
  })

  return {
    async fetch (input) {
      const whole = AbortSignal.timeout(limits.wholeMs)
      const ends = signal === undefined ? whole : AbortSignal.any([signal, whole])
      let url = readUrl(input.url, undefined, options)
      try {
        // Once away from the publisher, nothing of his is sent any more, not even back to him.
        for (let hops = 0, home = true; ; hops++) {
          home &&= url.origin === credentials?.origin
          const refused = guard.refuseHost(url.hostname)
          if (refused !== undefined) throw new FetchError('refused', refused)
          const answer = await send(url, {
            dispatcher: agent,
            signal: ends,
            headers: {
              'user-agent': userAgent,
              accept: input.accept ?? '*/*',
              'accept-encoding': 'gzip, deflate, br',
              ...(input.etag == null ? {} : { 'if-none-match': input.etag }),
              ...(input.lastModified == null ? {} : { 'if-modified-since': input.lastModified }),
              ...(home && credentials !== undefined ? { [credentials.header]: credentials.value } : {})
            }
          })
          const location = REDIRECTS.has(answer.statusCode) ? textOf(answer.headers.location) : undefined
          if (location === undefined) return await readAnswer(answer, url, input, ends)
          await answer.body.dump({ limit: MAX_REFUSAL_BYTES })
          if (hops === limits.maxRedirects) throw new FetchError('refused', `more than ${limits.maxRedirects} redirects`)
          url = readUrl(location, url, options)
        }
      } catch (error) {
        if (signal?.aborted === true) throw signal.reason
        if (error instanceof FetchError) throw error
        throw new FetchError('failed', whole.aborted ? `it took longer than ${limits.wholeMs / 1000} s` : describeFailure(error, limits), { cause: error })
      }
    },
    close: async () => await agent.destroy()
  }

  async function readAnswer (answer: Dispatcher.ResponseData, url: URL, input: FetchInput, ends: AbortSignal): Promise<Fetched> {
    const { statusCode: status } = answer
    const headers = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), textOf(value)]))
    const isConditional = input.etag != null || input.lastModified != null
    if (status === 304 && isConditional) {
      await answer.body.dump()
      return { status, url: url.href, headers, body: Buffer.of() }
    }
    if (status !== 200) {
      const problem = await readBody(answer, headers['content-encoding'], MAX_REFUSAL_BYTES, ends).catch(() => Buffer.of())
      const reason = REDIRECTS.has(status) ? 'a redirect that leads nowhere' : REASONS[status]
      throw new FetchError('status', `${placeOf(url)} answered ${status}${reason === undefined ? '' : `: ${reason}`}`, {
        status, problem, contentType: headers['content-type'], retryAfterMs: parseRetryAfter(headers['retry-after'])
      })
    }
    const maxBytes = Math.min(limits.maxBytes, input.maxBytes ?? Infinity)
    if (Number(headers['content-length']) > maxBytes) {
      answer.body.destroy()
      throw tooLarge(maxBytes)
    }
    return { status, url: url.href, headers, body: await readBody(answer, headers['content-encoding'], maxBytes, ends) }
  }
}

const REASONS: Readonly<Record<number, string>> = {
  304: 'as it was, though that was not asked',
  401: 'it asks for a password or token, or refuses the one it got',
  403: 'it refuses us',
  404: 'there is nothing',
  410: 'there is nothing any more',
  429: 'too many requests'
}

/** An address in words, without what may be secret in it. */
export const placeOf = ({ origin, pathname }: URL): string => origin + pathname

/** @throws FetchError when it is no address to fetch from */
function readUrl (text: string, base: URL | undefined, { allowHttp }: FetcherOptions): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined
  const way = base === undefined ? 'the address' : 'it redirects to what'
  if (url === undefined) throw new FetchError('refused', `${way} is not a URL`)
  if (url.protocol !== 'https:' && !(allowHttp && url.protocol === 'http:')) {
    throw new FetchError('refused', `${way} is ${url.protocol.slice(0, 32)} instead of https:${url.protocol === 'http:' ? '; the subscription must allow http' : ''}`)
  }
  if (url.username !== '' || url.password !== '') throw new FetchError('refused', `${way} holds a name or password`)
  return url
}

async function readBody ({ body }: Dispatcher.ResponseData, encoding: string | undefined, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = []
  const collect = async (source: AsyncIterable<Buffer>): Promise<void> => { for await (const chunk of source) chunks.push(chunk) }
  const names = (encoding ?? '').toLowerCase().split(',').map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity')
  const unpacker = names.length === 0 ? undefined : names.length === 1 ? UNPACKERS[names[0]!] : undefined
  if (names.length > 0 && unpacker === undefined) {
    body.destroy()
    throw new FetchError('failed', `the answer is encoded as ${names.join(', ').slice(0, 64)}, which was not asked for`)
  }
  if (unpacker === undefined) await pipeline(body, atMost(maxBytes), collect, { signal })
  else await pipeline(body, atMost(maxBytes), unpacker({ chunkSize: CHUNK_BYTES }), atMost(maxBytes), collect, { signal })
  return Buffer.concat(chunks)
}

/** Hands on until there is too much. */
const atMost = (maxBytes: number) => async function * (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    yield chunk
  }
}

const tooLarge = (maxBytes: number): FetchError => new FetchError('too-large', `the answer is larger than ${maxBytes} bytes`)

const textOf = (header: string | string[] | undefined): string | undefined => Array.isArray(header) ? header[0] : header
