import type { InvalidInputError } from '../../errors.js'
import type { ReportSections } from './report-sections.js'

/** What was left out of a report, and why; `examples` are a few of the values or places. */
export interface Skipped {
  readonly reason: string
  readonly count: number
  readonly examples: readonly string[]
}

/** What the content itself calls the phone. */
export interface PhoneNames {
  readonly serialNumber?: string
  readonly entraDeviceId?: string
  readonly intuneDeviceId?: string
}

/** One phone out of what was sent. */
export interface Translation {
  readonly phone: PhoneNames
  readonly sections: ReportSections
  /** ISO 8601, when the content says so. */
  readonly collectedAt?: string
  readonly skipped: readonly Skipped[]
  /** What was said of this phone, as JSON values: the same again is the same report. */
  readonly content: unknown
  /** There is nothing to read here at all. */
  readonly fault?: InvalidInputError
}

export interface Translations {
  readonly phones: readonly Translation[]
  /** Several phones may be in it, so each is answered on its own. */
  readonly isList: boolean
}

const MAX_EXAMPLES = 5
const MAX_EXAMPLE_LENGTH = 120
/** Reasons name fields, of which there are few; what names more is not honest content. */
const MAX_REASONS = 100

export interface Skips {
  add (reason: string, example: string): void
  list (): Skipped[]
}

/** Collects what is left out, by reason, in the order of the reasons' first appearance. */
export function createSkips (): Skips {
  const byReason = new Map<string, { reason: string, count: number, examples: string[] }>()
  return {
    add (reason, example) {
      const name = byReason.has(reason) || byReason.size < MAX_REASONS ? reason : 'further reasons'
      let entry = byReason.get(name)
      if (entry === undefined) byReason.set(name, entry = { reason: name, count: 0, examples: [] })
      entry.count++
      const short = example.length > MAX_EXAMPLE_LENGTH ? `${example.slice(0, MAX_EXAMPLE_LENGTH)}…` : example
      if (entry.examples.length < MAX_EXAMPLES && !entry.examples.includes(short)) entry.examples.push(short)
    },
    list: () => [...byReason.values()]
  }
}

/** A value in few words, for an example. */
export function describeValue (value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (value !== null && typeof value === 'object') return 'an object'
  return String(value)
}
