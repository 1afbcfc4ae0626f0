import type { KevFacts } from './kev-facts.js'
import { compileAndroid } from './open-on-android.js'
import { compileApple } from './open-on-apple.js'
import type { OsReleases } from './os-releases.js'
import type { OsOfPhone, OsPlatform, OsStatement, Vulnerability, VulnerabilityRow } from './vulnerability.js'

/** A feed's statement and whether it came with Sallyport. */
export interface Statement {
  readonly bundled: boolean
  readonly fact: OsStatement
}

/** A CVE of one platform, compiled: what to answer for a phone, or undefined when it is not known to be open. */
export type OpenOn = (os: OsOfPhone) => Vulnerability | undefined

type Ask = (os: OsOfPhone) => readonly Vulnerability[]

/** Answers kept at once, counted in entries: a fleet has hundreds of versions; more are somebody's invention. */
const MAX_KEPT = 500_000
/** What an answer costs beside its entries. */
const ANSWER_COST = 50

/**
 * Answers which vulnerabilities of its system are open on a phone; the same question again costs
 * nothing. What cannot be decided is not claimed. A CVE that several feeds tell of is answered once.
 * Rows come in the order in which they count.
 */
export function compileOpenVulnerabilities (rows: readonly VulnerabilityRow[], kev: KevFacts, releases: OsReleases): Ask {
  const byPlatform = compileAll(rows, kev, releases)
  const kept = new Map<string, readonly Vulnerability[]>()
  let cost = 0
  return (os) => {
    const model = os.platform !== 'android' && releases.listsDevices(os.platform) ? os.model : undefined
    const apiLevel = os.platform === 'android' ? os.apiLevel : undefined
    // Phones say what they like: with mere spaces between, one could ask another's question.
    const key = JSON.stringify([os.platform, os.version, os.patchLevel, apiLevel, model])
    const known = kept.get(key)
    if (known !== undefined) return known
    const question: OsOfPhone = { ...os, model, apiLevel }
    const answer = (byPlatform.get(os.platform) ?? []).flatMap((isOpenOn) => isOpenOn(question) ?? [])
    cost += answer.length + ANSWER_COST
    if (cost > MAX_KEPT) {
      kept.clear()
      cost = answer.length + ANSWER_COST
    }
    kept.set(key, answer)
    return answer
  }
}

function compileAll (rows: readonly VulnerabilityRow[], kev: KevFacts, releases: OsReleases): ReadonlyMap<OsPlatform, readonly OpenOn[]> {
  const groups = new Map<OsPlatform, Map<string, Statement[]>>()
  const branches: Record<'ios' | 'ipados', Set<number>> = { ios: new Set(), ipados: new Set() }
  for (const { bundled, fact } of rows) {
    if (fact.kind === 'release' && !bundled && fact.platform !== 'android' && !fact.isCycle) addBranch(branches[fact.platform], fact.version)
    if (fact.kind !== 'os') continue
    if (!bundled && fact.platform !== 'android') for (const version of fact.fixedIn) addBranch(branches[fact.platform], version)
    let byCve = groups.get(fact.platform)
    if (byCve === undefined) groups.set(fact.platform, byCve = new Map())
    const statements = byCve.get(fact.cve)
    if (statements === undefined) byCve.set(fact.cve, [{ bundled, fact }])
    else statements.push({ bundled, fact })
  }

  const compiled = new Map<OsPlatform, OpenOn[]>()
  for (const [platform, byCve] of groups) {
    compiled.set(platform, [...byCve].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([cve, statements]) => {
      const common = commonOf(cve, platform, statements, kev)
      return (platform === 'android' ? compileAndroid(common, statements, releases) : compileApple(common, statements, releases, branches[platform])) ?? []
    }))
  }
  return compiled
}

function addBranch (branches: Set<number>, version: string): void {
  const major = Number.parseInt(version, 10)
  if (!Number.isNaN(major)) branches.add(major)
}

/** What is true of the CVE on every phone: of each fact the first that tells it. */
export type Common = Omit<Vulnerability, 'fixedIn' | 'part' | 'fixAvailable' | 'fixedSince'>

function commonOf (cve: string, platform: OsPlatform, statements: readonly Statement[], kev: KevFacts): Common {
  const listed = kev.get(cve)
  const cvss = statements.find(({ fact }) => fact.cvss !== undefined)?.fact.cvss
  return {
    cve,
    platform,
    severity: statements.find(({ fact }) => fact.severity !== null)?.fact.severity ?? null,
    ...(cvss === undefined ? {} : { cvss }),
    exploited: listed !== undefined || statements.some(({ fact }) => fact.exploited),
    // The catalogue itself knows its dates best.
    kevDateAdded: listed?.kevDateAdded ?? statements.find(({ fact }) => fact.kevDateAdded !== null)?.fact.kevDateAdded ?? null,
    kevDueDate: listed?.kevDueDate ?? statements.find(({ fact }) => fact.kevDueDate !== null)?.fact.kevDueDate ?? null
  }
}

/** Answers that are alike are one object: thousands of phones share it. */
export function shareAlike (common: Common): (rest: Pick<Required<Vulnerability>, 'fixedIn' | 'part' | 'fixAvailable' | 'fixedSince'>) => Vulnerability {
  const made = new Map<string, Vulnerability>()
  return (rest) => {
    const key = `${rest.fixAvailable} ${rest.fixedSince} ${rest.part} ${rest.fixedIn.join(' ')}`
    let one = made.get(key)
    if (one === undefined) made.set(key, one = Object.freeze({ ...common, ...rest }))
    return one
  }
}
