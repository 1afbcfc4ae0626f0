/**
 * Retry-After → milliseconds. Graph's own samples hold fractions of a second; a date is
 * allowed by HTTP. Undefined when absent or not to be understood.
 */
export function parseRetryAfter (header: string | readonly string[] | undefined | null, now: number = Date.now()): number | undefined {
  const text = (typeof header === 'string' ? header : header?.[0])?.trim()
  if (text === undefined || text === '') return undefined
  const seconds = Number(text)
  if (Number.isFinite(seconds)) return seconds < 0 ? undefined : Math.ceil(seconds * 1000)
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

export interface Backoff {
  readonly firstMs: number
  readonly maxMs: number
}

/** Exponential backoff with jitter, between half and all of the doubled delay; `attempt` counts from 1. */
export function backoffMs ({ firstMs, maxMs }: Backoff, attempt: number, random: () => number = Math.random): number {
  const whole = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30))
  return Math.round(whole / 2 + random() * whole / 2)
}
