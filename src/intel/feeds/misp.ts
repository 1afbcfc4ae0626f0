import { InvalidInputError, type FieldFault } from '../../errors.js'
import type { IndicatorRole, IndicatorType, ThreatClass } from '../indicators/indicator.js'
import { FeedCollector, MAX_FAULTS, type ParsedFeed } from './parsed-feed.js'
import { classInText } from './context.js'
import { threatClassOf } from './threat-class.js'

type JsonObject = Readonly<Record<string, unknown>>

/** Attribute types that hold one value (https://www.misp-project.org/datamodels/). */
const TYPES: ReadonlyMap<string, IndicatorType> = new Map<string, IndicatorType>([
  ['domain', 'domain'], ['hostname', 'domain'], ['url', 'url'], ['ip-dst', 'ipv4'], ['ip-src', 'ipv4'],
  ['md5', 'md5'], ['sha1', 'sha1'], ['sha256', 'sha256'],
  ['filename', 'file-name'], ['email', 'email'], ['email-src', 'email'], ['mobile-application-id', 'app-id'],
  ['x509-fingerprint-md5', 'cert-md5'], ['x509-fingerprint-sha1', 'cert-sha1'], ['x509-fingerprint-sha256', 'cert-sha256'],
  ['process-name', 'process']
])
/** Two values in one, with a bar between; the second of `filename|sha256` is what tells. */
const PAIRS: ReadonlyMap<string, readonly [IndicatorType | undefined, IndicatorType | 'port']> = new Map([
  ['domain|ip', ['domain', 'ipv4']], ['ip-dst|port', ['ipv4', 'port']], ['ip-src|port', ['ipv4', 'port']], ['hostname|port', ['domain', 'port']],
  ['filename|md5', [undefined, 'md5']], ['filename|sha1', [undefined, 'sha1']], ['filename|sha256', [undefined, 'sha256']]
] as ReadonlyArray<readonly [string, readonly [IndicatorType | undefined, IndicatorType | 'port']]>)
/** Relations of an android-app object that say more than the type of their value. */
const APP_RELATIONS: ReadonlyMap<string, IndicatorType> = new Map<string, IndicatorType>([
  ['appid', 'app-id'], ['certificate', 'cert-sha1'], ['certificate-sha256', 'cert-sha256'], ['sha256', 'sha256'], ['sha256-hash', 'sha256'], ['domain', 'domain']
])
const NETWORK: ReadonlySet<IndicatorType> = new Set(['domain', 'url', 'ipv4', 'ipv6', 'cidr'])
/** Galaxies whose clusters are names of malware or of who made it. */
const FAMILY_GALAXIES = /^(?:android|malpedia|mitre-malware|mitre-mobile-attack-malware|mitre-tool|tool|rat|banker|stealer|botnet|ransomware|surveillance-vendor|threat-actor|mitre-intrusion-set)$/
const LURING = new Set(['Payload delivery', 'Social network', 'Targeting data'])
const MAX_REFERENCES = 5
const MAX_REFERENCE_LENGTH = 300

/**
 * Events of MISP, as its API, its feeds or an export write them. Only what is meant for detection
 * counts (`to_ids`), and nothing that a warning list knows as harmless.
 * @throws InvalidInputError when it holds no event
 */
export function readMisp (data: unknown): ParsedFeed {
  const events = eventsOf(data)
  if (events === undefined) throw new InvalidInputError([{ path: '', message: 'must hold a MISP event or a list of attributes' }], 'The MISP file')
  const faults = events.flatMap(({ event, path }): FieldFault[] => faultsOf(event, path))
  if (faults.length > 0) throw new InvalidInputError(faults.slice(0, MAX_FAULTS), 'The MISP file')
  const feed = new FeedCollector()
  let newest = 0
  for (const { event } of events) {
    addEvent(feed, event)
    newest = Math.max(newest, secondsOf(event['timestamp']), secondsOf(event['publish_timestamp']))
  }
  feed.publishedAt(newest === 0 ? undefined : new Date(newest * 1000).toISOString())
  return feed.finish()
}

