import { scoreOfVector } from '../vulnerabilities/cvss.js'
import type { AffectedRange, CveSeverity } from '../vulnerabilities/vulnerability.js'
import { parseAndroidVersion, parseAppVersion, parseDate, parsePatchLevel } from '../vulnerabilities/versions.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'
import { Faults, isObject, type Json, listOf, objectOf, objectsOf, readCve, readReferences, readScore, readSeverity, requireObjects, severityOfScore, textOf } from './vulnerability-fields.js'

const WHAT = 'The OSV file'
/** A name of the Android ecosystem that is an app's, not a component's (`platform/frameworks/base`, `:linux_kernel:Qualcomm`). */
const APP_ID = /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+$/i
const MAX_EVENTS = 2_000

/** OSV's advisories: one, a list (also JSON lines), or an answer of its API (`vulns`). */
export function isOsv (data: unknown): boolean {
  const first = isObject(data) && Array.isArray(data.vulns) ? data.vulns[0] : Array.isArray(data) ? data[0] : data
  return isObject(first) && typeof first.id === 'string' && ('affected' in first || 'schema_version' in first || ('modified' in first && 'aliases' in first))
}

/**
 * Advisories of the Android ecosystem (OSV schema 1.x; versions are written `13:2023-05-01`, an AOSP
 * version and a patch level, either of which may be missing) and of apps named by their id.
 * @throws InvalidInputError naming every advisory that is none
 */
export function readOsv (data: unknown): ParsedFeed {
  const [list, path] = Array.isArray(data) ? [data, ''] : isObject(data) && Array.isArray(data.vulns) ? [data.vulns, '/vulns'] : [[data], '']
  const advisories = requireObjects(list, path, WHAT)
  const faults = new Faults(WHAT)
  for (const [index, { id, affected }] of advisories.entries()) {
    if (typeof id !== 'string') faults.add(`${path}/${index}/id`, 'must be text')
    if (affected !== undefined && !Array.isArray(affected)) faults.add(`${path}/${index}/affected`, 'must be a list')
  }
  faults.check()

  const feed = new FeedCollector()
  const times: string[] = []
  for (const advisory of advisories) {
    const modified = textOf(advisory.modified, 40)
    if (parseDate(modified) !== undefined) times.push(modified!)
    readAdvisory(feed, advisory)
  }
  feed.publishedAt(times.sort().at(-1))
  return feed.finish()
}

function readAdvisory (feed: FeedCollector, advisory: Json): void {
  const id = textOf(advisory.id) ?? ''
  if (advisory.withdrawn !== undefined && advisory.withdrawn !== null) return feed.skipRevoked(id)
  const named = [advisory.id, ...listOf(advisory.aliases), ...listOf(advisory.upstream)].flatMap((alias) => readCve(alias) ?? [])
  const cves = [...new Set(named)]
  if (cves.length === 0) return feed.skip('no CVE id among id and aliases', id)
  const affected = objectsOf(advisory.affected)
  const ofAndroid = affected.filter((one) => /^android(?::|$)/i.test(textOf(objectOf(one.package).ecosystem) ?? ''))
  if (ofAndroid.length === 0) return feed.skip('of another ecosystem than Android', id)

  for (const one of ofAndroid) {
    const name = textOf(objectOf(one.package).name, 300) ?? ''
    const isApp = APP_ID.test(name)
    const ranges = isApp ? appRanges(feed, one, id) : androidRanges(feed, one, id)
    if (ranges.length === 0) continue
    const { severity, cvss } = gravityOf(advisory, one)
    for (const cve of cves) {
      const common = {
        cve, severity, ...(cvss === undefined ? {} : { cvss }), exploited: false, kevDateAdded: null, kevDueDate: null,
        ...readReferences(objectsOf(advisory.references).map(({ url }) => url))
      }
      if (isApp) feed.addVulnerability({ kind: 'app', ...common, appId: name, ranges })
      else {
        const fixedIn = [...new Set(ranges.flatMap(({ patchLevel }) => patchLevel ?? []))]
        feed.addVulnerability({ kind: 'os', ...common, platform: 'android', fixedIn, part: ranges[0]!.part ?? null, ranges })
      }
    }
  }
}

