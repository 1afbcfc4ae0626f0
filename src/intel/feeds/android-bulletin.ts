import { parse } from 'csv-parse/sync'
import { InvalidInputError, UnprocessableError } from '../../errors.js'
import type { AffectedRange, PatchPart } from '../vulnerabilities/vulnerability.js'
import { parseAndroidVersion, parseDate, parsePatchLevel } from '../vulnerabilities/versions.js'
import { partOfLevel } from './osv.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'
import { isObject, type Json, readCve, readReferences, readScore, readSeverity, textOf } from './vulnerability-fields.js'

const WHAT = 'The Android bulletin'
const MAX_DEPTH = 8
const MAX_ROWS = 500_000

/** What a column or member means, by its name in small letters without anything else. */
const MEANINGS: ReadonlyArray<readonly [Meaning, RegExp]> = [
  ['cve', /^(?:cves?|cveids?|cvenumber|id|vulnerability)$/],
  ['level', /^(?:(?:android)?(?:security)?patchlevel(?:string)?|spl|securitypatch|patch|level|fixedin|fixedinpatchlevel)$/],
  ['versions', /^(?:(?:updated|affected)?(?:aosp|android)?versions?(?:affected)?|(?:updated|affected)(?:aosp|android)?versions?)$/],
  ['severity', /^(?:severity|severityrating|rating)$/],
  ['cvss', /^(?:cvss|cvssscore|score|basescore)$/],
  ['section', /^(?:section|component|subcomponent|category|area|part|group|heading|product)$/],
  ['references', /^(?:references?|bugs?|bugids?|androidbugid|androidbugs?|links?|urls?)$/],
  ['bulletin', /^(?:bulletin|bulletindate|month|date|published|publisheddate)$/],
  ['type', /^(?:type|vulnerabilitytype|classification)$/],
  ['exploited', /^(?:exploited|knownexploited|limitedtargetedexploitation|exploitedinthewild|inthewild)$/]
]
type Meaning = 'cve' | 'level' | 'versions' | 'severity' | 'cvss' | 'section' | 'references' | 'bulletin' | 'type' | 'exploited'
type Row = Partial<Record<Meaning, unknown>>

const meaningOf = (name: string): Meaning | undefined => {
  const plain = name.slice(0, 60).toLowerCase().replace(/[^a-z0-9]/g, '')
  return MEANINGS.find(([, pattern]) => pattern.test(plain))?.[0]
}

/** Sections of the second patch level of a month: what is below the platform, and other makers' parts. */
const VENDOR_SECTION = /kernel|lts|\barm\b|mali|mediatek|qualcomm|unisoc|imagination|powervr|broadcom|nvidia|marvell|samsung|vendor|closed.source|driver|soc\b|modem/i

/** Rows of a bulletin as CSV: has columns for the CVE and for what fixes it. */
export function isAndroidBulletinCsv (text: string): boolean {
  const [header = ''] = text.slice(0, 4_096).replace(/^\uFEFF/, '').split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const meanings = new Set(header.split(/[,;\t|]/).map((name) => meaningOf(name.replace(/^\s*"|"\s*$/g, ''))))
  return meanings.has('cve') && (meanings.has('level') || (meanings.has('versions') && meanings.has('severity')))
}

/** The same as JSON, however it is nested: some object has a CVE id, and a patch level or a bulletin's day stands by it or above it. */
export function isAndroidBulletinJson (data: unknown): boolean {
  let found = false
  walk(data, {}, undefined, 0, (row) => {
    found ||= readCve(firstOf(row.cve)) !== undefined && (levelOf(row) !== undefined) && (row.severity !== undefined || row.versions !== undefined)
    return !found
  })
  return found
}

