import type { Detection } from '../../detection.js'
import { describeNetwork } from '../../facts/network-events.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { isWeaker, wifiEvidence, wifiSubject } from '../../facts/wifi.js'

export const netWeakWifi: Detection = {
  id: 'net-weak-wifi',
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1638'],
  raisesLevel: true,
  description: 'The phone uses a Wi-Fi whose encryption can be broken: WEP (medium), the first WPA with TKIP, or whatever is less than the least the policy allows. One without any is net-open-wifi.',
  sections: ['network'],
  needs: ['network.wifi.security'],
  remediation: {
    user: 'Use another Wi-Fi or mobile data. If it is your own, set the router to WPA2 or WPA3.',
    admin: 'Have the network changed to WPA2 or WPA3. What counts as weak is set by the policy (`networks.minimumSecurity`).'
  },
  examples: [
    { name: 'WEP', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Old router', security: 'wep' } } }, finds: ['Old router medium'] },
    { name: 'the first WPA', platform: 'ios', report: { network: { type: 'wifi', wifi: { ssid: 'Old router', security: 'wpa' } } }, finds: ['Old router low'] },
    { name: 'WPA2 is enough', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Home', security: 'wpa2' } } }, finds: [] },
    { name: 'WPA2 where the organisation wants WPA3', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Home', security: 'wpa2' } } }, policy: { networks: { minimumSecurity: 'wpa3' } }, finds: ['Home low'] },
    { name: 'none at all is another detection', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Cafe', security: 'open' } } }, finds: [] },
    { name: 'nobody told how it is secured', platform: 'ipados', report: { network: { type: 'wifi' } }, finds: 'unknown' }
  ],

  detect ({ state: { network }, policy }) {
    const wifi = network?.wifi
    const security = wifi?.security
    if (wifi === undefined || security === undefined || security === 'open' || !isWeaker(security, policy.networks.minimumSecurity)) return []
    return [{
      subject: wifiSubject(wifi),
      title: `The phone uses ${describeNetwork(wifi)}, which is secured with ${security}${security === 'wep' ? ', which anybody nearby can break in minutes' : ' only'}.`,
      evidence: wifiEvidence(wifi),
      ...(security === 'wep' ? { severity: 'medium' as const } : {})
    }]
  }
}
