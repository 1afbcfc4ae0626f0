import { createHash } from 'node:crypto'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { InvalidInputError } from '../errors.js'
import type { ReportSections } from './adapters/report-sections.js'
import { createSkips, type Skipped, type Skips, type Translation } from './adapters/translation.js'
import { canonicalJson } from './canonical-json.js'
import { removeSentinels } from './normalize-report.js'
import { AppsSchema, REPORT_LIMITS, type Report, ReportSchema, STATE_SECTIONS, type StateSection } from './report.js'

const ajv = addFormats.default(new Ajv({ strict: false, allErrors: true }))
const SECTION_SCHEMAS = (ReportSchema as unknown as { readonly allOf: ReadonlyArray<{ readonly properties: Readonly<Record<string, object>> }> }).allOf[1]!.properties
const SNAPSHOT_SCHEMA = (AppsSchema as unknown as { readonly anyOf: readonly object[] }).anyOf[0]!
// Compiled when they are first needed, and kept: a process that ingests nothing starts sooner.
const reportValidator = (): ValidateFunction => ajv.compile(ReportSchema)
const validatorOf = (section: StateSection): ValidateFunction => ajv.compile(section === 'apps' ? SNAPSHOT_SCHEMA : SECTION_SCHEMAS[section]!)

export interface IngestedReport {
  readonly report: Report
  readonly skipped: readonly Skipped[]
}

export interface ToReportOptions {
  readonly vocabulary: string
  readonly deviceId: string
  readonly receivedAt: Date
  /** ISO 8601; counts where the content itself names no time. */
  readonly collectedAt?: string | undefined
}

/**
 * A translation as a report that the journal takes. Values that a report cannot hold are left
 * out and told. The report's id is made of the vocabulary, the phone and the content, so that
 * the same again is a duplicate.
 * @throws InvalidInputError when nothing remains
 */
export function toReport (translation: Translation, { vocabulary, deviceId, receivedAt, collectedAt }: ToReportOptions): IngestedReport {
  const skips = createSkips()
  const sections = storable(translation.sections, skips)
  const skipped = [...translation.skipped, ...skips.list()]
  if (Object.keys(sections).length === 0) {
    const faults = skipped.map(({ reason }) => ({ path: '', message: reason }))
    throw new InvalidInputError(faults.length === 0 ? [{ path: '', message: 'must say something that a report has a place for' }] : faults, `What ${vocabulary} says of the phone`)
  }
  const at = translation.collectedAt ?? collectedAt
  const report: Report = {
    reportId: nameBasedUuid([vocabulary, deviceId, at ?? '', canonicalJson(translation.content)].join('\n')),
    sequence: Math.max(0, at === undefined ? receivedAt.getTime() : Date.parse(at)),
    collectedAt: at ?? receivedAt.toISOString(),
    ...sections
  }
  const isReport = reportValidator()
  if (!isReport(report)) throw new InvalidInputError(isReport.errors!.map(({ instancePath, message = 'is not valid' }) => ({ path: instancePath, message })), 'The translated report')
  // As large as an agent's may be: the journal holds many in memory.
  const bytes = Buffer.byteLength(JSON.stringify(report))
  if (bytes > REPORT_LIMITS.decodedBytes) throw new InvalidInputError([{ path: '', message: `must make a report of at most ${REPORT_LIMITS.decodedBytes} bytes, makes ${bytes}` }], `What ${vocabulary} says of the phone`)
  return { report, skipped }
}

/** RFC 9562, section 5.8 (version 8), from SHA-256. */
function nameBasedUuid (name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

function storable (translated: ReportSections, skips: Skips): ReportSections {
  const sections = { ...translated } as Record<string, unknown>
  const hadItems = new Set(STATE_SECTIONS.filter((section) => !isBare(sections[section])))
  removeSentinels(sections)
  for (const section of STATE_SECTIONS) {
    const value = sections[section]
    if (value === undefined) continue
    const pruned = prune(section, value, skips)
    // An empty list says that there is nothing; one that lost all it had says nothing.
    if (pruned === undefined || isEmptyObject(pruned) || (hadItems.has(section) && isBare(pruned))) delete sections[section]
    else sections[section] = pruned
  }
  return sections as ReportSections
}

/** Faults within faults come to light one after the other; honest content has none. */
const MAX_ROUNDS = 5

/** Takes out what the section's schema refuses, in place; undefined when the section cannot be saved. */
function prune (section: StateSection, value: unknown, skips: Skips): unknown {
  const validate = validatorOf(section)
  const holder = { value }
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (validate(holder.value)) return holder.value
    // Deeper and later places first, so that the places of the others stay as they are.
    const places = new Map(validate.errors!.filter(({ keyword }) => keyword !== 'propertyNames').map((error) => [placeOf(error), error.message ?? 'is not valid']))
    for (const [place, message] of [...places].sort(([a], [b]) => comparePlaces(b, a))) {
      skips.add(`${section}: a value ${message}`, `${section}${place}`)
      if (place === '') return undefined
      removeAt(holder.value, place.split('/').slice(1).map(unescapeToken))
    }
  }
  skips.add(`${section} could not be read`, section)
  return undefined
}

/** What lacks a required member is itself at fault; a name that is at fault takes its value along. */
const placeOf = ({ instancePath, propertyName }: ErrorObject): string =>
  propertyName === undefined ? instancePath : `${instancePath}/${propertyName.replaceAll('~', '~0').replaceAll('/', '~1')}`

const unescapeToken = (token: string): string => token.replaceAll('~1', '/').replaceAll('~0', '~')

function comparePlaces (a: string, b: string): number {
  const [one, other] = [a.split('/'), b.split('/')]
  for (let index = 0; index < Math.min(one.length, other.length); index++) {
    const [x, y] = [one[index]!, other[index]!]
    if (x !== y) return /^\d+$/.test(x) && /^\d+$/.test(y) ? Number(x) - Number(y) : x < y ? -1 : 1
  }
  return one.length - other.length
}

function removeAt (value: unknown, path: readonly string[]): void {
  const holder = path.slice(0, -1).reduce<unknown>((at, name) => at !== null && typeof at === 'object' && Object.hasOwn(at, name) ? (at as Record<string, unknown>)[name] : undefined, value)
  const last = path.at(-1)!
  if (Array.isArray(holder)) holder.splice(Number(last), 1)
  else if (holder !== null && typeof holder === 'object') delete (holder as Record<string, unknown>)[last]
}

/** A list without entries, or a list of apps without apps. */
function isBare (value: unknown): boolean {
  const list = value !== null && typeof value === 'object' && 'items' in value ? value.items : value
  return Array.isArray(list) && list.length === 0
}

const isEmptyObject = (value: unknown): boolean => value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0
