import { InvalidInputError } from '../errors.js'
import { storableJson, UNSTORABLE } from '../platform/storable-json.js'
import type { Report } from './report.js'

/** A report ready for the journal: nothing in it can make PostgreSQL refuse it. */
export interface StorableReport {
  readonly reportId: string
  readonly sequence: number
  /** ISO 8601 in UTC. */
  readonly collectedAt: string
  /** It changes the app list. */
  readonly hasApps: boolean
  /** Digest that the app list must have for the report's delta; null without a delta. */
  readonly baseDigest: string | null
  /** The report on one line. */
  readonly json: string
}

// Between tokens: within a string JSON has them as escapes.
const LINE_BREAK = /[\r\n]/g
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * A validated report → what is stored. `text` is the JSON it was parsed from, when that still
 * says the same: to write it anew would cost more than to keep it. Characters that jsonb cannot
 * hold become U+FFFD: a Wi-Fi name or app label that a stranger chose must not make a phone's
 * reports unacceptable.
 * @throws InvalidInputError when the time of collection is no moment that can be stored
 */
export function toStorableReport (report: Report, text?: string): StorableReport {
  const collectedAtMs = Date.parse(report.collectedAt)
  if (!(collectedAtMs >= FIRST_MS && collectedAtMs <= LAST_MS)) {
    throw new InvalidInputError([{ path: '/collectedAt', message: 'must be a moment of the calendar' }], 'The report')
  }
  const json = text?.replace(LINE_BREAK, ' ') ?? JSON.stringify(report)
  return {
    reportId: report.reportId.toLowerCase(),
    sequence: report.sequence,
    collectedAt: new Date(collectedAtMs).toISOString(),
    hasApps: report.apps !== undefined,
    baseDigest: report.apps?.mode === 'delta' ? report.apps.baseDigest.toLowerCase() : null,
    json: UNSTORABLE.test(json) ? storableJson(report) : json
  }
}
