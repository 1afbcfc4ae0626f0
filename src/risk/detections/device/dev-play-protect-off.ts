import type { Detection, Evidence } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devPlayProtectOff: Detection = {
  id: 'dev-play-protect-off',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1629.003'],
  raisesLevel: true,
  description: 'Google Play Protect, which checks apps, is switched off: by the phone\'s settings, or by Play Integrity (`POSSIBLE_RISK`). What it does with apps that come over adb is not looked at: developers\' phones switch that off.',
  sections: ['config', 'integrity'],
  needs: ['config.playProtect', 'integrity.playProtectVerdict'],
  remediation: {
    user: 'Turn on Play Protect: Play Store, then your picture, then Play Protect, then its settings.',
    admin: 'Require Play Protect by management. Phones without Google\'s services do not report it.'
  },
  examples: [
    { name: 'off', platform: 'android', report: { config: { playProtect: false } }, finds: ['playProtect medium'] },
    { name: 'Google says so', platform: 'android', report: { integrity: { playProtectVerdict: 'possible-risk' } }, finds: ['playProtect medium'] },
    { name: 'switched on since', platform: 'android', report: { config: { playProtect: true }, integrity: { playProtectVerdict: 'possible-risk' } }, finds: [] },
    { name: 'on, and nothing scanned yet', platform: 'android', report: { integrity: { playProtectVerdict: 'no-data' } }, finds: [] },
    { name: 'a phone without Google\'s services tells nothing', platform: 'android', report: { config: { passcodeSet: true } }, finds: 'unknown' }
  ],

  detect ({ state: { config, integrity } }) {
    const evidence: Evidence[] = []
    if (config?.playProtect === false) evidence.push({ path: 'config.playProtect', value: false })
    // The setting is read on the phone; the verdict may be of an hour ago.
    else if (config?.playProtect === undefined && integrity?.playProtectVerdict === 'possible-risk') evidence.push({ path: 'integrity.playProtectVerdict', value: 'possible-risk' })
    return evidence.length === 0 ? [] : [{ subject: 'playProtect', title: 'Google Play Protect is off, so nobody checks the apps of this phone.', evidence }]
  }
}
