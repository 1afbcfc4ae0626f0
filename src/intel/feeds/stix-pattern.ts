import type { IndicatorType } from '../indicators/indicator.js'
import { type ComparisonExpression, type ComparisonNode, type ObservationExpression, parsePattern, PatternSyntaxError } from './stix-pattern-syntax.js'
import { trimEndOf } from './trim-end.js'

/**
 * Object paths of STIX 2.1 patterns, and those that MVT's bundles add (`app:`,
 * `configuration-profile:`, `android-property:`), which are not in the standard.
 */
const PATHS: ReadonlyMap<string, IndicatorType> = new Map<string, IndicatorType>([
  ['domain-name:value', 'domain'],
  ['hostname:value', 'domain'],
  ['x-opencti-hostname:value', 'domain'],
  ['url:value', 'url'],
  ['ipv4-addr:value', 'ipv4'],
  ['ipv6-addr:value', 'ipv6'],
  ['network-traffic:dst_ref.value', 'domain'],
  ['network-traffic:extensions.http-request-ext.request_header.host', 'domain'],
  ['email-addr:value', 'email'],
  ['email-message:from_ref.value', 'email'],
  ['email-message:sender_ref.value', 'email'],
  ['process:name', 'process'],
  ['file:name', 'file-name'],
  ['file:path', 'file-path'],
  ['directory:path', 'file-path'],
  ...hashPaths('file:hashes', ''),
  ...hashPaths('artifact:hashes', ''),
  ...hashPaths('process:image_ref.hashes', ''),
  ['app:id', 'app-id'],
  ...hashPaths('app:hashes', ''),
  ...hashPaths('app:cert', 'cert-'),
  ...hashPaths('x509-certificate:hashes', 'cert-'),
  ['configuration-profile:id', 'profile-id'],
  ['android-property:name', 'property']
])
function hashPaths (object: string, prefix: '' | 'cert-'): Array<[string, IndicatorType]> {
  return (['md5', 'sha1', 'sha256'] as const).map((hash) => [`${object}.${hash}`, `${prefix}${hash}`])
}

/** They tell what a file or its maker is, whatever else is said of it. */
const IDENTIFYING: ReadonlySet<IndicatorType> = new Set(['sha256', 'sha1', 'md5', 'cert-sha256', 'cert-sha1', 'cert-md5'])
const PLACES: readonly IndicatorType[] = ['url', 'domain', 'ipv4', 'ipv6', 'cidr']
/** What is said besides of a place on the network and makes it no other place. */
const SAID_OF_PLACES = /^(?:network-traffic:(?:dst_port|src_port|protocols|dst_ref\.type|is_active)\b|domain-name:resolves_to_refs|ipv[46]-addr:resolves_to_refs)/

const FOLDER = 'file:parent_directory_ref.path'
const PORT = 'network-traffic:dst_port'

export interface PatternValue {
  readonly type: IndicatorType
  readonly value: string
  /** The object path as we know it. */
  readonly path: string
}

/** What a pattern says that can be matched exactly, and why the rest cannot. */
export interface PatternReading {
  readonly values: readonly PatternValue[]
  /** Reasons, one for each alternative left out. */
  readonly skipped: readonly string[]
}

interface Leaf extends PatternReading {
  /** Of a comparison alone. */
  readonly path?: string
  readonly texts: readonly string[]
}

/**
 * The values that each alone make a pattern true: those of `OR` and `IN`; of `AND` the ones that
 * say enough by themselves, such as a file's hash beside its name. What needs more than one value
 * at once, an order in time, or a search in text is left out with a reason.
 */
export function readPattern (pattern: string): PatternReading {
  let expression: ObservationExpression
  try {
    expression = parsePattern(pattern)
  } catch (error) {
    if (error instanceof PatternSyntaxError) return left('pattern that cannot be read')
    throw error
  }
  return readObservation(expression)
}

function readObservation (observed: ObservationExpression): PatternReading {
  switch (observed.kind) {
    case 'observation': return readExpression(observed.expression)
    case 'qualified': return left(`pattern with ${observed.qualifier}`)
    case 'observations':
      return observed.operator === 'OR' ? together(observed.operands.map(readObservation)) : left(`pattern of several observations with ${observed.operator}`)
  }
}

function readExpression (expression: ComparisonExpression): Leaf {
  switch (expression.kind) {
    case 'comparison': return readComparison(expression)
    case 'or': return { ...together(expression.operands.map(readExpression)), texts: [] }
    case 'and': return { ...readAll(expression.operands.flatMap(flattenAnd).map(readExpression)), texts: [] }
  }
}

const flattenAnd = (expression: ComparisonExpression): ComparisonExpression[] => expression.kind === 'and' ? expression.operands.flatMap(flattenAnd) : [expression]

const together = (readings: readonly PatternReading[]): PatternReading =>
  ({ values: readings.flatMap(({ values }) => values), skipped: readings.flatMap(({ skipped }) => skipped) })
const left = (reason: string): PatternReading => ({ values: [], skipped: [reason] })

