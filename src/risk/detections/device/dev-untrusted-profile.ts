import { POWERFUL_PAYLOADS, ROOT_PAYLOAD, WIFI_PAYLOAD } from '../../data/profile-payloads.js'
import type { Detection } from '../../detection.js'
import { APPLE } from '../../facts/platforms.js'
import { foreignProfiles } from '../../facts/profiles.js'
import { SEVERITIES, type Severity } from '../../level.js'

export const devUntrustedProfile: Detection = {
  id: 'dev-untrusted-profile',
  version: 1,
  category: 'device',
  platforms: APPLE,
  severity: 'medium',
  attack: ['T1632.001', 'T1638'],
  raisesLevel: true,
  description: 'A configuration profile that neither management installed nor the organisation knows (`management` of the policy) redirects or reads what the phone sends: a VPN, a proxy, a filter, a root certificate. Low for a DNS server, and for a root certificate that comes with a Wi-Fi, as universities hand them out; only recorded when nobody says who installed it. Plain profiles for Wi-Fi or mail are nothing. Management by others is dev-foreign-mdm.',
  sections: ['profiles'],
  needs: ['profiles'],
  remediation: {
    user: 'Remove the profile if you do not know it: Settings, then General, then VPN & Device Management.',
    admin: 'Ask the user where the profile came from; have it removed, or add it to the organisation\'s own.'
  },
  examples: [
    { name: 'a VPN of a stranger', platform: 'ios', report: { profiles: [{ identifier: 'net.free.vpn', displayName: 'Free VPN', managed: false, payloadTypes: ['com.apple.vpn.managed'] }] }, finds: ['net.free.vpn medium'] },
    { name: 'eduroam: a Wi-Fi and the root it needs', platform: 'ios', report: { profiles: [{ identifier: 'org.geteduroam.example', managed: false, payloadTypes: ['com.apple.wifi.managed', 'com.apple.security.root'] }] }, finds: ['org.geteduroam.example low'] },
    { name: 'a private DNS server', platform: 'ipados', report: { profiles: [{ identifier: 'com.adguard.dns', managed: false, payloadTypes: ['com.apple.dnsSettings.managed'] }] }, finds: ['com.adguard.dns low'] },
    { name: 'nobody says who installed it', platform: 'ios', report: { profiles: [{ identifier: 'net.free.vpn', payloadTypes: ['com.apple.vpn.managed'] }] }, finds: ['net.free.vpn audit'] },
    { name: 'the organisation\'s own', platform: 'ios', report: { profiles: [{ identifier: 'com.example.vpn', organization: 'Example Ltd', managed: false, payloadTypes: ['com.apple.vpn.managed', 'com.apple.security.root'] }] }, policy: { management: { organizations: ['example ltd'] } }, finds: [] },
    { name: 'installed by management', platform: 'ios', report: { profiles: [{ identifier: 'com.other', managed: true, payloadTypes: ['com.apple.vpn.managed'] }] }, finds: [] },
    { name: 'a plain Wi-Fi and a mail account', platform: 'ios', report: { profiles: [{ identifier: 'hotel.wifi', managed: false, payloadTypes: ['com.apple.wifi.managed'] }, { identifier: 'isp.mail', managed: false, payloadTypes: ['com.apple.mail.managed'] }] }, finds: [] },
    { name: 'profiles are not told', platform: 'ios', report: { config: { managed: true } }, finds: 'unknown' }
  ],

  detect (context) {
    return foreignProfiles(context).flatMap(({ profile: { payloadTypes = [], managed, displayName }, subject, evidence }) => {
      const powers = payloadTypes.flatMap((type) => POWERFUL_PAYLOADS.get(type) ?? [])
      if (powers.length === 0) return []
      const isForWifi = payloadTypes.includes(WIFI_PAYLOAD) && payloadTypes.every((type) => !POWERFUL_PAYLOADS.has(type) || type === ROOT_PAYLOAD)
      const gravest = powers.reduce<Severity>((worst, { severity }) => SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(worst) ? severity : worst, 'low')
      return [{
        subject,
        title: `The configuration profile ${displayName ?? subject}, which the organisation did not install, brings ${[...new Set(powers.map(({ words }) => words))].join(', ')}.`,
        evidence,
        severity: managed === undefined ? 'audit' : isForWifi ? 'low' : gravest
      }]
    })
  }
}