/** Whether the data looks like MISP's. */
export function isMisp (data: unknown): boolean {
  return eventsOf(data) !== undefined
}

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
const listOf = (value: unknown): unknown[] => Array.isArray(value) ? value : []
const objectsOf = (value: unknown): JsonObject[] => listOf(value).filter(isObject)
const textOf = (value: unknown): string => typeof value === 'string' ? value : ''
/** MISP writes seconds as text. */
const secondsOf = (value: unknown): number => {
  const seconds = Number(value)
  return Number.isFinite(seconds) && seconds > 0 && seconds < 253_402_300_800 ? seconds : 0
}

interface FoundEvent { readonly event: JsonObject, readonly path: string }

function eventsOf (data: unknown): FoundEvent[] | undefined {
  if (Array.isArray(data)) {
    const events = data.map((one, index) => isObject(one) && isObject(one['Event']) ? { event: one['Event'], path: `/${index}/Event` } : undefined)
    return data.length > 0 && events.every((one) => one !== undefined) ? events : undefined
  }
  if (!isObject(data)) return undefined
  if (isObject(data['Event'])) return [{ event: data['Event'], path: '/Event' }]
  if (Array.isArray(data['Attribute']) && data['type'] === undefined) return [{ event: data, path: '' }]
  const { response } = data
  if (Array.isArray(response)) return response.length === 0 ? [] : eventsOf(response)?.map(({ event, path }) => ({ event, path: `/response${path}` }))
  return isObject(response) ? eventsOf(response)?.map(({ event, path }) => ({ event, path: `/response${path}` })) : undefined
}

function faultsOf (event: JsonObject, path: string): FieldFault[] {
  return ['Attribute', 'Object'].flatMap((name): FieldFault[] => {
    const list = event[name]
    if (list === undefined) return []
    if (!Array.isArray(list)) return [{ path: `${path}/${name}`, message: 'must be a list' }]
    return list.flatMap((one, index): FieldFault[] => isObject(one) ? [] : [{ path: `${path}/${name}/${index}`, message: 'must be an object' }])
  })
}

interface Meaning {
  readonly family: string
  readonly threatClass: ThreatClass
  readonly references: readonly string[]
}

function addEvent (feed: FeedCollector, event: JsonObject): void {
  const attributes = objectsOf(event['Attribute'])
  const links = attributes.filter(({ type, deleted }) => type === 'link' && deleted !== true).map(({ value }) => textOf(value))
  const meaning = meaningOf(event, {
    family: textOf(event['info']) || 'unknown',
    threatClass: threatClassOf({ name: textOf(event['info']), labels: tagsOf(event) }),
    references: [...new Set(links)].filter((link) => link !== '' && link.length <= MAX_REFERENCE_LENGTH).slice(0, MAX_REFERENCES)
  })
  for (const attribute of attributes) addAttribute(feed, attribute, meaning)
  for (const object of objectsOf(event['Object'])) {
    if (object['deleted'] === true) feed.skipRevoked(textOf(object['name']))
    else addObject(feed, object, meaning)
  }
}

const tagsOf = (holder: JsonObject): string[] => objectsOf(holder['Tag']).map(({ name }) => textOf(name))

/** Galaxies and tags of an event or attribute say more than its title. */
function meaningOf (holder: JsonObject, otherwise: Meaning): Meaning {
  const fromGalaxies = objectsOf(holder['Galaxy']).filter(({ type }) => FAMILY_GALAXIES.test(textOf(type)))
    .flatMap((galaxy) => objectsOf(galaxy['GalaxyCluster']).map(({ value }) => textOf(value)))
  const tags = tagsOf(holder)
  const fromTags = tags.flatMap((tag) => {
    const [, galaxy = '', value = ''] = /^misp-galaxy:([\w-]+)="([^"]{1,200})"$/.exec(tag) ?? []
    return FAMILY_GALAXIES.test(galaxy) ? [value] : []
  })
  // `Pegasus - G0099`, `Pegasus for Android - MOB-S0032`: the number is ATT&CK's.
  const family = [...fromGalaxies, ...fromTags].map((name) => name.replace(/ - (?:[A-Z]+-)?[SG]\d{4}$/, '')).find((name) => name !== '')
  if (family === undefined && tags.length === 0) return otherwise
  const threatClass = threatClassOf({ name: family ?? '', labels: tags })
  return {
    ...otherwise,
    family: family ?? otherwise.family,
    threatClass: threatClass !== 'malware' ? threatClass : otherwise.threatClass !== 'malware' ? otherwise.threatClass : classInText(tags.join('\n')) ?? 'malware'
  }
}

