import { randomFillSync } from 'node:crypto'

/** Bytes of a value that is told apart; indicators have at most 2,048 (normalize.ts). */
export const MAX_BYTES = 4_096

/** Words of a key: one 128-bit key for each domain of values. */
export const WORDS_OF_KEY = 4
const WORDS_OF_SCHEDULE = 12

/**
 * 128-bit fingerprints of short values under a secret key: Chaskey-12 (Mouha et al., SAC 2014; ISO/IEC
 * 29192-6), a MAC made for 32-bit arithmetic, which is what JavaScript does without allocating. Each
 * domain has a key of its own, so that equal values of two types have nothing in common.
 *
 * The last one made is in `out`; nobody may keep it across another call.
 */
export class KeyedFingerprints {
  readonly out = new Int32Array(4)
  readonly #words = new Int32Array(MAX_BYTES / 4 + 4)
  /** Per domain the key, and what it becomes for a last block that is full, and one that is not. */
  readonly #schedule: Int32Array

  /** @param key `WORDS_OF_KEY` words a domain, from `randomKey` */
  constructor (key: Int32Array, readonly rounds = 12) {
    const domains = key.length / WORDS_OF_KEY
    this.#schedule = new Int32Array(domains * WORDS_OF_SCHEDULE)
    for (let domain = 0; domain < domains; domain++) {
      const at = domain * WORDS_OF_SCHEDULE
      this.#schedule.set(key.subarray(domain * WORDS_OF_KEY, (domain + 1) * WORDS_OF_KEY), at)
      timesTwo(this.#schedule, at, at + 4)
      timesTwo(this.#schedule, at + 4, at + 8)
    }
  }

  /** Of a part of a text, as UTF-8. @returns false when it is too long to be an indicator */
  ofText (domain: number, text: string, start = 0, end = text.length): boolean {
    const length = end - start
    if (length > MAX_BYTES) return false
    const words = this.#words
    let seen = 0
    let at = start
    let word = 0
    for (const whole = start + (length & ~3); at < whole; at += 4) {
      const a = text.charCodeAt(at)
      const b = text.charCodeAt(at + 1)
      const c = text.charCodeAt(at + 2)
      const d = text.charCodeAt(at + 3)
      seen |= a | b | c | d
      words[word++] = a | b << 8 | c << 16 | d << 24
    }
    let rest = 0
    for (let shift = 0; at < end; at++, shift += 8) {
      const code = text.charCodeAt(at)
      seen |= code
      rest |= code << shift
    }
    if (seen > 0x7f) {
      const bytes = Buffer.from(text.slice(start, end))
      return this.ofBytes(domain, bytes, 0, bytes.length)
    }
    words[word] = rest
    this.#fingerprint(domain, length)
    return true
  }

  /** Of bytes, which are the same as the text that they encode. */
  ofBytes (domain: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start
    if (length > MAX_BYTES) return false
    const words = this.#words
    let at = start
    let word = 0
    for (const whole = start + (length & ~3); at < whole; at += 4) {
      words[word++] = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24
    }
    let rest = 0
    for (let shift = 0; at < end; at++, shift += 8) rest |= bytes[at]! << shift
    words[word] = rest
    this.#fingerprint(domain, length)
    return true
  }

  /** Of the first bytes in #words; the word behind the last whole one holds what is left. */
  #fingerprint (domain: number, length: number): void {
    const words = this.#words
    const schedule = this.#schedule
    const key = domain * WORDS_OF_SCHEDULE
    const tail = length & 15
    const isFull = tail === 0 && length > 0
    const last = length === 0 ? 0 : (length - 1) >>> 4
    if (!isFull) {
      const from = length >>> 2
      for (let word = from + 1; word < (last << 2) + 4; word++) words[word] = 0
      words[from] = words[from]! | 1 << ((length & 3) << 3)
    }
    const closing = key + (isFull ? 4 : 8)
    let v0 = schedule[key]!
    let v1 = schedule[key + 1]!
    let v2 = schedule[key + 2]!
    let v3 = schedule[key + 3]!
    for (let block = 0; block <= last; block++) {
      const at = block << 2
      v0 ^= words[at]!
      v1 ^= words[at + 1]!
      v2 ^= words[at + 2]!
      v3 ^= words[at + 3]!
      if (block === last) {
        v0 ^= schedule[closing]!
        v1 ^= schedule[closing + 1]!
        v2 ^= schedule[closing + 2]!
        v3 ^= schedule[closing + 3]!
      }
      for (let round = this.rounds; round > 0; round--) {
        v0 = (v0 + v1) | 0
        v1 = (v1 << 5 | v1 >>> 27) ^ v0
        v0 = v0 << 16 | v0 >>> 16
        v2 = (v2 + v3) | 0
        v3 = (v3 << 8 | v3 >>> 24) ^ v2
        v0 = (v0 + v3) | 0
        v3 = (v3 << 13 | v3 >>> 19) ^ v0
        v2 = (v2 + v1) | 0
        v1 = (v1 << 7 | v1 >>> 25) ^ v2
        v2 = v2 << 16 | v2 >>> 16
      }
    }
    const out = this.out
    out[0] = v0 ^ schedule[closing]!
    out[1] = v1 ^ schedule[closing + 1]!
    out[2] = v2 ^ schedule[closing + 2]!
    out[3] = v3 ^ schedule[closing + 3]!
  }
}

/** A secret key that nobody has seen. */
export function randomKey (domains: number): Int32Array<ArrayBuffer> {
  return randomFillSync(new Int32Array(domains * WORDS_OF_KEY))
}

/** Multiplication by x in GF(2^128), by which Chaskey makes its closing keys. */
function timesTwo (words: Int32Array, from: number, to: number): void {
  const carry = (words[from + 3]! >>> 31) * 0x87
  words[to + 3] = words[from + 3]! << 1 | words[from + 2]! >>> 31
  words[to + 2] = words[from + 2]! << 1 | words[from + 1]! >>> 31
  words[to + 1] = words[from + 1]! << 1 | words[from]! >>> 31
  words[to] = words[from]! << 1 ^ carry
}
