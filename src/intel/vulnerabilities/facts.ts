import type { AffectedRange, AppStatement, OsStatement, VulnerabilityFact } from './vulnerability.js'

/** More of them for one CVE are a mistake or an attack: merging takes its time. */
export const MAX_RANGES = 200
const MAX_REFERENCES = 10

/** What a fact is about besides its CVE: a platform, an app, a release. */
export function targetOf (fact: VulnerabilityFact): string {
  if (fact.kind === 'app') return fact.appId
  if (fact.kind === 'kev') return ''
  return fact.platform
}

/** Two facts of a feed with the same key are about the same thing: they are merged. */
export function factKey (fact: VulnerabilityFact): string {
  return JSON.stringify([fact.kind, targetOf(fact), fact.kind === 'release' ? `${fact.isCycle} ${fact.version}` : fact.cve])
}

/** What a feed says in two places about one thing; of what contradicts, the first counts. */
export function mergeFacts (first: VulnerabilityFact, second: VulnerabilityFact): VulnerabilityFact {
  if (first.kind === 'os' && second.kind === 'os') return mergeOs(first, second)
  if (first.kind === 'app' && second.kind === 'app') return { ...mergeCommon(first, second), ranges: mergeRanges(first.ranges, second.ranges) }
  if (first.kind === 'release' && second.kind === 'release') return { ...second, ...definedOf(first), devices: unique([...first.devices, ...second.devices]) }
  return first
}

function mergeOs (first: OsStatement, second: OsStatement): OsStatement {
  const ranges = mergeRanges(first.ranges, second.ranges)
  const fixedSince = first.fixedIn.length >= MAX_RANGES ? first.fixedSince ?? {} : { ...second.fixedSince, ...first.fixedSince }
  return {
    ...mergeCommon(first, second),
    fixedIn: unique([...first.fixedIn, ...second.fixedIn]).slice(0, MAX_RANGES),
    part: first.part ?? second.part,
    ...(ranges.length === 0 ? {} : { ranges }),
    ...(Object.keys(fixedSince).length === 0 ? {} : { fixedSince })
  }
}

function mergeCommon<T extends OsStatement | AppStatement> (first: T, second: T): T {
  const references = unique([...first.references ?? [], ...second.references ?? []]).slice(0, MAX_REFERENCES)
  const cvss = first.cvss ?? second.cvss
  return {
    ...first,
    severity: first.severity ?? second.severity,
    ...(cvss === undefined ? {} : { cvss }),
    exploited: first.exploited || second.exploited,
    kevDateAdded: first.kevDateAdded ?? second.kevDateAdded,
    kevDueDate: first.kevDueDate ?? second.kevDueDate,
    ...(references.length === 0 ? {} : { references })
  }
}

function mergeRanges (first: readonly AffectedRange[] = [], second: readonly AffectedRange[] = []): readonly AffectedRange[] {
  return first.length >= MAX_RANGES ? first : unique([...first, ...second]).slice(0, MAX_RANGES)
}

function definedOf<T extends object> (one: T): Partial<T> {
  return Object.fromEntries(Object.entries(one).filter(([, value]) => value !== null)) as Partial<T>
}

function unique<T> (items: readonly T[]): T[] {
  if (items.length < 2) return [...items]
  return [...new Map(items.map((item) => [typeof item === 'string' ? item : JSON.stringify(item), item])).values()]
}
