import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const devPasscodeWeak: Detection = {
  id: 'dev-passcode-weak',
  version: 1,
  category: 'device',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1461'],
  raisesLevel: true,
  description: 'The phone has a screen lock that is weaker than its management asks for. A phone without any is dev-no-passcode.',
  sections: ['config'],
  needs: ['config.passcodeCompliant'],
  remediation: {
    user: 'Set a longer PIN, password or code.',
    admin: 'See which rule of the device configuration the passcode does not meet.'
  },
  examples: [
    { name: 'too weak', platform: 'ios', report: { config: { passcodeSet: true, passcodeCompliant: false } }, finds: ['passcodeCompliant low'] },
    { name: 'no screen lock at all: dev-no-passcode', platform: 'ios', report: { config: { passcodeSet: false, passcodeCompliant: false } }, finds: [] },
    { name: 'good enough', platform: 'android', report: { config: { passcodeSet: true, passcodeCompliant: true } }, finds: [] },
    { name: 'not told', platform: 'android', report: { config: { passcodeSet: true } }, finds: 'unknown' }
  ],

  detect: ({ state: { config } }) => config?.passcodeCompliant !== false || config.passcodeSet === false
    ? []
    : [{
        subject: 'passcodeCompliant',
        title: 'The screen lock is weaker than the organisation asks for.',
        evidence: [{ path: 'config.passcodeCompliant', value: false }]
      }]
}
