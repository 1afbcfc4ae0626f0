import type { Detection } from '../../detection.js'
import { describeNetwork } from '../../facts/network-events.js'
import { trustedNetwork } from '../../facts/organisation.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { wifiEvidence, wifiSubject } from '../../facts/wifi.js'

export const netOpenWifi: Detection = {
  id: 'net-open-wifi',
  version: 2,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: ['T1638'],
  raisesLevel: true,
  description: 'The phone uses a Wi-Fi without encryption: whoever is near sees which servers it talks to. One that the organisation itself runs open (its network for guests) is not meant.',
  sections: ['network'],
  needs: ['network.wifi.security'],
  remediation: {
    user: 'Use mobile data or your company\'s VPN for work while you are on this Wi-Fi.',
    admin: 'Nothing to do; where it matters, require a VPN. A network of the organisation that is open on purpose can be named among the trusted networks of the policy.'
  },
  examples: [
    { name: 'a café\'s Wi-Fi', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Cafe', security: 'open' } } }, finds: ['Cafe audit'] },
    { name: 'the agent may not see its name', platform: 'ios', report: { network: { type: 'wifi', wifi: { security: 'open' } } }, finds: ['network audit'] },
    { name: 'the company\'s network for guests', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Example Guests', security: 'open' } } }, policy: { networks: { trusted: [{ ssid: 'Example Guests', security: 'open' }] } }, finds: [] },
    { name: 'an encrypted one', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Home', security: 'wpa2' } } }, finds: [] },
    { name: 'nobody told how it is secured', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Home' } } }, finds: 'unknown' }
  ],

  detect ({ state: { network }, policy }) {
    const wifi = network?.wifi
    if (wifi?.security !== 'open') return []
    if (wifi.ssid !== undefined && trustedNetwork(policy, wifi.ssid)?.security === 'open') return []
    return [{
      subject: wifiSubject(wifi),
      title: `The phone uses ${describeNetwork(wifi)}, which has no encryption.`,
      evidence: wifiEvidence(wifi)
    }]
  }
}
