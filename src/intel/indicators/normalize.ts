import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import ipaddr from 'ipaddr.js'
import type { IndicatorType } from './indicator.js'

/** A value in the one form in which it is stored and looked up. */
export interface NormalValue {
  readonly type: IndicatorType
  readonly value: string
}

/** RFC 1035, section 2.3.4, plus the underscore that the field uses. */
const HOST = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)+$/
/** What no host name has, and what `domainToASCII` would read as the end of the host. */
const NOT_IN_HOST = /[\s/\\?#@:%[\]]/
const URL_START = /^(?:https?|wss?|ftp):\/\//i
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const HASH_BYTES = { md5: 16, sha1: 20, sha256: 32, 'cert-md5': 16, 'cert-sha1': 20, 'cert-sha256': 32 } as const
type HashType = keyof typeof HASH_BYTES

/** Bytes: an entry's index row must fit a third of a PostgreSQL page. */
const MAX_BYTES = 2_048

/** A host name in lower-case ASCII without the root's dot (RFC 5890), or undefined when it is none. */
export function normalizeHost (text: string): string | undefined {
  const bare = text.trim().replace(/\.$/, '')
  if (NOT_IN_HOST.test(bare)) return undefined
  const ascii = domainToASCII(bare).toLowerCase().replace(/\.$/, '')
  return HOST.test(ascii) && !/\.\d+$/.test(ascii) ? ascii : undefined
}

/** An address as RFC 5952 writes it; an IPv4 address mapped into IPv6 is the IPv4 address. */
export function normalizeAddress (text: string): NormalValue | undefined {
  const bare = text.trim().replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) === 0) return undefined
  const address = ipaddr.process(bare)
  return { type: address.kind(), value: address.toString() }
}

/** A range by its first address: `10.1.2.3/8` is `10.0.0.0/8`. */
export function normalizeRange (text: string): NormalValue | undefined {
  const [address = '', bits = '', ...rest] = text.trim().split('/')
  if (rest.length > 0 || isIP(address) === 0 || !/^\d{1,3}$/.test(bits)) return undefined
  const range = `${address}/${Number(bits)}`
  if (!ipaddr.isValidCIDR(range)) return undefined
  const network = isIP(address) === 4 ? ipaddr.IPv4.networkAddressFromCIDR(range) : ipaddr.IPv6.networkAddressFromCIDR(range)
  return { type: 'cidr', value: `${network.toString()}/${Number(bits)}` }
}

/** WHATWG URL without its fragment, which no server sees. */
export function normalizeUrl (text: string): string | undefined {
  const trimmed = text.trim()
  if (!URL_START.test(trimmed) || !URL.canParse(trimmed)) return undefined
  const url = new URL(trimmed)
  url.hash = ''
  return url.href
}

/** A hash or fingerprint in lower-case hex, colons and spaces left out. */
export function normalizeHash (type: HashType, text: string): string | undefined {
  const hex = text.replace(/[\s:]/g, '').toLowerCase()
  return hex.length === HASH_BYTES[type] * 2 && /^[0-9a-f]+$/.test(hex) ? hex : undefined
}

/** `hxxps://evil[.]example` as it was before somebody made it safe to click on. */
function refang (text: string): string {
  return text.replace(/^hxxp/i, 'http').replace(/\[\.\]|\(\.\)|\[dot\]/gi, '.').replace(/\[:\/\/\]/, '://').replace(/\[:\]/, ':')
}

/** A value that stands for a place on the network is what it looks like, whatever field it stands in. */
export function normalizeNetworkValue (text: string): NormalValue | undefined {
  return readNetworkValue(text.trim()) ?? readNetworkValue(refang(text.trim()))
}

function readNetworkValue (plain: string): NormalValue | undefined {
  const address = normalizeAddress(plain) ?? normalizeRange(plain)
  if (address !== undefined) return address
  const url = normalizeUrl(plain)
  if (url !== undefined) return { type: 'url', value: url }
  // A listed domain speaks for all below it anyhow (see intel-index.ts).
  const host = normalizeHost(plain.replace(/^\*\./, ''))
  return host === undefined ? undefined : { type: 'domain', value: host }
}

/** Any value under the type its source gives it; undefined when it cannot be one. Idempotent. */
export function normalizeValue (type: IndicatorType, text: string): NormalValue | undefined {
  const normal = normalize(type, text.trim())
  if (normal === undefined || normal.value === '' || Buffer.byteLength(normal.value) > MAX_BYTES) return undefined
  // Neither has a place in PostgreSQL's text: NUL, half of a UTF-16 pair.
  return normal.value.includes('\0') || /\p{Surrogate}/u.test(normal.value) ? undefined : normal
}

function normalize (type: IndicatorType, trimmed: string): NormalValue | undefined {
  switch (type) {
    case 'domain': case 'url': case 'ipv4': case 'ipv6': case 'cidr':
      return normalizeNetworkValue(trimmed)
    case 'md5': case 'sha1': case 'sha256': case 'cert-md5': case 'cert-sha1': case 'cert-sha256': {
      const hash = normalizeHash(type, trimmed)
      return hash === undefined ? undefined : { type, value: hash }
    }
    case 'app-id':
      // Android package names and bundle ids are case-sensitive.
      return /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(trimmed) ? { type, value: trimmed } : undefined
    case 'email':
      return /^[^\s@]+@[^\s@]+$/.test(trimmed) ? { type, value: trimmed.toLowerCase() } : undefined
    case 'profile-id':
      // Apple writes UUIDs in capitals; an identifier is as it is.
      return { type, value: UUID.test(trimmed) ? trimmed.toUpperCase() : trimmed }
    default:
      return { type, value: trimmed }
  }
}
