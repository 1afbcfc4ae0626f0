import type { Detection } from '../../detection.js'
import { APPLE } from '../../facts/platforms.js'
import { combine } from './combine.js'

const PROFILE = { identifier: 'com.free.vpn.profile', uuid: '6F3E0C1A-0000-4000-8000-000000000001', displayName: 'Free VPN', managed: false, payloadTypes: ['com.apple.vpn.managed'] }

export const cmpProfileAndProxy: Detection = {
  id: 'cmp-profile-and-proxy',
  version: 1,
  category: 'composite',
  platforms: APPLE,
  severity: 'high',
  attack: ['T1632.001', 'T1638'],
  raisesLevel: true,
  description: 'A configuration profile that is not the organisation\'s is installed, and the traffic runs through a proxy or VPN that is not either: the profile may direct all of it to a stranger.',
  sections: ['profiles', 'network'],
  needs: ['profiles'],
  builtFrom: ['dev-untrusted-profile', 'net-proxy', 'net-vpn-unmanaged'],
  remediation: {
    user: 'Open the settings, then General, then VPN & Device Management, and remove the profile. Change the passwords that you used since it was installed.',
    admin: 'Have the profile removed and find out where it came from; rotate credentials used since. When profile and proxy are yours, name them in the policy.'
  },
  examples: [
    { name: 'a profile of a free VPN, and its VPN is on', platform: 'ios', report: { profiles: [PROFILE], network: { type: 'wifi', vpn: { active: true, managed: false, appId: 'com.free.vpn' } } }, finds: [`${PROFILE.identifier} high`] },
    { name: 'the organisation\'s own VPN is on', platform: 'ios', report: { profiles: [PROFILE], network: { type: 'wifi', vpn: { active: true, managed: true } } }, finds: [] },
    { name: 'a profile of the organisation', platform: 'ipados', report: { profiles: [{ ...PROFILE, managed: true }], network: { type: 'wifi', proxy: { host: '203.0.113.66', port: 8080, managed: false } } }, finds: [] },
    { name: 'nobody told of profiles', platform: 'ios', report: { network: { type: 'wifi', vpn: { active: true, managed: false } } }, finds: 'unknown' }
  ],

  detect (context) {
    const profiles = context.findingsOf('dev-untrusted-profile')
    const diversion = profiles.length === 0 ? undefined : [...context.findingsOf('net-proxy'), ...context.findingsOf('net-vpn-unmanaged')][0]
    if (diversion === undefined) return []
    return profiles.flatMap((profile) => combine(context, [profile, diversion], {
      subject: profile.subject,
      title: `A configuration profile that is not the organisation's is installed (${profile.subject}), and traffic runs through ${diversion.detection === 'net-proxy' ? 'a proxy' : 'a VPN'} that is not either (${diversion.subject}).`
    }))
  }
}
