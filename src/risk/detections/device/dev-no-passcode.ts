import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const devNoPasscode: Detection = {
  id: 'dev-no-passcode',
  version: 1,
  category: 'device',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1461'],
  raisesLevel: true,
  description: 'The phone has no screen lock: whoever holds it can read it.',
  sections: ['config'],
  needs: ['config.passcodeSet'],
  remediation: {
    user: 'Set a screen lock with a PIN, a password or a code of at least six digits.',
    admin: 'Require a passcode by device configuration; check that the compliance policy asks for one too.'
  },
  examples: [
    { name: 'no screen lock', platform: 'android', report: { config: { passcodeSet: false } }, finds: ['passcodeSet medium'] },
    { name: 'a screen lock', platform: 'ios', report: { config: { passcodeSet: true } }, finds: [] },
    { name: 'a policy that takes it less seriously', platform: 'ios', report: { config: { passcodeSet: false } }, policy: { severities: { 'dev-no-passcode': 'low' } }, finds: ['passcodeSet low'] },
    { name: 'not told', platform: 'ios', report: { config: { passcodeCompliant: true } }, finds: 'unknown' }
  ],

  detect: ({ state: { config } }) => config?.passcodeSet !== false
    ? []
    : [{
        subject: 'passcodeSet',
        title: 'The phone has no screen lock: whoever holds it can read what is on it.',
        evidence: [{ path: 'config.passcodeSet', value: false }]
      }]
}
