import type { AssessedFinding } from '../../assessment.js'
import type { DetectionContext, Evidence, Match } from '../../detection.js'
import { coincide } from '../../facts/coincidence.js'

/** Of each part, so that all have a place among the twenty that a finding keeps. */
const EVIDENCE_OF_A_PART = 5

/** The app that a finding is about: `package`, or `package/service`. */
export const appOf = ({ subject }: AssessedFinding): string => subject.split('/')[0]!

export function evidenceOf (parts: readonly AssessedFinding[]): readonly Evidence[] {
  return parts.flatMap(({ evidence }) => evidence.slice(0, EVIDENCE_OF_A_PART))
}

/** One match made of findings, if they lie within the policy's window; it ends with the first of them. */
export function combine (context: DetectionContext, parts: readonly AssessedFinding[], { subject, title, inOrder = false }: { readonly subject: string, readonly title: string, readonly inOrder?: boolean }): Match[] {
  const together = coincide(context, parts, { inOrder })
  return together === undefined ? [] : [{ subject, title, evidence: evidenceOf(parts), ...together }]
}
