import type { Health } from './health.js'

/*
 * Enumerations of Microsoft Graph, each name at its published number
 * (managedDevicePartnerReportedHealthState, complianceState, managedDeviceOwnerType). The
 * numbers are what the database keeps; a name that Graph adds one day is not known.
 */

/** What a partner reported about a phone, as Graph shows it. */
export const THREAT_STATES = ['unknown', 'activated', 'deactivated', 'secured', 'lowSeverity', 'mediumSeverity', 'highSeverity', 'unresponsive', 'compromised', 'misconfigured'] as const
export type ThreatState = (typeof THREAT_STATES)[number]

const COMPLIANCE: Readonly<Record<number, string>> = { 0: 'unknown', 1: 'compliant', 2: 'noncompliant', 3: 'conflict', 4: 'error', 254: 'inGracePeriod', 255: 'configManager' }
const OWNER_TYPES = ['unknown', 'company', 'personal'] as const
const PLATFORMS = ['android', 'ios', 'ipados'] as const

const numberIn = (names: readonly string[]) => (name: unknown): number | null => {
  const at = names.indexOf(name as string)
  return at === -1 ? null : at
}
export const threatStateNumber = numberIn(THREAT_STATES)
export const ownerTypeNumber = numberIn(OWNER_TYPES)
export const platformNumber = numberIn(PLATFORMS)
export const complianceNumber = (name: unknown): number | null => {
  const found = Object.entries(COMPLIANCE).find(([, one]) => one === name)
  return found === undefined ? null : Number(found[0])
}

/**
 * How a state that Intune holds differs from the one it acknowledged:
 * - `lost`: it holds none
 * - `milder`: it takes the phone for less dangerous than it is
 * - `harsher`: for more dangerous
 * - `other`: one of the two is no level
 */
export const DRIFT_KINDS = ['lost', 'milder', 'harsher', 'other'] as const
export type DriftKind = (typeof DRIFT_KINDS)[number]

const SEVERITY: ReadonlyMap<string, number> = new Map(['secured', 'lowSeverity', 'mediumSeverity', 'highSeverity', 'compromised'].map((name, rank) => [name, rank]))

/** Undefined: no drift, or Graph says something that nobody knows. */
export function driftKind (ours: Health, held: ThreatState | null): DriftKind | undefined {
  if (held === null || held === ours) return undefined
  if (held === 'unknown') return 'lost'
  const our = SEVERITY.get(ours)
  const their = SEVERITY.get(held)
  if (our === undefined || their === undefined) return 'other'
  return their < our ? 'milder' : 'harsher'
}

/** Platform of a phone by Graph's `operatingSystem`; undefined for computers. Entra has a spelling for each kind of enrolment. */
export function platformOf (operatingSystem: unknown, model?: unknown): 'android' | 'ios' | 'ipados' | undefined {
  const text = typeof operatingSystem === 'string' ? operatingSystem.toLowerCase() : ''
  if (text.startsWith('android')) return 'android'
  if (text.startsWith('ipad')) return 'ipados'
  if (text !== 'ios' && !text.startsWith('iphone')) return undefined
  return typeof model === 'string' && /^ipad/i.test(model) ? 'ipados' : 'ios'
}

const nameOf = (names: readonly string[], number: number | null): string | null => number === null ? null : names[number] ?? null
export const threatStateName = (number: number | null): ThreatState | null => nameOf(THREAT_STATES, number) as ThreatState | null
export const ownerTypeName = (number: number | null): string | null => nameOf(OWNER_TYPES, number)
export const platformName = (number: number): (typeof PLATFORMS)[number] => PLATFORMS[number] ?? 'android'
export const complianceName = (number: number | null): string | null => number === null ? null : COMPLIANCE[number] ?? null

/** How often a state that Intune does not keep is sent again before that is left to people. */
export const MAX_HEALS = 5
