import { MDM_PAYLOAD } from '../../data/profile-payloads.js'
import type { Detection } from '../../detection.js'
import { APPLE } from '../../facts/platforms.js'
import { foreignProfiles } from '../../facts/profiles.js'

export const devProfileUnremovable: Detection = {
  id: 'dev-profile-unremovable',
  version: 1,
  category: 'device',
  platforms: APPLE,
  severity: 'medium',
  attack: ['T1629.001'],
  raisesLevel: true,
  description: 'A configuration profile that management did not install, and that the organisation does not know, cannot be removed by the user. Profiles of management are meant to be so.',
  sections: ['profiles'],
  needs: ['profiles'],
  remediation: {
    user: 'You cannot remove this profile yourself. Ask your IT team.',
    admin: 'Find out who put the profile there, with Apple Configurator for one. It goes when the phone is erased.'
  },
  examples: [
    { name: 'locked by a stranger', platform: 'ios', report: { profiles: [{ identifier: 'net.stranger', managed: false, removalDisallowed: true }] }, finds: ['net.stranger medium'] },
    { name: 'locked by management', platform: 'ios', report: { profiles: [{ identifier: 'com.example', managed: true, removalDisallowed: true }] }, finds: [] },
    { name: 'the organisation\'s own, put there by cable', platform: 'ipados', report: { profiles: [{ identifier: 'com.example.kiosk', managed: false, removalDisallowed: true }] }, policy: { management: { profiles: ['com.example.*'] } }, finds: [] },
    { name: 'nobody says who installed it', platform: 'ios', report: { profiles: [{ identifier: 'net.stranger', removalDisallowed: true }] }, finds: [] },
    { name: 'profiles are not told', platform: 'ios', report: { config: { managed: true } }, finds: 'unknown' }
  ],

  detect: (context) => foreignProfiles(context)
    // Whose management it is, dev-foreign-mdm says.
    .filter(({ profile }) => profile.managed === false && profile.removalDisallowed === true && profile.payloadTypes?.includes(MDM_PAYLOAD) !== true)
    .map(({ profile, subject, evidence }) => ({
      subject,
      title: `The configuration profile ${profile.displayName ?? subject}, which the organisation did not install, cannot be removed.`,
      evidence
    }))
}
