import { InvalidInputError, type FieldFault } from '../../errors.js'
import type { IndicatorRole, IndicatorType } from '../indicators/indicator.js'
import { parseJson } from './json-document.js'
import { FeedCollector, MAX_FAULTS, type ParsedFeed } from './parsed-feed.js'
import { readPattern, type PatternReading } from './stix-pattern.js'
import { readRelations, type Relations } from './stix-relations.js'
import { isObservable, readObservable, type StixObject } from './stix-objects.js'
import { threatClassOf } from './threat-class.js'

/** What a phone contacts; everything else is found on it. */
const NETWORK_TYPES: ReadonlySet<IndicatorType> = new Set(['domain', 'url', 'ipv4', 'ipv6', 'cidr'])
/** Phases of a kill chain at which a phone is lured, not yet controlled. */
const LURING_PHASES: ReadonlySet<string> = new Set(['delivery', 'initial-access', 'reconnaissance'])
/** Of a host that was innocent before somebody broke in, only the page is bad. */
const HOST_TYPES: ReadonlySet<IndicatorType> = new Set(['domain', 'ipv4', 'ipv6', 'cidr'])

const MAX_REFERENCES = 5
const MAX_REFERENCE_LENGTH = 300

/**
 * A STIX 2.0 or 2.1 bundle, or a TAXII envelope of its objects: indicators whose patterns say
 * what can be matched exactly, each belonging to the malware that a relationship says it
 * indicates. What a report only mentions, what malware impersonates or targets, and what its
 * publisher calls benign is no indicator.
 * @throws InvalidInputError when it is no bundle, naming line or object
 */
export function parseStix (text: string): ParsedFeed {
  return readStix(parseJson(text))
}

/** The same from data that was already read. */
export function readStix (data: unknown): ParsedFeed {
  const objects = newestVersions(checkBundle(data))
  const relations = readRelations(objects)
  const feed = new FeedCollector()
  for (const object of objects) {
    if (object.type === 'indicator') addIndicator(feed, object, relations)
    else if (object.type === 'observed-data') feed.skip('observed-data: says what was seen, not what is bad', object.id ?? object.type)
    else if (isObservable(object) && !relations.isBasis(object)) feed.skip(`${object.type} without an indicator`, object.value ?? object.name ?? object.id ?? object.type)
  }
  feed.publishedAt(newestTime(objects))
  return feed.finish()
}

/** Whether the data looks like a bundle, or like the envelope in which TAXII 2.1 sends objects. */
export function isStixBundle (data: unknown): boolean {
  if (typeof data !== 'object' || data === null) return false
  const { type, more, objects } = data as { type?: unknown, more?: unknown, objects?: unknown }
  if (type !== undefined) return type === 'bundle'
  return Array.isArray(objects) && (typeof more === 'boolean' || (objects.length > 0 && objects.every(looksLikeObject)))
}

