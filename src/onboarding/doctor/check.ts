/** `unknown`: it could not be looked at, because a permission is missing or an earlier link is broken. */
export const CHECK_STATES = ['ok', 'warning', 'broken', 'unknown'] as const

/** One link of the chain between us and access to mail and files, looked at. */
export interface Check {
  /** Stable, for programs. */
  readonly check: string
  readonly state: typeof CHECK_STATES[number]
  /** What is there, in words. */
  readonly text: string
  /** What to do, and who; null: nothing. */
  readonly nextAction: string | null
}

export interface Diagnosis {
  /** Nothing is broken. */
  readonly healthy: boolean
  /** ISO 8601. */
  readonly checkedAt: string
  readonly checks: readonly Check[]
}

export const ok = (check: string, text: string): Check => ({ check, state: 'ok', text, nextAction: null })
export const warning = (check: string, text: string, nextAction: string): Check => ({ check, state: 'warning', text, nextAction })
export const broken = (check: string, text: string, nextAction: string): Check => ({ check, state: 'broken', text, nextAction })
export const unknown = (check: string, text: string, nextAction: string): Check => ({ check, state: 'unknown', text, nextAction })
export const isHealthy = (checks: readonly Check[]): boolean => checks.every(({ state }) => state !== 'broken')
