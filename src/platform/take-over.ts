/** How long a process that is silent keeps what it has in hand, each in ms. */
export interface TakeOver {
  /** A job. */
  readonly jobMs: number
  /** A message to Intune: longer, for whoever takes it over asks what became of it. */
  readonly messageMs: number
  /** A task of upkeep: shorter, for what finds forgotten work must not be forgotten itself. */
  readonly taskMs: number
  /** What was committed and has no job is forgotten when it is this much older than any job that waits. */
  readonly forgottenMs: number
}

/** All of them by one measure (TAKE_OVER_SECONDS), whose default is 15. */
export function takeOverOf (seconds: number): TakeOver {
  const jobMs = seconds * 1000
  const short = Math.round(jobMs * 2 / 3)
  return { jobMs, messageMs: Math.round(jobMs * 4 / 3), taskMs: short, forgottenMs: short }
}
