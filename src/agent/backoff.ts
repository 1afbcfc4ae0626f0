/** How long to wait before the next try. */
export interface Retry {
  /** Failures so far, from 1. */
  readonly failures: number
  /** `Retry-After` of the answer, if there was one (RFC 9110, section 10.2.3). */
  readonly retryAfter?: string | undefined
  /** Ms since 1970, by the clock that `Retry-After` dates are meant for. */
  readonly now: number
  /** From 0 to below 1. */
  readonly random: () => number
}

export const FIRST_DELAY_MS = 1_000
/** An hour: a server that comes back is told of by then. */
export const LONGEST_DELAY_MS = 60 * 60 * 1000

/**
 * Ms to wait. Without a wish of the server: anything up to a bound that doubles each time ("full jitter"), so that
 * phones which failed together do not come again together. With one: not before, and as much again at most a quarter later.
 */
export function retryDelayMs ({ failures, retryAfter, now, random }: Retry): number {
  const wishMs = retryAfter === undefined ? undefined : readRetryAfterMs(retryAfter, now)
  if (wishMs === undefined) return random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 30))
  const bounded = Math.min(wishMs, LONGEST_DELAY_MS)
  return bounded + random() * Math.max(FIRST_DELAY_MS, bounded / 4)
}

/** Seconds or a date; undefined when it is neither. */
function readRetryAfterMs (text: string, now: number): number | undefined {
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
