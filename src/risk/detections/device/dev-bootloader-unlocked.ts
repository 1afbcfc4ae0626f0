import type { Detection, Evidence } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devBootloaderUnlocked: Detection = {
  id: 'dev-bootloader-unlocked',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1645', 'T1474.002'],
  raisesLevel: true,
  description: 'The bootloader is unlocked, or verified boot says so (`orange`): the phone starts any system that somebody puts on it.',
  sections: ['os'],
  needs: ['os.bootloaderLocked', 'os.verifiedBootState'],
  remediation: {
    user: 'Lock the bootloader again (this erases the phone), or ask your IT team to do it; until then company data stays locked.',
    admin: 'Have the stock system installed and the bootloader locked, then enrol again.'
  },
  examples: [
    { name: 'unlocked', platform: 'android', report: { os: { bootloaderLocked: false } }, finds: ['bootloader high'] },
    { name: 'verified boot says so', platform: 'android', report: { os: { verifiedBootState: 'orange' } }, finds: ['bootloader high'] },
    { name: 'locked', platform: 'android', report: { os: { bootloaderLocked: true, verifiedBootState: 'green' } }, finds: [] },
    { name: 'locked with a key of the owner: os-unknown-build', platform: 'android', report: { os: { bootloaderLocked: true, verifiedBootState: 'yellow' } }, finds: [] },
    { name: 'not told', platform: 'android', report: { os: { version: '15' } }, finds: 'unknown' }
  ],

  detect ({ state: { os } }) {
    const evidence: Evidence[] = []
    if (os?.bootloaderLocked === false) evidence.push({ path: 'os.bootloaderLocked', value: false })
    if (os?.verifiedBootState === 'orange') evidence.push({ path: 'os.verifiedBootState', value: 'orange' })
    return evidence.length === 0 ? [] : [{ subject: 'bootloader', title: 'The bootloader is unlocked: the phone starts any system that somebody puts on it.', evidence }]
  }
}
