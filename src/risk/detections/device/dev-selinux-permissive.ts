import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devSelinuxPermissive: Detection = {
  id: 'dev-selinux-permissive',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1629.003'],
  raisesLevel: true,
  description: 'SELinux only watches instead of enforcing: the walls between apps and system are down. No maker ships a phone like that.',
  sections: ['config'],
  needs: ['config.selinux'],
  remediation: {
    user: 'Have the maker\'s original system installed again (this erases the phone); until then company data stays locked.',
    admin: 'Treat the phone as rooted: have the stock system restored and the bootloader locked, then enrol again.'
  },
  examples: [
    { name: 'permissive', platform: 'android', report: { config: { selinux: 'permissive' } }, finds: ['selinux high'] },
    { name: 'enforcing', platform: 'android', report: { config: { selinux: 'enforcing' } }, finds: [] },
    { name: 'not told', platform: 'android', report: { config: { developerMode: true } }, finds: 'unknown' }
  ],

  detect: ({ state: { config } }) => config?.selinux !== 'permissive'
    ? []
    : [{
        subject: 'selinux',
        title: 'SELinux does not enforce: the walls between apps and system are down.',
        evidence: [{ path: 'config.selinux', value: 'permissive' }]
      }]
}
