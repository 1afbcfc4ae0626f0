import type { Level, ReportingState } from '../risk/level.js'

/** What we tell Intune about a phone: Graph's vocabulary for what a partner can report. */
export type Health =
  'activated' | 'deactivated' | 'secured' | 'lowSeverity' | 'mediumSeverity' | 'highSeverity' | 'unresponsive' | 'misconfigured'

const LEVEL_HEALTH: Readonly<Record<Level, Health>> = {
  secured: 'secured', low: 'lowSeverity', medium: 'mediumSeverity', high: 'highSeverity'
}

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * Level and reporting state → what Intune is told.
 *
 * A known level goes out even while the agent lacks permissions: Intune treats
 * `misconfigured` as "no level", and under a policy that tolerates missing data that would
 * open the door for a phone known to be dangerous. So `misconfigured` is for a phone of
 * which nothing at all could be judged. Silence is another matter: what was known is no
 * longer known to be true.
 */
export function toHealth (reportingState: ReportingState, level: Level | null, coverage: readonly string[]): Health {
  if (reportingState === 'deactivated' || reportingState === 'unresponsive') return reportingState
  if (reportingState === 'misconfigured' && (level === null || (level === 'secured' && coverage.length === 0))) return 'misconfigured'
  return level === null ? 'activated' : LEVEL_HEALTH[level]
}

/** The state of a phone that reported at least once and was not deactivated. */
export function toReportingState (
  { lastReportAt, missingPermissions, silenceDays, now }:
  { lastReportAt: Date, missingPermissions: readonly string[], silenceDays: number, now: Date }
): ReportingState {
  if (now >= silentAt(lastReportAt, silenceDays)) return 'unresponsive'
  return missingPermissions.length > 0 ? 'misconfigured' : 'activated'
}

/** When silence makes a phone unresponsive. */
export function silentAt (lastReportAt: Date, silenceDays: number): Date {
  return new Date(lastReportAt.getTime() + silenceDays * DAY_MS)
}
