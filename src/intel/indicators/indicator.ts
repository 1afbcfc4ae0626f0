/** Kinds of indicator; the names of the contract's `byType`, in its order. */
export const INDICATOR_TYPES = [
  'domain', 'url', 'ipv4', 'ipv6', 'cidr', 'app-id', 'sha256', 'sha1', 'md5',
  'cert-sha256', 'cert-sha1', 'cert-md5', 'file-path', 'file-name', 'process',
  'email', 'profile-id', 'property'
] as const
export type IndicatorType = (typeof INDICATOR_TYPES)[number]

/** Of what kind a threat is. Stored and compiled by name and by place: new ones come last. `dangerous`: a lawful app that can open a phone or a company's network. */
export const THREAT_CLASSES = [
  'malware', 'mercenary-spyware', 'stalkerware', 'watchware', 'adware', 'fraud', 'phishing', 'c2', 'unknown',
  'banking-trojan', 'ransomware', 'backdoor', 'exploit', 'dropper', 'toll-fraud', 'click-fraud', 'spam', 'root-enabler', 'hacking-tool', 'riskware', 'pua', 'dangerous'
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
  /** 0 to 100 (STIX 2.1, section 3.2). */
  readonly confidence?: number
  /** Network values: only contacts with this port, where the port is known. */
  readonly port?: number
  /** Where to read more: links and report numbers. */
  readonly references?: readonly string[]
}
