import type { StateChange } from '../../devices/state-change-repository.js'

export const LIMITS = ['low', 'medium', 'high'] as const
/** The least level at which a phone is not compliant. */
export type Limit = (typeof LIMITS)[number]
export type Compliance = 'compliant' | 'not-compliant'

type Health = StateChange['health']
/** 0 is the best. */
const RANK: Partial<Readonly<Record<Health, number>>> = { secured: 0, lowSeverity: 1, mediumSeverity: 2, highSeverity: 3 }

/**
 * Whether a phone is compliant. One that is silent, of which nothing can be judged, or that is no
 * longer watched is not: nobody can vouch for it. Undefined: it has not been judged yet.
 */
export function complianceOf (health: Health | null, limit: Limit): Compliance | undefined {
  if (health === null || health === 'activated') return undefined
  const rank = RANK[health]
  return rank !== undefined && rank <= LIMITS.indexOf(limit) ? 'compliant' : 'not-compliant'
}

export interface ComplianceChange {
  readonly previous: Compliance
  readonly current: Compliance
}

/**
 * What a change means for compliance, if anything. A phone that was never judged counts as
 * compliant until it is known not to be. What an erased phone was is not known any more, so
 * that it is not compliant is told again; likewise what was told before a restore.
 */
export function complianceChange (change: StateChange, limit: Limit): ComplianceChange | undefined {
  const current = complianceOf(change.health, limit)
  if (current === undefined) return undefined
  if (isErasure(change)) return { previous: 'compliant', current }
  if (change.retold === true) return { previous: current === 'compliant' ? 'not-compliant' : 'compliant', current }
  const previous = complianceOf(change.previousHealth, limit) ?? 'compliant'
  return previous === current ? undefined : { previous, current }
}

/** The one bare row that the feed keeps of a phone that was erased. */
export function isErasure ({ level, reportingState, previousReportingState }: StateChange): boolean {
  return level === null && reportingState === 'deactivated' && previousReportingState === 'deactivated'
}
