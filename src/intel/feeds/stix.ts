import { InvalidInputError, type FieldFault } from '../../errors.js'
import type { Indicator, IndicatorType, ThreatClass } from '../indicator.js'
import { normalizeValue } from '../normalize.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'

/**
 * Object paths of STIX 2.1 patterns, and those that MVT's bundles add (`app:`,
 * `configuration-profile:`, `android-property:`), which are not in the standard.
 */
const PATHS: Readonly<Record<string, IndicatorType>> = {
  'domain-name:value': 'domain',
  'url:value': 'url',
  'ipv4-addr:value': 'ipv4',
  'ipv6-addr:value': 'ipv6',
  'email-addr:value': 'email',
  'process:name': 'process',
  'file:name': 'file-name',
  'file:path': 'file-path',
  'file:hashes.md5': 'md5',
  'file:hashes.sha1': 'sha1',
  'file:hashes.sha256': 'sha256',
  'app:id': 'app-id',
  'app:cert.md5': 'cert-md5',
  'app:cert.sha1': 'cert-sha1',
  'app:cert.sha256': 'cert-sha256',
  'configuration-profile:id': 'profile-id',
  'android-property:name': 'property'
}

/** What a phone contacts; everything else is found on it. */
const NETWORK_TYPES: ReadonlySet<IndicatorType> = new Set(['domain', 'url', 'ipv4', 'ipv6', 'cidr'])

/** Families sold to governments, by the names under which research publishes them. */
const MERCENARY_FAMILIES = /\b(pegasus|predator|cytrox|intellexa|novispy|hermit|rcs ?lab|graphite|paragon|finspy|finfisher|candiru|devilstongue|quadream|kingspawn|reign|heliconia|variston|wintego|triangulation|dante|landfall|exodus|skygofree|donot)\b/i

// One comparison: [path = 'value'], the value with \' and \\ escaped (STIX 2.1, section 9.6).
const COMPARISON = /^\s*\[\s*([a-z0-9-]+:[^=\s]+)\s*=\s*'((?:[^'\\]|\\.)*)'\s*\]\s*$/i

interface StixObject {
  readonly type: string
  readonly id?: string
  readonly [key: string]: unknown
}

/**
 * A STIX 2.x bundle: indicators with one comparison in their pattern, each belonging to the
 * malware that a relationship says it indicates.
 * @throws InvalidInputError when it is no bundle
 */
export function parseStix (text: string): ParsedFeed {
  const objects = readBundle(text)
  const names = new Map<string, StixObject>()
  const familyOf = new Map<string, StixObject>()
  for (const object of objects) {
    if ((object.type === 'malware' || object.type === 'tool' || object.type === 'campaign') && typeof object.id === 'string') names.set(object.id, object)
  }
  for (const { type, source_ref: source, target_ref: target } of objects) {
    if (type !== 'relationship') continue
    const family = names.get(String(target))
    if (family !== undefined) familyOf.set(String(source), family)
  }

  const feed = new FeedCollector()
  // A bundle about one thing need not say so for each indicator.
  const only = names.size === 1 ? [...names.values()][0] : undefined
  for (const object of objects) {
    if (object.type === 'indicator') addIndicator(feed, object, familyOf.get(String(object.id)) ?? only)
  }
  return feed.finish()
}

/** Whether the data looks like a bundle. */
export function isStixBundle (data: unknown): boolean {
  return typeof data === 'object' && data !== null && (data as { type?: unknown }).type === 'bundle'
}

function readBundle (text: string): StixObject[] {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (error) {
    throw new InvalidInputError([{ path: '', message: `is not JSON: ${(error as Error).message}` }], 'The STIX bundle')
  }
  const objects = (data as { objects?: unknown } | null)?.objects
  if (!isStixBundle(data) || !Array.isArray(objects)) {
    throw new InvalidInputError([{ path: '', message: 'must be an object of type "bundle" with a list of objects' }], 'The STIX bundle')
  }
  const faults = objects.flatMap((object, index): FieldFault[] =>
    typeof object?.type === 'string' ? [] : [{ path: `/objects/${index}`, message: 'must be an object with a type' }])
  if (faults.length > 0) throw new InvalidInputError(faults, 'The STIX bundle')
  return objects as StixObject[]
}

function addIndicator (feed: FeedCollector, object: StixObject, family: StixObject | undefined): void {
  const pattern = typeof object.pattern === 'string' ? object.pattern : ''
  if (object.revoked === true) return feed.skip('revoked by its publisher', pattern)
  if (object.pattern_type !== undefined && object.pattern_type !== 'stix') return feed.skip(`pattern of type ${String(object.pattern_type)}`, pattern)
  const match = COMPARISON.exec(pattern)
  if (match === null) return feed.skip('pattern is not one comparison', pattern)
  const type = PATHS[normalizePath(match[1]!)]
  if (type === undefined) return feed.skip(`pattern on ${match[1]!}`, pattern)
  const normal = normalizeValue(type, match[2]!.replace(/\\(.)/g, '$1'))
  if (normal === undefined) return feed.skip('value is not of its type', pattern)

  const name = typeof family?.name === 'string' ? family.name : 'unknown'
  feed.add({
    ...normal,
    role: NETWORK_TYPES.has(normal.type) ? 'c2' : 'artifact',
    threatClass: classOf(name, family),
    family: name,
    ...timeOf('validFrom', object.valid_from),
    ...timeOf('validUntil', object.valid_until),
    ...(typeof object.confidence === 'number' ? { confidence: object.confidence } : {})
  })
}

/** `file:hashes.'SHA-256'`, `file:hashes."SHA-256"` and `file:hashes.sha256` are the same. */
function normalizePath (path: string): string {
  return path.toLowerCase().replace(/['"]/g, '').replace(/\.sha-(\d+)$/, '.sha$1')
}

/** What research calls spyware for hire, by its name or by the type its publisher gave it. */
function classOf (name: string, family: StixObject | undefined): ThreatClass {
  const types = Array.isArray(family?.malware_types) ? family.malware_types : []
  const labels = Array.isArray(family?.labels) ? family.labels : []
  if (MERCENARY_FAMILIES.test(name) || types.includes('spyware') || labels.includes('spyware')) return 'mercenary-spyware'
  if (types.includes('adware') || labels.includes('adware')) return 'adware'
  return 'malware'
}

function timeOf<K extends 'validFrom' | 'validUntil'> (key: K, value: unknown): Partial<Pick<Indicator, K>> {
  const ms = typeof value === 'string' ? Date.parse(value) : NaN
  return (Number.isNaN(ms) ? {} : { [key]: new Date(ms).toISOString() }) as Partial<Pick<Indicator, K>>
}
