import { isIP } from 'node:net'
import type { IndicatorType } from '../indicators/indicator.js'
import type { IntelEntry } from '../intel-view.js'
import { type Claim, ClaimTable } from './claim-table.js'
import { KeyedFingerprints, randomKey } from './keyed-fingerprint.js'
import { NameFormCollector } from './name-forms.js'
import {
  CLAIM_BITS, CLAIM_DOMAIN, CLAIM_MASK, DOMAIN_LEVELS, DOMAIN_OF, DOMAINS, filterBits, type IndexParts, MAX_LEVELS, toUrlKey, WILDCARD_DOMAIN, WORDS_OF_SLOT
} from './index-parts.js'

/** Slots in one piece while it is being built: growing copies nothing. */
const SLOTS_OF_PIECE = 65_536
/** Mean of slots a bucket: with more a look-up compares more, with fewer the buckets cost more memory. */
const SLOTS_OF_BUCKET = 4
const DOT = 0x2e
const SLASH = 0x2f
const STAR = 0x2a

/**
 * An index that is being filled. Values are only fingerprinted, so that it makes no difference
 * whether they come as texts or as the bytes that the database sent.
 */
export class IndexBuilder {
  readonly #key = randomKey(DOMAINS)
  readonly #fingerprints = new KeyedFingerprints(this.#key)
  readonly #claims = new ClaimTable()
  readonly #claimNumbers = new FingerprintMap()
  readonly #nameForms = new NameFormCollector()
  readonly #pieces: Array<Uint32Array<ArrayBuffer>> = []
  #length = 0
  readonly #ranges = { 4: new Set<number>(), 6: new Set<number>() }
  readonly #levels = { domains: new Uint8Array(DOMAIN_LEVELS), wildcards: new Uint8Array(MAX_LEVELS), paths: new Uint8Array(MAX_LEVELS), hasQueries: false }

  get length (): number {
    return this.#length
  }

  /** @throws RangeError for what is no indicator */
  add (entry: IntelEntry): void {
    const { feed, family, role, threatClass, confidence, port } = entry
    const [validFrom, validUntil] = [entry.validFrom, entry.validUntil].map((time) => time === undefined ? undefined : Date.parse(time))
    const claim = this.numberOfClaim(Buffer.from(JSON.stringify([feed, family, role, threatClass, confidence, port, validFrom, validUntil])), () => (
      { feed, family, role, threatClass, confidence, port, validFrom, validUntil }))
    const value = Buffer.from(entry.value)
    this.addValue(entry.type, value, 0, value.length, claim)
  }

