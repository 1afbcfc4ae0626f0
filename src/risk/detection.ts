import type { IntelEntry, IntelView } from '../intel/intel-view.js'
import type { DeviceState, Platform } from '../telemetry/device-state.js'
import type { StateSection } from '../telemetry/report.js'
import type { AssessedFinding } from './assessment.js'
import type { Example } from './example.js'
import type { Severity } from './level.js'
import type { Policy } from './policy/policy.js'

export const DETECTION_CATEGORIES = ['app', 'network', 'os', 'device', 'management', 'composite'] as const
export type DetectionCategory = (typeof DETECTION_CATEGORIES)[number]

/** A telemetry path and the value found there: the proof a finding rests on. */
export interface Evidence {
  readonly path: string
  readonly value: unknown
}

/** What a detection says about one subject. */
export interface Match {
  /** The bare thing: app id, host, CVE id, profile id, setting. One finding a subject. */
  readonly subject: string
  /** One sentence for an analyst: what was seen and why it matters. */
  readonly title: string
  readonly evidence: readonly Evidence[]
  readonly intel?: IntelEntry
  /** Where the facts are weaker or stronger than the detection's default. */
  readonly severity?: Severity
  /** Where the detection's own does not help in this case. */
  readonly remediation?: { readonly user: string, readonly admin: string }
  /** Event findings: ISO 8601 time at which it closes by itself. */
  readonly expiresAt?: string
  /** ISO 8601: when this match may change (its severity, its intel's validity) without a new report. */
  readonly recheckAt?: string
}

export interface DetectionContext {
  readonly platform: Platform
  readonly state: DeviceState
  readonly intel: IntelView
  readonly policy: Policy
  readonly now: Date
  /** For composites: what the detections found that they are built from, as far as it is neither off nor suppressed. */
  findingsOf (detection: string): readonly AssessedFinding[]
  /** What several detections ask, worked out once (facts/memo.ts). */
  readonly answers?: unknown[]
}

/** What a detection reads of a phone. `clock`: how far the phone's clock is off. */
export type Told = StateSection | 'events' | 'clock'

/** A rule: data about it, then one pure function. */
export interface Detection {
  /** Stable kebab-case id of the catalogue; never changes. */
  readonly id: string
  /** Raised with every change of meaning. */
  readonly version: number
  readonly category: DetectionCategory
  readonly platforms: readonly Platform[]
  readonly severity: Severity
  /** MITRE ATT&CK for Mobile technique ids (v18.1). */
  readonly attack: readonly string[]
  /** False: recorded for the analyst, never moves the level. */
  readonly raisesLevel: boolean
  readonly description: string
  /** All that it reads: while nothing of this changes, and no time comes that it named, neither does its answer. */
  readonly sections: readonly Told[]
  /**
   * Telemetry paths (`config.passcodeSet`; `apps.installer` for a field of apps) of which at least
   * one must have been told, or the answer is unknown, which coverage shows. None: an event
   * that nobody reports has not happened.
   */
  readonly needs: readonly string[]
  readonly remediation: { readonly user: string, readonly admin: string }
  /** How long an event counts that has no end, where a day is not right. */
  readonly eventLifetimeSeconds?: number
  /** A policy may let it wait (patches, versions). Never for interception, root, malware. */
  readonly mayWait?: true
  /** Composites: the detections whose findings it is made of. They are judged first. */
  readonly builtFrom?: readonly string[]
  /** Reports and what must come of them; they run as tests and stand in the catalogue. At least one that finds something and one that does not. */
  readonly examples: readonly Example[]
  detect (context: DetectionContext): readonly Match[]
  /** ISO 8601: when time alone would make a phone match that does not match now. */
  nextChangeAt? (context: DetectionContext): string | undefined
}
