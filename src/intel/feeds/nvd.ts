import type { AffectedRange, OsPlatform } from '../vulnerabilities/vulnerability.js'
import { parseDate, parsePatchLevel } from '../vulnerabilities/versions.js'
import { readConfigurations, type NvdTarget } from './nvd-configurations.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'
import { Faults, isObject, type Json, listOf, objectOf, objectsOf, readCve, readReferences, readScore, readSeverity, requireObjects, severityOfScore, textOf } from './vulnerability-fields.js'

const WHAT = 'The NVD file'
/** A bulletin of all of Android, by its month; not those of one maker or of a new version. */
const BULLETIN = /source\.android\.com\/(?:docs\/)?security\/bulletin\/(\d{4}-\d{2}-\d{2})/i

/** NVD's CVEs: API 2.0 (`vulnerabilities[].cve`), its older feeds 1.1 (`CVE_Items[]`), and as mirrors keep them: a CVE of API 2.0 alone, a list of such, or `cve_items`. */
export function isNvd (data: unknown): boolean {
  if (Array.isArray(data)) return isNvd(data[0])
  if (!isObject(data)) return false
  if (isBareCve(data) || isBareCve(objectOf(data.cve)) || (Array.isArray(data.cve_items) && isBareCve(data.cve_items[0]))) return true
  if (Array.isArray(data.CVE_Items) || data.format === 'NVD_CVE') return true
  return Array.isArray(data.vulnerabilities) && isObject(objectOf(data.vulnerabilities[0]).cve)
}

/** What API 2.0 has under `cve`. */
const isBareCve = (data: unknown): boolean => isObject(data) && readCve(data.id) !== undefined && ('vulnStatus' in data || 'sourceIdentifier' in data)

/** A CVE as both versions have it. */
interface Entry {
  readonly id: string
  readonly path: string
  readonly published: string | undefined
  readonly isRejected: boolean
  readonly configurations: unknown
  readonly links: readonly unknown[]
  readonly cvss: number | undefined
  readonly severity: unknown
  readonly kevDateAdded: string | null
  readonly kevDueDate: string | null
}

/**
 * CVEs of phones' systems and of listed apps, with the versions that NVD names. Android's versions
 * alone decide nothing, because a phone of an old version may have the patch: what fixes it is then
 * concluded from the bulletin that NVD refers to, or from the month of publication.
 * @throws InvalidInputError naming every entry that is none
 */
export function readNvd (data: unknown): ParsedFeed {
  const file = objectOf(data)
  const feed = new FeedCollector()
  for (const entry of entriesOf(data)) {
    const cve = readCve(entry.id)
    if (cve === undefined) feed.skip('not a CVE id', entry.id)
    else if (entry.isRejected) feed.skipRevoked(cve)
    else readEntry(feed, cve, entry)
  }
  feed.publishedAt(textOf(file.timestamp) ?? utcOf(textOf(file.CVE_data_timestamp)))
  const version = textOf(file.version) ?? textOf(file.CVE_data_version)
  return { ...feed.finish(), ...(version === undefined ? {} : { publisherVersion: version }) }
}

/** The older feeds write minutes and no seconds. */
const utcOf = (time: string | undefined): string | undefined => time?.replace(/^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})Z$/, '$1:00Z')

function entriesOf (data: unknown): Entry[] {
  const faults = new Faults(WHAT)
  const [list, at] = listIn(data)
  const isOld = at === '/CVE_Items'
  const entries = requireObjects(list, at, WHAT).map((item, index) => {
    const path = `${at}/${index}`
    const entry = isOld ? oldEntry(item, path) : newEntry(isBareCve(item) ? { cve: item } : item, path)
    if (typeof entry.id !== 'string') faults.add(`${path}/cve`, 'must have an id')
    return entry as Entry
  })
  faults.check()
  return entries
}

/** The list of CVEs, and where it stands. */
function listIn (data: unknown): readonly [list: unknown, path: string] {
  if (Array.isArray(data)) return [data, '']
  const file = objectOf(data)
  if (file.CVE_Items !== undefined) return [file.CVE_Items, '/CVE_Items']
  if (file.cve_items !== undefined) return [file.cve_items, '/cve_items']
  return isBareCve(file) || isBareCve(file.cve) ? [[file], ''] : [file.vulnerabilities, '/vulnerabilities']
}