  /** The number of the claim that these bytes stand for; when they are new, `read` says what it is. */
  numberOfClaim (bytes: Uint8Array, read: () => Claim): number {
    if (!this.#fingerprints.ofBytes(CLAIM_DOMAIN, bytes, 0, bytes.length)) throw new RangeError(`what a feed says of an indicator takes ${bytes.length} bytes`)
    const { out } = this.#fingerprints
    const known = this.#claimNumbers.get(out)
    if (known >= 0) return known
    const claim = read()
    const number = this.#claims.add(claim)
    if (number > CLAIM_MASK) throw new RangeError('too many claims')
    this.#nameForms.noteClaim(number, claim)
    this.#claimNumbers.add(out, number)
    return number
  }

  /** @throws RangeError for what is no indicator */
  addValue (type: IndicatorType, bytes: Uint8Array, start: number, end: number, claim: number): void {
    let domain = DOMAIN_OF[type]
    let form = 0
    switch (type) {
      case 'domain':
        this.#levels.domains[Math.min(count(bytes, start, end, DOT), DOMAIN_LEVELS - 1)] = 1
        break
      case 'app-id':
        if (bytes[end - 1] !== STAR || bytes[end - 2] !== DOT) {
          if (this.#nameForms.counts(claim)) this.#nameForms.noteName(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString(), claim)
          break
        }
        domain = WILDCARD_DOMAIN
        end -= 2
        mark(this.#levels.wildcards, count(bytes, start, end, DOT))
        break
      case 'cidr':
        this.#noteRange(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1'))
        break
      case 'url': {
        const url = toUrlKey(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString())
        // Not normalised: nobody asks for it.
        if (url === undefined) return
        form = url.form
        start = end - Buffer.byteLength(url.key) - (form & 1)
        end -= form & 1
        if (url.hasQuery) this.#levels.hasQueries = true
        else mark(this.#levels.paths, count(bytes, start, end, SLASH))
      }
    }
    if (!this.#fingerprints.ofBytes(domain, bytes, start, end)) throw new RangeError(`an indicator of ${end - start} bytes`)
    this.#addSlot(claim | form << CLAIM_BITS)
  }

  #addSlot (word: number): void {
    const inPiece = this.#length % SLOTS_OF_PIECE
    if (inPiece === 0) this.#pieces.push(new Uint32Array(SLOTS_OF_PIECE * WORDS_OF_SLOT))
    const piece = this.#pieces[this.#pieces.length - 1]!
    const { out } = this.#fingerprints
    const at = inPiece * WORDS_OF_SLOT
    piece[at] = out[0]!
    piece[at + 1] = out[1]!
    piece[at + 2] = out[2]!
    piece[at + 3] = out[3]!
    piece[at + 4] = word
    this.#length++
  }

  #noteRange (range: string): void {
    const [address = '', bits] = range.split('/')
    this.#ranges[isIP(address) === 4 ? 4 : 6].add(Number(bits))
  }

  /** The index; nothing can be added any more. */
  finish (): IndexParts {
    const bucketBits = Math.max(1, Math.min(30, Math.round(Math.log2(this.#length / SLOTS_OF_BUCKET))))
    const { buckets, filter, slots } = sortIntoBuckets(this.#pieces, this.#length, bucketBits)
    const down = (lengths: ReadonlySet<number>): number[] => [...lengths].sort((a, b) => b - a)
    return {
      key: this.#key,
      bucketBits,
      buckets,
      filter,
      slots,
      claims: this.#claims.finish(),
      nameForms: this.#nameForms.finish(),
      levels: { ...this.#levels, ranges4: down(this.#ranges[4]), ranges6: down(this.#ranges[6]) }
    }
  }
}

/** Counts, then puts each slot where it belongs: keys are evenly spread, so that no further order is needed. Lets go of the pieces on the way. */
function sortIntoBuckets (pieces: Array<Uint32Array<ArrayBuffer>>, length: number, bits: number): Pick<IndexParts, 'buckets' | 'filter' | 'slots'> {
  const shift = 32 - bits
  const buckets = new Uint32Array(2 ** bits + 1)
  const slotsIn = (piece: number): number => Math.min(SLOTS_OF_PIECE, length - piece * SLOTS_OF_PIECE) * WORDS_OF_SLOT
  for (let piece = 0; piece < pieces.length; piece++) {
    const from = pieces[piece]!
    for (let at = 0, end = slotsIn(piece); at < end; at += WORDS_OF_SLOT) buckets[(from[at]! >>> shift) + 1]!++
  }
  for (let bucket = 1; bucket < buckets.length; bucket++) buckets[bucket]! += buckets[bucket - 1]!
  const filter = new Uint32Array(2 ** bits)
  const slots = new Uint32Array(length * WORDS_OF_SLOT)
  // Filling moves each start to the next bucket's; afterwards they move back by one.
  for (let piece = 0; piece < pieces.length; piece++) {
    const from = pieces[piece]!
    for (let at = 0, end = slotsIn(piece); at < end; at += WORDS_OF_SLOT) {
      const bucket = from[at]! >>> shift
      const to = buckets[bucket]!++ * WORDS_OF_SLOT
      filter[bucket]! |= filterBits(from[at + 1]!)
      slots[to] = from[at]!
      slots[to + 1] = from[at + 1]!
      slots[to + 2] = from[at + 2]!
      slots[to + 3] = from[at + 3]!
      slots[to + 4] = from[at + 4]!
    }
    pieces[piece] = new Uint32Array(0)
  }
  buckets.copyWithin(1, 0, buckets.length - 1)
  buckets[0] = 0
  return { buckets, filter, slots }
}

function count (bytes: Uint8Array, start: number, end: number, wanted: number): number {
  let found = 0
  for (let at = start; at < end; at++) if (bytes[at] === wanted) found++
  return found
}

function mark (levels: Uint8Array, level: number): void {
  if (level < levels.length) levels[level] = 1
}

/** From fingerprints to numbers, open addressing. */
class FingerprintMap {
  #slots = new Uint32Array(1_024 * WORDS_OF_SLOT)
  #size = 0

  /** @returns -1 when it is not there */
  get (fingerprint: Int32Array): number {
    return this.#slots[this.#place(this.#slots, fingerprint) + 4]! - 1
  }

  add (fingerprint: Int32Array, number: number): void {
    if (this.#size * 2 * WORDS_OF_SLOT >= this.#slots.length) this.#grow()
    this.#put(this.#slots, fingerprint, number + 1)
    this.#size++
  }

  #place (slots: Uint32Array, fingerprint: Int32Array): number {
    const [a, b, c, d] = [fingerprint[0]! >>> 0, fingerprint[1]! >>> 0, fingerprint[2]! >>> 0, fingerprint[3]! >>> 0]
    let at = (a % (slots.length / WORDS_OF_SLOT)) * WORDS_OF_SLOT
    while (slots[at + 4] !== 0 && !(slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d)) {
      at += WORDS_OF_SLOT
      if (at === slots.length) at = 0
    }
    return at
  }

  #put (slots: Uint32Array, fingerprint: Int32Array, number: number): void {
    const at = this.#place(slots, fingerprint)
    slots.set(fingerprint, at)
    slots[at + 4] = number
  }

  #grow (): void {
    const larger = new Uint32Array(this.#slots.length * 2)
    const fingerprint = new Int32Array(4)
    for (let at = 0; at < this.#slots.length; at += WORDS_OF_SLOT) {
      if (this.#slots[at + 4] === 0) continue
      fingerprint.set(this.#slots.subarray(at, at + 4))
      this.#put(larger, fingerprint, this.#slots[at + 4]!)
    }
    this.#slots = larger
  }
}