/** Several things at once: what says enough by itself counts, and what only narrows it may be dropped. */
function readAll (parts: readonly Leaf[]): PatternReading {
  const isWhole = (part: Leaf): boolean => part.values.length > 0 && part.skipped.length === 0
  const identifying = parts.filter((part) => isWhole(part) && part.values.every(({ type }) => IDENTIFYING.has(type)))
  if (identifying.length > 0) return together(identifying)

  const places = parts.filter((part) => isWhole(part) && part.values.every(({ type }) => PLACES.includes(type)))
  const rest = parts.filter((part) => !places.includes(part))
  if (places.length > 0 && rest.every(({ path }) => path !== undefined && SAID_OF_PLACES.test(path))) {
    const ofKinds = PLACES.map((kind) => places.filter(({ values }) => values.every(({ type }) => type === kind))).filter((parts) => parts.length > 0)
    // A URL says more than the host in it; two hosts at once are a riddle.
    const [place, ...others] = ofKinds[0] ?? []
    if (place !== undefined && others.length === 0 && (place.values[0]?.type === 'url' || ofKinds.length === 1)) return { values: withPort(place.values, rest), skipped: [] }
  }
  return readFolderAndName(parts) ?? left('pattern with AND of what says too little alone')
}

/** `evil.example:8080`, where exactly one port is meant. */
function withPort (values: readonly PatternValue[], rest: readonly Leaf[]): readonly PatternValue[] {
  const ports = rest.filter(({ path }) => path === PORT).flatMap(({ texts }) => texts)
  if (ports.length !== 1 || !/^\d{1,5}$/.test(ports[0]!)) return values
  return values.map((one) => one.type === 'url' ? one : { ...one, value: `${one.value.includes(':') ? `[${one.value}]` : one.value}:${ports[0]!}` })
}

/** A file's folder and name are its path. */
function readFolderAndName (parts: readonly Leaf[]): PatternReading | undefined {
  const [folder, ...folders] = parts.filter(({ path }) => path === FOLDER).flatMap(({ texts }) => texts)
  const names = parts.filter(({ values }) => values.length > 0 && values.every(({ path }) => path === 'file:name'))
  if (folder === undefined || folders.length > 0 || names.length !== 1 || parts.length !== 2) return undefined
  return { values: names[0]!.values.map(({ value }) => ({ type: 'file-path', path: 'file:path', value: `${folder.replace(/\/$/, '')}/${value}` })), skipped: [] }
}

function readComparison ({ path: written, operator, isNegated, constants }: ComparisonNode): Leaf {
  const path = normalizePath(written)
  const texts = constants.map(({ text }) => text)
  const skip = (reason: string): Leaf => ({ ...left(reason), path, texts: isNegated || !['=', 'IN'].includes(operator) ? [] : texts })
  const type = PATHS.get(path)
  if (type === undefined) return skip(`pattern on ${path}`)
  if (isNegated || operator === '!=') return skip('pattern with NOT')
  if (constants.length === 0 || constants.some(({ kind }) => kind !== 'string')) return skip(`pattern on ${path} with something other than text`)
  const take = (value: string): Leaf => ({ values: [{ type, path, value }], skipped: [], path, texts })
  const [value = ''] = texts
  switch (operator) {
    case '=': case 'IN': return { values: texts.map((value) => ({ type, path, value: path === 'directory:path' ? asFolder(value) : value })), skipped: [], path, texts }
    case 'ISSUBSET': return type === 'ipv4' || type === 'ipv6' ? take(value) : skip('pattern with ISSUBSET')
    case 'LIKE': {
      const like = readLike(type, value)
      return like === undefined ? skip('pattern with LIKE that is no wildcard we have') : take(like)
    }
    default: return skip(`pattern with ${operator}`)
  }
}

const asFolder = (path: string): string => `${trimEndOf(path, '/')}/`

/** `com.evil.%`, `%.evil.example`, `/folder/%`, `https://evil.example/path/%`: wildcards that the index has too. */
function readLike (type: IndicatorType, text: string): string | undefined {
  // An underscore stands for any character, but whoever has one in a name rarely knows.
  if (text.includes('_')) return undefined
  const stars = text.split('%').length - 1
  if (stars === 0) return text
  if (stars > 1) return undefined
  switch (type) {
    case 'app-id': return text.endsWith('.%') ? `${text.slice(0, -1)}*` : undefined
    case 'domain': return text.startsWith('%.') ? text.slice(2) : undefined
    case 'file-path': return text.endsWith('/%') ? text.slice(0, -1) : undefined
    case 'url': return /^[a-z]+:\/\/[^/]+\/(?:.*\/)?%$/i.test(text) ? text.slice(0, -1) : undefined
    default: return undefined
  }
}

/** `file:hashes.'SHA-256'`, `file:hashes."SHA-256"` and `file:hashes.sha256` are the same. */
function normalizePath (path: string): string {
  return path.toLowerCase().replace(/['"]/g, '').replace(/\.sha[-_](\d+)\b/, '.sha$1').replace(/\[(?:\*|-?\d+)\]/g, '')
}
