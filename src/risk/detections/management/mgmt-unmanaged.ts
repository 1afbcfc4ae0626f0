import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const mgmtUnmanaged: Detection = {
  id: 'mgmt-unmanaged',
  version: 1,
  category: 'management',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1629.003'],
  raisesLevel: true,
  description: 'The phone is not managed, or no longer, where the organisation asks for it (`requirements.managed` of the policy).',
  sections: ['config'],
  needs: ['config.managed'],
  remediation: {
    user: 'Enrol the phone with your organisation again: open the company portal app and follow it.',
    admin: 'Ask whether the user removed management; have the phone enrolled again.'
  },
  examples: [
    { name: 'not managed where it must be', platform: 'ios', report: { config: { managed: false } }, policy: { requirements: { managed: true } }, finds: ['managed high'] },
    { name: 'a private phone under app protection, of which nobody asks it', platform: 'ios', report: { config: { managed: false } }, finds: [] },
    { name: 'managed', platform: 'android', report: { config: { managed: true } }, policy: { requirements: { managed: true } }, finds: [] },
    { name: 'not told', platform: 'android', report: { config: { passcodeSet: true } }, policy: { requirements: { managed: true } }, finds: 'unknown' }
  ],

  detect: ({ state: { config }, policy }) => !policy.requirements.managed || config?.managed !== false
    ? []
    : [{
        subject: 'managed',
        title: 'The phone is not managed, which the organisation asks of it.',
        evidence: [{ path: 'config.managed', value: false }]
      }]
}
