import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devCommonCriteriaOff: Detection = {
  id: 'dev-common-criteria-off',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'low',
  attack: [],
  raisesLevel: true,
  description: 'Common Criteria mode is off where the organisation asks for it (`requirements.commonCriteria` of the policy).',
  sections: ['config'],
  needs: ['config.commonCriteria'],
  remediation: {
    user: 'You do not need to do anything. Your IT team sets this up.',
    admin: 'Turn on Common Criteria mode by device configuration.'
  },
  examples: [
    { name: 'off where it is asked for', platform: 'android', report: { config: { commonCriteria: false } }, policy: { requirements: { commonCriteria: true } }, finds: ['commonCriteria low'] },
    { name: 'off where nobody asks', platform: 'android', report: { config: { commonCriteria: false } }, finds: [] },
    { name: 'on', platform: 'android', report: { config: { commonCriteria: true } }, policy: { requirements: { commonCriteria: true } }, finds: [] },
    { name: 'not told', platform: 'android', report: { config: { managed: true } }, policy: { requirements: { commonCriteria: true } }, finds: 'unknown' }
  ],

  detect: ({ state: { config }, policy }) => !policy.requirements.commonCriteria || config?.commonCriteria !== false
    ? []
    : [{
        subject: 'commonCriteria',
        title: 'Common Criteria mode is off, which the organisation asks of this phone.',
        evidence: [{ path: 'config.commonCriteria', value: false }]
      }]
}
