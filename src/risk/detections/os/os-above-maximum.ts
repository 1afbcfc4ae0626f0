import type { Detection } from '../../detection.js'
import { osEvidence, osOfPhone } from '../../facts/os-of-phone.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { compareVersionTexts } from '../../facts/versions.js'

export const osAboveMaximum: Detection = {
  id: 'os-above-maximum',
  version: 1,
  category: 'os',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: [],
  raisesLevel: true,
  description: 'The system is newer than the organisation has approved (`versions.maximum` of the policy), compared as numbers.',
  sections: ['os', 'hardware'],
  needs: ['os.version'],
  remediation: {
    user: 'You do not need to do anything. Some work apps may not work until your IT team has approved this version.',
    admin: 'Approve the version, or defer updates by management.'
  },
  examples: [
    { name: 'newer than approved', platform: 'ios', report: { os: { version: '27.0' } }, policy: { versions: { maximum: { ios: '26.99' } } }, finds: ['version audit'] },
    { name: 'exactly the highest', platform: 'android', report: { os: { version: '16' } }, policy: { versions: { maximum: { android: '16.0' } } }, finds: [] },
    { name: 'no highest version set', platform: 'android', report: { os: { version: '99' } }, finds: [] },
    { name: 'a preview with a name instead of a number', platform: 'android', report: { os: { version: 'Baklava' } }, policy: { versions: { maximum: { android: '16' } } }, finds: [] },
    { name: 'no version told', platform: 'ios', report: { os: { build: '24A100' } }, policy: { versions: { maximum: { ios: '26' } } }, finds: 'unknown' }
  ],

  detect (context) {
    const maximum = context.policy.versions.maximum[context.platform]
    if (maximum === undefined) return []
    const version = osOfPhone(context)?.version
    if ((compareVersionTexts(version, maximum) ?? 0) <= 0) return []
    return [{
      subject: 'version',
      title: `The system ${version} is newer than ${maximum}, the highest that the organisation has approved.`,
      evidence: osEvidence(context)
    }]
  }
}
