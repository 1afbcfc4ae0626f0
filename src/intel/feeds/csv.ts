import { parse } from 'csv-parse/sync'
import { InvalidInputError, UnprocessableError } from '../../errors.js'
import { THREAT_CLASSES, type IndicatorType, type ThreatClass } from '../indicators/indicator.js'
import { classInText, plainClaim } from './context.js'
import { guessType, kindOfNames, type Names, type Surroundings } from './guess-type.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'

const WHAT = 'The CSV file'
const DELIMITERS = [',', ';', '\t', '|'] as const
const SAMPLE_ROWS = 200
/** Of the cells of a column without a name, so many must be indicators. */
const MAJORITY = 0.8

/** What a column holds: values of one type, values whose type another column or their look says, or something about them. */
type Column =
  | { readonly kind: 'value', readonly type: IndicatorType | undefined, readonly around: Surroundings }
  | { readonly kind: 'type' | 'family' | 'class' | 'from' | 'until' | 'reference' | 'confidence' | 'status' }
  | { readonly kind: 'unknown' }

const value = (type?: IndicatorType, around?: Surroundings): Column => ({ kind: 'value', type, around })

/** Names of columns, small letters and digits only; of publishers' exports and of people's own lists. */
const NAMES: ReadonlyArray<readonly [RegExp, Column]> = [
  [/^(?:cert\w*|signing\w*|signer)sha256\w*$|^sha256(?:of)?cert\w*$/, value('cert-sha256')], [/^(?:cert\w*|signing\w*|signer)md5\w*$/, value('cert-md5')],
  [/^(?:cert\w*|signing\w*|signer)(?:sha1\w*|hash|fingerprint|s)?$/, value('cert-sha1', 'certificate')],
  [/^(?:indicators?|iocs?|iocvalue|indicatorvalue|value|observable|entity|artifact|artefact)$/, value()],
  [/^(?:domain|domains|domainname|host|hosts|hostname|fqdn|c2|c2domain|cncdomain|c2server|malwaredomain|maliciousdomains|site)$/, value('domain', 'network')],
  [/^(?:url|urls|link2|malwareurl|phishingurl|landingpage)$/, value('url', 'network')],
  [/^(?:ip|ips|ipv4|ipv6|ipaddress|ipaddr|dstip|dstipaddress|destip|destinationip|remoteip|address|cidr|network|ipport|c2ip)$/, value('ipv4', 'network')],
  [/^(?:sha256s?|sha256hash|filesha256|apksha256|hashsha256)$/, value('sha256')], [/^(?:sha1|sha1hash|filesha1)$/, value('sha1')], [/^(?:md5|md5hash|filemd5)$/, value('md5')],
  [/^(?:hash|hashes|filehash|samplehash|samples?)$/, value(undefined, 'file')],
  [/^(?:package|packagename|packageid|packages|apkpackage|appid|applicationid|bundle|bundleid|bundleidentifier|pkg|pkgname)$/, value('app-id')],
  [/^(?:emails?|emailaddress|mail|sender)$/, value('email')], [/^(?:filepath|path)$/, value('file-path')], [/^(?:filename|file)$/, value('file-name')],
  [/^(?:process|processname)$/, value('process')], [/^(?:profile|profileid|profileuuid|payloaduuid)$/, value('profile-id')],
  [/^(?:type|ioctype|indicatortype|kind|datatype|observabletype)$/, { kind: 'type' }],
  [/^(?:family|malware|malwarefamily|malwareprintable|malwarename|threat|threatname|actor|campaign|signature|name)$/, { kind: 'family' }],
  [/^(?:class|category|threattype|threatclass|classification|tags?)$/, { kind: 'class' }],
  [/^(?:firstseen\w*|validfrom|dateadded|created|date|added)$/, { kind: 'from' }], [/^(?:validuntil|expires|expiration|expiry)$/, { kind: 'until' }],
  [/^(?:reference|references|source|link|report|description|urlhauslink)$/, { kind: 'reference' }], [/^(?:confidence|confidencelevel|score)$/, { kind: 'confidence' }],
  [/^(?:toids|revoked|whitelisted|falsepositive)$/, { kind: 'status' }]
]
const MAX_NAME = 100
const plainName = (name: string): string => name.slice(0, MAX_NAME).toLowerCase().replace(/[^a-z0-9]/g, '')
const columnOf = (name: string): Column => NAMES.find(([known]) => known.test(plainName(name)))?.[1] ?? { kind: 'unknown' }

