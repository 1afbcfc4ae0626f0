import { isIP } from 'node:net'
import { RE2JS } from 're2js'
import safeRegex from 'safe-regex2'
import { DETECTIONS } from '../detections/index.js'
import type { PolicyDocument, PolicyGroup } from './document.js'
import type { PolicyFault } from './read-policy.js'
import { DEFAULT_THRESHOLDS, type Thresholds } from './thresholds.js'

type Part = Omit<PolicyDocument, 'version' | 'groups'>

const byId = new Map(DETECTIONS.map((detection) => [detection.id, detection]))
const HEX_DIGEST = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/i
const HEX_SHA256 = /^[0-9a-f]{64}$/i
const HOST = /^(?=.{1,253}$)(?:\*\.)?(?:[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?\.)*[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?\.?$/u
const MAC = /^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i

/** What is wrong with a document of the right form: what it names must exist, and it must not contradict itself. */
export function findFaults (document: PolicyDocument): PolicyFault[] {
  const { groups = [], version: _, ...base } = document
  const steps: PatternSteps = { count: 0 }
  const faults = faultsOfPart(base, '', steps)
  const locked = new Set(base.locked ?? [])
  groups.forEach(({ policy = {} }, index) => {
    faults.push(...faultsOfPart(policy, `/groups/${index}/policy`, steps, base))
    for (const detection of Object.keys(policy.severities ?? {})) {
      if (locked.has(detection)) faults.push({ path: `/groups/${index}/policy/severities/${detection}`, message: 'is locked: no group may change it' })
    }
  })
  if (steps.count > MAX_PATTERN_STEPS) faults.push({ path: '', message: `has patterns of names with more than ${MAX_PATTERN_STEPS} steps together: say them with fewer and shorter ones, or with appId and name` })
  return [...faults, ...faultsOfGroups(groups)]
}

/**
 * Of all patterns together, as RE2 counts them: a plain one has a step a character, `a{1000}` a thousand. A name is compared with all
 * patterns, and each step may be looked at for each of its characters: what every worker does for every app must end.
 */
const MAX_PATTERN_STEPS = 10_000
/** How many there are so far; beyond the limit no more are compiled, which takes long itself. */
interface PatternSteps { count: number }

function faultsOfPart (part: Part, path: string, steps: PatternSteps, beneath: Part = {}): PolicyFault[] {
  const faults: PolicyFault[] = []
  const add = (where: string, message: string): void => { faults.push({ path: `${path}${where}`, message }) }

  for (const [table, ids] of Object.entries({
    severities: Object.keys(part.severities ?? {}), eventLifetimes: Object.keys(part.eventLifetimes ?? {}), grace: Object.keys(part.grace ?? {}), quiet: Object.keys(part.quiet ?? {})
  })) for (const id of ids) if (!byId.has(id)) add(`/${table}/${id}`, unknownDetection(id))
  ;(part.locked ?? []).forEach((id, index) => { if (!byId.has(id)) add(`/locked/${index}`, unknownDetection(id)) })
  for (const id of Object.keys(part.grace ?? {})) {
    if (byId.has(id) && byId.get(id)!.mayWait !== true) add(`/grace/${id}`, 'cannot wait: only patches and versions can')
  }
  for (const id of Object.keys(part.eventLifetimes ?? {})) {
    if (byId.has(id) && !byId.get(id)!.sections.includes('events')) add(`/eventLifetimes/${id}`, 'has no events that could end')
  }
  checkThresholds({ ...DEFAULT_THRESHOLDS, ...beneath.thresholds as Partial<Thresholds>, ...part.thresholds as Partial<Thresholds> }, part, add)
  checkVersions(part, beneath, add)
  checkApps(part, steps, add)
  for (const list of ['allow', 'deny'] as const) {
    part.domains?.[list]?.forEach((host, index) => { if (!HOST.test(host) && isIP(host) === 0) add(`/domains/${list}/${index}`, 'is no host name') })
  }
  const denied = new Set(part.domains?.deny ?? [])
  part.domains?.allow?.forEach((host, index) => { if (denied.has(host)) add(`/domains/allow/${index}`, 'is allowed and denied') })
  part.certificates?.allow?.forEach((digest, index) => { if (!HEX_SHA256.test(bare(digest))) add(`/certificates/allow/${index}`, 'must be a SHA-256 fingerprint: 64 hex digits') })
  part.networks?.trusted?.forEach(({ bssids = [] }, index) => bssids.forEach((bssid, at) => { if (!MAC.test(bssid)) add(`/networks/trusted/${index}/bssids/${at}`, 'must be an access point\'s address, such as 00:11:22:aa:bb:cc') }))
  part.networks?.deny?.forEach(({ ssid, bssid }, index) => {
    if (ssid === undefined && bssid === undefined) add(`/networks/deny/${index}`, 'must name an ssid, a bssid, or both')
    if (bssid !== undefined && !MAC.test(bssid)) add(`/networks/deny/${index}/bssid`, 'must be an access point\'s address, such as 00:11:22:aa:bb:cc')
  })
  return faults
}

type Add = (where: string, message: string) => void

function checkThresholds (effective: Thresholds, part: Part, add: Add): void {
  const { patchAgeLowDays: low, patchAgeMediumDays: medium, patchAgeHighDays: high } = effective
  const isNamed = ['patchAgeLowDays', 'patchAgeMediumDays', 'patchAgeHighDays'].some((name) => name in (part.thresholds ?? {}))
  if (isNamed && !(low <= medium && medium <= high)) add('/thresholds', `patch ages must rise: low ${low}, medium ${medium}, high ${high} days`)
}

function checkVersions (part: Part, beneath: Part, add: Add): void {
  for (const platform of ['android', 'ios', 'ipados'] as const) {
    const minimum = part.versions?.minimum?.[platform] ?? beneath.versions?.minimum?.[platform]
    const maximum = part.versions?.maximum?.[platform] ?? beneath.versions?.maximum?.[platform]
    const isNamed = part.versions?.minimum?.[platform] !== undefined || part.versions?.maximum?.[platform] !== undefined
    if (isNamed && minimum !== undefined && maximum !== undefined && compareVersions(minimum, maximum) > 0) add(`/versions/minimum/${platform}`, `${minimum} is above the maximum ${maximum}`)
  }
}

function checkApps ({ apps }: Part, steps: PatternSteps, add: Add): void {
  for (const list of ['allow', 'deny'] as const) {
    apps?.[list]?.forEach((rule, index) => {
      if (typeof rule === 'string') {
        if (rule === '*') add(`/apps/${list}/${index}`, 'means every app; name what begins with something')
        return
      }
      const place = `/apps/${list}/${index}`
      if (Object.keys(rule).length === 0) add(place, 'must say something of the app')
      for (const member of ['hash', 'certificate'] as const) {
        const digest = rule[member]
        if (digest !== undefined && !HEX_DIGEST.test(bare(digest))) add(`${place}/${member}`, 'must be a SHA-256, SHA-1 or MD5 in hex')
      }
      if (rule.namePattern !== undefined) for (const message of faultsOfPattern(rule.namePattern, steps)) add(`${place}/namePattern`, message)
    })
  }
  const denied = new Set((apps?.deny ?? []).map((rule) => JSON.stringify(rule)))
  apps?.allow?.forEach((rule, index) => { if (denied.has(JSON.stringify(rule))) add(`/apps/allow/${index}`, 'is allowed and denied') })
  for (const [appId, digests] of Object.entries(apps?.signers ?? {})) {
    digests.forEach((digest, index) => { if (!HEX_SHA256.test(bare(digest))) add(`/apps/signers/${appId.replaceAll('~', '~0').replaceAll('/', '~1')}/${index}`, 'must be a SHA-256 fingerprint: 64 hex digits') })
  }
}

/** What RE2 writes otherwise than the check can read: flags within the pattern, and the names of groups. */
const asEcmaScript = (pattern: string): string => pattern
  .replace(/\(\?[imsU]*(?:-[imsU]+)?([:)])/g, (_, end: string) => end === ')' ? '' : '(?:')
  .replaceAll('(?P<', '(?<')

/** Patterns run on RE2, which is linear whatever they are; one that could hang elsewhere is refused all the same: policies travel. */
function faultsOfPattern (pattern: string, steps: PatternSteps): string[] {
  if (steps.count > MAX_PATTERN_STEPS) return []
  const faults: string[] = []
  try {
    steps.count += RE2JS.compile(pattern).programSize()
  } catch (error) {
    faults.push(`is no regular expression of RE2: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (faults.length === 0 && !safeRegex(asEcmaScript(pattern))) faults.push('repeats what repeats, which can take for ever: say it without')
  return faults
}

function faultsOfGroups (groups: readonly PolicyGroup[]): PolicyFault[] {
  const faults: PolicyFault[] = []
  const byName = new Map<string, PolicyGroup>()
  groups.forEach((group, index) => {
    if (byName.has(group.name)) faults.push({ path: `/groups/${index}/name`, message: `"${group.name}" is there twice` })
    else byName.set(group.name, group)
  })
  groups.forEach(({ extends: base, match }, index) => {
    if (match !== undefined && Object.keys(match).length === 0) faults.push({ path: `/groups/${index}/match`, message: 'must name something; a group without `match` is there to be extended' })
    if (base !== undefined && !byName.has(base)) faults.push({ path: `/groups/${index}/extends`, message: `there is no group "${base}"` })
  })
  const looping = new Set<string>()
  groups.forEach(({ name }, index) => {
    const way = [name]
    for (let next = byName.get(name)?.extends; next !== undefined; next = byName.get(next)?.extends) {
      way.push(next)
      if (next === name) {
        if (!looping.has(name)) faults.push({ path: `/groups/${index}/extends`, message: `goes round in a circle: ${way.join(' → ')}` })
        for (const one of way) looping.add(one)
        break
      }
      if (way.length > groups.length) break
    }
  })
  return faults
}

const bare = (digest: string): string => digest.replace(/[\s:]/g, '')

function compareVersions (a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)]
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function unknownDetection (id: string): string {
  const [nearest] = [...byId.keys()].map((known) => [distance(id, known), known] as const).sort(([a], [b]) => a - b)
  return nearest !== undefined && nearest[0] <= 4 ? `is no detection; "${nearest[1]}" is` : 'is no detection of the catalogue'
}

/** Levenshtein's. */
function distance (a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length]!
}
