import type { Detection } from './detection.js'
import type { Severity } from './level.js'

export type PolicySeverity = Severity | 'off'

/** What an organisation decides about risk. Absent entries fall back to the detection's default. */
export interface Policy {
  /** Rises with every stored change; 0 is the built-in policy. */
  readonly version: number
  readonly severities: Readonly<Record<string, PolicySeverity>>
  readonly thresholds: {
    /** Age of the Android security patch level that counts as old. */
    readonly patchAgeDays: number
    /** Days without a report until a phone counts as unresponsive. */
    readonly silenceDays: number
    /** How far ahead of ours a phone's clock may run before its times are ours. */
    readonly clockSkewSeconds: number
    /** Intel of which its publisher is less sure than this (0 to 100) counts a step less; 0: never. Absent: 30. */
    readonly lowConfidence?: number
  }
  /** Seconds an event finding stays open when no end event comes, by detection id. */
  readonly eventLifetimeSeconds: Readonly<Record<string, number>>
  readonly apps: { readonly allow: readonly string[], readonly deny: readonly string[] }
  /** SHA-256 fingerprints of certificate authorities that the organisation trusts. */
  readonly certificates: { readonly allow: readonly string[] }
}

export const DEFAULT_EVENT_LIFETIME_SECONDS = 24 * 60 * 60

export const BUILT_IN_POLICY: Policy = Object.freeze({
  version: 0,
  severities: {},
  thresholds: { patchAgeDays: 180, silenceDays: 7, clockSkewSeconds: 300 },
  eventLifetimeSeconds: {},
  apps: { allow: [], deny: [] },
  certificates: { allow: [] }
})

/**
 * The severity a detection has under a policy. What the organisation set is final, whatever the
 * strength of the facts; only where it set nothing does a match's own severity count, then the
 * detection's default.
 */
export function effectiveSeverity (
  policy: Policy,
  detection: Pick<Detection, 'id' | 'severity'>,
  matchSeverity?: Severity
): PolicySeverity {
  return policy.severities[detection.id] ?? matchSeverity ?? detection.severity
}

/** Below it STIX 2.1 (appendix A) calls confidence low. */
export const DEFAULT_LOW_CONFIDENCE = 30

/** How long an event finding of a detection stays open without an end event. */
export function eventLifetimeMs (policy: Policy, detectionId: string): number {
  return (policy.eventLifetimeSeconds[detectionId] ?? DEFAULT_EVENT_LIFETIME_SECONDS) * 1000
}
