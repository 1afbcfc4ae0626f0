import type { Platform } from '../../telemetry/device-state.js'
import type { Detection } from '../detection.js'
import type { Severity } from '../level.js'
import { DEFAULT_THRESHOLDS, type Thresholds } from './thresholds.js'

export type PolicySeverity = Severity | 'off'

/**
 * Which apps are meant: an app id, where `com.example.*` means every id below it; or all of
 * what an object says of package, signer, name at once. Digests are in hex, colons or not.
 */
export type AppRule = string | {
  readonly appId?: string
  /** SHA-256, SHA-1 or MD5 of the package. */
  readonly hash?: string
  /** SHA-256, SHA-1 or MD5 of a signing certificate. */
  readonly certificate?: string
  /** The whole display name, whatever its case. */
  readonly name?: string
  /** A regular expression (RE2) that finds something in the display name. */
  readonly namePattern?: string
}

/** A Wi-Fi of the organisation. */
export interface TrustedNetwork {
  readonly ssid: string
  /** Its access points; empty: not listed, so any may be its. */
  readonly bssids?: readonly string[]
  /** What it is secured with; weaker is not it. */
  readonly security?: 'open' | 'wep' | 'wpa' | 'wpa2' | 'wpa3' | 'enterprise'
}

/** A Wi-Fi that an organisation warns of: by name, by access point, or by both at once. */
export interface DeniedNetwork {
  readonly ssid?: string
  readonly bssid?: string
}

export type WifiSecurity = NonNullable<TrustedNetwork['security']>
export type Radio = 'bluetooth' | 'nfc' | 'hotspot'

/** What an organisation asks of phones beyond their being safe; what is not asked for is never missed. */
export interface Requirements {
  /** Lockdown Mode of iOS. */
  readonly lockdownMode: boolean
  readonly biometrics: boolean
  /** A VPN that is active; one of `vpns.allow` where any are named. */
  readonly vpn: boolean
  /** Management of the phone. */
  readonly managed: boolean
  readonly privateDns: boolean
  /** Common Criteria mode of Android. */
  readonly commonCriteria: boolean
}

/**
 * What holds for one phone: the built-in policy, the tenant's and those of the phone's groups,
 * laid over each other (resolve-policy.ts). Detections ask facts/organisation.ts about lists.
 */
export interface Policy {
  /** Of the tenant's document; rises with every stored change; 0 is the built-in policy. */
  readonly version: number
  readonly severities: Readonly<Record<string, PolicySeverity>>
  readonly thresholds: Thresholds
  /** Least and highest version of the system by platform, and the least of the agent. Compared as numbers. */
  readonly versions: {
    readonly minimum: Readonly<Partial<Record<Platform | 'agent', string>>>
    readonly maximum: Readonly<Partial<Record<Platform, string>>>
  }
  /** Models an organisation admits, as phones report them (`*` at the end: whatever follows); empty: all. */
  readonly models: { readonly allow: readonly string[] }
  /** Seconds an event finding stays open when no end event comes, by detection id. */
  readonly eventLifetimes: Readonly<Record<string, number>>
  /** Days that a patch or version row waits after it became possible to do something, by detection id. */
  readonly grace: Readonly<Record<string, number>>
  /** Days in which the same subject does not alert again, by detection id. */
  readonly quiet: Readonly<Record<string, number>>
  readonly apps: {
    readonly allow: readonly AppRule[]
    readonly deny: readonly AppRule[]
    /** Apps that are not allowed are a finding. */
    readonly onlyAllowed: boolean
    /** Who signs an app, by app id: SHA-256 of every certificate that it may have. */
    readonly signers: Readonly<Record<string, readonly string[]>>
    /** Stores that are as good as the platform's own: installers (Android) and marketplaces (iOS). */
    readonly stores: readonly string[]
  }
  /** Hosts with all below them. Allowed: no intelligence condemns them. Denied: no page of them is opened. */
  readonly domains: { readonly allow: readonly string[], readonly deny: readonly string[] }
  /** SHA-256 fingerprints of certificate authorities that the organisation trusts. */
  readonly certificates: { readonly allow: readonly string[] }
  readonly networks: {
    readonly trusted: readonly TrustedNetwork[]
    readonly deny: readonly DeniedNetwork[]
    /** Wi-Fi that is secured with less counts as weak. */
    readonly minimumSecurity: WifiSecurity
  }
  /** What must be switched off. */
  readonly radios: { readonly deny: readonly Radio[] }
  /** Hosts of proxies, with a port or without, that the organisation uses. */
  readonly proxies: { readonly allow: readonly string[] }
  /** App ids of VPN clients that the organisation uses. */
  readonly vpns: { readonly allow: readonly string[] }
  /** Accessibility services (`package/service`), or packages with all of theirs, beside those known to be harmless. */
  readonly accessibility: { readonly allow: readonly string[] }
  /** Whose configuration profiles and management are the organisation's own: organisation names and profile identifiers (`com.example.*`). */
  readonly management: { readonly organizations: readonly string[], readonly profiles: readonly string[] }
  readonly requirements: Requirements
  /** Detections of which no group may change the severity. */
  readonly locked: readonly string[]
}

export const DEFAULT_EVENT_LIFETIME_SECONDS = 24 * 60 * 60

export const BUILT_IN_POLICY: Policy = Object.freeze<Policy>({
  version: 0,
  severities: {},
  thresholds: DEFAULT_THRESHOLDS,
  versions: { minimum: {}, maximum: {} },
  models: { allow: [] },
  eventLifetimes: {},
  grace: {},
  quiet: { 'net-open-wifi': 7 },
  apps: { allow: [], deny: [], onlyAllowed: false, signers: {}, stores: [] },
  domains: { allow: [], deny: [] },
  certificates: { allow: [] },
  networks: { trusted: [], deny: [], minimumSecurity: 'wpa2' },
  radios: { deny: [] },
  proxies: { allow: [] },
  vpns: { allow: [] },
  accessibility: { allow: [] },
  management: { organizations: [], profiles: [] },
  requirements: { lockdownMode: false, biometrics: false, vpn: false, managed: false, privateDns: false, commonCriteria: false },
  locked: []
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

/** How long an event finding of a detection stays open without an end event, in ms. */
export function eventLifetimeMs (policy: Policy, { id, eventLifetimeSeconds }: Pick<Detection, 'id' | 'eventLifetimeSeconds'>): number {
  return (policy.eventLifetimes[id] ?? eventLifetimeSeconds ?? DEFAULT_EVENT_LIFETIME_SECONDS) * 1000
}

/** Days that a detection waits after a fix could be had, in ms. */
export function graceMs (policy: Policy, detectionId: string): number {
  return (policy.grace[detectionId] ?? 0) * 24 * 60 * 60 * 1000
}
