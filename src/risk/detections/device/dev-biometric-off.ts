import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const devBiometricOff: Detection = {
  id: 'dev-biometric-off',
  version: 1,
  category: 'device',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: ['T1461'],
  raisesLevel: true,
  description: 'The organisation asks for biometrics (`requirements.biometrics` of the policy) and none are set up.',
  sections: ['config'],
  needs: ['config.biometrics'],
  remediation: {
    user: 'Set up your fingerprint or face: settings, then Security (on an iPhone: Face ID & Passcode).',
    admin: 'Ask the user to set up biometrics, unless they cannot.'
  },
  examples: [
    { name: 'none set up where they are asked for', platform: 'ios', report: { config: { biometrics: false } }, policy: { requirements: { biometrics: true } }, finds: ['biometrics audit'] },
    { name: 'none set up where nobody asks', platform: 'ios', report: { config: { biometrics: false } }, finds: [] },
    { name: 'set up', platform: 'android', report: { config: { biometrics: true } }, policy: { requirements: { biometrics: true } }, finds: [] },
    { name: 'not told', platform: 'android', report: { config: { passcodeSet: true } }, policy: { requirements: { biometrics: true } }, finds: 'unknown' }
  ],

  detect: ({ state: { config }, policy }) => !policy.requirements.biometrics || config?.biometrics !== false
    ? []
    : [{
        subject: 'biometrics',
        title: 'Neither fingerprint nor face is set up, which the organisation asks for.',
        evidence: [{ path: 'config.biometrics', value: false }]
      }]
}
