import type { Evidence, Match } from './detection.js'
import { SEVERITIES, type Severity } from './level.js'

/** A host that is asked for every second must not make a finding of megabytes. */
const MAX_EVIDENCE = 20

function mergeEvidence (first: readonly Evidence[], second: readonly Evidence[]): readonly Evidence[] {
  const paths = new Set(first.map(({ path }) => path))
  return [...first, ...second.filter(({ path }) => !paths.has(path))]
}

const earlier = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || b === undefined ? a ?? b : a < b ? a : b

function mergeTwo (a: Match, b: Match, defaultSeverity: Severity): Match {
  const rank = ({ severity = defaultSeverity }: Match): number => SEVERITIES.indexOf(severity)
  const [main, other] = rank(b) > rank(a) ? [b, a] : [a, b]
  // Without an expiry it is a state, which does not expire.
  const { expiresAt: _, ...rest } = main
  const expiresAt = a.expiresAt === undefined || b.expiresAt === undefined ? undefined : a.expiresAt > b.expiresAt ? a.expiresAt : b.expiresAt
  const recheckAt = earlier(earlier(a.recheckAt, b.recheckAt), earlier(a.expiresAt, b.expiresAt))
  return {
    ...rest,
    evidence: mergeEvidence(main.evidence, other.evidence),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(recheckAt === undefined ? {} : { recheckAt })
  }
}

/** One match a subject, with the evidence of all, the worst severity and the latest expiry. */
export function mergeMatches (matches: readonly Match[], defaultSeverity: Severity): readonly Match[] {
  const bySubject = new Map<string, Match>()
  for (const match of matches) {
    const known = bySubject.get(match.subject)
    bySubject.set(match.subject, known === undefined ? match : mergeTwo(known, match, defaultSeverity))
  }
  return [...bySubject.values()].map((match) =>
    match.evidence.length > MAX_EVIDENCE ? { ...match, evidence: match.evidence.slice(0, MAX_EVIDENCE) } : match)
}
