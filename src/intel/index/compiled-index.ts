import { isIP } from 'node:net'
import type { IndicatorType } from '../indicators/indicator.js'
import type { IndicatorView, IntelEntry } from '../intel-view.js'
import { normalizeAddress, normalizeHost, normalizeRange, normalizeUrl } from '../indicators/normalize.js'
import { type HostGuard, speaksFor } from '../indicators/shared-hosts.js'
import { toEntry } from './claim-table.js'
import { KeyedFingerprints } from './keyed-fingerprint.js'
import { formOfName, type NamesOfForm } from './name-forms.js'
import { CLAIM_BITS, CLAIM_MASK, DOMAIN_OF, filterBits, fromUrlKey, type IndexParts, MAX_LEVELS, toUrlKey, WILDCARD_DOMAIN, WORDS_OF_SLOT } from './index-parts.js'

const NONE: readonly IntelEntry[] = Object.freeze([])
/** Entries of a generation that are kept as objects; two generations are. More than a phone can hit. */
const MAX_KEPT = 20_000
const MAX_PORT = 65_535

/**
 * The index that the assessment asks (docs/decisions/0010-compiled-index.md). It holds no value:
 * what is found is written with the question's own words, which are the same.
 */
export class CompiledIndex implements IndicatorView {
  readonly #fingerprints: KeyedFingerprints
  readonly #shift: number
  readonly #buckets: Uint32Array
  readonly #filter: Uint32Array
  readonly #slots: Uint32Array
  readonly #hasWildcards: boolean
  readonly #hasDomains: boolean
  readonly #hasPaths: boolean
  readonly #nameForms: ReadonlyMap<string, readonly NamesOfForm[]>
  /** By the first slot of a value: callers compare entries by identity. Phones decide what is hit, so it is bounded. */
  #kept = new Map<number, readonly IntelEntry[]>()
  #keptBefore = new Map<number, readonly IntelEntry[]>()

  constructor (readonly parts: IndexParts, readonly guard: HostGuard) {
    this.#fingerprints = new KeyedFingerprints(parts.key)
    this.#shift = 32 - parts.bucketBits
    this.#buckets = parts.buckets
    this.#filter = parts.filter
    this.#slots = parts.slots
    this.#hasWildcards = parts.levels.wildcards.includes(1)
    this.#hasDomains = parts.levels.domains.includes(1)
    this.#hasPaths = parts.levels.paths.includes(1)
    this.#nameForms = byForm(parts.nameForms)
  }

  get size (): number {
    return this.#slots.length / WORDS_OF_SLOT
  }

