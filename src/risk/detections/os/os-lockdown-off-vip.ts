import type { Detection } from '../../detection.js'
import { APPLE } from '../../facts/platforms.js'

export const osLockdownOffVip: Detection = {
  id: 'os-lockdown-off-vip',
  version: 1,
  category: 'os',
  platforms: APPLE,
  severity: 'audit',
  attack: [],
  raisesLevel: true,
  description: 'Lockdown Mode is off on a phone of a group that is to use it (`requirements.lockdownMode` of the policy). It came with iOS 16.',
  sections: ['config'],
  needs: ['config.lockdownMode'],
  remediation: {
    user: 'Turn on Lockdown Mode: Settings, then Privacy & Security, then Lockdown Mode.',
    admin: 'Explain to the user why Lockdown Mode is asked for, and what it restricts.'
  },
  examples: [
    { name: 'off where it is asked for', platform: 'ios', report: { config: { lockdownMode: false } }, policy: { requirements: { lockdownMode: true } }, finds: ['lockdownMode audit'] },
    { name: 'off where nobody asks for it', platform: 'ios', report: { config: { lockdownMode: false } }, finds: [] },
    { name: 'on', platform: 'ipados', report: { config: { lockdownMode: true } }, policy: { requirements: { lockdownMode: true } }, finds: [] },
    { name: 'not told', platform: 'ios', report: { config: { passcodeSet: true } }, policy: { requirements: { lockdownMode: true } }, finds: 'unknown' }
  ],

  detect: ({ state: { config }, policy }) => !policy.requirements.lockdownMode || config?.lockdownMode !== false
    ? []
    : [{
        subject: 'lockdownMode',
        title: 'Lockdown Mode is off, which the organisation asks of this phone.',
        evidence: [{ path: 'config.lockdownMode', value: false }]
      }]
}
