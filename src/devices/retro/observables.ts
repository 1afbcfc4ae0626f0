import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import { normalizeAddress, normalizeHost, normalizeUrl } from '../../intel/indicators/normalize.js'
import type { DeviceState, KeptEvent } from '../../telemetry/device-state.js'

/** What a phone's state names, by kind. Hosts stand for all above them, files for the folders that they are in. */
type Kind = 'host' | 'address' | 'network' | 'hash' | 'path' | 'file' | 'process' | 'profile' | 'properties'

/** Networks that an address is looked up by; a range is looked up by the next wider of them. */
const LENGTHS = { ipv4: [8, 16, 24], ipv6: [16, 32, 48, 64] } as const
/** A phone that names more is found by what it named first; the rest only with the next report. */
const MAX_OBSERVABLES = 2_000
const EMPTY: readonly number[] = Object.freeze([])
/** What hosts and addresses stand for: phones name the same few again and again, and with each event all of a phone's are gone through. */
const ofHosts = new LRUCache<string, readonly number[]>({ max: 5_000 })

/**
 * 32-bit FNV-1a of a kind and a value. That two values share one costs a judgement which finds nothing; it is never
 * the answer to whether something is listed.
 */
function hash (kind: Kind, value: string): number {
  let state = 0x811c9dc5
  const text = `${kind}:${value}`
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193)
  return state | 0
}

/** Everything in the state that an indicator may be about, but for apps; sorted, each once. */
export function observablesOf (state: DeviceState): readonly number[] {
  const { events, files = [], processes = [], profiles = [], properties = {} } = state
  if (events.length === 0 && files.length === 0 && processes.length === 0 && profiles.length === 0 && Object.keys(properties).length === 0) return EMPTY
  const found = new Set<number>()
  for (const event of events) addEvent(found, event)
  for (const { path, sha256 } of files) {
    if (sha256 !== undefined) found.add(hash('hash', normalizeHex(sha256)))
    if (path !== undefined) for (const one of pathAndFolders(plainPath(path))) found.add(hash('path', one))
    if (path !== undefined) found.add(hash('file', path.slice(path.lastIndexOf('/') + 1)))
  }
  for (const name of processes) {
    found.add(hash('process', name))
    found.add(hash('process', name.split(':')[0]!))
  }
  for (const { uuid, identifier } of profiles) for (const id of [uuid, identifier]) if (id !== undefined) found.add(hash('profile', id.toLowerCase()))
  // Hundreds of names that are the same on every phone of a model: who has any is looked at.
  if (Object.keys(properties).length > 0) found.add(hash('properties', ''))
  return [...found].slice(0, MAX_OBSERVABLES).sort((a, b) => a - b)
}

/** What phones that this indicator may concern have among their observables. Empty: nothing but apps, or what no phone reports. */
export function observablesAbout (type: string, value: string): number[] {
  switch (type) {
    case 'domain': return [hash('host', value)]
    case 'url': return hostsOfUrl(value)
    case 'ipv4': case 'ipv6': return [hash('address', value)]
    case 'cidr': return networkAround(value)
    case 'sha256': case 'sha1': case 'md5': return [hash('hash', value)]
    case 'file-path': return [hash('path', plainPath(value))]
    case 'file-name': return [hash('file', value)]
    case 'process': case 'app-id': return [hash('process', value)]
    case 'profile-id': return [hash('profile', value.toLowerCase())]
    case 'property': return [hash('properties', '')]
    default: return []
  }
}

/** Equal lists of sorted numbers. */
export function areSame (one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index])
}

function addEvent (found: Set<number>, event: KeptEvent): void {
  const { host, ip, url } = event as { readonly host?: string, readonly ip?: string, readonly url?: string }
  if (host !== undefined) addHost(found, host)
  if (ip !== undefined) addHost(found, ip)
  if (url !== undefined && URL.canParse(url)) addHost(found, new URL(url).hostname.replace(/^\[|\]$/g, ''))
}

function addHost (found: Set<number>, text: string): void {
  let hashes = ofHosts.get(text)
  if (hashes === undefined) ofHosts.set(text, hashes = observablesOfHost(text))
  for (const one of hashes) found.add(one)
}

function observablesOfHost (text: string): number[] {
  const address = normalizeAddress(text)
  if (address !== undefined) {
    return [hash('address', address.value), ...LENGTHS[address.type as 'ipv4' | 'ipv6'].map((bits) => hash('network', networkOf(address.value, bits)))]
  }
  const host = normalizeHost(text)
  if (host === undefined) return []
  const hashes = [hash('host', host)]
  for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) hashes.push(hash('host', host.slice(dot + 1)))
  return hashes
}

function hostsOfUrl (value: string): number[] {
  const url = normalizeUrl(value)
  if (url === undefined) return []
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return [isIP(host) === 0 ? hash('host', host) : hash('address', host)]
}

/** A range is in the network of the next shorter length, whose phones are looked at. */
function networkAround (value: string): number[] {
  const [address, bits] = ipaddr.parseCIDR(value)
  const length = LENGTHS[address.kind()].findLast((one) => one <= bits)
  return length === undefined ? [] : [hash('network', networkOf(address.toString(), length))]
}

function networkOf (address: string, bits: number): string {
  const range = `${address}/${bits}`
  return `${(isIP(address) === 4 ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(range).toString()}/${bits}`
}

/** iOS calls one folder both `/var` and `/private/var`. */
const plainPath = (path: string): string => path.startsWith('/private/var/') ? path.slice('/private'.length) : path

/** The path and every folder it is in, with a slash at the end. */
function pathAndFolders (path: string): string[] {
  const parts = path.split('/')
  return [path, ...parts.slice(2).map((_, index) => parts.slice(0, index + 2).join('/') + '/')]
}

const normalizeHex = (digest: string): string => digest.replace(/[\s:]/g, '').toLowerCase()
