import { removeSentinels } from '../normalize-report.js'
import { REPORT_LIMITS } from '../report.js'
import { isObject, type JsonObject } from './json-value.js'
import type { ReportSections } from './report-sections.js'
import { describeValue, type Skips } from './translation.js'

/** A value that is there but cannot be what its key says. */
export const MALFORMED = Symbol('malformed')

/** Reads one value. `undefined`: it says nothing; MALFORMED: it is not what it should be. */
export interface Reader {
  /** For the page that documents the mapping. */
  readonly says: string
  /** What a good value is, for the answer to whoever sent a bad one. */
  readonly wants: string
  read (value: unknown, source: JsonObject): unknown
}

/** Where a vendor's key goes. Of several rows with one goal the first that says something counts. */
export interface FieldRow {
  /** Path in the vendor's object, members joined by dots. */
  readonly from: string
  /** Path in the report, or in the item of a list. */
  readonly to: string
  readonly reader: Reader
}

export interface ListRow {
  readonly from: string
  readonly to: 'apps' | 'profiles' | 'certificates'
  readonly fields: readonly FieldRow[]
  /** The member without which an item says nothing. */
  readonly needs?: string
  /** Why an item is left out on purpose: it says that something is not there. */
  readonly omit?: { readonly says: string, test (item: JsonObject): boolean }
}

/** All that an adapter reads; the documentation is written from it. */
export interface FieldMap {
  readonly fields: readonly FieldRow[]
  readonly lists: readonly ListRow[]
  /** Keys that are known, and why they go nowhere. */
  readonly unused: ReadonlyArray<readonly [key: string, why: string]>
}

export interface ReadOptions {
  /** The vendor's own spelling of a member's name; as it is written, without one. */
  readonly spell?: (name: string) => string
}

/** Whether a text only says that something is not known: one home for the words that do. */
export function isSentinel (value: string): boolean {
  const holder: { value?: string } = { value }
  removeSentinels(holder)
  return holder.value === undefined
}

export const text: Reader = {
  says: '',
  wants: `a text of at most ${REPORT_LIMITS.stringLength} characters`,
  read: (value) => typeof value !== 'string' || value.length > REPORT_LIMITS.stringLength ? MALFORMED : isSentinel(value) ? undefined : value
}

export const appId: Reader = {
  says: '',
  wants: 'a text of at most 512 characters',
  read: (value) => typeof value !== 'string' || value.length > 512 ? MALFORMED : isSentinel(value) ? undefined : value
}

export const flag: Reader = {
  says: '',
  wants: 'true or false',
  read: (value) => typeof value === 'boolean' ? value : typeof value === 'string' && isSentinel(value) ? undefined : MALFORMED
}

export const count: Reader = {
  says: '',
  wants: 'a whole number, 0 or more',
  read: (value) => Number.isSafeInteger(value) && (value as number) >= 0 ? value : MALFORMED
}

/** A version's number, which some vendors write as text. */
export const countOrText: Reader = {
  says: '',
  wants: 'a whole number or a text',
  read: (value, source) => typeof value === 'number' ? count.read(value, source) : text.read(value, source)
}

export const time: Reader = {
  says: '',
  wants: 'a time (RFC 3339)',
  read: (value) => {
    if (typeof value !== 'string') return MALFORMED
    if (isSentinel(value)) return undefined
    if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i.test(value)) return MALFORMED
    const at = new Date(value)
    return Number.isNaN(at.getTime()) ? MALFORMED : at.toISOString()
  }
}

