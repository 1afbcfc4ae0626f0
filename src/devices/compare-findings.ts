import { createHash } from 'node:crypto'
import type { AssessedFinding, Assessment } from '../risk/assessment.js'
import type { Severity } from '../risk/level.js'
import { canonicalJson } from '../telemetry/canonical-json.js'

/** A finding that is stored and not resolved. */
export interface OpenFinding {
  readonly findingId: string
  readonly lastSeen: Date
  readonly finding: AssessedFinding
}

/** A finding to be written: a new one, or one of which something changed. */
export interface WrittenFinding {
  readonly findingId: string
  readonly finding: AssessedFinding
  /** How it read until now, where it reads otherwise from now on. */
  readonly before?: AssessedFinding
}

/** A finding as history shows it. */
export interface FindingBehindLevel {
  readonly findingId: string
  readonly detection: string
  readonly subject: string
  readonly severity: Severity
}

export interface FindingChanges {
  readonly opened: readonly WrittenFinding[]
  readonly changed: readonly WrittenFinding[]
  /** Ids of those that are no longer so. */
  readonly resolved: readonly string[]
  /** Stay open because their detection threw, so nobody knows. */
  readonly keptOpen: readonly AssessedFinding[]
  /** All open ones that raise the level, as history shows them. */
  readonly behindLevel: readonly FindingBehindLevel[]
}

/** How much `lastSeen` may lag behind, so that a heartbeat does not rewrite every finding. */
const LAST_SEEN_LAG_MS = 15 * 60 * 1000
/** Findings are unique by subject, and an index entry must stay below 2,704 bytes. */
const MAX_SUBJECT_LENGTH = 512

/** What the assessment changes in a phone's open findings. One finding a detection and subject. */
export function compareFindings (open: readonly OpenFinding[], assessment: Assessment, now: Date, newId: () => string): FindingChanges {
  const stored = new Map(open.map((one) => [keyOf(one.finding), one]))
  const opened: WrittenFinding[] = []
  const changed: WrittenFinding[] = []
  const standing: WrittenFinding[] = []

  for (const assessed of assessment.findings) {
    const finding = {
      ...assessed,
      subject: boundSubject(assessed.subject),
      expiresAt: assessed.expiresAt === null ? null : new Date(assessed.expiresAt).toISOString()
    }
    const known = stored.get(keyOf(finding))
    stored.delete(keyOf(finding))
    const written = { findingId: known?.findingId ?? newId(), finding }
    standing.push(written)
    if (known === undefined) {
      opened.push(written)
    } else if (known.finding !== assessed && !readsSame(known.finding, finding)) {
      changed.push({ ...written, before: known.finding })
    } else if (now.getTime() - known.lastSeen.getTime() > LAST_SEEN_LAG_MS || known.finding.expiresAt !== finding.expiresAt) {
      changed.push(written)
    }
  }

  const failed = new Set(assessment.failures.map(({ detection }) => detection))
  const left = [...stored.values()]
  const keptOpen = left.filter(({ finding }) => failed.has(finding.detection))
  return {
    opened,
    changed,
    resolved: left.filter(({ finding }) => !failed.has(finding.detection)).map(({ findingId }) => findingId),
    keptOpen: keptOpen.map(({ finding }) => finding),
    behindLevel: [...standing, ...keptOpen]
      .filter(({ finding }) => finding.raisesLevel && finding.severity !== 'audit' && finding.suppressedBy === null)
      .map(({ findingId, finding: { detection, subject, severity } }) => ({ findingId, detection, subject, severity }))
  }
}

const keyOf = ({ detection, subject }: AssessedFinding): string => `${detection} ${subject}`

/** Whether two say the same; when they end is no word of theirs. The stored one went through jsonb, which orders members its own way. */
const readsSame = (a: AssessedFinding, b: AssessedFinding): boolean => canonicalJson({ ...a, expiresAt: null }) === canonicalJson({ ...b, expiresAt: null })

function boundSubject (subject: string): string {
  if (subject.length <= MAX_SUBJECT_LENGTH) return subject
  const rest = createHash('sha256').update(subject).digest('hex').slice(0, 16)
  // A cut through a surrogate pair would leave what jsonb refuses.
  return `${subject.slice(0, MAX_SUBJECT_LENGTH - rest.length - 1).replace(/\p{Surrogate}/gu, '')}…${rest}`
}
