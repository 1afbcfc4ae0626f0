import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import type { Logger } from 'pino'

/** All limits are by the minute, and all processes count the same minutes. */
export const WINDOW_MS = 60_000

/** A caller is told to the other processes once it has come so many times a share of its limit here. */
const TELL_FROM_SHARE = 20
/** Counted at most; beyond it the one that was first counted in this minute is forgotten. */
const MAX_KEYS = 200_000

export interface CallerCount {
  readonly key: string
  readonly count: number
}

/** Adds these counts to those of all processes for this minute; answers the sums. */
export type ExchangeCounts = (window: number, counts: readonly CallerCount[]) => Promise<readonly CallerCount[]>

export interface SharedCounts {
  /** For @fastify/rate-limit's `store`. */
  readonly Store: FastifyRateLimitStoreCtor
  /** Tells the others what busy callers did here, and hears what they did elsewhere. No call when nobody is busy. */
  exchange (): Promise<void>
}

/**
 * Counts in this process, and now and then over all of them: the hot path asks nobody. Only callers
 * that have used up a twentieth of their limit here are told to the others, since a fleet in order
 * is not worth a word. With up to twenty processes a caller who spreads its requests evenly thus gets
 * at most twice its limit, and what it sends between two exchanges.
 */
export function createSharedCounts ({ exchangeCounts, now = Date.now }: { readonly exchangeCounts?: ExchangeCounts, readonly now?: () => number } = {}): SharedCounts {
  let window = -1
  let own = new Map<string, number>()
  let busy = new Map<string, { told: number, elsewhere: number }>()

  const countsAt = (nowMs: number): void => {
    const current = Math.floor(nowMs / WINDOW_MS)
    if (current === window) return
    window = current
    own = new Map()
    busy = new Map()
  }

  class Store implements FastifyRateLimitStore {
    incr (key: string, done: (error: Error | null, result?: { current: number, ttl: number }) => void, _windowMs: number, max: number): void {
      const nowMs = now()
      countsAt(nowMs)
      const count = (own.get(key) ?? 0) + 1
      if (count === 1 && own.size >= MAX_KEYS) forgetFirst()
      own.set(key, count)
      let elsewhere = 0
      if (count >= max / TELL_FROM_SHARE) {
        const shared = busy.get(key)
        if (shared === undefined) busy.set(key, { told: 0, elsewhere: 0 })
        else elsewhere = shared.elsewhere
      }
      done(null, { current: count + elsewhere, ttl: (window + 1) * WINDOW_MS - nowMs })
    }

    /** As `incr`, but it counts nothing. */
    read (key: string, done: (error: Error | null, result?: { current: number, ttl: number }) => void): void {
      const nowMs = now()
      countsAt(nowMs)
      done(null, { current: (own.get(key) ?? 0) + (busy.get(key)?.elsewhere ?? 0), ttl: (window + 1) * WINDOW_MS - nowMs })
    }

    /** Keys of different limits are different, so all can share the counts. */
    child (): Store {
      return this
    }
  }

  function forgetFirst (): void {
    const first = own.keys().next().value
    if (first === undefined) return
    own.delete(first)
    busy.delete(first)
  }

  return {
    Store,
    async exchange () {
      if (exchangeCounts === undefined) return
      countsAt(now())
      const at = window
      const ofThisMinute = busy
      const counts: CallerCount[] = []
      for (const [key, { told }] of busy) {
        const count = (own.get(key) ?? 0) - told
        if (count > 0) counts.push({ key, count })
      }
      if (counts.length === 0) return
      const sums = await exchangeCounts(at, counts)
      // Not before they are told: what could not be told is told next time.
      for (const { key, count } of counts) {
        const shared = ofThisMinute.get(key)
        if (shared !== undefined) shared.told += count
      }
      for (const { key, count } of sums) {
        const shared = ofThisMinute.get(key)
        if (shared !== undefined) shared.elsewhere = Math.max(0, count - shared.told)
      }
    }
  }
}

const EXCHANGE_MS = 1_000

/** Exchanges every second. While the others cannot be reached, each process limits by its own counts. */
export function startExchange (counts: Pick<SharedCounts, 'exchange'>, { log, everyMs = EXCHANGE_MS }: { readonly log: Logger, readonly everyMs?: number }): { close (): void } {
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= counts.exchange()
      .catch((err: unknown) => log.warn({ err }, 'rate limits count in this process alone'))
      .finally(() => { running = undefined })
  }, everyMs).unref()
  return { close: () => clearInterval(timer) }
}
