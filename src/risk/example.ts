import type { IntelEntry } from '../intel/intel-view.js'
import type { AppVulnerability, OsSupport, Vulnerability } from '../intel/vulnerabilities/vulnerability.js'
import type { Platform } from '../telemetry/device-state.js'
import type { App, Report, TelemetryEvent } from '../telemetry/report.js'
import type { PolicyPart } from './policy/overlay.js'

/** When examples take place, unless they say otherwise. */
export const EXAMPLE_NOW = '2026-11-23T12:00:00.000Z'

/** What a phone reports. Apps are the whole list; an event without a time has just happened. */
export interface ExampleReport extends Omit<Partial<Report>, 'apps' | 'events'> {
  readonly apps?: readonly App[]
  readonly events?: ReadonlyArray<Omit<TelemetryEvent, 'eventId' | 'at'> & Partial<Pick<TelemetryEvent, 'eventId' | 'at'>>>
}

/** An indicator that a feed holds: of malware and an artefact of it, unless it says otherwise. */
export type ExampleIndicator = Pick<IntelEntry, 'type' | 'value'> & Partial<IntelEntry>

/** A phone and what must come of it. */
export interface Example {
  /** What is special about it, for the catalogue: `a debug build from the store`. */
  readonly name: string
  readonly platform: Platform
  readonly report: ExampleReport
  /** What it reported earlier, the oldest first. */
  readonly earlier?: readonly ExampleReport[]
  readonly intel?: readonly ExampleIndicator[]
  /** What intelligence says is open on this phone's system, of its apps, and of its release. */
  readonly openVulnerabilities?: readonly Vulnerability[]
  readonly appVulnerabilities?: readonly AppVulnerability[]
  readonly osSupport?: OsSupport
  /** What differs from the built-in policy. */
  readonly policy?: PolicyPart
  /** ISO 8601. */
  readonly now?: string
  /** `subject severity` of each finding, in the order of subjects; none: []. Unknown: too little was told. */
  readonly finds: readonly string[] | 'unknown'
}
