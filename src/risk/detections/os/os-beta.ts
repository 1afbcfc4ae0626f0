import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const osBeta: Detection = {
  id: 'os-beta',
  version: 1,
  category: 'os',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: [],
  raisesLevel: true,
  description: 'The phone runs a test version of its operating system. Testers\' phones have a policy of their own.',
  sections: ['os'],
  needs: ['os.beta'],
  remediation: {
    user: 'Leave the beta programme and install the released version.',
    admin: 'Block enrolment in beta programmes by management, or put testers\' phones in a group of their own.'
  },
  examples: [
    { name: 'a beta', platform: 'ios', report: { os: { version: '27.0', build: '24A5260n', beta: true } }, finds: ['beta low'] },
    { name: 'a released version', platform: 'android', report: { os: { version: '16', beta: false } }, finds: [] },
    { name: 'a tester\'s phone', platform: 'ios', report: { os: { beta: true } }, policy: { severities: { 'os-beta': 'off' } }, finds: [] },
    { name: 'not told', platform: 'android', report: { os: { version: '16' } }, finds: 'unknown' }
  ],

  detect: ({ state: { os } }) => os?.beta !== true
    ? []
    : [{
        subject: 'beta',
        title: 'The phone runs a test version of its operating system.',
        evidence: [{ path: 'os.beta', value: true }, ...(os.build === undefined ? [] : [{ path: 'os.build', value: os.build }])]
      }]
}
