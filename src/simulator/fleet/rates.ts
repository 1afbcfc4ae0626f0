import type { Random } from './random.js'

/**
 * Shares of phones of a usual fleet: OS behind the newest, no screen lock, patch level older than
 * 180 days, an app signed by no store's key. The numbers this project was given; made-up phones
 * of every kind keep to them.
 */
export const MISCONFIGURATION_RATES = { outdatedOs: 0.377, noScreenLock: 0.142, oldPatchLevel: 0.136, sideloadedApp: 0.022 } as const

export const ANDROID_SHARE = 0.7

/** Versions that phones run: the newest, and those behind. iPads run the versions of iPhones. */
export const OS_VERSIONS = {
  android: { current: ['15', '16'], outdated: ['11', '12', '13', '14'] },
  ios: { current: ['26.6', '26.6.1'], outdated: ['17.7.2', '18.5', '18.6.1', '26.3'] }
} as const

/** Only Android has patch levels, so more of those phones have an old one. */
export const hasOldPatch = (random: Random): boolean => random.chance(MISCONFIGURATION_RATES.oldPatchLevel / ANDROID_SHARE)

/** Days since an Android phone's patch level: well below 180, or well above. */
export const patchAgeDays = (random: Random, isOld: boolean): number => isOld ? 200 + random.below(400) : 20 + random.below(60)
