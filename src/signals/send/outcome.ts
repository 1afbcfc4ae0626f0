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

/** Several at once; after the first failure nothing more is begun, for a receiver in trouble must not get all of it. */
export async function attemptEach (signals: readonly WaitingSignal[], attempt: (signal: WaitingSignal) => Promise<Outcome>): Promise<Outcomes> {
  const outcomes: Outcomes = new Map()
  const rest = [...signals]
  let failed = false
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, signals.length) }, async () => {
    for (let signal = rest.shift(); signal !== undefined && !failed; signal = rest.shift()) {
      const outcome = await attempt(signal)
      outcomes.set(signal.id, outcome)
      failed ||= outcome.status === 'gone' || (outcome.status === 'failed' && outcome.aboutSignal !== true)
    }
  }))
  return outcomes
}
