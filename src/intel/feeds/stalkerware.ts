import { InvalidInputError, type FieldFault } from '../../errors.js'
import type { IndicatorRole, IndicatorType, ThreatClass } from '../indicator.js'
import { normalizeValue } from '../normalize.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'
import { parseYaml } from './yaml-document.js'

interface Field { readonly type: IndicatorType, readonly role: IndicatorRole }

/** The list's fields that can be matched exactly, also under the odd names they have here and there. */
const FIELDS: Readonly<Record<string, Field>> = {
  packages: { type: 'app-id', role: 'artifact' },
  certificates: { type: 'cert-sha1', role: 'artifact' },
  websites: { type: 'domain', role: 'website' },
  distribution: { type: 'domain', role: 'distribution' },
  'c2.domains': { type: 'domain', role: 'c2' },
  'c2.ips': { type: 'ipv4', role: 'c2' },
  'c2.ip': { type: 'ipv4', role: 'c2' }
}
const DESCRIPTIVE = new Set(['name', 'names', 'type', 'c2'])
const CLASSES: Readonly<Record<string, ThreatClass>> = { stalkerware: 'stalkerware', watchware: 'watchware' }

type Family = Readonly<Record<string, unknown>>

/**
 * The stalkerware-indicators list (`ioc.yaml`): families with packages, certificates, servers.
 * A maker's website is not the server its app reports to, and keeps another role.
 * @throws InvalidInputError when it is no such list
 */
export function parseStalkerware (text: string): ParsedFeed {
  const data = parseYaml(text)
  if (!Array.isArray(data)) throw new InvalidInputError([{ path: '', message: 'must be a list of families' }], 'The stalkerware list')
  const faults = data.flatMap((family, index): FieldFault[] => isFamily(family) ? [] : [{ path: `/${index}`, message: 'must be a family with a name' }])
  if (faults.length > 0) throw new InvalidInputError(faults, 'The stalkerware list')

  const feed = new FeedCollector()
  for (const family of data as Family[]) addFamily(feed, family)
  return feed.finish()
}

/** Whether the data looks like this list. */
export function isStalkerwareList (data: unknown): boolean {
  return Array.isArray(data) && data.length > 0 && data.every((family) => isFamily(family) && typeof family.type === 'string')
}

function isFamily (value: unknown): value is Family & { name: string } {
  return typeof value === 'object' && value !== null && typeof (value as Family).name === 'string'
}

function addFamily (feed: FeedCollector, family: Family): void {
  const threatClass = CLASSES[String(family.type)]
  if (threatClass === undefined) feed.skip('type is neither stalkerware nor watchware; taken as stalkerware', `${String(family.name)}: ${String(family.type)}`)
  const c2 = typeof family.c2 === 'object' && family.c2 !== null ? family.c2 : {}
  const fields = [
    ...Object.entries(family).filter(([name]) => !DESCRIPTIVE.has(name)),
    ...Object.entries(c2).map(([name, values]) => [`c2.${name}`, values] as const)
  ]
  for (const [name, values] of fields) {
    const field = FIELDS[name]
    for (const value of Array.isArray(values) ? values : [values]) {
      if (field === undefined) {
        feed.skip(`${name} cannot be matched exactly`, `${String(family.name)}: ${String(value)}`)
        continue
      }
      const normal = typeof value === 'string' ? normalizeValue(field.type, value) : undefined
      if (normal === undefined) feed.skip(`${name} holds a value that is none`, value)
      else feed.add({ ...normal, role: field.role, threatClass: threatClass ?? 'stalkerware', family: String(family.name) })
    }
  }
}
