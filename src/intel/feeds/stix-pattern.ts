import type { IndicatorType } from '../indicators/indicator.js'

/**
 * Object paths of STIX 2.1 patterns, and those that MVT's bundles add (`app:`,
 * `configuration-profile:`, `android-property:`), which are not in the standard.
 */
const PATHS: ReadonlyMap<string, IndicatorType> = new Map<string, IndicatorType>([
  ['domain-name:value', 'domain'],
  ['url:value', 'url'],
  ['ipv4-addr:value', 'ipv4'],
  ['ipv6-addr:value', 'ipv6'],
  ['email-addr:value', 'email'],
  ['process:name', 'process'],
  ['file:name', 'file-name'],
  ['file:path', 'file-path'],
  ['file:hashes.md5', 'md5'],
  ['file:hashes.sha1', 'sha1'],
  ['file:hashes.sha256', 'sha256'],
  ['app:id', 'app-id'],
  ['app:cert.md5', 'cert-md5'],
  ['app:cert.sha1', 'cert-sha1'],
  ['app:cert.sha256', 'cert-sha256'],
  ['configuration-profile:id', 'profile-id'],
  ['android-property:name', 'property']
])

// [path = 'value'], the value with \' and \\ escaped (STIX 2.1, section 9.2).
const COMPARISON = /^\s*\[\s*([a-z0-9-]+:[^=<>!\s]+)\s*=\s*'((?:[^'\\]|\\.)*)'\s*\]\s*$/is

export interface Comparison {
  readonly type: IndicatorType
  readonly value: string
  /** The object path as we know it. */
  readonly path: string
}

/** The one comparison of a pattern, or why it cannot be used. */
export function readComparison (pattern: string): Comparison | { readonly reason: string } {
  const match = COMPARISON.exec(pattern)
  if (match === null) return { reason: 'pattern is not one comparison with =' }
  const path = normalizePath(match[1]!)
  const type = PATHS.get(path)
  if (type === undefined) return { reason: `pattern on ${path}` }
  return { type, path, value: match[2]!.replace(/\\(.)/gs, '$1') }
}

/** `file:hashes.'SHA-256'`, `file:hashes."SHA-256"` and `file:hashes.sha256` are the same. */
function normalizePath (path: string): string {
  return path.toLowerCase().replace(/['"]/g, '').replace(/\.sha-(\d+)$/, '.sha$1')
}