function gravityOf (advisory: Json, affected: Json): { readonly severity: CveSeverity | null, readonly cvss: number | undefined } {
  const scores = [...objectsOf(advisory.severity), ...objectsOf(affected.severity)].flatMap(({ score }) => readScore(score) ?? scoreOfVector(textOf(score, 500) ?? '') ?? [])
  const cvss = scores[0]
  const words = [affected.ecosystem_specific, affected.database_specific, advisory.ecosystem_specific, advisory.database_specific].map((one) => readSeverity(objectOf(one).severity))
  return { severity: words.find((word) => word !== null) ?? severityOfScore(cvss), cvss }
}

/** From where to where, in the order of the events. */
interface Span { readonly from: string, readonly fixed?: string, readonly last?: string }

function * spansOf (affected: Json): Generator<Span> {
  for (const range of objectsOf(affected.ranges)) {
    if (range.type === 'GIT') continue
    let from: string | undefined
    for (const event of objectsOf(range.events).slice(0, MAX_EVENTS)) {
      const [introduced, fixed, last] = [event.introduced, event.fixed, event.last_affected].map((text) => textOf(text, 60))
      if (introduced !== undefined) {
        if (from !== undefined) yield { from }
        from = introduced
      } else if (from !== undefined && (fixed !== undefined || last !== undefined)) {
        yield fixed !== undefined ? { from, fixed } : { from, last: last! }
        from = undefined
      }
    }
    if (from !== undefined) yield { from }
  }
}

/** `13:2023-05-01` as version and level; undefined parts are not given, or 0, which is the beginning. */
function partsOf (text: string): { readonly version: string | undefined, readonly level: string | undefined } {
  const [left = '', right] = text.includes(':') ? text.split(':') : parsePatchLevel(text) === undefined ? [text] : ['', text]
  return { version: left === '' || (left === '0' && right === undefined) ? undefined : left, level: right === undefined || right === '0' || right === '' ? undefined : right }
}

function androidRanges (feed: FeedCollector, affected: Json, id: string): AffectedRange[] {
  const ranges: AffectedRange[] = []
  // The names of a whole kernel or chip are no versions of Android.
  const listed = listOf(affected.versions).flatMap((version) => textOf(version, 20) ?? []).filter((version) => parseAndroidVersion(version) !== undefined).slice(0, 50)
  const spl = textOf(objectOf(affected.ecosystem_specific).spl) ?? textOf(objectOf(affected.database_specific).spl)
  const add = (version: string | undefined, since: string | undefined, level: string | undefined): void => {
    const patchLevel = parsePatchLevel(level ?? '')
    if (patchLevel === undefined) return feed.skip('no patch level fixes it', id)
    if (version !== undefined && parseAndroidVersion(version) === undefined) return feed.skip('a version that cannot be compared', version)
    const sinceLevel = parsePatchLevel(since ?? '')
    const versions = version !== undefined ? [version] : listed
    ranges.push({
      ...(versions.length === 0 ? {} : { versions }),
      ...(sinceLevel === undefined ? {} : { sinceLevel }),
      patchLevel,
      part: partOfLevel(patchLevel)
    })
  }
  let isSpanned = false
  for (const { from, fixed, last } of spansOf(affected)) {
    isSpanned = true
    if (last !== undefined) feed.skip('no patch level fixes it', id)
    else {
      const [start, end] = [partsOf(from), partsOf(fixed ?? '')]
      add(start.version ?? end.version, start.level, end.level ?? (fixed === undefined ? spl : undefined))
    }
  }
  if (!isSpanned) add(undefined, undefined, spl)
  return ranges
}

/** The first days of a month are the platform's level, from the fifth on kernel and vendors' parts. */
export function partOfLevel (level: string): 'platform' | 'kernel-vendor' {
  return Number(level.slice(8)) < 5 ? 'platform' : 'kernel-vendor'
}

function appRanges (feed: FeedCollector, affected: Json, id: string): AffectedRange[] {
  const ranges: AffectedRange[] = []
  const isVersion = (text: string | undefined): boolean => text === undefined || parseAppVersion(text) !== undefined
  for (const { from, fixed, last } of spansOf(affected)) {
    if (![from, fixed, last].every(isVersion)) feed.skip('a version that cannot be compared', id)
    else ranges.push({ ...(from === '0' ? {} : { introduced: from }), ...(fixed === undefined ? {} : { fixed }), ...(last === undefined ? {} : { lastAffected: last }) })
  }
  const versions = listOf(affected.versions).flatMap((version) => textOf(version, 60) ?? []).filter(isVersion).slice(0, MAX_EVENTS)
  if (versions.length > 0) ranges.push({ versions })
  if (ranges.length === 0) feed.skip('no versions are named', id)
  return ranges
}
