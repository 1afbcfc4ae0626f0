/** Repeatable random numbers: the same seed, the same fleet (mulberry32 by Tommy Ettinger, public domain). */
export class Random {
  #state: number

  constructor (seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 ≤ x < 1. */
  next (): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number, 0 ≤ n < limit. */
  below (limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance (probability: number): boolean {
    return this.next() < probability
  }

  pick<T> (list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /** Lower-case hexadecimal digits. */
  hex (digits: number): string {
    let text = ''
    while (text.length < digits) text += this.below(2 ** 32).toString(16).padStart(8, '0')
    return text.slice(0, digits)
  }

  /** A version 4 UUID (RFC 9562, section 5.4). */
  uuid (): string {
    const hex = this.hex(32)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${'89ab'[this.below(4)]}${hex.slice(17, 20)}-${hex.slice(20)}`
  }
}
