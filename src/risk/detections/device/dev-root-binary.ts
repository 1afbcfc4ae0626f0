import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devRootBinary: Detection = {
  id: 'dev-root-binary',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1404'],
  raisesLevel: true,
  description: 'A program that rooted phones have (su, Magisk, BusyBox, …) is on the phone; one finding a path.',
  sections: ['integrity'],
  needs: ['integrity.rootBinaries'],
  remediation: {
    user: 'Have the maker\'s original system installed again (this erases the phone); until then company data stays locked.',
    admin: 'A root tool is or was installed. Have the stock system restored, then enrol again.'
  },
  examples: [
    { name: 'two tools', platform: 'android', report: { integrity: { rootBinaries: ['/system/xbin/su', '/data/local/tmp/magisk'] } }, finds: ['/data/local/tmp/magisk high', '/system/xbin/su high'] },
    { name: 'looked for and not found', platform: 'android', report: { integrity: { rootBinaries: [] } }, finds: [] },
    { name: 'not looked for', platform: 'android', report: { integrity: { rooted: false } }, finds: 'unknown' }
  ],

  detect ({ state: { integrity } }) {
    return (integrity?.rootBinaries ?? []).map((path, index) => ({
      subject: path,
      title: `${path} is on the phone, a program with which apps get past Android's protections.`,
      evidence: [{ path: `integrity.rootBinaries[${index}]`, value: path }]
    }))
  }
}
