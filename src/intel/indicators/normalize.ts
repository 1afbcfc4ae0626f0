import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import ipaddr from 'ipaddr.js'
import type { IndicatorType } from './indicator.js'
import { refang } from './refang.js'

/** A value in the one form in which it is stored and looked up. */
export interface NormalValue {
  readonly type: IndicatorType
  readonly value: string
  /** Of a domain or address that was written with a port. */
  readonly port?: number
}

/** RFC 1035, section 2.3.4, plus the underscore that the field uses. */
const HOST = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)+$/
/** What no host name has, and what `domainToASCII` would read as the end of the host. */
const NOT_IN_HOST = /[\s/\\?#@:%[\]]/
/** Such a name is its own ASCII form: nothing to map, no Punycode to check, and no last label that makes it an address (WHATWG URL, host parsing). */
const PLAIN_HOST = /^(?!.*xn--)[a-z0-9_.-]*\.[a-z][a-z0-9_-]*$/
const URL_START = /^(?:https?|wss?|ftp):\/\//i
/** Something before the path that is written with a backslash is defanged, or is meant to mislead. */
const BACKSLASH_IN_AUTHORITY = /^[a-z]+:\/\/[^/?#]*\\/i
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** C0, C1 and DEL: no name, path or host has one that is meant. NUL has no place in PostgreSQL's text. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
const APP_ID = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/
/** `com.evil.*`: with one label it would be half of all apps. */
const APP_ID_WILDCARD = /^[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+\.\*$/

const HASH_BYTES = { md5: 16, sha1: 20, sha256: 32, 'cert-md5': 16, 'cert-sha1': 20, 'cert-sha256': 32 } as const
type HashType = keyof typeof HASH_BYTES
const FILE_HASHES: readonly HashType[] = ['sha256', 'sha1', 'md5']
const CERTIFICATE_HASHES: readonly HashType[] = ['cert-sha256', 'cert-sha1', 'cert-md5']

/** Bytes: an entry's index row must fit a third of a PostgreSQL page. */
const MAX_BYTES = 2_048

/** A host name in lower-case ASCII without the root's dot (RFC 5890), or undefined when it is none. */
export function normalizeHost (text: string): string | undefined {
  const bare = text.trim().replace(/\.$/, '')
  if (NOT_IN_HOST.test(bare)) return undefined
  const ascii = PLAIN_HOST.test(bare) ? bare : domainToASCII(bare).toLowerCase().replace(/\.$/, '')
  return HOST.test(ascii) && !/\.\d+$/.test(ascii) ? ascii : undefined
}

/** An address as RFC 5952 writes it, without its zone; an IPv4 address mapped into IPv6 is the IPv4 address. */
export function normalizeAddress (text: string): NormalValue | undefined {
  const bare = text.trim().replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) === 0) return undefined
  // A zone names an interface of the machine that wrote it down (RFC 4007, section 11).
  const address = ipaddr.process(bare.replace(/%.*$/, ''))
  return { type: address.kind(), value: address.toString() }
}

/** A range by its first address: `10.1.2.3/8` is `10.0.0.0/8`. A range of one address is that address. */
export function normalizeRange (text: string): NormalValue | undefined {
  const [address = '', bits = '', ...rest] = text.trim().split('/')
  if (rest.length > 0 || isIP(address) === 0 || address.includes('%') || !/^\d{1,3}$/.test(bits)) return undefined
  const range = `${address}/${Number(bits)}`
  if (!ipaddr.isValidCIDR(range)) return undefined
  const network = isIP(address) === 4 ? ipaddr.IPv4.networkAddressFromCIDR(range) : ipaddr.IPv6.networkAddressFromCIDR(range)
  const isMapped = network instanceof ipaddr.IPv6 && network.isIPv4MappedAddress() && Number(bits) >= 96
  const [first, length] = isMapped ? [network.toIPv4Address(), Number(bits) - 96] : [network, Number(bits)]
  if (length === first.toByteArray().length * 8) return { type: first.kind(), value: first.toString() }
  return { type: 'cidr', value: `${first.toString()}/${length}` }
}

/**
 * WHATWG URL without its fragment, which no server sees, and with percent-encoding in the one
 * form of RFC 3986, section 6.2.2. A user name in it is refused: what stands before the @ is
 * there to mislead.
 */
export function normalizeUrl (text: string): string | undefined {
  const trimmed = text.trim()
  if (!URL_START.test(trimmed) || BACKSLASH_IN_AUTHORITY.test(trimmed) || CONTROL.test(trimmed) || !URL.canParse(trimmed)) return undefined
  const url = new URL(trimmed)
  if (url.username !== '' || url.password !== '') return undefined
  const address = normalizeAddress(url.hostname)
  const host = address === undefined ? normalizeHost(url.hostname) : address.type === 'ipv6' ? `[${address.value}]` : address.value
  if (host === undefined) return undefined
  const port = url.port === '' ? '' : `:${url.port}`
  return `${url.protocol}//${host}${port}${normalizePercents(url.pathname)}${normalizePercents(url.search)}`
}

/** Capitals in what is encoded, and nothing encoded that need not be (RFC 3986, section 2.3). */
function normalizePercents (text: string): string {
  if (!text.includes('%')) return text
  return text
    // A percent sign that encodes nothing stands for itself; left alone it could begin to encode what comes after.
    .replace(/%(?![0-9a-f]{2})/gi, '%25')
    .replace(/%[0-9a-f]{2}/gi, (encoded) => {
      const plain = String.fromCharCode(parseInt(encoded.slice(1), 16))
      return /[A-Za-z0-9._~-]/.test(plain) ? plain : encoded.toUpperCase()
    })
}

/** A hash or fingerprint in lower-case hex, colons and spaces left out. */
export function normalizeHash (type: HashType, text: string): string | undefined {
  const hex = hexOf(text)
  return hex.length === HASH_BYTES[type] * 2 && /^[0-9a-f]+$/.test(hex) ? hex : undefined
}

const hexOf = (text: string): string => text.trim().replace(/^(?:sha-?256|sha-?1|md5)\s*[:=]\s*/i, '').replace(/[\s:]/g, '').toLowerCase()

/** Its length says which hash it is, whatever field it stands in. */
function readHash (types: readonly HashType[], text: string): NormalValue | undefined {
  for (const type of types) {
    const value = normalizeHash(type, text)
    if (value !== undefined) return { type, value }
  }
  return undefined
}

/** A value that stands for a place on the network is what it looks like, whatever field it stands in. */
export function normalizeNetworkValue (text: string): NormalValue | undefined {
  return readNetworkValue(text.trim()) ?? readNetworkValue(refang(text.trim()))
}

function readNetworkValue (plain: string): NormalValue | undefined {
  if (CONTROL.test(plain)) return undefined
  const url = normalizeUrl(plain)
  if (url !== undefined) return { type: 'url', value: url }
  return normalizeAddress(plain) ?? normalizeRange(plain) ?? readHost(plain) ?? readHostAndPort(plain) ?? readSchemelessUrl(plain)
}

function readHost (plain: string): NormalValue | undefined {
  // A listed domain speaks for all below it anyhow (see intel-index.ts).
  const host = normalizeHost(plain.replace(/^\*?\./, '').replace(/\/$/, ''))
  return host === undefined ? undefined : { type: 'domain', value: host }
}

/** `evil.example:8080`, `203.0.113.5:443`, `[2001:db8::1]:443`. */
function readHostAndPort (plain: string): NormalValue | undefined {
  const [, host = '', digits = ''] = /^(\[[^\]]*\]|[^:[\]]+):(\d{1,5})\/?$/.exec(plain) ?? []
  const port = Number(digits)
  if (port < 1 || port > 65_535) return undefined
  const read = normalizeAddress(host) ?? readHost(host)
  return read === undefined ? undefined : { ...read, port }
}

