import { UnprocessableError } from '../../errors.js'
import type { OsPlatform, ReleaseStatement } from '../vulnerabilities/vulnerability.js'
import { parseAndroidVersion, parseDate, parseVersion } from '../vulnerabilities/versions.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'
import { isObject, type Json, listOf, objectOf, requireObjects, textOf } from './vulnerability-fields.js'

const WHAT = 'The list of releases'
const PLATFORMS: Readonly<Record<string, readonly OsPlatform[]>> = { ios: ['ios'], iphoneos: ['ios'], ipados: ['ipados'], android: ['android'], androidos: ['android'] }
/** Branches that only iPhones and iPads have: no other system of Apple had them with so late a fix. */
const ONLY_IOS = /^(?:15\.8|16\.7|17\.7|18\.7)(?:\.|$)/

/** endoflife.date: a product's page as JSON (`releases[]`), the API's version 0 (a list) and 1 (`result.releases`), and its list of versions with days. */
export function isEndoflife (data: unknown): boolean {
  const releases = releasesOf(data)
  if (releases !== undefined) {
    const first = objectOf(releases[0])
    return 'releaseCycle' in first || ('cycle' in first && ('eol' in first || 'releaseDate' in first)) || ('name' in first && ('isEol' in first || 'isMaintained' in first))
  }
  return versionsOf(data) !== undefined
}

/** @throws InvalidInputError naming every release that is none, UnprocessableError for another product */
export function readEndoflife (data: unknown): ParsedFeed {
  const feed = new FeedCollector()
  const platforms = platformsOf(data)
  const releases = releasesOf(data)
  // The list of versions comes with `releases` too, empty.
  if (releases !== undefined && (releases.length > 0 || versionsOf(data) === undefined)) {
    for (const cycle of requireObjects(releases, '/releases', WHAT)) readCycle(feed, cycle, platforms)
  }
  for (const [name, about] of Object.entries(versionsOf(data) ?? {})) readVersion(feed, name, about, platforms)
  feed.publishedAt(textOf(objectOf(data).last_modified) ?? textOf(objectOf(data).lastModified))
  return feed.finish()
}

function releasesOf (data: unknown): readonly unknown[] | undefined {
  if (Array.isArray(data)) return data
  const list = objectOf(data).releases ?? objectOf(objectOf(data).result).releases
  return Array.isArray(list) ? list : undefined
}

function versionsOf (data: unknown): Json | undefined {
  const { versions } = objectOf(data)
  if (!isObject(versions)) return undefined
  const first = Object.values(versions)[0]
  return isObject(first) && ('date' in first || 'releaseDate' in first) ? versions : undefined
}

function platformsOf (data: unknown): readonly OsPlatform[] {
  const file = objectOf(data)
  const product = textOf(file.product) ?? textOf(objectOf(file.result).name) ?? textOf(file.name)
  if (product !== undefined) {
    const platforms = PLATFORMS[product.toLowerCase().replace(/[^a-z]/g, '')]
    if (platforms === undefined) throw new UnprocessableError(`The list is of the product ${product.slice(0, 64)}; iOS, iPadOS and Android are taken.`)
    return platforms
  }
  // API version 0 does not say what it is of, but only Android's releases have an API level.
  if (listOf(releasesOf(data)).some((one) => 'apiVersion' in objectOf(one))) return ['android']
  const names = [...Object.keys(versionsOf(data) ?? {}), ...listOf(releasesOf(data)).flatMap((one) => textOf(objectOf(one).latest) ?? [])]
  if (names.some((name) => ONLY_IOS.test(name))) return ['ios']
  throw new UnprocessableError('The list does not say which product its releases are of; it needs a member "product": ios, ipados or android.')
}

function readCycle (feed: FeedCollector, cycle: Json, platforms: readonly OsPlatform[]): void {
  const version = nameOf(cycle.releaseCycle ?? cycle.cycle ?? cycle.name)
  const latest = isObject(cycle.latest) ? cycle.latest : { name: cycle.latest, date: cycle.latestReleaseDate }
  for (const platform of platforms) {
    if (version === undefined || parseOf(platform, version) === undefined) {
      feed.skip('not a version that phones report', version ?? cycle)
      continue
    }
    feed.addVulnerability(toRelease(platform, version, {
      isCycle: true,
      released: parseDate(cycle.releaseDate) ?? null,
      endOfLife: endOf(cycle),
      latest: nameOf(latest.name) ?? null,
      latestReleased: parseDate(latest.date) ?? null,
      apiLevel: textOf(cycle.apiVersion) ?? null
    }))
  }
}

/** A day, or whether; API version 1 has `eolFrom` and `isEol`. What is neither is not known. */
function endOf ({ eol, eolFrom, isEol }: Json): string | boolean | null {
  const day = parseDate(eol) ?? parseDate(eolFrom)
  if (day !== undefined) return day
  return typeof eol === 'boolean' ? eol : typeof isEol === 'boolean' ? isEol : null
}

function readVersion (feed: FeedCollector, name: string, about: unknown, platforms: readonly OsPlatform[]): void {
  const version = nameOf(name)
  const released = parseDate(objectOf(about).date ?? objectOf(about).releaseDate)
  for (const platform of platforms) {
    if (version === undefined || parseOf(platform, version) === undefined) feed.skip('not a version that phones report', name)
    else if (released === undefined) feed.skip('date: not a day', name)
    else feed.addVulnerability(toRelease(platform, version, { isCycle: false, released }))
  }
}

/** JSON made from YAML may hold 18 as a number. */
const nameOf = (value: unknown): string | undefined => typeof value === 'number' ? String(value) : textOf(value, 40)
const parseOf = (platform: OsPlatform, version: string): readonly number[] | undefined => platform === 'android' ? parseAndroidVersion(version.replace(/w$/i, '')) : parseVersion(version)

function toRelease (platform: OsPlatform, version: string, rest: Partial<ReleaseStatement>): ReleaseStatement {
  return { kind: 'release', cve: null, platform, isCycle: false, version, released: null, endOfLife: null, latest: null, latestReleased: null, apiLevel: null, devices: [], ...rest }
}
