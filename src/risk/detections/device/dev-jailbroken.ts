import type { Detection } from '../../detection.js'
import { APPLE } from '../../facts/platforms.js'

export const devJailbroken: Detection = {
  id: 'dev-jailbroken',
  version: 1,
  category: 'device',
  platforms: APPLE,
  severity: 'high',
  attack: ['T1404', 'T1645'],
  raisesLevel: true,
  description: 'The agent finds the device jailbroken: apps can get past iOS\'s protections and read other apps\' data.',
  sections: ['integrity'],
  needs: ['integrity.jailbroken'],
  remediation: {
    user: 'Restore the device with a computer (Finder or iTunes) and set it up anew; until then company data stays locked.',
    admin: 'Treat company data on the device as readable by others: revoke sessions, have it restored with a computer in recovery mode, then enrol again.'
  },
  examples: [
    { name: 'the agent finds it jailbroken', platform: 'ios', report: { integrity: { jailbroken: true, reasons: ['cydia:// opens'] } }, finds: ['jailbroken high'] },
    { name: 'an iPad', platform: 'ipados', report: { integrity: { jailbroken: true } }, finds: ['jailbroken high'] },
    { name: 'nothing found', platform: 'ios', report: { integrity: { jailbroken: false } }, finds: [] },
    { name: 'no verdict', platform: 'ios', report: { integrity: { reasons: [] } }, finds: 'unknown' }
  ],

  detect ({ state: { integrity } }) {
    if (integrity?.jailbroken !== true) return []
    const reasons = integrity.reasons ?? []
    return [{
      subject: 'jailbroken',
      title: `The device is jailbroken${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}: apps can get past iOS's protections.`,
      evidence: [{ path: 'integrity.jailbroken', value: true }, ...reasons.map((value, index) => ({ path: `integrity.reasons[${index}]`, value }))]
    }]
  }
}
