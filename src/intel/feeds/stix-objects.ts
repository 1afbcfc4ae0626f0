import type { IndicatorType } from '../indicators/indicator.js'
import type { PatternValue } from './stix-pattern.js'

/** An object of a bundle; only its type was checked. */
export interface StixObject {
  readonly type: string
  readonly id?: string
  readonly [key: string]: unknown
}

/** STIX 2.1, section 6: what can be observed, good or bad. */
const OBSERVABLES: ReadonlySet<string> = new Set([
  'artifact', 'autonomous-system', 'directory', 'domain-name', 'email-addr', 'email-message', 'file', 'ipv4-addr', 'ipv6-addr',
  'mac-addr', 'mutex', 'network-traffic', 'process', 'software', 'url', 'user-account', 'windows-registry-key', 'x509-certificate'
])
const VALUES: Readonly<Record<string, IndicatorType>> = { 'domain-name': 'domain', url: 'url', 'ipv4-addr': 'ipv4', 'ipv6-addr': 'ipv6', 'email-addr': 'email' }
const HASHES: ReadonlyArray<readonly [RegExp, 'sha256' | 'sha1' | 'md5']> = [[/^sha-?256$/i, 'sha256'], [/^sha-?1$/i, 'sha1'], [/^md5$/i, 'md5']]

export const isObservable = ({ type }: StixObject): boolean => OBSERVABLES.has(type)

/** What an observable is by value: an address, or the hashes of a file or certificate. */
export function readObservable (object: StixObject): PatternValue[] {
  const { type, value, hashes } = object
  const valueType = VALUES[type]
  if (valueType !== undefined) return typeof value === 'string' ? [{ type: valueType, value, path: `${type}:value` }] : []
  if (typeof hashes !== 'object' || hashes === null || !['file', 'artifact', 'x509-certificate'].includes(type)) return []
  return Object.entries(hashes).flatMap(([name, hash]): PatternValue[] => {
    const known = HASHES.find(([pattern]) => pattern.test(name))?.[1]
    if (known === undefined || typeof hash !== 'string') return []
    return [{ type: type === 'x509-certificate' ? `cert-${known}` : known, value: hash, path: `${type}:hashes.${known}` }]
  })
}
