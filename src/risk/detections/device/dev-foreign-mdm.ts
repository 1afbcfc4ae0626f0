import { MDM_PAYLOAD } from '../../data/profile-payloads.js'
import type { Detection, DetectionContext, Match } from '../../detection.js'
import { isOwnProfile } from '../../facts/organisation.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

/** By its profile, on iOS. */
function matchProfiles ({ state: { profiles = [] }, policy }: DetectionContext): Match[] {
  return profiles.flatMap((profile, index) => {
    const subject = profile.identifier ?? profile.uuid
    if (profile.payloadTypes?.includes(MDM_PAYLOAD) !== true || isOwnProfile(policy, profile) || subject === undefined) return []
    return [{
      subject,
      title: `The phone is managed by somebody else: the profile ${profile.organization ?? profile.displayName ?? subject}.`,
      evidence: (['identifier', 'organization', 'payloadTypes'] as const).flatMap((field) => profile[field] === undefined ? [] : [{ path: `profiles[${index}].${field}`, value: profile[field] }])
    }]
  })
}

/** By what the phone says of its manager. */
function matchManager ({ state: { config }, policy }: DetectionContext): Match[] {
  const manager = config?.managed === false ? undefined : config?.managedBy
  const subject = manager?.identifier ?? manager?.organization
  if (manager === undefined || subject === undefined || isOwnProfile(policy, manager)) return []
  return [{
    subject,
    title: `The phone is managed by somebody else: ${manager.organization ?? subject}.`,
    evidence: (['organization', 'identifier'] as const).flatMap((field) => manager[field] === undefined ? [] : [{ path: `config.managedBy.${field}`, value: manager[field] }])
  }]
}

export const devForeignMdm: Detection = {
  id: 'dev-foreign-mdm',
  version: 1,
  category: 'device',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1632.001', 'T1430.001'],
  raisesLevel: true,
  description: 'The phone is managed by somebody who is not the organisation: an MDM profile, or a device or profile owner, that its policy does not name (`management`). As long as the policy names none, nobody can tell whose management it is, and nothing is said.',
  sections: ['profiles', 'config'],
  needs: ['profiles', 'config.managedBy'],
  remediation: {
    user: 'Ask whoever manages the phone to release it, or remove the management: Settings, then General, then VPN & Device Management (Android: Settings, then Passwords & accounts). Then enrol with your organisation.',
    admin: 'Find out who manages the phone: a former employer, a school, or an attacker. Have it removed, then enrol the phone anew.'
  },
  examples: [
    { name: 'an MDM profile of a stranger', platform: 'ios', report: { profiles: [{ identifier: 'com.stranger.mdm', organization: 'Stranger', payloadTypes: ['com.apple.mdm', 'com.apple.security.root'] }] }, policy: { management: { organizations: ['Example Ltd'] } }, finds: ['com.stranger.mdm high'] },
    { name: 'another device owner', platform: 'android', report: { config: { managed: true, managedBy: { identifier: 'com.stranger.dpc', organization: 'Stranger' } } }, policy: { management: { profiles: ['com.google.android.apps.work.clouddpc'] } }, finds: ['com.stranger.dpc high'] },
    { name: 'the organisation\'s own', platform: 'ios', report: { profiles: [{ identifier: 'com.example.mdm', organization: 'Example Ltd', payloadTypes: ['com.apple.mdm'] }] }, policy: { management: { organizations: ['Example Ltd'] } }, finds: [] },
    { name: 'the policy does not say whose management is right', platform: 'ios', report: { profiles: [{ identifier: 'com.example.mdm', payloadTypes: ['com.apple.mdm'] }] }, finds: [] },
    { name: 'not told', platform: 'android', report: { config: { managed: true } }, policy: { management: { organizations: ['Example Ltd'] } }, finds: 'unknown' }
  ],

  detect (context) {
    const { organizations, profiles } = context.policy.management
    return organizations.length === 0 && profiles.length === 0 ? [] : [...matchProfiles(context), ...matchManager(context)]
  }
}