/** Values of one thing: beside a hash, its file's name says nothing by itself. */
function addObject (feed: FeedCollector, object: JsonObject, eventMeaning: Meaning): void {
  const attributes = objectsOf(object['Attribute'])
  const isApp = object['name'] === 'android-app'
  const hasHash = attributes.some(({ type, to_ids: forDetection }) => /^(?:md5|sha1|sha256)$/.test(textOf(type)) && forDetection !== false)
  for (const attribute of attributes) {
    const relation = textOf(attribute['object_relation'])
    const type = isApp ? APP_RELATIONS.get(relation) : undefined
    if (type !== undefined) addChecked(feed, attribute, meaningOf(attribute, eventMeaning), (meaning) => addOne(feed, type, attribute, meaning, `android-app.${relation}`))
    else if (isApp && relation === 'name') continue
    else if (hasHash && attribute['type'] === 'filename') feed.skip('filename: stands beside the hash of its file', attribute['value'])
    else addAttribute(feed, attribute, eventMeaning)
  }
}

function addAttribute (feed: FeedCollector, attribute: JsonObject, eventMeaning: Meaning): void {
  const type = textOf(attribute['type'])
  if (type === 'link' || type === 'comment' || type === 'text' || type === 'datetime') return
  addChecked(feed, attribute, meaningOf(attribute, eventMeaning), (meaning) => {
    const pair = PAIRS.get(type)
    const single = TYPES.get(type)
    if (pair !== undefined) addPair(feed, pair, attribute, meaning)
    // A name with folders is a path.
    else if (single === 'file-name' && textOf(attribute['value']).includes('/')) addOne(feed, 'file-path', attribute, meaning, type)
    else if (single !== undefined) addOne(feed, single, attribute, meaning, type)
    else feed.skip(`attribute of type ${type}`, attribute['value'])
  })
}

/** What an attribute says of itself before its value is looked at. */
function addChecked (feed: FeedCollector, attribute: JsonObject, meaning: Meaning, add: (meaning: Meaning) => void): void {
  const { value, deleted, to_ids: forDetection, warnings } = attribute
  if (deleted === true || deleted === '1') feed.skipRevoked(textOf(value))
  else if (forDetection === false || forDetection === '0' || forDetection === 0) feed.skip('not meant for detection (to_ids false)', value)
  else if (listOf(warnings).length > 0) feed.skip('on a warning list: known as harmless', value)
  else add(meaning)
}

function addPair (feed: FeedCollector, [first, second]: readonly [IndicatorType | undefined, IndicatorType | 'port'], attribute: JsonObject, meaning: Meaning): void {
  const type = textOf(attribute['type'])
  const [left = '', right = ''] = textOf(attribute['value']).split('|')
  if (second === 'port') {
    addOne(feed, first!, { ...attribute, value: left.includes(':') ? `[${left}]:${right}` : `${left}:${right}` }, meaning, type)
    return
  }
  if (first !== undefined) addOne(feed, first, { ...attribute, value: left }, meaning, type)
  addOne(feed, second, { ...attribute, value: right }, meaning, type)
}

function addOne (feed: FeedCollector, type: IndicatorType, attribute: JsonObject, { family, threatClass, references }: Meaning, where: string): void {
  const validFrom = instantOf(attribute['first_seen'])
  feed.addValue(type, attribute['value'], {
    role: roleIn(type, attribute),
    threatClass,
    family,
    ...(validFrom === undefined ? {} : { validFrom }),
    ...(references.length === 0 ? {} : { references })
  }, where)
}

/** A host in "Payload delivery" offers the app; what controls it stands under "Network activity" or elsewhere. */
function roleIn (type: IndicatorType, { category }: JsonObject): IndicatorRole {
  if (!NETWORK.has(type)) return 'artifact'
  return LURING.has(textOf(category)) ? 'distribution' : 'c2'
}

function instantOf (value: unknown): string | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : NaN
  const year = new Date(ms).getUTCFullYear()
  return Number.isNaN(ms) || year < 1 || year > 9_999 ? undefined : new Date(ms).toISOString()
}
