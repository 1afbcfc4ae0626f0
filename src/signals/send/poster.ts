import { request } from 'undici'
import type { AddressGuard } from '../../platform/address-guard.js'
import { createGuardedAgent } from '../../platform/guarded-agent.js'
import { limitSignal } from '../../platform/limited-signal.js'
import { describeFailure, type RequestLimits } from '../../platform/request-failure.js'
import { parseRetryAfter } from '../../platform/retry-delay.js'
import { faultInUrl } from './address.js'
import type { Outcome } from './outcome.js'

export interface PostLimits extends RequestLimits {
  /** All of it: who drips slowly enough for the other limits ends here. */
  readonly wholeMs: number
}

/** Within the 15 to 30 seconds that Standard Webhooks recommends. */
export const POST_LIMITS: PostLimits = { connectMs: 5_000, headersMs: 15_000, idleMs: 5_000, wholeMs: 20_000 }

export interface PosterOptions {
  readonly guard: AddressGuard
  readonly userAgent: string
  readonly limits?: Partial<PostLimits>
  /** PEM of authorities to trust in place of the usual ones. */
  readonly ca?: string | undefined
}

export interface Answer {
  readonly status: number
  /** What it said, as far as it is kept. */
  readonly text: string
  readonly retryAfterMs: number | undefined
}

/** Posts to addresses that the guard allows. Redirects are not followed. */
export interface Poster {
  /** An answer, or why there is none. @throws the reason of `stop` */
  post (input: { readonly url: string, readonly headers: Readonly<Record<string, string>>, readonly body: string, readonly stop: AbortSignal }): Promise<Answer | Outcome>
  close (): Promise<void>
}

/** Enough for the reason of a refusal. */
const MAX_ANSWER_BYTES = 16 * 1024

export function createPoster ({ guard, userAgent, limits: some, ca }: PosterOptions): Poster {
  const limits = { ...POST_LIMITS, ...some }
  const agent = createGuardedAgent({ guard, ...limits, ca })
  return {
    async post ({ url, headers, body, stop }) {
      stop.throwIfAborted()
      const fault = faultInUrl(url, guard)
      if (fault !== undefined) return { status: 'failed', error: `its address ${fault}` }
      const limited = limitSignal(stop, limits.wholeMs)
      try {
        const answer = await request(url, { method: 'POST', dispatcher: agent, headers: { ...headers, 'user-agent': userAgent }, body, signal: limited.signal })
        const text = await readSome(answer.body)
        return { status: answer.statusCode, text, retryAfterMs: parseRetryAfter(answer.headers['retry-after']) }
      } catch (error) {
        if (stop.aborted) throw stop.reason
        return { status: 'failed', error: limited.isTimeUp ? `it took longer than ${limits.wholeMs / 1000} s` : describeFailure(error, limits) }
      } finally {
        limited.close()
      }
    },
    close: async () => await agent.destroy()
  }
}

/** The beginning of an answer. What comes after it, nobody reads: then the connection ends. */
async function readSome (body: AsyncIterable<Buffer> & { destroy (): unknown }): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= MAX_ANSWER_BYTES) break
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString('utf8')
}

export const isAnswer = (answer: Answer | Outcome): answer is Answer => typeof answer.status === 'number'
export const isGood = ({ status }: Answer): boolean => status >= 200 && status <= 299

const MAX_QUOTE = 200
const SAYS: Readonly<Record<number, string>> = { 401: 'it does not know us', 403: 'it refuses us', 404: 'there is nothing', 410: 'it wants nothing any more', 429: 'too many requests' }

/** What a receiver answered, in words for operators. */
export function describeAnswer ({ status, text }: Answer): string {
  // eslint-disable-next-line no-control-regex
  const quote = text.replaceAll(/[\u0000-\u001f\u007f\ud800-\udfff\s]+/g, ' ').trim().slice(0, MAX_QUOTE)
  const says = status >= 300 && status <= 399 ? 'a redirect, which is not followed' : SAYS[status]
  return `it answered ${status}${says === undefined ? '' : `: ${says}`}${quote === '' ? '' : ` (${quote})`}`
}
