import type { AssessedFinding } from '../risk/assessment.js'
import { type Level, LEVELS, levelRank } from '../risk/level.js'

/** A finding as far as the way back is concerned. */
export interface StandingFinding extends Pick<AssessedFinding, 'detection' | 'subject' | 'severity' | 'raisesLevel' | 'remediation'> {
  readonly findingId: string
  readonly status: string
  /** ISO 8601. */
  readonly expiresAt: string | null
}

/** What must be solved for a better level. */
export interface StepBack {
  readonly level: Level
  /** An event with an `expiresAt` is over then by itself. */
  readonly close: ReadonlyArray<Pick<StandingFinding, 'findingId' | 'detection' | 'subject' | 'remediation' | 'expiresAt'>>
}

/** The steps from a level to `secured`, the nearest first. Access returns where Intune's limit is one of them. */
export function wayBack (level: Level, findings: readonly StandingFinding[]): StepBack[] {
  const behind = findings.filter(({ raisesLevel, severity, status }) => raisesLevel && severity !== 'audit' && status === 'open')
  return LEVELS.filter((better) => levelRank(better) < levelRank(level)).reverse().map((better) => ({
    level: better,
    close: behind.filter(({ severity }) => levelRank(severity as Level) > levelRank(better))
      .map(({ findingId, detection, subject, remediation, expiresAt }) => ({ findingId, detection, subject, remediation, expiresAt }))
  }))
}
