import { InvalidInputError, type FieldFault } from '../../errors.js'
import type { IndicatorType } from '../indicators/indicator.js'
import { parseJson } from './json-document.js'
import { FeedCollector, MAX_FAULTS, type ParsedFeed } from './parsed-feed.js'
import { readComparison } from './stix-pattern.js'
import { threatClassOf } from './threat-class.js'

/** What a phone contacts; everything else is found on it. */
const NETWORK_TYPES: ReadonlySet<IndicatorType> = new Set(['domain', 'url', 'ipv4', 'ipv6', 'cidr'])

/** Objects that can be what an indicator indicates, the most telling first. */
const FAMILY_TYPES = ['malware', 'tool', 'campaign', 'intrusion-set', 'threat-actor']

interface StixObject {
  readonly type: string
  readonly id?: string
  readonly [key: string]: unknown
}

/**
 * A STIX 2.x bundle as MVT reads it: indicators with one comparison in their pattern, each
 * belonging to the malware that a relationship says it indicates.
 * @throws InvalidInputError when it is no bundle, naming line or object
 */
export function parseStix (text: string): ParsedFeed {
  return readStix(parseJson(text))
}

/** The same from data that was already read. */
export function readStix (data: unknown): ParsedFeed {
  const objects = newestVersions(checkBundle(data))
  const families = new Map<string, StixObject>()
  for (const object of objects) {
    if (FAMILY_TYPES.includes(object.type) && object.id !== undefined && object.revoked !== true) families.set(object.id, object)
  }
  const indicated = new Map<string, StixObject[]>()
  for (const { type, revoked, source_ref: source, target_ref: target } of objects) {
    const family = families.get(String(target))
    if (type !== 'relationship' || revoked === true || family === undefined) continue
    const known = indicated.get(String(source))
    if (known === undefined) indicated.set(String(source), [family])
    else known.push(family)
  }

  const feed = new FeedCollector()
  // A bundle about one thing need not say so for each indicator.
  const only = families.size === 1 ? [...families.values()] : []
  for (const object of objects) {
    if (object.type === 'indicator') addIndicator(feed, object, mostTelling(indicated.get(String(object.id)) ?? only))
  }
  return feed.finish()
}

/** Whether the data looks like a bundle. */
export function isStixBundle (data: unknown): boolean {
  return typeof data === 'object' && data !== null && (data as { type?: unknown }).type === 'bundle'
}

function checkBundle (data: unknown): StixObject[] {
  const objects = isStixBundle(data) ? (data as { objects?: unknown }).objects : undefined
  if (!Array.isArray(objects)) {
    throw new InvalidInputError([{ path: '', message: 'must be an object of type "bundle" with a list of objects' }], 'The STIX bundle')
  }
  const faults = objects.flatMap((object, index): FieldFault[] =>
    typeof object?.type === 'string' ? [] : [{ path: `/objects/${index}`, message: 'must be an object with a type' }])
  if (faults.length > 0) throw new InvalidInputError(faults.slice(0, MAX_FAULTS), 'The STIX bundle')
  return objects as StixObject[]
}

/** A bundle may hold several versions of an object; the newest counts (STIX 2.1, section 3.6). */
function newestVersions (objects: readonly StixObject[]): StixObject[] {
  const newest = new Map<unknown, StixObject>()
  for (const object of objects) {
    // Without an id it cannot be another's version.
    const key = object.id ?? object
    const known = newest.get(key)
    if (known === undefined || timeOf(object.modified) >= timeOf(known.modified)) newest.set(key, object)
  }
  return [...newest.values()]
}

function mostTelling (families: readonly StixObject[]): StixObject | undefined {
  return families.toSorted((a, b) => FAMILY_TYPES.indexOf(a.type) - FAMILY_TYPES.indexOf(b.type))[0]
}

function addIndicator (feed: FeedCollector, object: StixObject, family: StixObject | undefined): void {
  const pattern = typeof object.pattern === 'string' ? object.pattern : ''
  if (object.revoked === true) return feed.skipRevoked(pattern)
  if (object.pattern_type !== undefined && object.pattern_type !== 'stix') return feed.skip(`pattern of type ${String(object.pattern_type)}`, pattern)
  const comparison = readComparison(pattern)
  if ('reason' in comparison) return feed.skip(comparison.reason, pattern)

  const name = typeof family?.name === 'string' ? family.name : 'unknown'
  const labels = [family?.malware_types, family?.labels, object.labels, object.indicator_types].flatMap(textsOf)
  const description = typeof family?.description === 'string' ? family.description : ''
  feed.addValue(comparison.type, comparison.value, {
    role: NETWORK_TYPES.has(comparison.type) ? 'c2' : 'artifact',
    threatClass: threatClassOf({ name, description, labels }),
    family: name,
    ...instant('validFrom', object.valid_from),
    ...instant('validUntil', object.valid_until),
    ...(isConfidence(object.confidence) ? { confidence: object.confidence } : {})
  }, comparison.path)
}

const textsOf = (value: unknown): string[] => Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []

const timeOf = (value: unknown): number => typeof value === 'string' ? Date.parse(value) || 0 : 0

/** STIX 2.1, section 3.2: 0 to 100. */
const isConfidence = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 100

/** A bound in time, if it is one that a calendar has. */
function instant<K extends string> (key: K, value: unknown): Partial<Record<K, string>> {
  const ms = typeof value === 'string' ? Date.parse(value) : NaN
  if (Number.isNaN(ms)) return {}
  const text = new Date(ms).toISOString()
  // Years before 1 and after 9999 have a sign and six digits, and mean "always".
  return (/^(?!0000)\d{4}-/.test(text) ? { [key]: text } : {}) as Partial<Record<K, string>>
}
