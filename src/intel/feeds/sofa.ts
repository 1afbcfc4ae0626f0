import type { OsPlatform } from '../vulnerabilities/vulnerability.js'
import { parseDate, parseVersion } from '../vulnerabilities/versions.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'
import { Faults, isObject, type Json, listOf, objectOf, readCve, readReferences, readScore, readSeverity, requireObjects, textOf } from './vulnerability-fields.js'

const WHAT = 'The SOFA feed'
/** Models of one release; there are about a hundred. */
const MAX_DEVICES = 500

/** SOFA's feed of Apple's releases (sofafeed.macadmins.io, v1 and v2), iOS and iPadOS. */
export function isSofa (data: unknown): boolean {
  return isObject(data) && Array.isArray(data.OSVersions)
}

/**
 * What each release fixed, when it came out, and which models it is for. Apple lists a hole with
 * every branch that it fixes, so all releases of a CVE together are its fixes.
 * @throws InvalidInputError naming every release that is none
 */
export function readSofa (data: unknown): ParsedFeed {
  const file = objectOf(data)
  const feed = new FeedCollector()
  const faults = new Faults(WHAT)
  const days: string[] = []
  for (const [index, os] of requireObjects(file.OSVersions, '/OSVersions', WHAT).entries()) {
    const path = `/OSVersions/${index}`
    const releases = os.SecurityReleases === undefined ? [] : requireObjects(os.SecurityReleases, `${path}/SecurityReleases`, WHAT)
    // The newest release may not be among the others yet. It has no name of its own there.
    const latest = isObject(os.Latest) && !releases.some(({ ProductVersion }) => ProductVersion === objectOf(os.Latest).ProductVersion) ? [os.Latest] : []
    for (const [number, release] of [...releases, ...latest].entries()) {
      if (typeof release.ProductVersion !== 'string') faults.add(`${path}/SecurityReleases/${number}/ProductVersion`, 'must be text')
      else days.push(...readRelease(feed, release, textOf(os.OSVersion) ?? ''))
    }
  }
  faults.check()
  feed.publishedAt(textOf(file.LastCheck) ?? days.sort().at(-1))
  const hash = textOf(file.UpdateHash, 100)
  return { ...feed.finish(), ...(hash === undefined ? {} : { publisherVersion: hash }) }
}

function readRelease (feed: FeedCollector, release: Json, osVersion: string): string[] {
  const version = textOf(release.ProductVersion, 40) ?? ''
  const numbers = parseVersion(version)
  const day = parseDate(release.ReleaseDate)
  const name = textOf(release.UpdateName) ?? ''
  if (numbers === undefined) {
    feed.skip('ProductVersion: not a version', version)
    return []
  }
  const platforms = platformsOf(release, osVersion)
  if (platforms.length === 0) {
    feed.skip('a release of another system than iOS and iPadOS', name === '' ? `${osVersion} ${version}` : name)
    return []
  }

  const devices = listOf(release.SupportedDevices).flatMap((device) => textOf(device, 40) ?? []).slice(0, MAX_DEVICES)
  const exploited = new Set(listOf(release.ActivelyExploitedCVEs).flatMap((id) => readCve(id) ?? []))
  const holes = new Map<string, Json | undefined>()
  for (const [id, about] of entriesOf(release.CVEs)) {
    const cve = readCve(id)
    if (cve === undefined) feed.skip('CVEs: not a CVE id', id)
    else {
      holes.set(cve, isObject(about) ? about : undefined)
      if (about === true || (isObject(about) && isExploited(about))) exploited.add(cve)
    }
  }
  for (const cve of exploited) if (!holes.has(cve)) holes.set(cve, undefined)

  for (const platform of platforms) {
    feed.addVulnerability({
      kind: 'release',
      cve: null,
      platform,
      isCycle: false,
      version,
      released: day ?? null,
      endOfLife: null,
      latest: null,
      latestReleased: null,
      apiLevel: null,
      devices: devices.filter((device) => isOfPlatform(device, platform))
    })
    for (const [cve, about] of holes) {
      const cvss = readScore(about?.cvss_score ?? about?.cvss ?? about?.CVSS)
      feed.addVulnerability({
        kind: 'os',
        cve,
        platform,
        severity: readSeverity(about?.severity ?? about?.Severity),
        ...(cvss === undefined ? {} : { cvss }),
        exploited: exploited.has(cve),
        kevDateAdded: null,
        kevDueDate: null,
        fixedIn: [version],
        part: null,
        ...(day === undefined ? {} : { fixedSince: { [version]: day } }),
        ...readReferences([release.SecurityInfo])
      })
    }
  }
  return day === undefined ? [] : [day]
}

/** v1 says true or false of each CVE, v2 has an object; lists are seen too. */
function entriesOf (cves: unknown): ReadonlyArray<readonly [string, unknown]> {
  if (isObject(cves)) return Object.entries(cves)
  return listOf(cves).map((one) => typeof one === 'string' ? [one, undefined] : [[objectOf(one).id, objectOf(one).cve, objectOf(one).CVE].find((id) => typeof id === 'string') ?? '', one])
}

function isExploited (about: Json): boolean {
  return Object.entries(about).some(([key, value]) => /exploited|kev/i.test(key) && value === true)
}

/** A name says for which systems a release is ("iPadOS 17.7.5"); without one the models do. */
function platformsOf (release: Json, osVersion: string): OsPlatform[] {
  const name = [release.UpdateName, release.ProductName].map((text) => textOf(text) ?? '').find((text) => /\bi(?:Pad)?OS\b/.test(text)) ?? ''
  const named = ([['ios', /\biOS\b/], ['ipados', /\biPadOS\b/]] as const).filter(([, pattern]) => pattern.test(name)).map(([platform]) => platform)
  const devices = listOf(release.SupportedDevices).filter((device) => typeof device === 'string')
  const ofDevices = (['ios', 'ipados'] as const).filter((platform) => devices.some((device) => isOfPlatform(device, platform)))
  const both = named.filter((platform) => ofDevices.includes(platform))
  if (both.length > 0) return both
  if (named.length > 0) return named
  if (ofDevices.length > 0 || devices.length > 0) return ofDevices
  // Nothing says more than the number: macOS has a name in front of it.
  const about = [release.UpdateName, release.ProductName, osVersion].map((text) => textOf(text) ?? '').join(' ')
  return /[a-z]{3}/i.test(about.replace(/\bsecurity|update|response\w*/gi, '')) ? [] : ['ios', 'ipados']
}

const isOfPlatform = (device: string, platform: OsPlatform): boolean => platform === 'ipados' ? /^iPad/i.test(device) : /^i(?:Phone|Pod)/i.test(device)
