import { InvalidInputError } from '../errors.js'
import { digestApps } from './app-digest.js'
import type { Report } from './report.js'

/** A report ready for the journal: nothing in it can make PostgreSQL refuse it. */
export interface StorableReport {
  readonly reportId: string
  readonly sequence: number
  /** ISO 8601 in UTC. */
  readonly collectedAt: string
  /** Digest of the app list that the report leaves behind; null where only merging can tell. */
  readonly appsDigest: string | null
  /** Digest that the app list must have for the report's delta; null without a delta. */
  readonly baseDigest: string | null
  readonly json: string
}

// jsonb takes neither U+0000 nor lone surrogates; JSON.stringify writes both as escapes. An
// escaped backslash before such letters only costs a needless walk.
const UNSTORABLE = /\\u(?:0000|d[89a-f])/
const REPLACEMENT = '\uFFFD'
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * A validated report → what is stored. Characters that jsonb cannot hold become U+FFFD: a
 * Wi-Fi name or app label that a stranger chose must not make a phone's reports unacceptable.
 * @throws InvalidInputError when the time of collection is no moment that can be stored
 */
export function toStorableReport (report: Report): StorableReport {
  const collectedAtMs = Date.parse(report.collectedAt)
  if (!(collectedAtMs >= FIRST_MS && collectedAtMs <= LAST_MS)) {
    throw new InvalidInputError([{ path: '/collectedAt', message: 'must be a moment of the calendar' }], 'The report')
  }
  let json = JSON.stringify(report)
  let apps = report.apps
  if (UNSTORABLE.test(json)) {
    const cleaned = replaceUnstorable(report) as Report
    json = JSON.stringify(cleaned)
    apps = cleaned.apps
  }
  return {
    reportId: report.reportId.toLowerCase(),
    sequence: report.sequence,
    collectedAt: new Date(collectedAtMs).toISOString(),
    appsDigest: apps?.mode === 'snapshot' ? digestApps(apps.items) : null,
    baseDigest: apps?.mode === 'delta' ? apps.baseDigest.toLowerCase() : null,
    json
  }
}

function replaceUnstorable (value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', REPLACEMENT).replace(/\p{Surrogate}/gu, REPLACEMENT)
  if (Array.isArray(value)) return value.map(replaceUnstorable)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [replaceUnstorable(name), replaceUnstorable(member)]))
}
