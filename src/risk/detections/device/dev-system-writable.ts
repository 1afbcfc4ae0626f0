import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devSystemWritable: Detection = {
  id: 'dev-system-writable',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1645'],
  raisesLevel: true,
  description: 'The system partition is mounted so that it can be written to: whoever has root can change the system for good.',
  sections: ['integrity'],
  needs: ['integrity.systemWritable'],
  remediation: {
    user: 'Have the maker\'s original system installed again (this erases the phone); until then company data stays locked.',
    admin: 'Treat the phone as rooted: have the stock system restored and the bootloader locked, then enrol again.'
  },
  examples: [
    { name: 'mounted for writing', platform: 'android', report: { integrity: { systemWritable: true } }, finds: ['systemWritable high'] },
    { name: 'mounted for reading', platform: 'android', report: { integrity: { systemWritable: false } }, finds: [] },
    { name: 'not told', platform: 'android', report: { integrity: { rooted: false } }, finds: 'unknown' }
  ],

  detect: ({ state: { integrity } }) => integrity?.systemWritable !== true
    ? []
    : [{
        subject: 'systemWritable',
        title: 'The system partition can be written to: whoever has root can change the system for good.',
        evidence: [{ path: 'integrity.systemWritable', value: true }]
      }]
}
