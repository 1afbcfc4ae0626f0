import { appIdsOf, isListedApp, systemOf } from '../vulnerabilities/cpe-targets.js'
import { parseCpe, type Cpe } from '../vulnerabilities/cpe.js'
import type { AffectedRange, OsPlatform } from '../vulnerabilities/vulnerability.js'
import { parseAndroidVersion, parseAppVersion, parseVersion } from '../vulnerabilities/versions.js'
import { isObject, type Json, objectsOf, textOf } from './vulnerability-fields.js'

/** Versions of a system or an app that NVD names. */
export type NvdTarget = { readonly range: AffectedRange, /** The name has no version at all (`-`). */ readonly isUnversioned: boolean } &
  ({ readonly platform: OsPlatform } | { readonly appId: string })

export interface NvdTargets {
  readonly targets: readonly NvdTarget[]
  /** Why names of phones or listed apps could not be used. */
  readonly reasons: readonly string[]
}

interface Match {
  readonly cpe: Cpe
  readonly isVulnerable: boolean
  readonly match: Json
}

const MAX_DEPTH = 5
/** More names for one CVE are a mistake or an attack. */
const MAX_MATCHES = 20_000
const MAX_EXACT = 2_000

/** What the configurations of a CVE say of phones: NVD 2.0 (a list) and 1.1 (`nodes`). */
export function readConfigurations (configurations: unknown): NvdTargets {
  const groups = Array.isArray(configurations) ? objectsOf(configurations) : isObject(configurations) ? objectsOf(configurations.nodes) : []
  const targets: NvdTarget[] = []
  const reasons = new Set<string>()
  let left = MAX_MATCHES
  for (const group of groups) {
    const { matches, isNegated } = collect(group, 0)
    left -= matches.length
    if (left < 0) {
      reasons.add('more products than can be meant')
      break
    }
    readGroup(matches, isAnd(group), isNegated, targets, reasons)
  }
  return { targets: mergeExact(targets), reasons: [...reasons] }
}

function readGroup (matches: readonly Match[], isCombined: boolean, isNegated: boolean, targets: NvdTarget[], reasons: Set<string>): void {
  const vulnerable = matches.filter(({ isVulnerable, cpe }) => isVulnerable && (systemOf(cpe) !== undefined || isListedApp(cpe)))
  if (vulnerable.length === 0) return
  if (isNegated) {
    reasons.add('a negated configuration')
    return
  }
  const others = isCombined ? matches.filter(({ isVulnerable }) => !isVulnerable) : []
  const runsOn = [...new Set(others.flatMap(({ cpe }) => systemOf(cpe) ?? []))]
  // An app with several systems beside it runs on the phones among them; a system with a chip beside it is only some phones.
  for (const { cpe, match } of vulnerable) {
    const system = systemOf(cpe)
    if (system !== undefined) {
      if (others.some((other) => systemOf(other.cpe) === undefined)) reasons.add('only together with certain hardware or software, which phones do not report')
      else add({ platform: system }, cpe, match, system === 'android' ? parseAndroidVersion : parseVersion, targets, reasons)
      continue
    }
    const appIds = others.length > 0 && runsOn.length === 0 ? [] : appIdsOf(cpe, runsOn)
    if (appIds.length === 0) reasons.add('a program of that name, not for phones as far as is said')
    for (const appId of appIds) add({ appId }, cpe, match, parseAppVersion, targets, reasons)
  }
}

function add (target: { readonly platform: OsPlatform } | { readonly appId: string }, cpe: Cpe, match: Json, parse: (text: string) => readonly number[] | undefined, targets: NvdTarget[], reasons: Set<string>): void {
  const bounds = {
    introduced: textOf(match.versionStartIncluding, 60),
    after: textOf(match.versionStartExcluding, 60),
    fixed: textOf(match.versionEndExcluding, 60),
    lastAffected: textOf(match.versionEndIncluding, 60)
  }
  const given = Object.fromEntries(Object.entries(bounds).filter(([, text]) => text !== undefined)) as AffectedRange
  const exact = cpe.version === '*' || cpe.version === '-' ? [] : [cpe.version]
  if (cpe.update !== '*' && cpe.update !== '-' && /beta|alpha|rc|preview/.test(cpe.update)) return
  if ([...Object.values(given), ...exact].some((text) => parse(text as string) === undefined)) {
    reasons.add('a version that cannot be compared')
    return
  }
  const range = Object.keys(given).length > 0 ? given : exact.length > 0 ? { versions: exact } : {}
  targets.push({ ...target, range, isUnversioned: cpe.version === '-' })
}

/** Names of single versions become one range: old entries have hundreds. */
function mergeExact (targets: readonly NvdTarget[]): NvdTarget[] {
  const merged = new Map<string, NvdTarget>()
  const versionsOf = new Map<string, Set<string>>()
  for (const target of targets) {
    const who = 'platform' in target ? target.platform : target.appId
    const [version] = target.range.versions ?? []
    if (version === undefined) {
      merged.set(JSON.stringify([who, target.range, target.isUnversioned]), target)
      continue
    }
    const versions = versionsOf.get(who) ?? new Set()
    versionsOf.set(who, versions)
    if (versions.size < MAX_EXACT) versions.add(version)
    merged.set(who, { ...target, range: { versions: [] } })
  }
  return [...merged].map(([who, target]) => target.range.versions === undefined ? target : { ...target, range: { versions: [...versionsOf.get(who)!] } })
}

/** Of version 1.1 the group is a node itself, with children. */
const isAnd = (group: Json): boolean => typeof group.operator === 'string' && group.operator.toUpperCase() === 'AND'

function collect (node: Json, depth: number): { readonly matches: Match[], readonly isNegated: boolean } {
  const matches: Match[] = []
  let isNegated = node.negate === true
  for (const match of [...objectsOf(node.cpeMatch), ...objectsOf(node.cpe_match)]) {
    const cpe = parseCpe(match.criteria ?? match.cpe23Uri ?? match.cpe22Uri)
    if (cpe !== undefined) matches.push({ cpe, isVulnerable: match.vulnerable !== false, match })
  }
  if (depth < MAX_DEPTH) {
    for (const child of [...objectsOf(node.nodes), ...objectsOf(node.children)]) {
      const inner = collect(child, depth + 1)
      for (const one of inner.matches) matches.push(one)
      isNegated ||= inner.isNegated
    }
  }
  return { matches, isNegated }
}