const looksLikeObject = (object: unknown): boolean => {
  const { type, id } = (object ?? {}) as { type?: unknown, id?: unknown }
  return typeof type === 'string' && typeof id === 'string' && id.startsWith(`${type}--`)
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

function newestTime (objects: readonly StixObject[]): string | undefined {
  const newest = objects.reduce((ms, { modified }) => Math.max(ms, timeOf(modified)), 0)
  return newest === 0 ? undefined : instant('at', new Date(newest).toISOString()).at
}

function addIndicator (feed: FeedCollector, object: StixObject, relations: Relations): void {
  const pattern = typeof object.pattern === 'string' ? object.pattern : ''
  if (object.revoked === true) return feed.skipRevoked(pattern)
  const labels = [object.indicator_types, object.labels].flatMap(textsOf).map((label) => label.toLowerCase())
  const why = whyNone(object, labels, relations)
  if (why !== undefined) return feed.skip(why, pattern)

  const read = readPatternOf(object, pattern, relations)
  for (const reason of read.skipped) feed.skip(reason, pattern)
  const family = relations.familyOf(object)
  const name = typeof family?.name === 'string' ? family.name : 'unknown'
  const allLabels = [family?.malware_types, family?.tool_types, family?.labels, object.labels, object.indicator_types].flatMap(textsOf)
  const description = typeof family?.description === 'string' ? family.description : ''
  const references = referencesOf(object, family)
  const claim = {
    threatClass: threatClassOf({ name, description, labels: allLabels }),
    family: name,
    ...instant('validFrom', object.valid_from),
    ...instant('validUntil', object.valid_until),
    ...(isConfidence(object.confidence) ? { confidence: object.confidence } : {}),
    ...(references.length === 0 ? {} : { references })
  }
  const isCompromised = labels.includes('compromised') && !labels.includes('malicious-activity')
  for (const { type, value, path } of read.values) {
    if (isCompromised && HOST_TYPES.has(type)) feed.skip('a compromised host: it was innocent before, only its pages are bad', value)
    else feed.addValue(type, value, { ...claim, role: roleOf(type, object) }, path)
  }
}

/** Why an indicator is none for us, whatever its pattern. */
function whyNone (object: StixObject, labels: readonly string[], relations: Relations): string | undefined {
  if (!labels.includes('malicious-activity')) {
    if (labels.includes('benign')) return 'benign, says its publisher'
    if (labels.includes('anonymization')) return 'anonymization: hiding where one is, is not bad by itself'
  }
  // MISP's converter writes what must not be used for detection so.
  if (labels.some((label) => /^misp:to_ids="?false"?$/.test(label))) return 'not meant for detection (to_ids false)'
  if (relations.isOnlyMentioned(object)) return 'impersonated, targeted or mentioned, not bad itself'
  const [from, until] = [timeOf(object.valid_from), timeOf(object.valid_until)]
  if (from > 0 && until > 0 && until <= from) return 'valid_until is not after valid_from'
  return undefined
}

/** What the pattern says, or where it is in another language, the observables that the indicator is based on. */
function readPatternOf (object: StixObject, pattern: string, relations: Relations): PatternReading {
  const type = typeof object.pattern_type === 'string' ? object.pattern_type.toLowerCase() : 'stix'
  const read: PatternReading = type === 'stix' ? readPattern(pattern) : { values: [], skipped: [`pattern of type ${type}`] }
  if (read.values.length > 0) return read
  const values = relations.basesOf(object).flatMap(readObservable)
  return values.length > 0 ? { values, skipped: [] } : read
}

/** A server that only lures people to an app does not control it. */
function roleOf (type: IndicatorType, { kill_chain_phases: phases }: StixObject): IndicatorRole {
  if (!NETWORK_TYPES.has(type)) return 'artifact'
  const names = Array.isArray(phases) ? phases.map((phase) => String(phase?.phase_name).toLowerCase()) : []
  return names.length > 0 && names.every((name) => LURING_PHASES.has(name)) ? 'distribution' : 'c2'
}

/** Links and report numbers of the indicator, then of its family. */
function referencesOf (...objects: ReadonlyArray<StixObject | undefined>): string[] {
  const found = new Set<string>()
  for (const object of objects) {
    for (const reference of Array.isArray(object?.external_references) ? object.external_references : []) {
      const { url, source_name: source, external_id: id } = (reference ?? {}) as Readonly<Record<string, unknown>>
      const text = typeof url === 'string' && /^https?:\/\//i.test(url) ? url : typeof id === 'string' ? [source, id].filter((part) => typeof part === 'string').join(' ') : ''
      // Half a link leads nowhere.
      if (text !== '' && text.length <= MAX_REFERENCE_LENGTH && !UNSTORABLE.test(text)) found.add(text)
      if (found.size === MAX_REFERENCES) return [...found]
    }
  }
  return [...found]
}
// eslint-disable-next-line no-control-regex
const UNSTORABLE = /[\u0000-\u001f]|\p{Surrogate}/u

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
