import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devAdbKey: Detection = {
  id: 'dev-adb-key',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'audit',
  attack: ['T1458'],
  raisesLevel: true,
  description: 'The phone trusts the keys of one or more computers: they need no permission any more when USB debugging is on.',
  sections: ['config'],
  needs: ['config.adbKeys'],
  remediation: {
    user: 'Revoke the permissions: settings, then System, then Developer options, then Revoke USB debugging authorisations.',
    admin: 'Ask which computers the phone was connected to.'
  },
  examples: [
    { name: 'two computers', platform: 'android', report: { config: { adbKeys: 2 } }, finds: ['adbKeys audit'] },
    { name: 'none', platform: 'android', report: { config: { adbKeys: 0 } }, finds: [] },
    { name: 'not told', platform: 'android', report: { config: { usbDebugging: true } }, finds: 'unknown' }
  ],

  detect ({ state: { config } }) {
    const keys = config?.adbKeys ?? 0
    if (keys === 0) return []
    return [{
      subject: 'adbKeys',
      title: `The phone trusts ${keys === 1 ? 'a computer' : `${keys} computers`} for USB debugging.`,
      evidence: [{ path: 'config.adbKeys', value: keys }]
    }]
  }
}