/** Words of a type column. */
function typeOfWord (word: string): { readonly type?: IndicatorType, readonly around?: Surroundings } | undefined {
  const plain = plainName(word).replace(/value$/, '')
  const column = columnOf(plain)
  if (/^(?:sha256|sha1|md5)hash$|^filehash/.test(plain)) return { type: plain.match(/sha256|sha1|md5/)?.[0] as IndicatorType }
  if (/^(?:domain|hostname|host|url|ip|ipv4|ipv6|ipv4addr|ipv6addr|ip4addr|ip6addr|ipdst|ipsrc|ipport|ipaddr|cidr)/.test(plain)) return { type: 'domain', around: 'network' }
  if (/^(?:androidpackage|app|appid|package|bundle|mobileapplicationid)/.test(plain)) return { type: 'app-id' }
  return column.kind === 'value' && (column.type !== undefined || column.around !== undefined)
    ? { ...(column.type === undefined ? {} : { type: column.type }), ...(column.around === undefined ? {} : { around: column.around }) }
    : undefined
}

/**
 * A table of indicators: columns by their names, and where there are none by what stands in them.
 * Lines that begin with # are comments, of which the last before the table may hold the names.
 * @throws InvalidInputError naming the line, UnprocessableError when no column holds indicators
 */
export function readCsv (text: string): ParsedFeed {
  const table = readTable(text)
  if (!columnsOf(table).some(({ kind }) => kind === 'value')) throw new UnprocessableError('No column of the CSV file holds indicators; nothing was changed.')
  return readTables([table])
}

/** What tables say together, however they were written. */
export function readTables (tables: readonly Table[]): ParsedFeed {
  const feed = new FeedCollector()
  for (const table of tables) {
    const { rows } = table
    const columns = columnsOf(table)
    const names = columns.map((column, index) => column.kind === 'value' && column.type === undefined ? kindOfNames(rows.slice(0, 2_000).map((row) => row[index] ?? '')) : undefined)
    for (const row of rows) addRow(feed, row, columns, names)
  }
  return feed.finish()
}

/** Whether a column whose name says that it holds indicators does, in most of its first rows. */
export function isIndicatorTable (table: Table): boolean {
  return columnsOf(table).some((column, index) => {
    if (column.kind !== 'value') return false
    const cells = table.rows.slice(0, SAMPLE_ROWS).map((row) => row[index] ?? '').filter((cell) => cell !== '')
    const names = kindOfNames(cells)
    return cells.length > 0 && cells.filter((cell) => guessType(cell, column.around, names) !== undefined).length >= cells.length * MAJORITY
  })
}

const columnsOf = ({ rows, header, delimiter }: Table): readonly Column[] => header?.map(columnOf) ?? guessColumns(rows, delimiter)

/** Whether it is a table of which a column holds indicators. */
export function isCsv (text: string): boolean {
  // Reports in AsciiDoc and Markdown have tables, too; what stands around them says what they are.
  if (/^={1,6} \S|^\|===/m.test(startOf(text))) return false
  try {
    const { rows, header, delimiter } = readTable(startOf(text))
    const width = Math.max(...rows.slice(0, SAMPLE_ROWS).map((row) => row.length), 0)
    if (width < 2 || rows.length === 0) return false
    const columns = header?.map(columnOf) ?? guessColumns(rows, delimiter)
    return columns.some(({ kind }) => kind === 'value') && (header === undefined || header.some((name) => columnOf(name).kind === 'value'))
  } catch (error) {
    if (error instanceof InvalidInputError || error instanceof UnprocessableError) return false
    throw error
  }
}

/** Whole lines of it, enough to tell. */
const startOf = (text: string): string => text.length <= 100_000 ? text : text.slice(0, 100_000).replace(/\n[^\n]*$/, '')

/** Rows, and the names of their columns if they have any. */
export interface Table { readonly rows: readonly string[][], readonly header: readonly string[] | undefined, readonly delimiter: string }

