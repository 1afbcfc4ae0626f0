import type { AssessedFinding } from './assessment.js'
import { levelRank, type Level, type Severity } from './level.js'

/** Each level has a band of its own, so that sorting by score never contradicts the level. */
const BAND = 25
/** How much of what is left of the band a finding takes. */
const WEIGHTS: Readonly<Record<Severity, number>> = { audit: 0.01, low: 0.08, medium: 0.2, high: 0.4 }

/**
 * The priority of a phone, 0 to 100, for sorting; it decides nothing. 25 for each step of the
 * level (secured 0, low 25, medium 50, high 75), and within those 25 the share 1 - Π(1 - w) over
 * all unsuppressed findings, w by severity. One more finding, or a worse one, multiplies the
 * product by less, so the score never falls (monotone); a hundred small ones never reach the next band.
 */
export function priorityScore (level: Level, findings: readonly AssessedFinding[]): number {
  const left = findings.reduce((product, { severity, suppressedBy }) => suppressedBy === null ? product * (1 - WEIGHTS[severity]) : product, 1)
  return Math.min(100, levelRank(level) * BAND + Math.floor(BAND * (1 - left)))
}
