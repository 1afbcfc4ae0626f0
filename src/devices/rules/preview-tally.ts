import type { AssessedFinding, Assessment } from '../../risk/assessment.js'
import { type Level, levelRank, LEVELS } from '../../risk/level.js'

/** Highest level that a compliance policy of Intune allows. */
export const LIMITS = ['secured', 'low', 'medium'] as const
export type LevelCounts = Record<Level, number>
export type LimitCounts = Record<(typeof LIMITS)[number], number>

export interface PreviewExample {
  readonly deviceId: string
  readonly from: Level
  readonly to: Level
  /** Groups of the new policy that the phone is in. */
  readonly groups: readonly string[]
  /** Those that make the level then; where it falls, those that made it and no longer do. */
  readonly findings: ReadonlyArray<Pick<AssessedFinding, 'detection' | 'subject' | 'severity' | 'title'>>
}

/** Phones whose level would go from one to another. */
export interface LevelChange {
  readonly from: Level
  readonly to: Level
  count: number
  /** How many have a finding of a detection that makes the new level; empty where the level falls. */
  readonly because: Map<string, number>
  /** The first by id. */
  examples: PreviewExample[]
}

/** What a policy would change for some phones. Made in pieces, by threads, and put together. */
export interface PreviewTally {
  devices: number
  readonly now: LevelCounts
  readonly then: LevelCounts
  readonly newlyNoncompliant: LimitCounts
  readonly newlyCompliant: LimitCounts
  readonly changes: Map<string, LevelChange>
}

const MAX_EXAMPLES = 5
const MAX_FINDINGS = 5

const zero = <L extends string>(names: readonly L[]): Record<L, number> => Object.fromEntries(names.map((name) => [name, 0])) as Record<L, number>

export const isRise = ({ from, to }: { readonly from: Level, readonly to: Level }): boolean => levelRank(to) > levelRank(from)

export const createTally = (): PreviewTally =>
  ({ devices: 0, now: zero(LEVELS), then: zero(LEVELS), newlyNoncompliant: zero(LIMITS), newlyCompliant: zero(LIMITS), changes: new Map() })

/** Counts a phone that has a level now, and what it would be judged. */
export function addPhone (tally: PreviewTally, { deviceId, level: from }: { readonly deviceId: string, readonly level: Level }, { level: to, findings }: Assessment, groups: readonly string[]): void {
  tally.devices++
  tally.now[from]++
  tally.then[to]++
  if (from === to) return
  for (const limit of LIMITS) {
    if (levelRank(from) <= levelRank(limit) && levelRank(to) > levelRank(limit)) tally.newlyNoncompliant[limit]++
    if (levelRank(from) > levelRank(limit) && levelRank(to) <= levelRank(limit)) tally.newlyCompliant[limit]++
  }
  const change = changeOf(tally, from, to)
  change.count++
  const behind = isRise(change) ? findings.filter(({ raisesLevel, suppressedBy, severity }) => raisesLevel && suppressedBy === null && severity === to) : []
  for (const detection of new Set(behind.map((finding) => finding.detection))) count(change.because, detection, 1)
  const last = change.examples.at(-1)
  if (change.examples.length < MAX_EXAMPLES || deviceId < last!.deviceId) {
    change.examples = firstOf([...change.examples, { deviceId, from, to, groups, findings: behind.slice(0, MAX_FINDINGS).map(toShort) }])
  }
}

/** Adds the second to the first. */
export function mergeTally (into: PreviewTally, other: PreviewTally): void {
  into.devices += other.devices
  for (const level of LEVELS) {
    into.now[level] += other.now[level]
    into.then[level] += other.then[level]
  }
  for (const limit of LIMITS) {
    into.newlyNoncompliant[limit] += other.newlyNoncompliant[limit]
    into.newlyCompliant[limit] += other.newlyCompliant[limit]
  }
  for (const { from, to, count: more, because, examples } of other.changes.values()) {
    const change = changeOf(into, from, to)
    change.count += more
    for (const [detection, phones] of because) count(change.because, detection, phones)
    change.examples = firstOf([...change.examples, ...examples])
  }
}

/** The most frequent first. */
export const frequent = (counts: ReadonlyMap<string, number>): ReadonlyArray<{ readonly detection: string, readonly count: number }> =>
  [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([detection, count]) => ({ detection, count }))

export function count (counts: Map<string, number>, key: string, more: number): void {
  counts.set(key, (counts.get(key) ?? 0) + more)
}

function changeOf ({ changes }: PreviewTally, from: Level, to: Level): LevelChange {
  const key = `${from} ${to}`
  let change = changes.get(key)
  if (change === undefined) changes.set(key, change = { from, to, count: 0, because: new Map(), examples: [] })
  return change
}

const firstOf = (examples: readonly PreviewExample[]): PreviewExample[] =>
  examples.toSorted((a, b) => a.deviceId < b.deviceId ? -1 : 1).slice(0, MAX_EXAMPLES)

const toShort = ({ detection, subject, severity, title }: AssessedFinding): PreviewExample['findings'][number] => ({ detection, subject, severity, title })
