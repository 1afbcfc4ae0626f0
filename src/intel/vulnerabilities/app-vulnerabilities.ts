import type { KevFacts } from './kev-facts.js'
import { compileRange, type CompiledRange } from './ranges.js'
import type { AffectedRange, AppOfPhone, AppStatement, AppVulnerability, VulnerabilityRow } from './vulnerability.js'
import { compareVersions, parseAppVersion, parseVersionCode } from './versions.js'

type Ask = (app: AppOfPhone) => readonly AppVulnerability[]

interface Compiled {
  readonly feed: string
  readonly fact: AppStatement
  readonly ranges: readonly CompiledRange[]
}

const NONE: readonly AppVulnerability[] = Object.freeze([])

/**
 * Answers which holes an installed app has. By app id in constant time: nearly every app is in no
 * feed. A CVE of several feeds is answered once, by the first that says that it is open.
 */
export function compileAppVulnerabilities (rows: readonly VulnerabilityRow[], kev: KevFacts): Ask {
  const byApp = new Map<string, Compiled[]>()
  for (const { feed, fact } of rows) {
    if (fact.kind !== 'app') continue
    const ranges = fact.ranges.flatMap((range) => compileRange(range, range.by === 'version-code' ? parseVersionCode : parseAppVersion) ?? [])
    if (ranges.length === 0) continue
    const known = byApp.get(fact.appId)
    if (known === undefined) byApp.set(fact.appId, [{ feed, fact, ranges }])
    else known.push({ feed, fact, ranges })
  }
  return (app) => {
    const compiled = byApp.get(app.appId)
    if (compiled === undefined) return NONE
    const version = app.version === undefined ? undefined : parseAppVersion(app.version)
    const code = app.versionCode === undefined ? undefined : parseVersionCode(app.versionCode)
    const numbersFor = (range: AffectedRange): readonly number[] | undefined => range.by === 'version-code' ? code : version
    const answers = new Map<string, AppVulnerability>()
    for (const { feed, fact, ranges } of compiled) {
      if (answers.has(fact.cve)) continue
      const open = ranges.find(({ range, within }) => within(numbersFor(range)))
      if (open !== undefined) answers.set(fact.cve, toAnswer(feed, fact, open.range, kev))
    }
    return answers.size === 0 ? NONE : [...answers.values()].sort((a, b) => a.cve < b.cve ? -1 : 1)
  }
}

function toAnswer (feed: string, { cve, appId, severity, cvss, exploited, kevDateAdded, kevDueDate, references = [] }: AppStatement, range: AffectedRange, kev: KevFacts): AppVulnerability {
  const listed = kev.get(cve)
  return {
    cve,
    appId,
    feed,
    severity,
    ...(cvss === undefined ? {} : { cvss }),
    exploited: exploited || listed !== undefined,
    kevDateAdded: listed?.kevDateAdded ?? kevDateAdded,
    kevDueDate: listed?.kevDueDate ?? kevDueDate,
    references,
    fixedIn: range.fixed ?? null
  }
}

/** Whether a bound of a range is before its end: a range that holds nothing is a mistake of its author. */
export function isRangeEmpty ({ introduced, fixed, lastAffected, by }: AffectedRange): boolean {
  const parse = by === 'version-code' ? parseVersionCode : parseAppVersion
  const [first, end, last] = [introduced, fixed, lastAffected].map((text) => text === undefined ? undefined : parse(text))
  if (first === undefined) return false
  return (end !== undefined && compareVersions(first, end) >= 0) || (last !== undefined && compareVersions(first, last) > 0)
}
