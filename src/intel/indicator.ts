/** Kinds of indicator; the names of the contract's `byType`, in its order. */
export const INDICATOR_TYPES = [
  'domain', 'url', 'ipv4', 'ipv6', 'cidr', 'app-id', 'sha256', 'sha1', 'md5',
  'cert-sha256', 'cert-sha1', 'cert-md5', 'file-path', 'file-name', 'process',
  'email', 'profile-id', 'property'
] as const
export type IndicatorType = (typeof INDICATOR_TYPES)[number]

export const THREAT_CLASSES = [
  'malware', 'mercenary-spyware', 'stalkerware', 'watchware', 'adware', 'fraud', 'phishing', 'c2', 'unknown'
] as const
export type ThreatClass = (typeof THREAT_CLASSES)[number]

/**
 * What an indicator stands for. A stalkerware maker's sales site is not the server its app
 * reports to, so the two must not be judged alike (detections.md, "Notes on precedent").
 */
export const INDICATOR_ROLES = ['artifact', 'c2', 'distribution', 'website'] as const
export type IndicatorRole = (typeof INDICATOR_ROLES)[number]

/** One indicator as a feed states it, value already normalised (see normalize.ts). */
export interface Indicator {
  readonly type: IndicatorType
  readonly value: string
  readonly role: IndicatorRole
  readonly threatClass: ThreatClass
  readonly family: string
  /** ISO 8601; absent: no limit. */
  readonly validFrom?: string
  readonly validUntil?: string
  readonly confidence?: number
}

/** An indicator as the compiled index answers it. */
export interface IntelEntry extends Indicator {
  readonly feed: string
}

/** A vulnerability of an operating system and where it is fixed. */
export interface Vulnerability {
  readonly cve: string
  readonly platform: 'android' | 'ios' | 'ipados'
  readonly severity: 'critical' | 'high' | 'medium' | 'low' | null
  /** Listed in CISA's Known Exploited Vulnerabilities catalogue. */
  readonly exploited: boolean
  /** ISO date. */
  readonly kevDateAdded: string | null
  readonly kevDueDate: string | null
  /**
   * iOS: the versions that fix it, one a branch. Android: the security patch level that
   * fixes it (`YYYY-MM-DD`), as the only element.
   */
  readonly fixedIn: readonly string[]
  /** Android: which part of the patch level fixes it. */
  readonly part: 'platform' | 'kernel-vendor' | null
}

/** What the assessment asks of threat intelligence. Synchronous: it is an index in memory. */
export interface IntelView {
  /** Rises with every change of the store. */
  readonly version: number
  /** All entries for exactly this normalised value; empty when unknown. */
  lookup (type: IndicatorType, value: string): readonly IntelEntry[]
  /** Entries for the host itself or a parent domain of it that is listed. */
  lookupHost (host: string): readonly IntelEntry[]
  /** Vulnerabilities open on a phone with this version and patch level; empty when unknown. */
  openVulnerabilities (os: { platform: 'android' | 'ios' | 'ipados', version?: string | undefined, patchLevel?: string | undefined }): readonly Vulnerability[]
}
