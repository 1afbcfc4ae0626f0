import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devEncryptionDefaultKey: Detection = {
  id: 'dev-encryption-default-key',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1409'],
  raisesLevel: true,
  description: 'The storage is encrypted with a key that no PIN or password protects. A phone without a screen lock is always so, which is dev-no-passcode.',
  sections: ['config'],
  needs: ['config.encryption'],
  remediation: {
    user: 'Set a PIN or password that the phone asks for when it starts.',
    admin: 'Require a passcode, at the start too, by device configuration.'
  },
  examples: [
    { name: 'the default key', platform: 'android', report: { config: { encryption: 'default-key' } }, finds: ['encryption low'] },
    { name: 'no screen lock either: dev-no-passcode', platform: 'android', report: { config: { encryption: 'default-key', passcodeSet: false } }, finds: [] },
    { name: 'a key of its own', platform: 'android', report: { config: { encryption: 'active' } }, finds: [] },
    { name: 'not told', platform: 'android', report: { config: { passcodeSet: true } }, finds: 'unknown' }
  ],

  detect: ({ state: { config } }) => config?.encryption !== 'default-key' || config.passcodeSet === false
    ? []
    : [{
        subject: 'encryption',
        title: 'The storage is encrypted with a key that no PIN or password protects.',
        evidence: [{ path: 'config.encryption', value: 'default-key' }]
      }]
}
