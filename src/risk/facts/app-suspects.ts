import type { IndicatorType, ThreatClass } from '../../intel/indicators/indicator.js'
import type { IntelEntry, IntelView } from '../../intel/intel-view.js'
import type { AppInventory } from '../../telemetry/device-state.js'
import type { App } from '../../telemetry/report.js'
import { PUBLIC_SIGNING_KEYS } from '../data/public-signing-keys.js'
import type { DetectionContext, Evidence } from '../detection.js'
import { factsOfInventory } from './app-facts.js'
import { isFromStore } from './app-traits.js'
import { isDistinctiveName } from './distinctive-names.js'
import { describeEntry, isInForce, keyed, normalizeHex } from './intel-entries.js'
import { oncePerApp, oncePerContext } from './memo.js'
import { namesByLotLike } from './names-by-lot.js'
import { isAllowedAppId } from './organisation.js'

/**
 * `name`: only the package name is listed, and anybody can take a name. `likeness`: not even that,
 * but it is made by lot as the listed names of a family are (names-by-lot.ts).
 */
export type AppFact = 'likeness' | 'name' | 'certificate' | 'package hash'

export interface AppHit extends Evidence {
  readonly fact: AppFact
  readonly entry: IntelEntry
}

/** An installed app that intel knows something bad about. */
export interface SuspectApp {
  readonly app: App
  /** The worst class among the hits: it decides which one detection reports the app. */
  readonly threatClass: ThreatClass
  /** The entry to show: of that class, resting on the strongest fact. */
  readonly entry: IntelEntry
  readonly hits: readonly AppHit[]
  /** Package hash or certificate is listed, not just the name. */
  readonly isProven: boolean
  /** The name alone stands for the app (see distinctive-names.ts). */
  readonly hasDistinctiveName: boolean
}

/**
 * Worst first. An app in several lists is reported once, as the worst of what they say.
 * A list that gives no class (`unknown`) still calls the app bad.
 */
const CLASSES_BY_GRAVITY: readonly ThreatClass[] = [
  'mercenary-spyware', 'stalkerware', 'ransomware', 'banking-trojan', 'backdoor', 'exploit', 'dropper', 'toll-fraud', 'malware', 'c2', 'fraud', 'phishing', 'unknown', 'root-enabler', 'dangerous',
  'click-fraud', 'spam', 'watchware', 'hacking-tool', 'riskware', 'pua', 'adware'
]
const FACTS_BY_STRENGTH: readonly AppFact[] = ['package hash', 'certificate', 'name', 'likeness']

const HASHES: ReadonlyArray<['sha256' | 'sha1' | 'md5', IndicatorType]> = [['sha256', 'sha256'], ['sha1', 'sha1'], ['md5', 'md5']]
const CERTIFICATES: ReadonlyArray<['signingCertSha256' | 'signingCertSha1' | 'signingCertMd5', IndicatorType]> = [
  ['signingCertSha256', 'cert-sha256'], ['signingCertSha1', 'cert-sha1'], ['signingCertMd5', 'cert-md5']
]

interface ListedApp { readonly app: App, readonly hits: readonly AppHit[] }

const NO_HITS: readonly AppHit[] = []
const NOTHING_LISTED: readonly ListedApp[] = []
const NO_SUSPECTS: readonly SuspectApp[] = []

/** What intel says of an app, whether or not it counts now. */
function findHits (intel: IntelView, app: App): readonly AppHit[] {
  const hits: AppHit[] = []
  const collect = (type: IndicatorType, as: string, fact: AppFact, field: string, value: string, index?: number): void => {
    for (const entry of intel.lookup(type, as)) {
      // A web site that offers an app is no property of the app.
      if (entry.role !== 'artifact' && entry.role !== 'c2') continue
      if (fact === 'certificate' && PUBLIC_SIGNING_KEYS.has(as)) continue
      hits.push({ fact, entry, path: `${keyed('apps.items', app.appId)}.${field}${index === undefined ? '' : `[${index}]`}`, value })
    }
  }

  collect('app-id', app.appId, 'name', 'appId', app.appId)
  for (const [field, type] of HASHES) {
    const digest = app[field]
    if (digest !== undefined) collect(type, normalizeHex(digest), 'package hash', field, digest)
  }
  for (const [field, type] of CERTIFICATES) {
    const fingerprints = app[field]
    if (fingerprints === undefined) continue
    for (let index = 0; index < fingerprints.length; index++) {
      const fingerprint = fingerprints[index]!
      collect(type, normalizeHex(fingerprint), 'certificate', field, fingerprint, index)
    }
  }
  if (hits.length > 0) return hits
  // What a store or the maker of the phone put there is nobody's secret build.
  const alike = app.system === true || isFromStore(app) ? [] : namesByLotLike(intel, app.appId)
  return alike.length === 0 ? NO_HITS : alike.map((entry) => ({ fact: 'likeness', entry, path: `${keyed('apps.items', app.appId)}.appId`, value: app.appId }))
}