/** @throws InvalidInputError naming the line, UnprocessableError when no column has CVE ids */
export function readAndroidBulletinCsv (text: string): ParsedFeed {
  const clean = text.replace(/^\uFEFF/, '')
  const header = (clean.split(/\r?\n/).find((line) => line.trim() !== '' && !line.startsWith('#')) ?? '').slice(0, 4_096)
  const delimiter = [',', ';', '\t', '|'].map((mark) => ({ mark, count: header.split(mark).length })).sort((a, b) => b.count - a.count)[0]!.mark
  let table: string[][]
  try {
    table = parse(clean, { delimiter, comment: '#', comment_no_infix: true, skip_empty_lines: true, relax_column_count: true, trim: true, max_record_size: 100_000 })
  } catch (error) {
    const { message, lines } = error as Error & { lines?: number }
    throw new InvalidInputError([{ path: lines === undefined ? '' : `line ${lines}`, message: message.slice(0, 200) }], WHAT)
  }
  const [names = [], ...lines] = table
  const columns = names.map((name) => meaningOf(name))
  if (!columns.includes('cve')) throw new UnprocessableError('The Android bulletin has no column of CVE ids; columns are known by names such as CVE, Severity, Updated AOSP versions, Patch level.')
  if (lines.length > MAX_ROWS) throw new UnprocessableError(`An Android bulletin has at most ${MAX_ROWS} rows; this one has ${lines.length}.`)

  const feed = new FeedCollector()
  for (const line of lines) {
    const row: Row = {}
    // Of several columns with one meaning (section and component) the first that is filled.
    for (const [index, meaning] of columns.entries()) if (meaning !== undefined && line[index] !== '' && row[meaning] === undefined) row[meaning] = line[index]
    readRow(feed, row)
  }
  return finish(feed)
}

/** @throws UnprocessableError when it is nested deeper than any bulletin or has no CVE */
export function readAndroidBulletinJson (data: unknown): ParsedFeed {
  const feed = new FeedCollector()
  let rows = 0
  walk(data, {}, undefined, 0, (row) => {
    rows++
    if (rows > MAX_ROWS) throw new UnprocessableError(`An Android bulletin has at most ${MAX_ROWS} rows.`)
    readRow(feed, row)
    return true
  })
  if (rows === 0) throw new UnprocessableError('The Android bulletin has no object with a CVE id (members such as cve, severity, aospVersions, patchLevel).')
  return finish(feed)
}

function finish (feed: FeedCollector): ParsedFeed {
  const parsed = feed.finish()
  // Bulletins come at the beginning of a month, and say of which in their levels.
  const last = parsed.vulnerabilities.flatMap((fact) => fact.kind === 'os' ? fact.fixedIn : []).sort().at(-1)
  return last === undefined ? parsed : { ...parsed, publishedAt: `${last.slice(0, 7)}-01`, publisherVersion: last.slice(0, 7) }
}

/** Visits each object about a CVE, with what the objects and names above it say of its level and section. `visit` answers whether to go on. */
function walk (value: unknown, above: Row, name: string | undefined, depth: number, visit: (row: Row) => boolean): boolean {
  if (depth > MAX_DEPTH) return true
  if (Array.isArray(value)) return value.every((one) => walk(one, above, name, depth + 1, visit))
  if (!isObject(value)) return true
  const own = ownOf(value)
  const cve = own.cve ?? readCve(name)
  if (cve !== undefined) return visit({ ...above, ...own, cve })
  // Only these mean the same further down: a version or a score up here is the file's.
  const inherited: Row = {
    ...above,
    ...sayingOf(name),
    ...Object.fromEntries((['level', 'section', 'bulletin'] as const).flatMap((meaning) => own[meaning] === undefined ? [] : [[meaning, own[meaning]]]))
  }
  return Object.entries(value).every(([inner, one]) => walk(one, inherited, inner, depth + 1, visit))
}

/** Members that mean something, and hold a value rather than more members. */
function ownOf (value: Json): Row {
  const row: Row = {}
  for (const [name, inner] of Object.entries(value)) {
    const meaning = meaningOf(name)
    if (meaning === undefined || row[meaning] !== undefined || inner === null || isObject(inner)) continue
    if (Array.isArray(inner) && meaning !== 'references' && inner.some(isObject)) continue
    // Many things have an id.
    if (meaning === 'cve' && !/cve/i.test(name) && readCve(firstOf(inner)) === undefined) continue
    row[meaning] = inner
  }
  return row
}

