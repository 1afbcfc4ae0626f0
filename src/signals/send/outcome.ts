import { groupBy } from '../../devices/group-by.js'
import type { WaitingSignal } from '../signal-repository.js'

/** What became of an attempt to tell something. Errors are for operators and hold no secret. */
export type Outcome =
  | { readonly status: 'delivered' }
  /** It will never be taken. */
  | { readonly status: 'refused', readonly error: string }
  | { readonly status: 'failed', readonly error: string, readonly retryAfterMs?: number | undefined, readonly aboutSignal?: boolean }
  /** The receiver wants nothing any more. */
  | { readonly status: 'gone', readonly error: string }

/** By signal; what is not in it was not attempted. */
export type Outcomes = Map<string, Outcome>

/** Tells signals to one destination. */
export interface Sender {
  /** @throws the reason of `stop` when that ended it: what was under way may have arrived, and is sent again */
  send (signals: readonly WaitingSignal[], stop: AbortSignal): Promise<Outcomes>
  close (): Promise<void>
}

const AT_ONCE = 8

/**
 * Several phones at once, what is about one in order: after a failure nothing more of it. After a failure that
 * is not about the signal nothing more is begun, for a receiver in trouble must not get all of it.
 */
export async function attemptEach (signals: readonly WaitingSignal[], attempt: (signal: WaitingSignal) => Promise<Outcome>): Promise<Outcomes> {
  const outcomes: Outcomes = new Map()
  const lines = [...groupBy(signals, ({ id, deviceId }) => deviceId ?? id).values()]
  let isInTrouble = false
  const errors: unknown[] = []
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, lines.length) }, async () => {
    for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
      for (const signal of line) {
        if (isInTrouble) return
        const outcome = await attempt(signal).catch((error: unknown) => {
          errors.push(error)
          isInTrouble = true
        })
        if (outcome === undefined) return
        outcomes.set(signal.id, outcome)
        isInTrouble ||= outcome.status === 'gone' || (outcome.status === 'failed' && outcome.aboutSignal !== true)
        if (outcome.status === 'failed') break
      }
    }
  }))
  // What was told before it was ended shall be noted.
  if (errors.length > 0 && outcomes.size === 0) throw errors[0]
  return outcomes
}
