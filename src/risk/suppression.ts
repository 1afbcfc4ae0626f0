/** Why somebody does not want a finding to count. */
export const SUPPRESSION_REASONS = ['wont-fix', 'false-positive', 'accepted-risk'] as const
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number]

/** A decision that findings do not count for a while, as far as it concerns one phone. */
export interface Suppression {
  readonly id: string
  /** Which detection; null: any. */
  readonly detection: string | null
  /** Which subject, `com.example.*` for all that begin so; null: any. */
  readonly subject: string | null
  /** ISO 8601: from then on they count again. */
  readonly expiresAt: string
}

/** The suppression in force that takes a finding out of the level; the one that lasts longest. */
export function findSuppression (suppressions: readonly Suppression[], { detection, subject }: { readonly detection: string, readonly subject: string }, now: Date): Suppression | undefined {
  let longest: Suppression | undefined
  for (const one of suppressions) {
    if (one.detection !== null && one.detection !== detection) continue
    if (one.subject !== null && !meansSubject(one.subject, subject)) continue
    if (Date.parse(one.expiresAt) <= now.getTime()) continue
    if (longest === undefined || Date.parse(one.expiresAt) > Date.parse(longest.expiresAt)) longest = one
  }
  return longest
}

const meansSubject = (pattern: string, subject: string): boolean =>
  pattern.endsWith('*') ? subject.startsWith(pattern.slice(0, -1)) : pattern === subject
