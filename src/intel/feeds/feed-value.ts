import ipaddr from 'ipaddr.js'
import type { IndicatorType } from '../indicators/indicator.js'
import { normalizeValue, type NormalValue } from '../indicators/normalize.js'

/** Addresses that mean another machine in every network, or none: in a feed they are a mistake. */
const NOBODYS_RANGES: ReadonlySet<string> = new Set(['unspecified', 'broadcast', 'multicast', 'linkLocal', 'loopback', 'private', 'uniqueLocal', 'carrierGradeNat'])
/** Wider ranges would condemn half of the Internet. */
const LEAST_PREFIX = { ipv4: 8, ipv6: 16 } as const

/** A feed's value under its true type, or why it cannot be used. */
export function readValue (type: IndicatorType, value: unknown): NormalValue | { readonly reason: string } {
  // YAML reads an unquoted 2024.10 or 0123 as a number, and what was written is lost.
  if (typeof value !== 'string') return { reason: 'not text' }
  const normal = normalizeValue(type, value)
  if (normal === undefined) return { reason: `not a valid ${type}` }
  if (normal.type === 'ipv4' || normal.type === 'ipv6') {
    if (NOBODYS_RANGES.has(ipaddr.parse(normal.value).range())) return { reason: 'an address that is no public one' }
  }
  if (normal.type === 'cidr') {
    const [network, bits] = ipaddr.parseCIDR(normal.value)
    if (bits < LEAST_PREFIX[network.kind()]) return { reason: 'a range too wide to be meant' }
    if (NOBODYS_RANGES.has(network.range())) return { reason: 'an address that is no public one' }
  }
  return normal
}