/** `evil.example/path` is a page, whatever field it stands in, and one without a certificate as likely as not. */
function readSchemelessUrl (plain: string): NormalValue | undefined {
  const [, host = ''] = /^([^\s:/?#@\\]+)(?::\d{1,5})?\/[^\s]/.exec(plain) ?? []
  // An address with something behind it is a range gone wrong.
  const value = readHost(host) === undefined ? undefined : normalizeUrl(`http://${plain}`)
  return value === undefined ? undefined : { type: 'url', value }
}

/** Any value under the type its source gives it; undefined when it cannot be one. Idempotent. */
export function normalizeValue (type: IndicatorType, text: string): NormalValue | undefined {
  const normal = normalize(type, text.trim())
  if (normal === undefined || normal.value === '' || Buffer.byteLength(normal.value) > MAX_BYTES) return undefined
  // Half of a UTF-16 pair has no place in PostgreSQL's text either.
  return CONTROL.test(normal.value) || /\p{Surrogate}/u.test(normal.value) ? undefined : normal
}

function normalize (type: IndicatorType, trimmed: string): NormalValue | undefined {
  switch (type) {
    case 'domain': case 'url': case 'ipv4': case 'ipv6': case 'cidr':
      return normalizeNetworkValue(trimmed)
    case 'md5': case 'sha1': case 'sha256':
      return readHash(FILE_HASHES, trimmed)
    case 'cert-md5': case 'cert-sha1': case 'cert-sha256':
      return readHash(CERTIFICATE_HASHES, trimmed)
    case 'app-id':
      // Android package names and bundle ids are case-sensitive.
      return APP_ID.test(trimmed) || APP_ID_WILDCARD.test(trimmed) ? { type, value: trimmed } : undefined
    case 'email':
      return readEmail(trimmed)
    case 'profile-id':
      // Apple writes UUIDs in capitals; an identifier is as it is.
      return { type, value: UUID.test(trimmed) ? trimmed.toUpperCase() : trimmed }
    default:
      return { type, value: trimmed }
  }
}

function readEmail (trimmed: string): NormalValue | undefined {
  const [, local = '', domain = ''] = /^([^\s@]+)@([^\s@]+)$/.exec(refang(trimmed.replace(/^mailto:/i, ''))) ?? []
  const host = normalizeHost(domain)
  return host === undefined ? undefined : { type: 'email', value: `${local.toLowerCase()}@${host}` }
}
