import type { Detection } from '../../detection.js'
import { describeEntry, validityOf, weigh } from '../../facts/intel-entries.js'
import { APPLE } from '../../facts/platforms.js'
import { profileTraces } from '../../facts/traces.js'

export const devMaliciousProfile: Detection = {
  id: 'dev-malicious-profile',
  version: 2,
  category: 'device',
  platforms: APPLE,
  severity: 'high',
  attack: ['T1632.001'],
  raisesLevel: true,
  description: 'A configuration profile that is known to be malicious is installed. Profiles of mercenary spyware are reported as app-mercenary-spyware.',
  sections: ['profiles'],
  needs: ['profiles'],
  remediation: {
    user: 'Remove the profile: Settings, then General, then VPN & Device Management.',
    admin: 'Have the profile removed; check what it changed (certificates, VPN, proxy, foreign management) and rotate credentials used since.'
  },
  examples: [
    { name: 'listed by its UUID, in other letters', platform: 'ios', report: { profiles: [{ uuid: '0A1B2C3D-0000-4000-8000-000000000001', displayName: 'Free VPN' }] }, intel: [{ type: 'profile-id', value: '0a1b2c3d-0000-4000-8000-000000000001' }], finds: ['0A1B2C3D-0000-4000-8000-000000000001 high'] },
    { name: 'its publisher is not sure', platform: 'ios', report: { profiles: [{ identifier: 'com.bad.profile' }] }, intel: [{ type: 'profile-id', value: 'com.bad.profile', confidence: 10 }], finds: ['com.bad.profile medium'] },
    { name: 'of mercenary spyware: app-mercenary-spyware says it', platform: 'ios', report: { profiles: [{ identifier: 'com.bad.profile' }] }, intel: [{ type: 'profile-id', value: 'com.bad.profile', threatClass: 'mercenary-spyware' }], finds: [] },
    { name: 'a profile that nobody listed', platform: 'ios', report: { profiles: [{ identifier: 'com.example.wifi' }] }, intel: [{ type: 'profile-id', value: 'com.bad.profile' }], finds: [] },
    { name: 'profiles are not told', platform: 'ios', report: { config: { managed: true } }, finds: 'unknown' }
  ],

  detect (context) {
    return profileTraces(context).flatMap(({ subject, evidence, entries }) => {
      const entry = entries[0]
      if (entry === undefined) return []
      // One fact, one finding.
      if (entries.some(({ threatClass }) => threatClass === 'mercenary-spyware')) return []
      return [{
        subject,
        title: `The configuration profile ${subject} is known to be malicious: it is listed for ${describeEntry(entry)}.`,
        evidence,
        intel: entry,
        severity: weigh(context, 'high', entries),
        ...validityOf(entry)
      }]
    })
  }
}
