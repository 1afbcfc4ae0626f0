/**
 * The time Intune's days are counted in: heartbeat age, grace periods, enrolment dates. It can
 * be moved. Tokens and certificates keep to the real time, because the libraries on the other
 * side do too.
 */
export class SimulatedClock {
  #offsetMs = 0
  readonly #realNow: () => number

  constructor (realNow: () => number = Date.now) {
    this.#realNow = realNow
  }

  /** Milliseconds since 1970. */
  now (): number {
    return this.#realNow() + this.#offsetMs
  }

  get offsetMs (): number {
    return this.#offsetMs
  }

  /** The clock goes on ticking from there. */
  setNow (nowMs: number): void {
    this.#offsetMs = nowMs - this.#realNow()
  }

  setOffset (offsetMs: number): void {
    this.#offsetMs = offsetMs
  }
}

/** The real time in milliseconds since 1970, finer than a millisecond: for measuring latency between processes. */
export const preciseNow = (): number => performance.timeOrigin + performance.now()

export const isoTime = (ms: number): string => new Date(ms).toISOString()
