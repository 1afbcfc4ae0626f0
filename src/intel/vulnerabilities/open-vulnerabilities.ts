import type { KevFacts } from './kev-facts.js'
import { compileAndroid } from './open-on-android.js'
import { compileApple } from './open-on-apple.js'
import type { Common, OpenOn, Question, Statement } from './open-question.js'
import { parseOsVersion, type OsReleases } from './os-releases.js'
import type { OsOfPhone, OsPlatform, Vulnerability, VulnerabilityRow } from './vulnerability.js'
import { parseAndroidVersion, parsePatchLevel, parseVersion, remembering } from './versions.js'

type Ask = (os: OsOfPhone) => readonly Vulnerability[]

/** Answers kept at once, counted in entries: a fleet has hundreds of versions; more are somebody's invention. */
const MAX_KEPT = 500_000
/** Rows or CVEs that take about a millisecond. */
const STEP = 250
/** What an answer costs beside its entries. */
const ANSWER_COST = 50

/**
 * Answers which vulnerabilities of its system are open on a phone; the same question again costs
 * nothing. What cannot be decided is not claimed. A CVE that several feeds tell of is answered once.
 * Rows come in the order in which they count. Stops after every few hundred of them, for whoever has other things to do.
 */
export function * compileOpenVulnerabilities (rows: readonly VulnerabilityRow[], kev: KevFacts, releases: OsReleases): Generator<void, Ask> {
  const byPlatform = yield * compileAll(rows, kev, releases)
  const kept = new Map<string, readonly Vulnerability[]>()
  let cost = 0
  return (os) => {
    const model = os.platform !== 'android' && releases.listsDevices(os.platform) ? os.model : undefined
    const apiLevel = os.platform === 'android' ? os.apiLevel : undefined
    // Phones say what they like: with mere spaces between, one could ask another's question.
    const key = JSON.stringify([os.platform, os.version, os.patchLevel, apiLevel, model])
    const known = kept.get(key)
    if (known !== undefined) return known
    const answer = askAll(byPlatform.get(os.platform) ?? [], { ...os, model, apiLevel }, releases)
    cost += answer.length + ANSWER_COST
    if (cost > MAX_KEPT) {
      kept.clear()
      cost = answer.length + ANSWER_COST
    }
    kept.set(key, answer)
    return answer
  }
}

function askAll (compiled: readonly OpenOn[], os: OsOfPhone, releases: OsReleases): readonly Vulnerability[] {
  const question: Question = { os, version: parseOsVersion(os), patchLevel: parsePatchLevel(os.patchLevel ?? ''), support: releases.supportOf(os) }
  const open: Vulnerability[] = []
  for (const isOpenOn of compiled) {
    const answer = isOpenOn(question)
    if (answer !== undefined) open.push(answer)
  }
  return open
}

function * compileAll (rows: readonly VulnerabilityRow[], kev: KevFacts, releases: OsReleases): Generator<void, ReadonlyMap<OsPlatform, readonly OpenOn[]>> {
  const groups = new Map<OsPlatform, Map<string, Statement[]>>()
  const branches: Record<'ios' | 'ipados', Set<number>> = { ios: new Set(), ipados: new Set() }
  let done = 0
  for (const { bundled, fact } of rows) {
    if (++done % STEP === 0) yield
    if (fact.kind === 'release' && !bundled && fact.platform !== 'android' && !fact.isCycle) addBranch(branches[fact.platform], fact.version)
    if (fact.kind !== 'os') continue
    if (!bundled && fact.platform !== 'android') for (const version of fact.fixedIn) addBranch(branches[fact.platform], version)
    let byCve = groups.get(fact.platform)
    if (byCve === undefined) groups.set(fact.platform, byCve = new Map())
    const statements = byCve.get(fact.cve)
    if (statements === undefined) byCve.set(fact.cve, [{ bundled, fact }])
    else statements.push({ bundled, fact })
  }

  const parse = { apple: remembering(parseVersion), android: remembering(parseAndroidVersion), level: remembering(parsePatchLevel) }
  const compiled = new Map<OsPlatform, OpenOn[]>()
  for (const [platform, byCve] of groups) {
    const list: OpenOn[] = []
    for (const cve of [...byCve.keys()].sort()) {
      if (++done % STEP === 0) yield
      const statements = byCve.get(cve)!
      const common = commonOf(cve, platform, statements, kev)
      const one = platform === 'android' ? compileAndroid(common, statements, parse) : compileApple(common, statements, { releases, coveredBranches: branches[platform], parse: parse.apple })
      if (one !== undefined) list.push(one)
    }
    compiled.set(platform, list)
  }
  return compiled
}

function addBranch (branches: Set<number>, version: string): void {
  const major = Number.parseInt(version, 10)
  if (!Number.isNaN(major)) branches.add(major)
}

function commonOf (cve: string, platform: OsPlatform, statements: readonly Statement[], kev: KevFacts): Common {
  const listed = kev.get(cve)
  const merged = { cve, platform, severity: null as Common['severity'], exploited: listed !== undefined, kevDateAdded: listed?.kevDateAdded ?? null, kevDueDate: listed?.kevDueDate ?? null }
  let cvss: number | undefined
  for (const { fact } of statements) {
    merged.severity ??= fact.severity
    merged.exploited ||= fact.exploited
    // The catalogue itself knows its dates best.
    merged.kevDateAdded ??= fact.kevDateAdded
    merged.kevDueDate ??= fact.kevDueDate
    cvss ??= fact.cvss
  }
  return cvss === undefined ? merged : { ...merged, cvss }
}
