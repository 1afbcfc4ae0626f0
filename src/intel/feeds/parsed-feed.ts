import type { Indicator, IndicatorRole, IndicatorType, ThreatClass } from '../indicators/indicator.js'
import { factKey, mergeFacts } from '../vulnerabilities/facts.js'
import type { VulnerabilityFact } from '../vulnerabilities/vulnerability.js'
import { readValue } from './feed-value.js'

/** What was left out of a feed and why. */
export interface SkippedEntries {
  readonly reason: string
  readonly count: number
  readonly examples: readonly string[]
}

/** A feed as its parser understood it: each entry once. */
export interface ParsedFeed {
  readonly indicators: readonly Indicator[]
  readonly vulnerabilities: readonly VulnerabilityFact[]
  readonly skipped: readonly SkippedEntries[]
  /** Entries that the publisher himself took back; they are among the skipped. */
  readonly revoked: number
  /** When the publisher last changed it (ISO 8601), where the file says so. */
  readonly publishedAt?: string
  /** What the publisher calls this version, where the file says so. */
  readonly publisherVersion?: string
}

/** What a feed says about a value. */
export interface Claim {
  readonly role: IndicatorRole
  readonly threatClass: ThreatClass
  readonly family: string
  readonly validFrom?: string
  readonly validUntil?: string
  readonly confidence?: number
  /** Links and report numbers, few and short. */
  readonly references?: readonly string[]
}

/** Faults that an error names; more help nobody. */
export const MAX_FAULTS = 20
const MAX_EXAMPLES = 5
const MAX_EXAMPLE_LENGTH = 120
/** With the longest value it still fits an index row. */
const MAX_FAMILY_LENGTH = 120

/** Collects what a parser finds: entries without repetition, and what was left out by reason. */
export class FeedCollector {
  readonly #indicators = new Map<string, Indicator>()
  readonly #vulnerabilities = new Map<string, VulnerabilityFact>()
  readonly #skipped = new Map<string, { count: number, examples: string[] }>()
  #revoked = 0
  #publishedAt: string | undefined

  /** Takes a value under its true type, or leaves it out; `where` names the field it stood in. */
  addValue (type: IndicatorType, value: unknown, claim: Claim, where: string): void {
    const read = readValue(type, value)
    if ('reason' in read) return this.skip(`${where}: ${read.reason}`, value)
    const indicator: Indicator = { ...read, ...claim, family: cleanText(claim.family, MAX_FAMILY_LENGTH) || 'unknown' }
    // Never the same claim twice: the table's unique constraint.
    const key = JSON.stringify([indicator.type, indicator.value, indicator.family, indicator.role, indicator.port])
    if (!this.#indicators.has(key)) this.#indicators.set(key, indicator)
  }

  /** What a feed says in several places about the same thing is one fact. */
  addVulnerability (fact: VulnerabilityFact): void {
    const key = factKey(fact)
    const before = this.#vulnerabilities.get(key)
    this.#vulnerabilities.set(key, before === undefined ? fact : mergeFacts(before, fact))
  }

  skip (reason: string, example: unknown): void {
    const cleanReason = cleanText(reason, MAX_EXAMPLE_LENGTH)
    let entry = this.#skipped.get(cleanReason)
    if (entry === undefined) this.#skipped.set(cleanReason, entry = { count: 0, examples: [] })
    entry.count++
    if (entry.examples.length < MAX_EXAMPLES) {
      entry.examples.push(cleanText(typeof example === 'string' ? example : JSON.stringify(example) ?? String(example), MAX_EXAMPLE_LENGTH))
    }
  }

  skipRevoked (example: string): void {
    this.#revoked++
    this.skip('revoked by its publisher', example)
  }

  /** When the publisher last changed the feed, ISO 8601. */
  publishedAt (time: string | undefined): void {
    this.#publishedAt = time
  }

  finish (): ParsedFeed {
    return {
      indicators: [...this.#indicators.values()],
      vulnerabilities: [...this.#vulnerabilities.values()],
      skipped: [...this.#skipped].map(([reason, { count, examples }]) => ({ reason, count, examples })),
      revoked: this.#revoked,
      ...(this.#publishedAt === undefined ? {} : { publishedAt: this.#publishedAt })
    }
  }
}

/** Text that PostgreSQL can store: no NUL, no half of a UTF-16 pair, not longer than that. */
function cleanText (text: string, maxLength: number): string {
  return text.slice(0, maxLength).replace(/\p{Surrogate}/gu, '\uFFFD').replaceAll('\0', '\uFFFD').trim()
}