function judge (app: App, hits: readonly AppHit[]): SuspectApp {
  const ranked = hits.toSorted((a, b) =>
    CLASSES_BY_GRAVITY.indexOf(a.entry.threatClass) - CLASSES_BY_GRAVITY.indexOf(b.entry.threatClass) ||
    FACTS_BY_STRENGTH.indexOf(a.fact) - FACTS_BY_STRENGTH.indexOf(b.fact))
  const { entry } = ranked[0]!
  // A wildcard names many apps.
  const named = hits.filter((hit) => hit.fact === 'name' && hit.entry.value === app.appId)
  return {
    app,
    threatClass: entry.threatClass,
    entry,
    hits: ranked,
    isProven: hits.some(({ fact }) => fact === 'certificate' || fact === 'package hash'),
    hasDistinctiveName: named.length > 0 && isDistinctiveName(app.appId, named.map(({ entry }) => entry.family))
  }
}

const hitsOf = oncePerApp(findHits)

function listedApps (intel: IntelView, inventory: AppInventory): readonly ListedApp[] {
  let listed: ListedApp[] | undefined
  for (const facts of factsOfInventory(inventory).apps) {
    if (facts.unlistedIn === intel) continue
    const hits = hitsOf(intel, facts)
    if (hits.length === 0) facts.unlistedIn = intel
    else (listed ??= []).push({ app: facts.app, hits })
  }
  return listed ?? NOTHING_LISTED
}

/** Every installed app that an indicator in force names, each judged once for all detections. */
export const suspectApps = oncePerContext(({ state, intel, now }): readonly SuspectApp[] => {
  const listed = state.apps === undefined ? NOTHING_LISTED : listedApps(intel, state.apps)
  if (listed.length === 0) return NO_SUSPECTS
  return listed.flatMap(({ app, hits }) => {
    const current = hits.filter(({ entry }) => isInForce(entry, now))
    return current.length === 0 ? [] : [judge(app, current)]
  })
})

/** The suspects of these classes for whom the organisation does not vouch. */
export function suspectsOf (context: DetectionContext, classes: ReadonlySet<ThreatClass>): readonly SuspectApp[] {
  const suspects = suspectApps(context)
  return suspects.length === 0 ? NO_SUSPECTS : suspects.filter((suspect) => classes.has(suspect.threatClass) && !isVouchedFor(context, suspect))
}

/** Whether intelligence names the app, whatever for: then its own detection speaks. */
export const isSuspect = (context: DetectionContext, app: App): boolean => suspectApps(context).some((suspect) => suspect.app === app)

/** One piece of evidence a path and value, however many lists name it. */
export function evidenceOf (suspect: SuspectApp): readonly Evidence[] {
  const byPath = new Map(suspect.hits.map(({ path, value }) => [path, { path, value }]))
  return [...byPath.values()]
}

/** The entries that say what class of threat the app is. */
export function entriesOf (suspect: SuspectApp): readonly IntelEntry[] {
  return suspect.hits.map(({ entry }) => entry).filter(({ threatClass }) => threatClass === suspect.threatClass)
}

/** `its package hash and signing certificate are listed for X (feed)`, for titles. */
export function describeListing (suspect: SuspectApp, ...furtherFacts: readonly string[]): string {
  if (suspect.hits.every(({ fact }) => fact === 'likeness') && furtherFacts.length === 0) {
    return `its package name is made by lot in the form of those that are listed for ${describeEntry(suspect.entry)}`
  }
  const names: Record<AppFact, string> = { likeness: 'form of package name', name: 'package name', certificate: 'signing certificate', 'package hash': 'package hash' }
  const facts = FACTS_BY_STRENGTH.filter((fact) => suspect.hits.some((hit) => hit.fact === fact)).map((fact) => names[fact])
  const all = [...facts, ...furtherFacts]
  return `its ${all.join(' and ')} ${all.length > 1 ? 'are' : 'is'} listed for ${describeEntry(suspect.entry)}`
}

/**
 * Whether the organisation vouches for the app. Its list names packages, so it settles a match
 * of the name alone; it never settles a match of certificate or hash, which tells what the
 * package really is.
 */
export function isVouchedFor (context: DetectionContext, suspect: SuspectApp): boolean {
  return !suspect.isProven && isAllowedAppId(context.policy, suspect.app.appId)
}
