/**
 * Microsoft's public words and numbers, from the Graph metadata (v1.0 and beta) and the
 * Intune documentation. Spelling and letter case are theirs.
 */

/** Graph `managedDevicePartnerReportedHealthState`. */
export const THREAT_STATES = [
  'unknown', 'activated', 'deactivated', 'secured', 'lowSeverity', 'mediumSeverity', 'highSeverity', 'unresponsive', 'compromised', 'misconfigured'
] as const
export type ThreatState = (typeof THREAT_STATES)[number]

/** What a partner can report: everything but "not yet reported". */
export const REPORTABLE_STATES: readonly ThreatState[] = THREAT_STATES.filter((state) => state !== 'unknown')

/** Graph `complianceState`, the members this simulator can reach. */
export type ComplianceState = 'unknown' | 'compliant' | 'noncompliant' | 'error' | 'inGracePeriod'

/** Graph `mobileThreatPartnerTenantState` as beta spells it out. */
export type ConnectorState = 'unavailable' | 'available' | 'enabled' | 'unresponsive' | 'notSetUp'

/** Graph `deviceThreatProtectionLevel`. */
export const THREAT_LIMITS = ['unavailable', 'secured', 'low', 'medium', 'high', 'notSet'] as const
export type ThreatLimit = (typeof THREAT_LIMITS)[number]

export const PLATFORMS = ['android', 'ios', 'ipados', 'windows', 'macos'] as const
export type Platform = (typeof PLATFORMS)[number]

/** How an Android device is managed; each kind has compliance policies of its own. */
export const ANDROID_MANAGEMENT = ['deviceAdministrator', 'workProfile', 'deviceOwner'] as const
export type AndroidManagement = (typeof ANDROID_MANAGEMENT)[number]

export const OWNER_TYPES = ['unknown', 'company', 'personal'] as const
export type OwnerType = (typeof OWNER_TYPES)[number]

/** The resources whose access the simulator tells. */
export const RESOURCES = ['exchange', 'sharepoint', 'onedrive', 'wifi', 'companyApps'] as const
export type Resource = (typeof RESOURCES)[number]
export type Access = Readonly<Record<Resource, 'granted' | 'blocked'>>

/** Service principal "Microsoft Intune", the one discovery asks for. */
export const INTUNE_APP_ID = '0000000a-0000-0000-c000-000000000000'
/** Service principal "Microsoft Intune API", the resource tokens are for. */
export const INTUNE_API_APP_ID = 'c161e42e-d4df-4a3d-9b42-e7a3c31f59d4'
export const GRAPH_APP_ID = '00000003-0000-0000-c000-000000000000'

/** The application role an MTD partner needs. */
export const UPDATE_DEVICE_HEALTH = 'update_device_health'

export const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** ISO 8601 in UTC, as .NET writes it too (up to seven decimals). */
export const UTC_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?Z$/

/** ISO 8601 UTC → milliseconds; undefined when it is not such a time. */
export function parseUtcTime (text: unknown): number | undefined {
  if (typeof text !== 'string' || !UTC_TIME.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}