function readTable (text: string): Table {
  const lines = text.split(/\r\n|\n|\r/)
  const firstData = lines.findIndex((line) => line.trim() !== '' && !line.startsWith('#'))
  if (firstData === -1) throw new UnprocessableError('The CSV file has no rows; nothing was changed.')
  const delimiter = delimiterOf(lines.slice(firstData, firstData + 20))
  // abuse.ch and others write the names of the columns as the last comment.
  const commented = lines.slice(0, firstData).findLast((line) => /^#[\s\w"]*[,;\t|]/.test(line) && splitLine(line.replace(/^#\s*/, ''), delimiter).some((name) => columnOf(name).kind === 'value'))
  const rows = parseRows(text, delimiter)
  const [first] = rows
  if (commented !== undefined) return { rows, header: splitLine(commented.replace(/^#\s*/, ''), delimiter), delimiter }
  return first !== undefined && isHeader(first) ? { rows: rows.slice(1), header: first, delimiter } : { rows, header: undefined, delimiter }
}

/** Names of which one is known; also of a table that has other things than indicators, such as links to reports. */
const isHeader = (row: readonly string[]): boolean => row.some((name) => columnOf(name).kind !== 'unknown') && new Set(row).size === row.length &&
  row.every((cell) => /^[\p{L}_#][\p{L}\d _.()/-]*$/u.test(cell) && guessType(cell, undefined, undefined) === undefined)

/** The one that cuts all of the first lines into the most pieces, and as many each. */
function delimiterOf (lines: readonly string[]): string {
  const full = lines.filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const scored = DELIMITERS.map((delimiter) => {
    const counts = full.map((line) => splitLine(line, delimiter).length)
    return { delimiter, score: Math.min(...counts) > 1 ? Math.min(...counts) : 0 }
  })
  return scored.toSorted((a, b) => b.score - a.score)[0]!.delimiter
}

function splitLine (line: string, delimiter: string): string[] {
  try {
    return (parse(line, { delimiter, relax_quotes: true, relax_column_count: true, trim: true })[0] ?? []) as string[]
  } catch {
    return line.split(delimiter)
  }
}

function parseRows (text: string, delimiter: string): string[][] {
  try {
    return parse(text, { bom: true, delimiter, comment: '#', comment_no_infix: true, relax_column_count: true, relax_quotes: true, skip_empty_lines: true, trim: true })
  } catch (error) {
    const { lines, message } = error as { lines?: number, message: string }
    throw new InvalidInputError([{ path: lines === undefined ? '' : `line ${lines}`, message: message.slice(0, 200) }], WHAT)
  }
}

/** Columns without names: what most of their cells are. */
function guessColumns (rows: readonly string[][], delimiter: string): Column[] {
  const sample = rows.slice(0, SAMPLE_ROWS)
  const width = Math.max(...sample.map((row) => row.length), 0)
  return Array.from({ length: width }, (_, index): Column => {
    const cells = sample.map((row) => row[index] ?? '').filter((cell) => cell !== '')
    if (cells.length === 0) return { kind: 'unknown' }
    const share = (test: (cell: string) => boolean): number => cells.filter(test).length / cells.length
    const names = kindOfNames(cells)
    if (share((cell) => guessType(cell, undefined, names) !== undefined) >= MAJORITY) return value()
    if (share((cell) => typeOfWord(cell) !== undefined) >= MAJORITY) return { kind: 'type' }
    if (share((cell) => (THREAT_CLASSES as readonly string[]).includes(cell.toLowerCase())) >= MAJORITY) return { kind: 'class' }
    return delimiter !== '' && index > 0 && share((cell) => /^[\p{L}][\p{L}\d ._/-]{1,60}$/u.test(cell)) === 1 ? { kind: 'family' } : { kind: 'unknown' }
  })
}

function addRow (feed: FeedCollector, row: readonly string[], columns: readonly Column[], names: readonly Names[]): void {
  const about = (kind: Column['kind']): string => row[columns.findIndex((column) => column.kind === kind)]?.trim() ?? ''
  const told = typeOfWord(about('type'))
  const family = about('family') || 'unknown'
  const threatClass = classOf(about('class')) ?? classInText(family) ?? 'malware'
  const [validFrom, validUntil] = [instantOf(about('from')), instantOf(about('until'))]
  const confidence = /^\d{1,3}$/.test(about('confidence')) ? Math.min(100, Number(about('confidence'))) : undefined
  const reference = about('reference')
  const rest = {
    ...(validFrom === undefined ? {} : { validFrom }),
    ...(validUntil === undefined ? {} : { validUntil }),
    ...(confidence === undefined ? {} : { confidence }),
    ...(/^https?:\/\/\S{4,290}$/.test(reference) ? { references: [reference] } : {})
  }
  const before = row.filter((cell, index) => columns[index]?.kind === 'value' && cell.trim() !== '').length
  if (before === 0) feed.skip('a row without an indicator', row.join(' '))
  for (const [index, column] of columns.entries()) {
    const cell = row[index]?.trim() ?? ''
    if (column.kind !== 'value' || cell === '' || /^(?:n\/?a|none|null|-|unknown)$/i.test(cell)) continue
    const type = column.type ?? told?.type ?? guessType(cell, told?.around ?? column.around, names[index])
    if (type === undefined) feed.skip('a value that looks like no indicator', cell)
    else feed.addValue(type, cell, plainClaim(type, threatClass, family, rest), `column ${index + 1}`)
  }
}

function classOf (text: string): ThreatClass | undefined {
  if (text === '') return undefined
  const plain = text.toLowerCase().trim()
  return (THREAT_CLASSES as readonly string[]).includes(plain) ? plain as ThreatClass : classInText(text)
}

/** Dates without a zone are UTC, as exports say in their comments. */
function instantOf (text: string): string | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?))?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/.exec(text)
  if (match === null) return undefined
  const ms = Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] === undefined || match[3] === 'UTC' ? 'Z' : match[3]}`)
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString()
}
