import { InvalidInputError } from '../errors.js'
import { mayHoldSentinel, removeSentinels } from './normalize-report.js'

/** Deeper than any report has reason to be; beyond it lie stack overflows, ours and PostgreSQL's. */
const MAX_DEPTH = 32

function isTooDeep (json: string): boolean {
  // Brackets inside strings can only make this too careful, so they are looked at second.
  return depthOf(json, false) > MAX_DEPTH && depthOf(json, true) > MAX_DEPTH
}

export interface ParsedReports {
  readonly value: unknown
  /** Nothing was taken out: the text says what the value says. */
  readonly isAsSent: boolean
}

/**
 * JSON text of one report, of a list of them, or of `{ "reports": [] }` → its value, with
 * what only says "not known" taken out. Not validated yet.
 * @throws SyntaxError when it is not JSON; InvalidInputError when it nests too deep
 */
export function parseReports (json: string): ParsedReports {
  if (isTooDeep(json)) throw new InvalidInputError([{ path: '', message: `must not nest deeper than ${MAX_DEPTH}` }], 'The body')
  const value = JSON.parse(json) as unknown
  const isAsSent = !mayHoldSentinel(json)
  if (!isAsSent) for (const report of reportsIn(value)) removeSentinels(report)
  return { value, isAsSent }
}

function reportsIn (value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  if (value !== null && typeof value === 'object' && 'reports' in value && Array.isArray(value.reports)) return value.reports
  return [value]
}

function depthOf (json: string, skipStrings: boolean): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === 0x7B || code === 0x5B) {
      if (++depth > deepest) deepest = depth
    } else if (code === 0x7D || code === 0x5D) {
      depth--
    } else if (code === 0x22 && skipStrings) {
      at = endOfString(json, at)
    }
  }
  return deepest
}

function endOfString (json: string, start: number): number {
  let at = start + 1
  while (at < json.length && json.charCodeAt(at) !== 0x22) at += json.charCodeAt(at) === 0x5C ? 2 : 1
  return at
}
