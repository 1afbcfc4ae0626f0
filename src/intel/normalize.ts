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

const HASH_BYTES = { md5: 16, sha1: 20, sha256: 32, 'cert-md5': 16, 'cert-sha1': 20, 'cert-sha256': 32 } as const
type HashType = keyof typeof HASH_BYTES

const MAX_LENGTH = 2_048

/** A host name in lower-case ASCII without the root's dot (RFC 5890), or undefined when it is none. */
export function normalizeHost (text: string): string | undefined {
  const ascii = domainToASCII(text.trim().replace(/\.$/, '')).toLowerCase()
  return HOST.test(ascii) && !/^[\d.]+$/.test(ascii) ? ascii : undefined
}

/** An address as RFC 5952 writes it; an IPv4 address mapped into IPv6 is the IPv4 address. */
export function normalizeAddress (text: string): NormalValue | undefined {
  const bare = text.trim().replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) === 0) return undefined
  const address = ipaddr.process(bare)
  return { type: address.kind(), value: address.toString() }
}

/** WHATWG URL without its fragment, which no server sees. */
export function normalizeUrl (text: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text.trim()) || !URL.canParse(text.trim())) return undefined
  const url = new URL(text.trim())
  url.hash = ''
  return url.href
}

/** A hash or fingerprint in lower-case hex, colons and spaces left out. */
export function normalizeHash (type: HashType, text: string): string | undefined {
  const hex = text.replace(/[\s:]/g, '').toLowerCase()
  return hex.length === HASH_BYTES[type] * 2 && /^[0-9a-f]+$/.test(hex) ? hex : undefined
}

/** A value that stands for a place on the network is what it looks like, whatever field it stands in. */
export function normalizeNetworkValue (text: string): NormalValue | undefined {
  const address = normalizeAddress(text)
  if (address !== undefined) return address
  if (/^[0-9a-f.:]+\/\d{1,3}$/i.test(text.trim()) && ipaddr.isValidCIDR(text.trim())) {
    const [network, bits] = ipaddr.parseCIDR(text.trim())
    return { type: 'cidr', value: `${network.toString()}/${bits}` }
  }
  const url = normalizeUrl(text)
  if (url !== undefined) return { type: 'url', value: url }
  const host = normalizeHost(text)
  return host === undefined ? undefined : { type: 'domain', value: host }
}

/** Any value under the type its source gives it; undefined when it cannot be one. */
export function normalizeValue (type: IndicatorType, text: string): NormalValue | undefined {
  const trimmed = text.trim()
  if (trimmed === '' || trimmed.length > MAX_LENGTH || trimmed.includes('\0')) return undefined
  switch (type) {
    case 'domain': case 'url': case 'ipv4': case 'ipv6': case 'cidr':
      return normalizeNetworkValue(trimmed)
    case 'md5': case 'sha1': case 'sha256': case 'cert-md5': case 'cert-sha1': case 'cert-sha256': {
      const hash = normalizeHash(type, trimmed)
      return hash === undefined ? undefined : { type, value: hash }
    }
    case 'app-id':
      // Android package names and bundle ids are case-sensitive.
      return /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(trimmed) ? { type, value: trimmed } : undefined
    case 'email':
      return /^[^\s@]+@[^\s@]+$/.test(trimmed) ? { type, value: trimmed.toLowerCase() } : undefined
    default:
      return { type, value: trimmed }
  }
}
