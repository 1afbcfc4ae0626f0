import { POWERFUL_PAYLOADS, ROOT_PAYLOAD, WIFI_PAYLOAD } from '../../data/profile-payloads.js'
import type { Detection } from '../../detection.js'
import { APPLE } from '../../facts/platforms.js'
import { foreignProfiles, type Profile } from '../../facts/profiles.js'
import { combine } from './combine.js'

const PROFILE = { identifier: 'com.free.vpn.profile', uuid: '6F3E0C1A-0000-4000-8000-000000000001', displayName: 'Free VPN', managed: false, payloadTypes: ['com.apple.vpn.managed'] }

/** Whether it can direct or read traffic; the root that comes with a Wi-Fi, and a DNS server, have nothing to do with a proxy. */
function canDivert ({ payloadTypes = [] }: Profile): boolean {
  return payloadTypes.some((type) => type === ROOT_PAYLOAD ? !payloadTypes.includes(WIFI_PAYLOAD) : POWERFUL_PAYLOADS.get(type)?.severity === 'medium')
}

export const cmpProfileAndProxy: Detection = {
  id: 'cmp-profile-and-proxy',
  version: 1,
  category: 'composite',
  platforms: APPLE,
  severity: 'high',
  attack: ['T1632.001', 'T1638'],
  raisesLevel: true,
  description: 'A configuration profile that is not the organisation\'s is installed, and the traffic runs through a proxy or VPN that is not either: the profile may direct all of it to a stranger. Medium when nobody says who installed the profile. Profiles of a Wi-Fi with its root certificate, as universities hand them out, and of a DNS server are not meant.',
  sections: ['profiles', 'network'],
  needs: ['profiles'],
  builtFrom: ['dev-untrusted-profile', 'net-proxy', 'net-vpn-unmanaged'],
  remediation: {
    user: 'Open the settings, then General, then VPN & Device Management, and remove the profile. Change the passwords that you used since it was installed.',
    admin: 'Have the profile removed and find out where it came from; rotate credentials used since. When profile and proxy are yours, name them in the policy.'
  },
  examples: [
    { name: 'a profile of a free VPN, and its VPN is on', platform: 'ios', report: { profiles: [PROFILE], network: { type: 'wifi', vpn: { active: true, managed: false, appId: 'com.free.vpn' } } }, finds: [`${PROFILE.identifier} high`] },
    { name: 'nobody says who installed the profile', platform: 'ios', report: { profiles: [{ ...PROFILE, managed: undefined } as unknown as typeof PROFILE], network: { proxy: { host: '203.0.113.66', port: 8080, managed: false } } }, finds: [`${PROFILE.identifier} medium`] },
    { name: 'eduroam, and a VPN that the user chose', platform: 'ios', report: { profiles: [{ ...PROFILE, payloadTypes: ['com.apple.wifi.managed', 'com.apple.security.root'] }], network: { vpn: { active: true, managed: false, appId: 'com.free.vpn' } } }, finds: [] },
    { name: 'the organisation\'s own VPN is on', platform: 'ios', report: { profiles: [PROFILE], network: { type: 'wifi', vpn: { active: true, managed: true } } }, finds: [] },
    { name: 'a profile of the organisation', platform: 'ipados', report: { profiles: [{ ...PROFILE, managed: true }], network: { type: 'wifi', proxy: { host: '203.0.113.66', port: 8080, managed: false } } }, finds: [] },
    { name: 'nobody told of profiles', platform: 'ios', report: { network: { type: 'wifi', vpn: { active: true, managed: false } } }, finds: 'unknown' }
  ],

  detect (context) {
    const profiles = context.findingsOf('dev-untrusted-profile')
    const diversion = profiles.length === 0 ? undefined : [...context.findingsOf('net-proxy'), ...context.findingsOf('net-vpn-unmanaged')][0]
    if (diversion === undefined) return []
    const foreign = foreignProfiles(context)
    return profiles.flatMap((finding) => {
      const profile = foreign.find(({ subject }) => subject === finding.subject)?.profile
      return profile === undefined || !canDivert(profile)
        ? []
        : combine(context, [finding, diversion], {
          subject: finding.subject,
          title: `A configuration profile that is not the organisation's is installed (${finding.subject}), and traffic runs through ${diversion.detection === 'net-proxy' ? 'a proxy' : 'a VPN'} that is not either (${diversion.subject}).`
        }).map((match) => profile.managed === undefined ? { ...match, severity: 'medium' as const } : match)
    })
  }
}
