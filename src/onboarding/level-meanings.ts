import type { Level } from '../risk/level.js'

/** A level, what Intune is told of it, and what it means to an administrator. */
export interface LevelMeaning {
  readonly level: Level
  /** Graph `managedDevicePartnerReportedHealthState`, as Intune shows it. */
  readonly told: string
  readonly meaning: string
}

/**
 * Intune shows the words and leaves to the vendor what they mean, so this is where it is said. Compliance asks for "at
 * or under" a level: with the limit `low`, secured and low are compliant, medium and high are not.
 */
export const LEVEL_MEANINGS: readonly LevelMeaning[] = [
  { level: 'secured', told: 'secured', meaning: 'Nothing speaks against the phone. Compliant under every limit. Intune\'s portal may say "Clear" or "Secured".' },
  { level: 'low', told: 'lowSeverity', meaning: 'Something weakens the phone and nothing threatens it now: a setting to correct, an update that waits. Compliant under the limits low, medium and high.' },
  { level: 'medium', told: 'mediumSeverity', meaning: 'Something can be used against the phone, such as holes that are known and open, an app that may do too much, or a network that cannot be trusted. Compliant under the limits medium and high.' },
  { level: 'high', told: 'highSeverity', meaning: 'The phone is attacked or in other hands: malicious apps, a broken system, holes that are being used, interception. Compliant under the limit high only, which asks for nothing but the app.' }
]
