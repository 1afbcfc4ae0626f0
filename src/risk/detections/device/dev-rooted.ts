import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devRooted: Detection = {
  id: 'dev-rooted',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1404', 'T1645'],
  raisesLevel: true,
  description: 'The agent finds the phone rooted: apps can get past Android\'s protections and read other apps\' data.',
  sections: ['integrity'],
  needs: ['integrity.rooted'],
  remediation: {
    user: 'Have the maker\'s original system installed again (this erases the phone); until then company data stays locked.',
    admin: 'Treat company data on the phone as readable by others: revoke sessions, have the stock system restored and the bootloader locked, then enrol again.'
  },
  examples: [
    { name: 'the agent finds it rooted', platform: 'android', report: { integrity: { rooted: true, reasons: ['su found'] } }, finds: ['rooted high'] },
    { name: 'nothing found', platform: 'android', report: { integrity: { rooted: false } }, finds: [] },
    { name: 'said earlier, and not taken back since', platform: 'android', earlier: [{ integrity: { rooted: true } }], report: { integrity: { reasons: [] } }, finds: ['rooted high'] },
    { name: 'no verdict', platform: 'android', report: { integrity: { rootBinaries: [] } }, finds: 'unknown' }
  ],

  detect ({ state: { integrity } }) {
    if (integrity?.rooted !== true) return []
    const reasons = integrity.reasons ?? []
    return [{
      subject: 'rooted',
      title: `The phone is rooted${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}: apps can get past Android's protections.`,
      evidence: [{ path: 'integrity.rooted', value: true }, ...reasons.map((value, index) => ({ path: `integrity.reasons[${index}]`, value }))]
    }]
  }
}
