import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

const MEANINGS = {
  'medium-risk': { severity: 'medium', words: 'apps that may do harm' },
  'high-risk': { severity: 'high', words: 'dangerous apps' }
} as const

export const devPlayProtectVerdict: Detection = {
  id: 'dev-play-protect-verdict',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1655'],
  raisesLevel: true,
  description: 'Google Play Protect has found apps on the phone that may do harm (`MEDIUM_RISK`, medium) or that are dangerous (`HIGH_RISK`, high). It does not say which.',
  sections: ['integrity'],
  needs: ['integrity.playProtectVerdict'],
  remediation: {
    user: 'Open the Play Store, then your picture, then Play Protect, and remove the apps that it names.',
    admin: 'Ask the user which apps Play Protect names, and have them removed.'
  },
  examples: [
    { name: 'dangerous apps', platform: 'android', report: { integrity: { playProtectVerdict: 'high-risk' } }, finds: ['playProtectVerdict high'] },
    { name: 'apps that may do harm', platform: 'android', report: { integrity: { playProtectVerdict: 'medium-risk' } }, finds: ['playProtectVerdict medium'] },
    { name: 'nothing found', platform: 'android', report: { integrity: { playProtectVerdict: 'no-issues' } }, finds: [] },
    { name: 'off: dev-play-protect-off', platform: 'android', report: { integrity: { playProtectVerdict: 'possible-risk' } }, finds: [] },
    { name: 'not told', platform: 'android', report: { integrity: { rooted: false } }, finds: 'unknown' }
  ],

  detect ({ state: { integrity } }) {
    const verdict = integrity?.playProtectVerdict
    if (verdict !== 'medium-risk' && verdict !== 'high-risk') return []
    const { severity, words } = MEANINGS[verdict]
    return [{
      subject: 'playProtectVerdict',
      title: `Google Play Protect has found ${words} on this phone.`,
      evidence: [{ path: 'integrity.playProtectVerdict', value: verdict }],
      severity
    }]
  }
}
