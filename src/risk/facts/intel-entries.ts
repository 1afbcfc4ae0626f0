import type { IndicatorType } from '../../intel/indicators/indicator.js'
import type { IntelEntry } from '../../intel/intel-view.js'
import type { DetectionContext } from '../detection.js'
import { SEVERITIES, type Severity } from '../level.js'

const NORMAL_HEX = /^[0-9a-f]*$/

/** Hex digests as the index holds them: agents also write capitals and colons. */
export function normalizeHex (digest: string): string {
  return NORMAL_HEX.test(digest) ? digest : digest.replace(/[\s:]/g, '').toLowerCase()
}

/** Whether an entry counts now. */
export function isInForce (entry: IntelEntry, now: Date): boolean {
  if (entry.validFrom !== undefined && Date.parse(entry.validFrom) > now.getTime()) return false
  return entry.validUntil === undefined || Date.parse(entry.validUntil) > now.getTime()
}

/** Entries that count now: a feed may bound an indicator's validity in time. */
export function inForce (entries: readonly IntelEntry[], now: Date): readonly IntelEntry[] {
  // Nearly every look-up misses, and nearly every entry has no bounds.
  return entries.length === 0 || entries.every((entry) => isInForce(entry, now)) ? entries : entries.filter((entry) => isInForce(entry, now))
}

export function lookup (context: DetectionContext, type: IndicatorType, value: string): readonly IntelEntry[] {
  return inForce(context.intel.lookup(type, value), context.now)
}

/** A place in a path of evidence, such as `apps.items["com.example"]`. */
export function keyed (collection: string, key: string): string {
  return `${collection}[${JSON.stringify(key)}]`
}

/** When the intel that a match rests on ends, so that the phone is judged again then. */
export function validityOf (entry: IntelEntry): { recheckAt?: string } {
  return entry.validUntil === undefined ? {} : { recheckAt: new Date(entry.validUntil).toISOString() }
}

/**
 * What a match weighs by how sure its publishers are: a step less when all of them have little
 * confidence. Who says nothing of confidence is sure.
 */
export function weigh ({ policy }: DetectionContext, severity: Severity, entries: readonly IntelEntry[]): Severity {
  const isDoubtful = entries.length > 0 && entries.every(({ confidence = 100 }) => confidence < policy.thresholds.lowConfidence)
  return isDoubtful ? SEVERITIES[Math.max(0, SEVERITIES.indexOf(severity) - 1)]! : severity
}

/** `family "Pegasus" (feed amnesty)`, for titles. */
export function describeEntry (entry: IntelEntry): string {
  return `${entry.family} (${entry.feed})`
}