/** The vendor's words and ours. A word that nobody told us of is malformed, so that it is noticed; one mapped to undefined says nothing. */
export function words (map: Readonly<Record<string, unknown>>): Reader {
  const shown = Object.entries(map).map(([word, meaning]) => `\`${word}\` ${meaning === undefined ? 'unknown' : `→ \`${String(meaning)}\``}`)
  return {
    says: shown.join(', '),
    wants: `one of ${Object.keys(map).join(', ')}`,
    read: (value) => {
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return MALFORMED
      if (Object.hasOwn(map, String(value))) return map[String(value)]
      return typeof value === 'string' && isSentinel(value) ? undefined : MALFORMED
    }
  }
}

/** The reader's value turned into another: `meaning` answers undefined where it says nothing. */
export function meaning (says: string, reader: Reader, mean: (value: never, source: JsonObject) => unknown): Reader {
  return {
    says,
    wants: reader.wants,
    read: (value, source) => {
      const read = reader.read(value, source)
      return read === undefined || read === MALFORMED ? read : mean(read as never, source)
    }
  }
}

/** The member at a path of own members; undefined where there is none. */
export function memberAt (source: unknown, path: string, { spell = (name) => name }: ReadOptions = {}): unknown {
  let value = source
  for (const name of path === '' ? [] : path.split('.')) {
    const spelt = spell(name)
    if (!isObject(value) || !Object.hasOwn(value, spelt)) return undefined
    value = value[spelt]
  }
  return value
}

type Target = Record<string, unknown>

/** Paths are ours, never the sender's, so no name can reach a prototype. */
function put (target: Target, path: string, value: unknown): void {
  const names = path.split('.')
  const last = names.pop()!
  let holder = target
  for (const name of names) holder = (holder[name] ??= {}) as Target
  holder[last] = value
}

/** Reads what the rows name out of an object. Nothing read: an empty object. */
export function readFields (rows: readonly FieldRow[], source: JsonObject, skips: Skips, prefix = '', options: ReadOptions = {}): Target {
  const target: Target = {}
  // A value that several rows read is bad once.
  const told = new Set<string>()
  for (const { from, to, reader } of rows) {
    const value = memberAt(source, from, options)
    if (value === undefined || value === null || memberAt(target, to) !== undefined) continue
    const read = reader.read(value, source)
    if (read !== MALFORMED) {
      if (read !== undefined) put(target, to, read)
    } else if (!told.has(from)) {
      told.add(from)
      skips.add(`${prefix}${from} must be ${reader.wants}`, describeValue(value))
    }
  }
  return target
}

const LIST_LIMITS = { apps: REPORT_LIMITS.apps, profiles: REPORT_LIMITS.listItems, certificates: REPORT_LIMITS.listItems }

/** The items of a list, or undefined when it says nothing that can be relied on. */
function readList (row: ListRow, source: JsonObject, skips: Skips, options: ReadOptions): Target[] | undefined {
  const list = memberAt(source, row.from, options)
  if (list === undefined || list === null) return undefined
  if (!Array.isArray(list)) {
    skips.add(`${row.from} must be a list`, describeValue(list))
    return undefined
  }
  const here = list.filter((item) => !isObject(item) || row.omit?.test(item) !== true)
  if (here.length > LIST_LIMITS[row.to]) {
    // A list that is cut says that the rest is not there.
    skips.add(`${row.from} has more than ${LIST_LIMITS[row.to]} entries and was left out whole`, String(here.length))
    return undefined
  }
  const items: Target[] = []
  for (const [index, item] of here.entries()) {
    const fields = isObject(item) ? readFields(row.fields, item, skips, `${row.from}[].`, options) : {}
    if (Object.keys(fields).length === 0 || (row.needs !== undefined && fields[row.needs] === undefined)) {
      skips.add(`an entry of ${row.from} says nothing${row.needs === undefined ? '' : ` without its ${row.needs}`}`, `${row.from}[${index}]`)
    } else {
      items.push(fields)
    }
  }
  // Entries that nobody can read are no proof that there are none.
  return items.length === 0 && here.length > 0 ? undefined : items
}

/** Everything that the map finds in an object, as sections of a report. */
export function readSections (map: FieldMap, source: JsonObject, skips: Skips, options: ReadOptions = {}): ReportSections {
  const sections = readFields(map.fields, source, skips, '', options)
  for (const row of map.lists) {
    const items = readList(row, source, skips, options)
    if (items !== undefined && sections[row.to] === undefined) sections[row.to] = row.to === 'apps' ? { mode: 'snapshot', items } : items
  }
  return sections as ReportSections
}
