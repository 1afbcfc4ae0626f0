import type { Detection, Evidence } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const devSystemTampered: Detection = {
  id: 'dev-system-tampered',
  version: 1,
  category: 'device',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1645', 'T1625.001'],
  raisesLevel: true,
  description: 'Files of the system or a system app were changed: the agent says so, or verified boot found that the system is not what was signed (`red`).',
  sections: ['integrity', 'os'],
  needs: ['integrity.systemTampered', 'os.verifiedBootState'],
  remediation: {
    user: 'Have the maker\'s original system installed again (this erases the phone); until then company data stays locked.',
    admin: 'Isolate the phone from company data and preserve it if an attack is possible; then have the stock system restored and enrol again.'
  },
  examples: [
    { name: 'the agent finds a changed system app', platform: 'android', report: { integrity: { systemTampered: true } }, finds: ['system high'] },
    { name: 'verified boot failed', platform: 'android', report: { os: { verifiedBootState: 'red' } }, finds: ['system high'] },
    { name: 'an unlocked bootloader is dev-bootloader-unlocked', platform: 'android', report: { integrity: { systemTampered: false }, os: { verifiedBootState: 'orange' } }, finds: [] },
    { name: 'nothing changed', platform: 'ios', report: { integrity: { systemTampered: false } }, finds: [] },
    { name: 'not told', platform: 'ios', report: { integrity: { jailbroken: false } }, finds: 'unknown' }
  ],

  detect ({ state: { integrity, os } }) {
    const evidence: Evidence[] = []
    if (integrity?.systemTampered === true) evidence.push({ path: 'integrity.systemTampered', value: true })
    if (os?.verifiedBootState === 'red') evidence.push({ path: 'os.verifiedBootState', value: 'red' })
    return evidence.length === 0 ? [] : [{ subject: 'system', title: 'The system was changed since its maker built it.', evidence }]
  }
}
