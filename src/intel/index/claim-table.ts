import type { IntelEntry } from '../intel-view.js'
import { float64Column, uint16Column, uint32Column } from './column.js'
import { type ClaimParts, packStatement, unpackStatement } from './index-parts.js'

/** What is said of a value: all of an entry but the value itself and what nobody judges by. */
export interface Claim extends Pick<IntelEntry, 'feed' | 'family' | 'role' | 'threatClass'> {
  readonly confidence?: number | undefined
  readonly port?: number | undefined
  /** Milliseconds since 1970. */
  readonly validFrom?: number | undefined
  readonly validUntil?: number | undefined
}

/**
 * Claims being collected. Two levels: statements (who says what), which are few, and claims, which
 * are a statement within a time: a feed may bound each of its indicators.
 */
export class ClaimTable {
  readonly #statements = uint32Column()
  readonly #validFrom = float64Column()
  readonly #validUntil = float64Column()
  readonly #feeds = uint32Column()
  readonly #families = uint32Column()
  readonly #packed = uint16Column()
  readonly #ports = uint16Column()
  readonly #texts = new Map<string, number>()
  readonly #known = new Map<string, number>()
  #hasFrom = false
  #hasUntil = false

  /** @returns the claim's number. Each is added once: the caller knows those that he has. */
  add ({ feed, family, role, threatClass, confidence, port = 0, validFrom = NaN, validUntil = NaN }: Claim): number {
    const [feedNumber, familyNumber, packed] = [this.#textOf(feed), this.#textOf(family), packStatement({ role, threatClass, confidence })]
    const key = `${feedNumber} ${familyNumber} ${packed} ${port}`
    let statement = this.#known.get(key)
    if (statement === undefined) {
      this.#known.set(key, statement = this.#known.size)
      this.#feeds.push(feedNumber)
      this.#families.push(familyNumber)
      this.#packed.push(packed)
      this.#ports.push(port)
    }
    this.#statements.push(statement)
    this.#validFrom.push(validFrom)
    this.#validUntil.push(validUntil)
    this.#hasFrom ||= !Number.isNaN(validFrom)
    this.#hasUntil ||= !Number.isNaN(validUntil)
    return this.#statements.length - 1
  }

  finish (): ClaimParts {
    const texts = [...this.#texts.keys()].map((text) => Buffer.from(text))
    const textStarts = new Uint32Array(texts.length + 1)
    for (const [number, { length }] of texts.entries()) textStarts[number + 1] = textStarts[number]! + length
    const bytes = new Uint8Array(textStarts[texts.length]!)
    for (const [number, text] of texts.entries()) bytes.set(text, textStarts[number])
    return {
      statements: this.#statements.take(),
      validFrom: this.#hasFrom ? this.#validFrom.take() : new Float64Array(0),
      validUntil: this.#hasUntil ? this.#validUntil.take() : new Float64Array(0),
      feeds: this.#feeds.take(),
      families: this.#families.take(),
      packed: this.#packed.take(),
      ports: this.#ports.take(),
      texts: bytes,
      textStarts
    }
  }

  #textOf (text: string): number {
    let number = this.#texts.get(text)
    if (number === undefined) this.#texts.set(text, number = this.#texts.size)
    return number
  }
}

/** The port of a claim, 0: any. */
export function portOf ({ statements, ports }: ClaimParts, claim: number): number {
  return ports[statements[claim]!]!
}

/** What is said of a value in the words of the feed. */
export function toEntry (parts: ClaimParts, claim: number, type: IntelEntry['type'], value: string): IntelEntry {
  const statement = parts.statements[claim]!
  const { role, threatClass, confidence } = unpackStatement(parts.packed[statement]!)
  const port = parts.ports[statement]!
  // Both undefined and NaN: no limit.
  const [from = NaN, until = NaN] = [parts.validFrom[claim], parts.validUntil[claim]]
  return {
    feed: readText(parts, parts.feeds[statement]!),
    type,
    value,
    role,
    threatClass,
    family: readText(parts, parts.families[statement]!),
    ...(Number.isNaN(from) ? {} : { validFrom: new Date(from).toISOString() }),
    ...(Number.isNaN(until) ? {} : { validUntil: new Date(until).toISOString() }),
    ...(confidence === undefined ? {} : { confidence }),
    ...(port === 0 ? {} : { port })
  }
}

function readText ({ texts, textStarts }: ClaimParts, number: number): string {
  const [start, end] = [textStarts[number]!, textStarts[number + 1]!]
  return Buffer.from(texts.buffer, texts.byteOffset + start, end - start).toString()
}
