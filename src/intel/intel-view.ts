import type { Indicator, IndicatorType } from './indicators/indicator.js'
import type { AppOfPhone, AppVulnerability, OsOfPhone, OsSupport, Vulnerability } from './vulnerabilities/vulnerability.js'

/** An indicator as the compiled index answers it. */
export interface IntelEntry extends Indicator {
  readonly feed: string
}

/** What the feeds know of values. Every answer is exact; whether an entry counts now is for the caller to say. */
export interface IndicatorView {
  /** All entries for this normalised value, also by a wildcard (`com.evil.*`) of app ids; empty when unknown. */
  lookup (type: IndicatorType, value: string): readonly IntelEntry[]
  /** Entries for the host or address itself, a parent domain of it, or a range that it is in. A known port leaves out entries for another. */
  lookupHost (host: string, port?: number): readonly IntelEntry[]
  /** Entries for the URL: of the same host, and the same path or one above it. Not those of its host (see `lookupHost`). */
  lookupUrl (url: string): readonly IntelEntry[]
  /**
   * Listed app ids of stalkerware that have the form of this one (its first part, and two more of the same lengths in
   * lower-case letters), where a feed lists at least five such for one family. Whether that means anything is for the caller to say.
   */
  namesLike (appId: string): readonly IntelEntry[]
}

/** What the feeds know of holes. */
export interface VulnerabilityView {
  /** Vulnerabilities open on a phone with this version and patch level; empty when unknown. */
  openVulnerabilities (os: OsOfPhone): readonly Vulnerability[]
  /** Holes that this version of an app has; empty when unknown. */
  appVulnerabilities (app: AppOfPhone): readonly AppVulnerability[]
  /** Until when the release gets security updates. Whether that is over is for the caller to say. */
  osSupport (os: OsOfPhone): OsSupport
}

/** What the assessment asks of threat intelligence. Synchronous: it is an index in memory. */
export interface IntelView extends IndicatorView, VulnerabilityView {
  /** Rises with every change of the store. */
  readonly version: number
}
