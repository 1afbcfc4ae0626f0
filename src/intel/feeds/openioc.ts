import { InvalidInputError } from '../../errors.js'
import type { IndicatorType } from '../indicators/indicator.js'
import { plainClaim } from './context.js'
import { FeedCollector, type ParsedFeed } from './parsed-feed.js'
import { threatClassOf } from './threat-class.js'
import { elementsNamed, type XmlElement } from './xml-document.js'

/** Ends of search terms, which differ in the item before them (OpenIOC 1.0 and 1.1, "Terms"). */
const SEARCHES: ReadonlyArray<readonly [RegExp, IndicatorType]> = [
  [/\/md5sum$/i, 'md5'], [/\/sha1sum$/i, 'sha1'], [/\/sha256sum$/i, 'sha256'],
  [/^(?:dns\w*|network\w*)\/(?:.*\/)?(?:host|hostname|recordname|dns)$/i, 'domain'], [/\/(?:host|hostname|domain)$/i, 'domain'],
  [/\/(?:remoteip|ip|ipv4address|recorddata\/ipv4address|remoteipaddress)$|^RouteEntryItem\/Destination$/i, 'ipv4'], [/\/(?:url|uri)$/i, 'url'],
  [/^email\/(?:from|sender)/i, 'email'], [/^process\w*\/name$/i, 'process'], [/\/(?:fullpath|filepath)$/i, 'file-path'], [/\/filename$/i, 'file-name']
]
const HASHES: ReadonlySet<IndicatorType> = new Set(['md5', 'sha1', 'sha256'])
/** "Contains" a host is the host or what is below it, and what contains a whole address or digest is that; anything else would match by accident. */
const CONTAINABLE: ReadonlySet<IndicatorType> = new Set(['domain', 'ipv4', ...HASHES])
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

interface Term {
  readonly type: IndicatorType
  readonly value: string
  readonly search: string
}

/**
 * An OpenIOC file (1.0 and 1.1). Of alternatives each counts; of what must come together a hash
 * counts, which says enough alone, and nothing else does.
 * @throws InvalidInputError when it is none
 */
export function readOpenIoc (root: XmlElement): ParsedFeed {
  if (!isOpenIoc(root)) throw new InvalidInputError([{ path: `/${root.name}`, message: 'must be an ioc or OpenIOC element with a definition' }], 'The OpenIOC file')
  const feed = new FeedCollector()
  const said = (name: string): string => elementsNamed(root, name)[0]?.text ?? ''
  const family = said('short_description') || 'unknown'
  const threatClass = threatClassOf({ name: family, description: said('description'), labels: elementsNamed(root, 'keyword').map(({ text }) => text) })
  const references = elementsNamed(root, 'link').map(({ attributes, text }) => attributes['href'] ?? text).filter((link) => /^https?:/.test(link) && link.length <= 300).slice(0, 5)
  for (const definition of [...elementsNamed(root, 'definition'), ...elementsNamed(root, 'criteria')]) {
    for (const indicator of definition.children.filter(({ name }) => name === 'Indicator')) {
      for (const { type, value, search } of termsOf(feed, indicator)) {
        feed.addValue(type, value, plainClaim(type, threatClass, family, references.length === 0 ? {} : { references }), search)
      }
    }
  }
  const modified = Date.parse(root.attributes['last-modified'] ?? '')
  feed.publishedAt(Number.isNaN(modified) ? undefined : new Date(modified).toISOString())
  return feed.finish()
}

/** Whether the document looks like one. */
export function isOpenIoc (data: unknown): boolean {
  const { name } = data as XmlElement
  return name === 'OpenIOC' || (name === 'ioc' && (elementsNamed(data as XmlElement, 'definition').length > 0 || elementsNamed(data as XmlElement, 'criteria').length > 0))
}

function termsOf (feed: FeedCollector, indicator: XmlElement): Term[] {
  const branches = indicator.children.flatMap((child) => child.name === 'Indicator' ? [termsOf(feed, child)] : child.name === 'IndicatorItem' ? [readItem(feed, child)] : [])
  if ((indicator.attributes['operator'] ?? 'OR').toUpperCase() !== 'AND' || branches.length < 2) return branches.flat()
  const strong = branches.filter((terms) => terms.length > 0 && terms.every(({ type }) => HASHES.has(type)))
  if (strong.length === 0) for (const { value } of branches.flat()) feed.skip('AND of what says too little alone', value)
  return strong.flat()
}

function readItem (feed: FeedCollector, item: XmlElement): Term[] {
  const search = item.children.find(({ name }) => name === 'Context')?.attributes['search'] ?? ''
  // An old exporter of MISP writes the value where the id should be, and leaves the content empty.
  const id = item.attributes['id'] ?? ''
  const value = item.children.find(({ name }) => name === 'Content')?.text || (UUID.test(id) ? '' : id)
  const type = SEARCHES.find(([end]) => end.test(search))?.[1]
  const condition = (item.attributes['condition'] ?? 'is').toLowerCase()
  const says = (reason: string): Term[] => {
    feed.skip(reason, value)
    return []
  }
  if (type === undefined) return says(`term ${search}`)
  if (item.attributes['negate'] === 'true' || /not$/.test(condition)) return says('negated')
  return condition === 'is' || (condition === 'contains' && CONTAINABLE.has(type)) ? [{ type, value, search }] : says(`condition ${condition} on ${search}`)
}
