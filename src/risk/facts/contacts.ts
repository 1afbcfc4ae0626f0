import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import type { IntelEntry } from '../../intel/intel-view.js'
import type { KeptEvent } from '../../telemetry/device-state.js'
import type { DetectionContext, Evidence } from '../detection.js'
import { inForce, keyed } from './intel-entries.js'
import { oncePerContext } from './memo.js'
import { isAllowedHost } from './organisation.js'
import { toIso } from './time.js'

/** A listed host, address or URL that an event names. */
export interface Contact {
  readonly event: KeptEvent
  /** The bare host or address. */
  readonly subject: string
  /** False: seen and not followed, such as a blocked page or a message nobody opened. */
  readonly reached: boolean
  readonly evidence: readonly Evidence[]
  readonly entries: readonly IntelEntry[]
}

/** A host or address that an event names. */
export interface Target {
  readonly field: 'host' | 'ip' | 'url'
  readonly text: string
  readonly host: string
  /** Where the event or the URL tells it. */
  readonly port: number | undefined
}

function normalizeHost (host: string): string {
  const lower = host.toLowerCase().replace(/\.$/, '')
  // eslint-disable-next-line no-control-regex
  return /[^\x00-\x7f]/.test(lower) ? domainToASCII(lower) : lower
}

/** IPv6 has many spellings of one address; URL has the one of RFC 5952. */
function normalizeAddress (ip: string): string {
  const bare = ip.toLowerCase()
  return isIP(bare) === 6 && URL.canParse(`http://[${bare}]`) ? new URL(`http://[${bare}]`).hostname.slice(1, -1) : bare
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'ws:': 80, 'wss:': 443, 'ftp:': 21 }

/** What an event of a query, a connection, a page or a link names: the name first, then the address behind it. */
export function targetsOf (event: KeptEvent): Target[] {
  const targets: Target[] = []
  if (event.type === 'dns-query' || event.type === 'connection') {
    if (event.host !== undefined) targets.push({ field: 'host', text: event.host, host: normalizeHost(event.host), port: event.port })
    if (event.type === 'connection' && event.ip !== undefined) targets.push({ field: 'ip', text: event.ip, host: normalizeAddress(event.ip), port: event.port })
  }
  if ((event.type === 'url-visit' || event.type === 'message-link') && event.url !== undefined && URL.canParse(event.url)) {
    const { hostname, protocol, port } = new URL(event.url)
    targets.push({ field: 'url', text: event.url, host: normalizeHost(hostname.replace(/^\[|\]$/g, '')), port: port === '' ? DEFAULT_PORTS[protocol] : Number(port) })
  }
  return targets
}

/** Whatever is listed, in force or not. */
function entriesFor ({ intel }: DetectionContext, target: Target): readonly IntelEntry[] {
  const found = new Set<IntelEntry>()
  const version = isIP(target.host)
  if (version !== 0) for (const entry of intel.lookup(version === 4 ? 'ipv4' : 'ipv6', target.host)) found.add(entry)
  for (const entry of intel.lookupHost(target.host, target.port)) found.add(entry)
  if (target.field === 'url') for (const entry of intel.lookupUrl(target.text)) found.add(entry)
  // Who is listed with a port is meant there alone; a port nobody told may be that one.
  return [...found].filter(({ port }) => port === undefined || target.port === undefined || port === target.port)
}

/** Whether the phone went there: an action that nobody told counts as opened, a link only when it was. */
export function wasReached (event: KeptEvent): boolean {
  if (event.type === 'url-visit') return event.action !== 'blocked'
  if (event.type === 'message-link') return event.opened === true
  return true
}

interface Found {
  readonly contacts: readonly Contact[]
  /** Ms: when intelligence about one of the events begins or ceases to count. */
  readonly changesAt: number
}

const NOTHING: Found = { contacts: [], changesAt: Infinity }

/** The next moment at which an entry begins or ceases to count, in ms. */
function changeOf ({ validFrom, validUntil }: IntelEntry, now: number): number {
  return Math.min(...[validFrom, validUntil].map((time) => time === undefined ? Infinity : Date.parse(time)).filter((time) => time > now))
}

const found = oncePerContext((context): Found => {
  const { state: { events }, policy, now } = context
  if (events.length === 0) return NOTHING
  const contacts: Contact[] = []
  let changesAt = Infinity
  for (const event of events) {
    const targets = targetsOf(event)
    // Who vouches for a host means the address behind it as well.
    if (targets.length === 0 || targets.some(({ host }) => isAllowedHost(policy, host))) continue
    for (const target of targets) {
      const listed = entriesFor(context, target)
      for (const entry of listed) changesAt = Math.min(changesAt, changeOf(entry, now.getTime()))
      const entries = inForce(listed, now)
      if (entries.length === 0) continue
      contacts.push({ event, subject: target.host, reached: wasReached(event), evidence: evidenceOf(event, target), entries })
      // One event is one contact: the address behind a listed name adds nothing.
      break
    }
  }
  contacts.sort((a, b) => Date.parse(b.event.at) - Date.parse(a.event.at) || (a.event.eventId < b.event.eventId ? -1 : 1))
  return { contacts, changesAt }
})

function evidenceOf (event: KeptEvent, { field, text }: Target): readonly Evidence[] {
  const place = keyed('events', event.eventId)
  const evidence: Evidence[] = [{ path: `${place}.${field}`, value: text }, { path: `${place}.at`, value: event.at }]
  if (event.appId !== undefined) evidence.push({ path: `${place}.appId`, value: event.appId })
  return evidence
}

/** Every event that names something listed, and no host that the organisation allows, newest first. */
export const contacts = (context: DetectionContext): readonly Contact[] => found(context).contacts

/** ISO 8601: when time alone changes the contacts, because intelligence begins or ceases to count. Every detection that asks for contacts names it (`nextChangeAt`). */
export function contactsChangeAt (context: DetectionContext): string | undefined {
  const { changesAt } = found(context)
  return changesAt === Infinity ? undefined : toIso(changesAt)
}

/** What a contact means; each is one detection's, so that one fact is said once. */
export type Meaning = 'mercenary-spyware' | 'command-server' | 'phishing' | 'malicious' | 'sales-site'

export interface Meant {
  readonly meaning: Meaning
  /** Those that say so. */
  readonly entries: readonly IntelEntry[]
}

/** Gravest first: what a host is listed for, and by which entries. Undefined when no entry is of that sort. */
export function meaningOf (entries: readonly IntelEntry[]): Meant | undefined {
  const meant = (meaning: Meaning, test: (entry: IntelEntry) => boolean): Meant | undefined => {
    const telling = entries.filter(test)
    return telling.length === 0 ? undefined : { meaning, entries: telling }
  }
  return meant('mercenary-spyware', ({ threatClass, role }) => threatClass === 'mercenary-spyware' && role !== 'website') ??
    meant('command-server', ({ threatClass, role }) => role === 'c2' && threatClass !== 'phishing') ??
    meant('phishing', ({ threatClass }) => threatClass === 'phishing' || threatClass === 'fraud') ??
    meant('malicious', ({ role }) => role !== 'website') ??
    meant('sales-site', () => true)
}
