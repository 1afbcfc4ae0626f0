import { InvalidInputError, type FieldFault } from '../../errors.js'
import type { IndicatorRole, IndicatorType, ThreatClass } from '../indicators/indicator.js'
import { FeedCollector, MAX_FAULTS, type ParsedFeed } from './parsed-feed.js'
import { parseYaml } from './yaml-document.js'

interface Field { readonly type: IndicatorType, readonly role: IndicatorRole }

/** The list's fields that can be matched exactly. `c2.ip` is a slip of the pen that stands in two families. */
const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['packages', { type: 'app-id', role: 'artifact' }],
  ['certificates', { type: 'cert-sha1', role: 'artifact' }],
  ['websites', { type: 'domain', role: 'website' }],
  ['distribution', { type: 'domain', role: 'distribution' }],
  ['c2.domains', { type: 'domain', role: 'c2' }],
  ['c2.ips', { type: 'ipv4', role: 'c2' }],
  ['c2.ip', { type: 'ipv4', role: 'c2' }]
])
const DESCRIPTIVE: ReadonlySet<string> = new Set(['name', 'names', 'type', 'c2'])
const CLASSES: ReadonlyMap<unknown, ThreatClass> = new Map<unknown, ThreatClass>([['stalkerware', 'stalkerware'], ['watchware', 'watchware']])

type Family = Readonly<Record<string, unknown>> & { readonly name: string }

/**
 * The stalkerware-indicators list (`ioc.yaml`): families with packages, certificates, servers.
 * A maker's website is not the server its app reports to, and keeps another role.
 * @throws InvalidInputError when it is no such list, naming line or family
 */
export function parseStalkerware (text: string): ParsedFeed {
  return readStalkerware(parseYaml(text))
}

/** The same from data that was already read. */
export function readStalkerware (data: unknown): ParsedFeed {
  if (!Array.isArray(data)) throw new InvalidInputError([{ path: '', message: 'must be a list of families' }], 'The stalkerware list')
  const faults = data.flatMap((family, index): FieldFault[] => isFamily(family) ? [] : [{ path: `/${index}`, message: 'must be a family with a name' }])
  if (faults.length > 0) throw new InvalidInputError(faults.slice(0, MAX_FAULTS), 'The stalkerware list')

  const feed = new FeedCollector()
  for (const family of data as Family[]) addFamily(feed, family)
  return feed.finish()
}

/** Whether the data looks like this list. */
export function isStalkerwareList (data: unknown): boolean {
  return Array.isArray(data) && data.length > 0 && data.every((family) => isFamily(family) && typeof family.type === 'string')
}

function isFamily (value: unknown): value is Family {
  return typeof value === 'object' && value !== null && typeof (value as Family).name === 'string'
}

function addFamily (feed: FeedCollector, family: Family): void {
  const { name, type, c2 } = family
  const threatClass = CLASSES.get(type) ?? 'stalkerware'
  const fields = [
    ...Object.entries(family).filter(([field]) => !DESCRIPTIVE.has(field)),
    ...(isRecord(c2) ? Object.entries(c2).map(([field, values]) => [`c2.${field}`, values] as const) : c2 === undefined || c2 === null ? [] : [['c2', c2] as const])
  ]
  for (const [fieldName, values] of fields) {
    const field = FIELDS.get(fieldName)
    for (const value of Array.isArray(values) ? values : values === null ? [] : [values]) {
      if (field === undefined) feed.skip(`${fieldName}: cannot be matched exactly`, `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
      else feed.addValue(field.type, value, { role: field.role, threatClass, family: name }, fieldName)
    }
  }
}

function isRecord (value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
