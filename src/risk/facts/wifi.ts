import type { DeviceState } from '../../telemetry/device-state.js'
import type { Evidence } from '../detection.js'
import type { WifiSecurity } from '../policy/policy.js'

export type Wifi = NonNullable<NonNullable<DeviceState['network']>['wifi']>

/** The weakest first. */
const BY_STRENGTH: readonly WifiSecurity[] = ['open', 'wep', 'wpa', 'wpa2', 'wpa3', 'enterprise']

export const isWeaker = (security: WifiSecurity, than: WifiSecurity): boolean => BY_STRENGTH.indexOf(security) < BY_STRENGTH.indexOf(than)

/**
 * Whether a network that should have `expected` is secured with less than it can be. One with
 * WPA3 lets older phones in with WPA2 (WPA3-Personal transition mode), so that is no sign.
 */
export const isDowngraded = (security: WifiSecurity, expected: WifiSecurity): boolean =>
  isWeaker(security, expected) && !(expected === 'wpa3' && security === 'wpa2')

/** What stands for the Wi-Fi in use. */
export const wifiSubject = ({ ssid, bssid }: Wifi): string => ssid ?? bssid ?? 'network'

export function wifiEvidence (wifi: Wifi): readonly Evidence[] {
  return (['ssid', 'bssid', 'security'] as const).filter((member) => wifi[member] !== undefined).map((member) => ({ path: `network.wifi.${member}`, value: wifi[member] }))
}