function newEntry (item: Json, path: string): Omit<Entry, 'id'> & { readonly id: unknown } {
  const cve = objectOf(item.cve)
  const metrics = objectOf(cve.metrics)
  const best = ['cvssMetricV31', 'cvssMetricV30', 'cvssMetricV40', 'cvssMetricV2']
    .flatMap((name) => [...objectsOf(metrics[name])].sort((a, b) => Number(b.type === 'Primary') - Number(a.type === 'Primary')))[0]
  const data = objectOf(best?.cvssData)
  return {
    id: cve.id,
    path,
    published: parseDate(cve.published),
    isRejected: cve.vulnStatus === 'Rejected',
    configurations: cve.configurations,
    links: Array.isArray(cve.references) ? objectsOf(cve.references).map(({ url }) => url) : objectsOf(objectOf(cve.references).referenceData).map(({ url }) => url),
    cvss: readScore(data.baseScore),
    severity: data.baseSeverity ?? best?.baseSeverity,
    kevDateAdded: parseDate(cve.cisaExploitAdd) ?? null,
    kevDueDate: parseDate(cve.cisaActionDue) ?? null
  }
}

function oldEntry (item: Json, path: string): Omit<Entry, 'id'> & { readonly id: unknown } {
  const cve = objectOf(item.cve)
  const impact = objectOf(item.impact)
  const [v3, v2] = [objectOf(objectOf(impact.baseMetricV3).cvssV3), objectOf(impact.baseMetricV2)]
  const text = objectsOf(objectOf(cve.description).description_data).map(({ value }) => textOf(value)).join(' ')
  return {
    id: objectOf(cve.CVE_data_meta).ID,
    path,
    published: parseDate(item.publishedDate),
    isRejected: /^\*\* REJECT/.test(text),
    configurations: item.configurations,
    links: objectsOf(objectOf(cve.references).reference_data).map(({ url }) => url),
    cvss: readScore(v3.baseScore) ?? readScore(objectOf(v2.cvssV2).baseScore),
    severity: v3.baseSeverity ?? v2.severity,
    kevDateAdded: null,
    kevDueDate: null
  }
}

function readEntry (feed: FeedCollector, cve: string, entry: Entry): void {
  const { targets, reasons } = readConfigurations(entry.configurations)
  for (const reason of reasons) feed.skip(reason, cve)
  if (targets.length === 0) {
    if (reasons.length === 0) feed.skip(listOf(entry.configurations).length === 0 && !isObject(entry.configurations) ? 'no versions are known yet' : 'not of a phone\'s system or a listed app', cve)
    return
  }
  const common = {
    cve,
    severity: readSeverity(entry.severity) ?? severityOfScore(entry.cvss),
    ...(entry.cvss === undefined ? {} : { cvss: entry.cvss }),
    exploited: entry.kevDateAdded !== null,
    kevDateAdded: entry.kevDateAdded,
    kevDueDate: entry.kevDueDate,
    ...readReferences(entry.links)
  }
  for (const target of targets) {
    if ('appId' in target) {
      feed.addVulnerability({ kind: 'app', ...common, appId: target.appId, ranges: [target.range] })
      continue
    }
    const range = target.platform === 'android' ? androidRange(target, entry) : target.isUnversioned ? undefined : target.range
    if (range === undefined) {
      feed.skip('no version and no patch level is named', cve)
      continue
    }
    feed.addVulnerability({ kind: 'os', ...common, platform: target.platform, fixedIn: fixesOf(range, target.platform), part: range.part ?? null, ranges: [range] })
  }
}

const fixesOf = ({ fixed, patchLevel, concluded }: AffectedRange, platform: OsPlatform): string[] =>
  platform === 'android' ? (patchLevel === undefined || concluded === true ? [] : [patchLevel]) : fixed === undefined ? [] : [fixed]

/** What fixes it in these versions: the version that ends the range, or a patch level. */
function androidRange ({ range, isUnversioned }: NvdTarget, { links, published }: Entry): AffectedRange | undefined {
  if (range.fixed !== undefined) return range
  // Names without a version are of the kernel and of vendors' parts.
  const part = isUnversioned ? 'kernel-vendor' : 'platform'
  const month = links.flatMap((link) => BULLETIN.exec(textOf(link, 500) ?? '')?.[1]?.slice(0, 7) ?? []).sort()[0]
  const level = month !== undefined ? `${month}-${isUnversioned ? '05' : '01'}` : published === undefined ? undefined : `${published.slice(0, 7)}-01`
  if (level === undefined || parsePatchLevel(level) === undefined) return undefined
  return { ...range, patchLevel: level, ...(month === undefined ? {} : { part } as const), concluded: true }
}
