import ipaddr from 'ipaddr.js'
import type { IndicatorType } from '../indicators/indicator.js'
import { normalizeValue, type NormalValue } from '../indicators/normalize.js'

/** Addresses that mean another machine in every network, or none: in a feed they are a mistake. */
const NOBODYS_RANGES: ReadonlySet<string> = new Set(['unspecified', 'broadcast', 'multicast', 'linkLocal', 'loopback', 'private', 'uniqueLocal', 'carrierGradeNat'])
/** Wider ranges would condemn half of the Internet. */
const LEAST_PREFIX = { ipv4: 8, ipv6: 16 } as const

/** Names that each network gives to machines of its own (RFC 6761, RFC 8375, and habit). */
const LOCAL_NAME = /\.(?:local|localhost|localdomain|lan|internal|intranet|corp|home|home\.arpa|in-addr\.arpa|ip6\.arpa|invalid)$/
/** Makers whose names stand before those of thousands of harmless apps. */
const MAKERS: ReadonlySet<string> = new Set([
  'com.android', 'com.google', 'com.google.android', 'com.google.android.apps', 'com.apple', 'com.samsung', 'com.samsung.android', 'com.sec', 'com.sec.android',
  'com.sec.android.app', 'com.huawei', 'com.huawei.android', 'com.hihonor', 'com.xiaomi', 'com.miui', 'com.oppo', 'com.coloros', 'com.heytap', 'com.vivo', 'com.oneplus',
  'com.realme', 'com.motorola', 'com.sony', 'com.sonyericsson', 'com.sonymobile', 'com.lge', 'com.htc', 'com.asus', 'com.lenovo', 'com.zte', 'com.tcl', 'com.nokia',
  'com.qualcomm', 'com.qti', 'com.mediatek', 'com.microsoft', 'com.amazon', 'com.facebook', 'com.example', 'org.chromium', 'org.mozilla', 'org.lineageos', 'io.github', 'com.github'
])

/** A feed's value under its true type, or why it cannot be used. */
export function readValue (type: IndicatorType, value: unknown): NormalValue | { readonly reason: string } {
  // YAML reads an unquoted 2024.10 or 0123 as a number, and what was written is lost.
  if (typeof value !== 'string') return { reason: 'not text' }
  const normal = normalizeValue(type, value)
  if (normal === undefined) return { reason: type === 'app-id' && value.trim().endsWith('*') ? 'a wildcard too wide to be meant' : `not a valid ${type}` }
  if (normal.type === 'ipv4' || normal.type === 'ipv6') {
    if (NOBODYS_RANGES.has(ipaddr.parse(normal.value).range())) return { reason: 'an address that is no public one' }
  }
  if (normal.type === 'domain' && LOCAL_NAME.test(normal.value)) return { reason: 'a name that means another machine in every network' }
  if (normal.type === 'app-id' && MAKERS.has(normal.value.replace(/\.\*$/, ''))) return { reason: 'the names of all apps of a maker' }
  if (normal.type === 'cidr') {
    const [network, bits] = ipaddr.parseCIDR(normal.value)
    if (bits < LEAST_PREFIX[network.kind()]) return { reason: 'a range too wide to be meant' }
    if (NOBODYS_RANGES.has(network.range())) return { reason: 'an address that is no public one' }
  }
  return normal
}
