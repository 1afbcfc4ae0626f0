import type { IntelEntry } from '../intel/intel-view.js'
import type { DetectionCategory, Evidence } from './detection.js'
import type { Level, Severity } from './level.js'

/** A finding as the pure assessment makes it, before it has an id and a history. */
export interface AssessedFinding {
  readonly detection: string
  readonly ruleVersion: number
  readonly category: DetectionCategory
  readonly severity: Severity
  readonly raisesLevel: boolean
  readonly subject: string
  readonly title: string
  readonly evidence: readonly Evidence[]
  readonly intel: Pick<IntelEntry, 'feed' | 'family' | 'type' | 'value' | 'threatClass'> | null
  readonly attack: readonly string[]
  readonly remediation: { readonly user: string, readonly admin: string }
  /** ISO 8601, or null for a state finding. */
  readonly expiresAt: string | null
  /** Id of the suppression that takes it out of the level, or null. */
  readonly suppressedBy: string | null
}

export interface Assessment {
  readonly level: Level
  readonly findings: readonly AssessedFinding[]
  /** 0 to 100, for sorting; see score.ts. */
  readonly score: number
  /** Sections the level rests on. */
  readonly coverage: readonly string[]
  /** Detections of this platform that nobody can answer, because the phone told nothing of what they need; in the catalogue's order. */
  readonly undecided: readonly string[]
  /** Detections that threw, isolated from the rest: id and message. */
  readonly failures: ReadonlyArray<{ readonly detection: string, readonly error: string }>
  /** ISO 8601: the next moment at which the answer changes without a new report, or null. */
  readonly dueAt: string | null
}
