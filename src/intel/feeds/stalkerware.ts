import { InvalidInputError, type FieldFault } from '../../errors.js'
import { THREAT_CLASSES, type ThreatClass } from '../indicators/indicator.js'
import { type Claim, FeedCollector, MAX_FAULTS, type ParsedFeed } from './parsed-feed.js'
import { countSlips, findField } from './stalkerware-fields.js'
import { parseYaml } from './yaml-document.js'

const DESCRIPTIVE: ReadonlySet<string> = new Set(['name', 'names', 'type', 'c2', 'aliases', 'references', 'reference'])
const MAX_REFERENCES = 5
const MAX_REFERENCE_LENGTH = 300

type Family = ReadonlyMap<string, unknown>

/**
 * The stalkerware-indicators list (`ioc.yaml`, `watchware.yaml`): families with packages,
 * certificates, servers. A maker's website is not the server its app reports to, and keeps
 * another role.
 * @throws InvalidInputError when it is no such list, naming line or family
 */
export function parseStalkerware (text: string): ParsedFeed {
  return readStalkerware(parseYaml(text))
}

/** The same from data that was already read. */
export function readStalkerware (data: unknown): ParsedFeed {
  if (!Array.isArray(data)) throw new InvalidInputError([{ path: '', message: 'must be a list of families' }], 'The stalkerware list')
  const families = data.map(toFamily)
  const faults = families.flatMap((family, index): FieldFault[] => nameOf(family) !== undefined ? [] : [{ path: `/${index}`, message: 'must be a family with a name' }])
  if (faults.length > 0) throw new InvalidInputError(faults.slice(0, MAX_FAULTS), 'The stalkerware list')

  const feed = new FeedCollector()
  for (const family of families) addFamily(feed, family)
  return feed.finish()
}

/** Whether the data looks like this list. */
export function isStalkerwareList (data: unknown): boolean {
  return Array.isArray(data) && data.length > 0 && data.map(toFamily).every((family) => nameOf(family) !== undefined && typeof family.get('type') === 'string')
}

/** Keys as the list has them, also where somebody wrote capitals; of others the writing stays. */
function toFamily (value: unknown): Family {
  if (!isRecord(value)) return new Map()
  return new Map(Object.entries(value).map(([key, values]) => [DESCRIPTIVE.has(key.toLowerCase()) ? key.toLowerCase() : key, values]))
}

function nameOf (family: Family): string | undefined {
  const name = family.get('name')
  // `name: 360` is a number in YAML.
  return typeof name === 'string' || typeof name === 'number' ? String(name) : undefined
}

function addFamily (feed: FeedCollector, family: Family): void {
  const name = nameOf(family)!
  const claim = { family: name, threatClass: classOf(feed, name, family.get('type')), ...referencesOf(family) }
  for (const [key, values] of family) if (!DESCRIPTIVE.has(key)) addValues(feed, claim, key, values, 'family')
  const c2 = family.get('c2')
  if (isRecord(c2)) for (const [key, values] of Object.entries(c2)) addValues(feed, claim, key, values, 'c2')
  else addValues(feed, claim, 'c2', c2, 'family')
}

function addValues (feed: FeedCollector, claim: Omit<Claim, 'role'>, key: string, values: unknown, under: 'family' | 'c2'): void {
  const written = under === 'c2' ? `c2.${key}` : key
  const field = findField(key, under)
  const where = field === undefined || field.name === written ? written : `${written} (read as ${field.name})`
  for (const value of Array.isArray(values) ? values : values === null || values === undefined ? [] : [values]) {
    if (field === undefined) feed.skip(`${written}: cannot be matched exactly`, `${claim.family}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    else feed.addValue(field.type, value, { ...claim, role: field.role }, where)
  }
}

/** The list has two types; others by their name, and what is unknown is what the list is about. */
function classOf (feed: FeedCollector, family: string, type: unknown): ThreatClass {
  const written = typeof type === 'string' ? type.trim().toLowerCase().replace(/[^a-z0-9]+/g, '-') : ''
  if (written === '') return 'stalkerware'
  const known = THREAT_CLASSES.find((one) => one === written) ?? (['stalkerware', 'watchware'] as const).find((one) => countSlips(written.slice(0, 20), one) <= 2)
  if (known === undefined) feed.skip('type: read as stalkerware', `${family}: ${String(type)}`)
  return known ?? 'stalkerware'
}

function referencesOf (family: Family): Pick<Claim, 'references'> {
  const listed = family.get('references') ?? family.get('reference')
  const references = (Array.isArray(listed) ? listed : [listed])
    .filter((one): one is string => typeof one === 'string' && /^https?:\/\/[^\s]+$/.test(one) && one.length <= MAX_REFERENCE_LENGTH)
    .slice(0, MAX_REFERENCES)
  return references.length === 0 ? {} : { references }
}

function isRecord (value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
