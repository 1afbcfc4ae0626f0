import type { Indicator, Vulnerability } from '../indicator.js'

/** What was left out of a feed and why. */
export interface SkippedEntries {
  readonly reason: string
  readonly count: number
  readonly examples: readonly string[]
}

/** A feed as its parser understood it: each entry once. */
export interface ParsedFeed {
  readonly indicators: readonly Indicator[]
  readonly vulnerabilities: readonly Vulnerability[]
  readonly skipped: readonly SkippedEntries[]
}

const MAX_EXAMPLES = 5
const MAX_EXAMPLE_LENGTH = 120

/** Collects what a parser finds: entries without repetition, and what was left out by reason. */
export class FeedCollector {
  readonly #indicators = new Map<string, Indicator>()
  readonly #vulnerabilities = new Map<string, Vulnerability>()
  readonly #skipped = new Map<string, { count: number, examples: string[] }>()

  add (indicator: Indicator): void {
    // Never the same claim twice: the table's unique constraint.
    const key = JSON.stringify([indicator.type, indicator.value, indicator.family, indicator.role])
    if (!this.#indicators.has(key)) this.#indicators.set(key, indicator)
  }

  addVulnerability (vulnerability: Vulnerability): void {
    this.#vulnerabilities.set(`${vulnerability.platform} ${vulnerability.cve}`, vulnerability)
  }

  skip (reason: string, example: unknown): void {
    let entry = this.#skipped.get(reason)
    if (entry === undefined) this.#skipped.set(reason, entry = { count: 0, examples: [] })
    entry.count++
    if (entry.examples.length < MAX_EXAMPLES) {
      entry.examples.push((typeof example === 'string' ? example : JSON.stringify(example) ?? String(example)).slice(0, MAX_EXAMPLE_LENGTH))
    }
  }

  finish (): ParsedFeed {
    return {
      indicators: [...this.#indicators.values()],
      vulnerabilities: [...this.#vulnerabilities.values()],
      skipped: [...this.#skipped].map(([reason, { count, examples }]) => ({ reason, count, examples }))
    }
  }
}
