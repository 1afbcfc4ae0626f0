import { UnsupportedOsError } from '../errors.js'
import type { Platform } from '../telemetry/device-state.js'

const MINIMUM: Readonly<Record<Platform, { readonly name: string, readonly version: number }>> = {
  android: { name: 'Android', version: 7 },
  ios: { name: 'iOS', version: 11 },
  ipados: { name: 'iPadOS', version: 11 }
}

/**
 * Agents run on Android 7.0 and iOS 11.0 or later. An unknown version passes: absent means
 * unknown, and reports will tell.
 * @throws UnsupportedOsError
 */
export function requireSupportedOs (platform: Platform, osVersion: string | undefined): void {
  const major = /^\D{0,20}(\d{1,4})/.exec(osVersion ?? '')?.[1]
  const { name, version } = MINIMUM[platform]
  if (major !== undefined && Number(major) < version) {
    throw new UnsupportedOsError(`${name} ${osVersion} is not supported; ${name} ${version}.0 is the oldest that is.`)
  }
}