  lookup (type: IndicatorType, value: string): readonly IntelEntry[] {
    if (type === 'app-id' && (this.#hasWildcards || value.endsWith('.*'))) return this.#lookupAppId(value)
    if (type === 'url') return this.#lookupExactUrl(value)
    if (!this.#fingerprints.ofText(DOMAIN_OF[type], value)) return NONE
    const slot = this.#findSlot()
    return slot < 0 ? NONE : this.#entriesAt(slot, type, value)
  }

  /**
   * The host itself and its parents. A listed parent speaks for all below it, but in each feed
   * the nearest word counts: where `www.spy.example` is a maker's shop, that its parent is a
   * control server says nothing about the shop. A public suffix and a host that strangers share
   * speak for themselves alone: `github.io` or `co.uk` in a feed is a mistake.
   */
  lookupHost (text: string, port?: number): readonly IntelEntry[] {
    if (isPlainHost(text)) return this.#lookupDomain(text, port)
    if (isIP(text.replace(/^\[(.*)\]$/, '$1')) !== 0) return this.#lookupAddress(text, port)
    const host = normalizeHost(text)
    return host === undefined ? NONE : this.#lookupDomain(host, port)
  }

  lookupUrl (text: string): readonly IntelEntry[] {
    if (!this.#hasPaths && !this.parts.levels.hasQueries) return NONE
    const url = normalizeQuestion(text)
    const asked = url === undefined ? undefined : toUrlKey(url)
    if (asked === undefined) return NONE
    const { key, hasQuery } = asked
    let found = hasQuery && this.parts.levels.hasQueries ? this.#urlsAt(key, key.length) : NONE
    if (!this.#hasPaths) return found

    const whole = hasQuery ? key.slice(0, key.indexOf('?')).replace(/\/$/, '') : key
    const places = [whole.length]
    for (let slash = whole.indexOf('/'), level = 0; slash !== -1 && level < MAX_LEVELS; slash = whole.indexOf('/', slash + 1), level++) {
      if (this.parts.levels.paths[level] === 1) places.push(slash)
    }
    // The nearest first.
    places.sort((a, b) => b - a)
    for (const end of places) found = join(found, this.#urlsAt(whole, end))
    return found
  }

  namesLike (appId: string): readonly IntelEntry[] {
    if (this.#nameForms.size === 0) return NONE
    const form = formOfName(appId)
    const alike = form === undefined ? undefined : this.#nameForms.get(form)
    return alike === undefined ? NONE : alike.flatMap(({ names }) => names.map(([value, claim]) => toEntry(this.parts.claims, claim, 'app-id', value)))
  }

  /** The id itself, then wildcards: the longest first. */
  #lookupAppId (value: string): readonly IntelEntry[] {
    const isWildcard = value.endsWith('.*')
    if (!this.#fingerprints.ofText(isWildcard ? WILDCARD_DOMAIN : DOMAIN_OF['app-id'], value, 0, isWildcard ? value.length - 2 : value.length)) return NONE
    const slot = this.#findSlot()
    let found = slot < 0 ? NONE : this.#entriesAt(slot, 'app-id', value)
    if (isWildcard) return found

    const borders: number[] = []
    for (let dot = value.indexOf('.'), level = 0; dot !== -1 && level < MAX_LEVELS; dot = value.indexOf('.', dot + 1), level++) {
      if (this.parts.levels.wildcards[level] === 1) borders.push(dot)
    }
    for (const dot of borders.reverse()) {
      this.#fingerprints.ofText(WILDCARD_DOMAIN, value, 0, dot)
      const covering = this.#findSlot()
      if (covering >= 0) found = join(found, this.#entriesAt(covering, 'app-id', `${value.slice(0, dot)}.*`))
    }
    return found
  }

  #lookupExactUrl (value: string): readonly IntelEntry[] {
    const url = toUrlKey(value)
    return url === undefined ? NONE : this.#urlsAt(url.key, url.key.length).filter((entry) => entry.value === value)
  }

  /** URLs of this part of a key, whatever their scheme. */
  #urlsAt (key: string, end: number): readonly IntelEntry[] {
    if (!this.#fingerprints.ofText(DOMAIN_OF.url, key, 0, end)) return NONE
    const slot = this.#findSlot()
    return slot < 0 ? NONE : this.#entriesAt(slot, 'url', key.slice(0, end))
  }

  #lookupDomain (host: string, port: number | undefined): readonly IntelEntry[] {
    if (!this.#hasDomains) return NONE
    this.#fingerprints.ofText(DOMAIN_OF.domain, host)
    const slot = this.#findSlot()
    let found = slot < 0 ? NONE : atPort(this.#entriesAt(slot, 'domain', host), port)

    const { domains } = this.parts.levels
    let dots = 0
    for (let at = host.indexOf('.'); at !== -1; at = host.indexOf('.', at + 1)) dots++
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      if (domains[--dots] !== 1) continue
      this.#fingerprints.ofText(DOMAIN_OF.domain, host, dot + 1)
      const above = this.#findSlot()
      // Nearly every host of every phone is unknown with all its parents.
      if (above < 0) continue
      const parent = host.slice(dot + 1)
      if (!speaksFor(parent, host, this.guard)) break
      const nearer = found
      const further = atPort(this.#entriesAt(above, 'domain', parent), port).filter(({ feed }) => !nearer.some((entry) => entry.feed === feed))
      found = join(found, further)
    }
    return found
  }

  /** The address itself, then the ranges that it is in: the longest prefix first. */
  #lookupAddress (text: string, port: number | undefined): readonly IntelEntry[] {
    const address = normalizeAddress(text)
    if (address === undefined) return NONE
    const { ranges4, ranges6 } = this.parts.levels
    let found = this.lookup(address.type, address.value)
    for (const bits of address.type === 'ipv4' ? ranges4 : ranges6) {
      const range = address.type === 'ipv4' ? rangeOfIpv4(address.value, bits) : normalizeRange(`${address.value}/${bits}`)?.value
      if (range !== undefined) found = join(found, this.lookup('cidr', range))
    }
    return atPort(found, port)
  }

  /** @returns the first slot with the fingerprint just made, or -1 */
  #findSlot (): number {
    const { out } = this.#fingerprints
    const a = out[0]! >>> 0
    const b = out[1]! >>> 0
    const bucket = a >>> this.#shift
    // What is not listed ends here, 19 times of 20, at one place of a small array.
    const bits = filterBits(b)
    if ((this.#filter[bucket]! & bits) !== bits) return -1
    const c = out[2]! >>> 0
    const d = out[3]! >>> 0
    const slots = this.#slots
    const end = this.#buckets[bucket + 1]!
    for (let slot = this.#buckets[bucket]!; slot < end; slot++) {
      const at = slot * WORDS_OF_SLOT
      if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d) return slot
    }
    return -1
  }

  /** All that is said of the value whose first slot this is. */
  #entriesAt (first: number, type: IndicatorType, value: string): readonly IntelEntry[] {
    const kept = this.#kept.get(first) ?? this.#keptBefore.get(first)
    const entries = kept ?? this.#makeEntries(first, type, value)
    if (kept === undefined || !this.#kept.has(first)) {
      if (this.#kept.size >= MAX_KEPT) [this.#keptBefore, this.#kept] = [this.#kept, new Map()]
      this.#kept.set(first, entries)
    }
    return entries
  }

  #makeEntries (first: number, type: IndicatorType, value: string): readonly IntelEntry[] {
    const slots = this.#slots
    const same = (slot: number): boolean => [0, 1, 2, 3].every((word) => slots[slot * WORDS_OF_SLOT + word] === slots[first * WORDS_OF_SLOT + word])
    const entries: IntelEntry[] = []
    const end = this.#buckets[(slots[first * WORDS_OF_SLOT]! >>> this.#shift) + 1]!
    for (let slot = first; slot < end; slot++) {
      if (!same(slot)) continue
      const word = slots[slot * WORDS_OF_SLOT + 4]!
      entries.push(Object.freeze(toEntry(this.parts.claims, word & CLAIM_MASK, type, type === 'url' ? fromUrlKey(value, word >>> CLAIM_BITS) : value)))
    }
    // Whatever the order in which they were read: all processes answer alike.
    return Object.freeze(entries.sort(byContent))
  }
}

function byContent (a: IntelEntry, b: IntelEntry): number {
  return compare(a.feed, b.feed) || compare(a.value, b.value) || compare(a.family, b.family) || compare(a.role, b.role) || (a.port ?? 0) - (b.port ?? 0)
}

const compare = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0

function join (found: readonly IntelEntry[], further: readonly IntelEntry[]): readonly IntelEntry[] {
  return further.length === 0 ? found : found.length === 0 ? further : [...found, ...further]
}

/** Who is listed with a port is meant there alone; a port nobody told may be that one. */
function atPort (entries: readonly IntelEntry[], port: number | undefined): readonly IntelEntry[] {
  if (port === undefined || port < 1 || port > MAX_PORT || entries.every((entry) => entry.port === undefined || entry.port === port)) return entries
  return entries.filter((entry) => entry.port === undefined || entry.port === port)
}

const DOT = 0x2e
const HYPHEN = 0x2d
const MAX_HOST = 253
const MAX_LABEL = 63

/**
 * Whether `normalizeHost` would change nothing, which is dear to ask: lower-case letters, digits and
 * hyphens inside labels, of which none is punycode and the last begins with a letter. Nearly every
 * host is written so.
 */
export function isPlainHost (text: string): boolean {
  const { length } = text
  if (length < 3 || length > MAX_HOST) return false
  let start = 0
  for (let at = 0; at <= length; at++) {
    const code = at === length ? DOT : text.charCodeAt(at)
    if (code === DOT) {
      if (at === start || at - start > MAX_LABEL || text.charCodeAt(at - 1) === HYPHEN) return false
      if (at < length) start = at + 1
    } else if (code === HYPHEN) {
      // A second one in a row stands in punycode.
      if (at === start || text.charCodeAt(at - 1) === HYPHEN) return false
    } else if (!((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39))) return false
  }
  return start > 0 && start < length && text.charCodeAt(start) >= 0x61
}

function byForm (all: readonly NamesOfForm[]): ReadonlyMap<string, readonly NamesOfForm[]> {
  const found = new Map<string, NamesOfForm[]>()
  for (const one of all) found.set(one.form, [...found.get(one.form) ?? [], one])
  return found
}

/** A URL as a phone tells it: a user name before the host changes nothing about where it leads. */
function normalizeQuestion (text: string): string | undefined {
  const normal = normalizeUrl(text)
  if (normal !== undefined || !text.includes('@') || !URL.canParse(text)) return normal
  const url = new URL(text)
  url.username = ''
  url.password = ''
  return normalizeUrl(url.href)
}

function rangeOfIpv4 (address: string, bits: number): string {
  let number = 0
  for (const octet of address.split('.')) number = number << 8 | Number(octet)
  if (bits < 32) number = bits === 0 ? 0 : number & (-1 << (32 - bits))
  return `${number >>> 24}.${number >>> 16 & 255}.${number >>> 8 & 255}.${number & 255}/${bits}`
}
