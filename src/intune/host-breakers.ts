import { circuitBreaker, CircuitState, ConsecutiveBreaker, handleAll, IterableBackoff, type CircuitBreakerPolicy } from 'cockatiel'
import { IntuneError } from './intune-error.js'

export type BreakerState = 'closed' | 'open' | 'half-open'

export interface HostBreakersOptions {
  /** A host's state changed. */
  readonly onState?: (host: string, state: BreakerState) => void
  /** Failures in a row that open it. */
  readonly failures?: number
  /** How long a host is left alone, and how long after each probe that failed; the last one repeats. */
  readonly pausesMs?: readonly number[]
}

/**
 * One circuit breaker for each host that Intune's services are on. A scale unit that is away
 * holds up whoever calls it until a few calls have failed; then all calls to it fail at once,
 * but for one now and then that finds out whether it is back.
 */
export interface HostBreakers {
  /**
   * A `run` that throws, or answers with a status of 500 or more, counts against the host.
   * @throws IntuneError `unavailable` with `hostPausedMs` when the host is left alone
   */
  call<T extends { readonly status: number }> (host: string, run: () => Promise<T>): Promise<T>
  stateOf (host: string): BreakerState
}

interface HostBreaker {
  readonly policy: CircuitBreakerPolicy
  /** ms since 1970 */
  askedAgainAt: number
  opens: number
}

const FAILURES = 5
const PAUSES_MS = [2_000, 4_000, 8_000, 16_000, 32_000, 60_000]
const NAMES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed', [CircuitState.Open]: 'open', [CircuitState.HalfOpen]: 'half-open', [CircuitState.Isolated]: 'open'
}

export function createHostBreakers ({ onState, failures = FAILURES, pausesMs = PAUSES_MS }: HostBreakersOptions = {}): HostBreakers {
  const breakers = new Map<string, HostBreaker>()

  function breakerOf (host: string): HostBreaker {
    const known = breakers.get(host)
    if (known !== undefined) return known
    const policy = circuitBreaker(handleAll.orWhenResult((answer) => (answer as { status: number }).status >= 500), {
      breaker: new ConsecutiveBreaker(failures),
      halfOpenAfter: new IterableBackoff(pausesMs)
    })
    const breaker: HostBreaker = { policy, askedAgainAt: 0, opens: 0 }
    policy.onBreak(() => { breaker.askedAgainAt = Date.now() + pausesMs[Math.min(breaker.opens++, pausesMs.length - 1)]! })
    policy.onReset(() => { breaker.opens = 0 })
    policy.onStateChange((state) => onState?.(host, NAMES[state]))
    breakers.set(host, breaker)
    return breaker
  }

  return {
    async call (host, run) {
      const { policy, askedAgainAt } = breakerOf(host)
      const leftMs = askedAgainAt - Date.now()
      // The library would let callers wait for the outcome of a probe; they have other tenants to serve.
      if (policy.state === CircuitState.HalfOpen || (policy.state === CircuitState.Open && leftMs > 0)) {
        throw new IntuneError('unavailable', `Intune's host ${host} does not answer; it is asked again in a moment.`, { host, hostPausedMs: Math.max(leftMs, pausesMs[0]!) })
      }
      return await policy.execute(run)
    },
    stateOf: (host) => NAMES[breakerOf(host).policy.state]
  }
}