const firstOf = (value: unknown): unknown => Array.isArray(value) ? value[0] : value

/** A member's name may be a patch level or a section. */
function sayingOf (name: string | undefined): Row {
  if (name === undefined) return {}
  if (parseDate(name) !== undefined) return { level: name }
  return /^(?:framework|system|kernel|media|platform|vendor|qualcomm|mediatek|arm|android runtime|google play)/i.test(name) ? { section: name } : {}
}

function readRow (feed: FeedCollector, row: Row): void {
  const ids = (Array.isArray(row.cve) ? row.cve : (textOf(row.cve, 500) ?? '').split(/[\s,;]+/)).filter((id) => id !== '')
  const cves = ids.flatMap((id) => readCve(id) ?? [])
  if (cves.length === 0) return feed.skip('not a CVE id', textOf(row.cve) ?? row.cve ?? '')
  for (const id of ids) if (readCve(id) === undefined) feed.skip('not a CVE id', id)
  const where = cves.join(' ')
  const level = levelOf(row)
  if (level === undefined) return feed.skip(row.level === undefined && row.bulletin === undefined ? 'no patch level' : 'not a patch level', row.level === undefined ? where : `${where} ${textOf(row.level) ?? ''}`)
  const part: PatchPart = partOfLevel(level)
  const told = versionsOf(row.versions)
  if (told === undefined) return feed.skip('a version that cannot be compared', `${where} ${textOf(row.versions) ?? ''}`)
  const range: AffectedRange = { ...(told.length === 0 ? {} : { versions: told }), patchLevel: level, part }
  const cvss = readScore(row.cvss)
  for (const cve of cves) {
    feed.addVulnerability({
      kind: 'os',
      cve,
      platform: 'android',
      severity: readSeverity(row.severity),
      ...(cvss === undefined ? {} : { cvss }),
      exploited: row.exploited === true || /^(?:yes|true)$/i.test(textOf(row.exploited) ?? ''),
      kevDateAdded: null,
      kevDueDate: null,
      fixedIn: [level],
      part,
      ranges: [range],
      ...readReferences(Array.isArray(row.references) ? row.references.map((one) => isObject(one) ? one.url : one) : (textOf(row.references, 4_000) ?? '').split(/[\s,;]+/))
    })
  }
}

/** A level, or the bulletin's month and the level that its section belongs to. */
function levelOf (row: Row): string | undefined {
  const level = parseDate(row.level)
  if (level !== undefined || row.level !== undefined) return level
  const section = textOf(row.section)
  // Headings of the web page: "2023-05-05 security patch level: Kernel".
  const ofHeading = parsePatchLevel(/\b\d{4}-\d{2}-\d{2}\b/.exec(section ?? '')?.[0] ?? '')
  if (ofHeading !== undefined) return ofHeading
  const month = /^(\d{4}-\d{2})(?:-\d{2})?(?:$|[T ])/.exec(textOf(row.bulletin) ?? '')?.[1]
  if (month === undefined || section === undefined || /google play|mainline/i.test(section)) return undefined
  return parsePatchLevel(`${month}-${VENDOR_SECTION.test(section) ? '05' : '01'}`)
}

/** AOSP versions; an empty list means that the bulletin names none. Undefined: it names something else. */
function versionsOf (value: unknown): string[] | undefined {
  const texts = (Array.isArray(value) ? value : (textOf(value, 500) ?? '').replace(/\bn\/a\b/gi, '').split(/[\s,;/]+/)).map((one) => typeof one === 'number' ? String(one) : textOf(one, 20) ?? '')
    .filter((text) => text !== '' && !/^(?:n\/?a|none|-|all|and|android)$/i.test(text))
  return texts.every((text) => parseAndroidVersion(text) !== undefined) ? [...new Set(texts)] : undefined
}
