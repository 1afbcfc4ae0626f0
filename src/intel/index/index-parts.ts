import type { NamesOfForm } from './name-forms.js'
import { INDICATOR_ROLES, INDICATOR_TYPES, THREAT_CLASSES, type IndicatorType } from '../indicators/indicator.js'

/**
 * A compiled index as plain numbers: it is made in one thread and moves to another without being
 * copied. What it means is in compiled-index.ts.
 */
export interface IndexParts {
  /** Secret; of the fingerprints (keyed-fingerprint.ts). */
  readonly key: Int32Array
  /** Fingerprints are in buckets by this many leading bits of their first word. */
  readonly bucketBits: number
  /** Number of the first slot of each bucket, and of the slot behind the last. */
  readonly buckets: Uint32Array
  /** Of each bucket 32 bits, of which every fingerprint in it has set two (`filterBits`). */
  readonly filter: Uint32Array
  /** `WORDS_OF_SLOT` words each: the fingerprint, and the claim with the form of the URL above it. */
  readonly slots: Uint32Array
  readonly claims: ClaimParts
  readonly levels: Levels
  /** Names that a maker's generator gives to its builds; few, and copied. */
  readonly nameForms: readonly NamesOfForm[]
}

/** What is said of values, each thing once. */
export interface ClaimParts {
  /** Of each claim its statement. */
  readonly statements: Uint32Array
  /** Milliseconds since 1970, NaN: no limit. Empty when no claim has one. */
  readonly validFrom: Float64Array
  readonly validUntil: Float64Array
  /** Of each statement: feed and family as numbers of texts; role, class and confidence (`packStatement`); port or 0. */
  readonly feeds: Uint32Array
  readonly families: Uint32Array
  readonly packed: Uint16Array
  readonly ports: Uint16Array
  /** UTF-8, one after the other, and where each begins. */
  readonly texts: Uint8Array
  readonly textStarts: Uint32Array
}

/** Where it is worth asking: nearly all questions miss, and most need not be put. */
export interface Levels {
  /** Lengths of listed ranges, the longest first. */
  readonly ranges4: readonly number[]
  readonly ranges6: readonly number[]
  /** By number of dots: whether a domain is listed that has so many. */
  readonly domains: Uint8Array
  /** The same of application ids with a wildcard, without the `.*`. */
  readonly wildcards: Uint8Array
  /** By number of slashes in host and path: whether a URL without a query is listed. */
  readonly paths: Uint8Array
  /** Whether any URL with a query is. */
  readonly hasQueries: boolean
}

export const WORDS_OF_SLOT = 5
/** A domain has at most 127 labels, in 253 characters. */
export const DOMAIN_LEVELS = 128
/** Below this many labels or folders only the very id or URL is looked for: the number of questions has a limit. */
export const MAX_LEVELS = 32

/** Domains of fingerprints: one a type, and those behind. */
export const WILDCARD_DOMAIN = INDICATOR_TYPES.length
export const CLAIM_DOMAIN = INDICATOR_TYPES.length + 1
export const DOMAINS = INDICATOR_TYPES.length + 2

export const DOMAIN_OF: Readonly<Record<IndicatorType, number>> = Object.fromEntries(INDICATOR_TYPES.map((type, number) => [type, number])) as Record<IndicatorType, number>

/** The two bits of a fingerprint in its bucket's filter, by its second word. */
export const filterBits = (word: number): number => 1 << (word & 31) | 1 << (word >>> 5 & 31)

/** The upper bits of a slot's last word are the form of its URL, the lower ones its claim. */
export const CLAIM_BITS = 28
export const CLAIM_MASK = 2 ** CLAIM_BITS - 1

const SCHEMES = ['http', 'https', 'ws', 'wss', 'ftp'] as const

/** What a URL is looked up by, and what else is needed to write it again. */
export interface UrlKey {
  /** Host, port and path without the slash at its end; with a query as it is. */
  readonly key: string
  readonly form: number
  readonly hasQuery: boolean
}

/** Of a normalised URL: the scheme says nothing of the place, nor does a slash at the end. */
export function toUrlKey (url: string): UrlKey | undefined {
  const colon = url.indexOf('://')
  const scheme = SCHEMES.indexOf(url.slice(0, colon) as typeof SCHEMES[number])
  if (colon < 0 || scheme < 0) return undefined
  const hasQuery = url.includes('?')
  const hasSlash = !hasQuery && url.endsWith('/')
  return { key: url.slice(colon + 3, hasSlash ? -1 : undefined), form: scheme << 1 | (hasSlash ? 1 : 0), hasQuery }
}

/** The URL that this key and form are of. */
export function fromUrlKey (key: string, form: number): string {
  return `${SCHEMES[form >> 1]!}://${key}${(form & 1) === 1 ? '/' : ''}`
}

export interface PackedStatement {
  readonly role: (typeof INDICATOR_ROLES)[number]
  readonly threatClass: (typeof THREAT_CLASSES)[number]
  readonly confidence: number | undefined
}

/** @throws RangeError for what is no indicator */
export function packStatement ({ role, threatClass, confidence }: PackedStatement): number {
  const roleNumber = INDICATOR_ROLES.indexOf(role)
  const classNumber = THREAT_CLASSES.indexOf(threatClass)
  if (roleNumber < 0 || classNumber < 0) throw new RangeError(`${role} or ${threatClass} is not known`)
  if (confidence !== undefined && !(Number.isInteger(confidence) && confidence >= 0 && confidence <= 100)) throw new RangeError(`a confidence of ${confidence}`)
  return roleNumber | classNumber << 3 | (confidence === undefined ? 0 : confidence + 1) << 8
}

export function unpackStatement (packed: number): PackedStatement {
  const confidence = packed >> 8
  return { role: INDICATOR_ROLES[packed & 7]!, threatClass: THREAT_CLASSES[packed >> 3 & 31]!, confidence: confidence === 0 ? undefined : confidence - 1 }
}

/** Everything in it that moves rather than being copied. */
export function buffersOf ({ key, buckets, filter, slots, claims, levels }: IndexParts): ArrayBuffer[] {
  return [key, buckets, filter, slots, claims.statements, claims.validFrom, claims.validUntil, claims.feeds, claims.families, claims.packed, claims.ports, claims.texts, claims.textStarts,
    levels.domains, levels.wildcards, levels.paths].map(({ buffer }) => buffer as ArrayBuffer)
}

export function bytesOf (parts: IndexParts): number {
  return buffersOf(parts).reduce((sum, { byteLength }) => sum + byteLength, 0)
}
