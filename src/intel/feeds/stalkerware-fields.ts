import type { IndicatorRole, IndicatorType } from '../indicators/indicator.js'

/** What the values of a key are. */
export interface StalkerwareField {
  /** The key as the list's authors usually write it. */
  readonly name: string
  readonly type: IndicatorType
  readonly role: IndicatorRole
}

const field = (name: string, type: IndicatorType, role: IndicatorRole): StalkerwareField => ({ name, type, role })
const PACKAGES = field('packages', 'app-id', 'artifact')
const BUNDLES = field('ios_bundles', 'app-id', 'artifact')
const CERTIFICATES = field('certificates', 'cert-sha1', 'artifact')
const HASHES = field('sha256', 'sha256', 'artifact')
const WEBSITES = field('websites', 'domain', 'website')
const DISTRIBUTION = field('distribution', 'domain', 'distribution')
const C2_DOMAINS = field('c2.domains', 'domain', 'c2')
const C2_IPS = field('c2.ips', 'ipv4', 'c2')

/** Keys in lower case, one word's letters together. Under `c2` stand servers, whatever they are called. */
const FAMILY_KEYS: ReadonlyMap<string, StalkerwareField> = new Map([
  ...keys(PACKAGES, 'packages', 'package', 'packagename', 'packagenames', 'androidpackages', 'apps', 'appids', 'appid'),
  ...keys(BUNDLES, 'iosbundles', 'iosbundle', 'bundles', 'bundle', 'bundleids', 'bundleid'),
  ...keys(CERTIFICATES, 'certificates', 'certificate', 'certs', 'cert', 'certificatessha1', 'certificatesha1', 'certificatefingerprints', 'fingerprints', 'signers'),
  ...keys(HASHES, 'sha256', 'sha1', 'md5', 'hashes', 'hash', 'samples'),
  ...keys(WEBSITES, 'websites', 'website', 'sites', 'site', 'web'),
  ...keys(DISTRIBUTION, 'distribution', 'distributions', 'downloads', 'download', 'distributionurls'),
  ...keys(C2_DOMAINS, 'c2', 'c2s', 'cc', 'cnc', 'candc', 'c2domains', 'c2domain', 'c2hosts', 'domains', 'domain', 'servers', 'server'),
  ...keys(C2_IPS, 'c2ips', 'c2ip', 'ips', 'ip', 'addresses')
])
const C2_KEYS: ReadonlyMap<string, StalkerwareField> = new Map([
  ...keys(C2_DOMAINS, 'domains', 'domain', 'hosts', 'host', 'hostnames', 'hostname', 'urls', 'url', 'servers', 'server', 'websites', 'website'),
  ...keys(C2_IPS, 'ips', 'ip', 'ipv4', 'ipv6', 'addresses', 'address')
])

function keys (field: StalkerwareField, ...names: readonly string[]): Array<[string, StalkerwareField]> {
  return names.map((name) => [name, field])
}

/** Shorter words are another word as soon as a letter differs. */
const LEAST_LENGTH_TO_GUESS = 6
const MOST_SLIPS = 2

/**
 * What a key means: of a family, or of its `c2`. The list is written by hand, so case, plural and
 * a slip of the pen (`certficates`) do not hide what is under it.
 */
export function findField (key: string, under: 'family' | 'c2'): StalkerwareField | undefined {
  const known = under === 'c2' ? C2_KEYS : FAMILY_KEYS
  const plain = key.toLowerCase().replace(/[^a-z0-9]/g, '')
  const exact = known.get(plain)
  if (exact !== undefined || plain.length < LEAST_LENGTH_TO_GUESS || plain.length > 30) return exact
  return [...known].find(([name]) => name.length >= LEAST_LENGTH_TO_GUESS && countSlips(plain, name) <= MOST_SLIPS)?.[1]
}

/** Letters missing, added, wrong or swapped with the next (optimal string alignment). */
export function countSlips (a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, before[j - 2]! + 1)
    }
    before = last
    last = row
  }
  return last[b.length]!
}
