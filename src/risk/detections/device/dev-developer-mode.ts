import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devDeveloperMode: Detection = {
  id: 'dev-developer-mode',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1458'],
  raisesLevel: true,
  description: 'The developer options are on. Developers\' phones have a policy of their own.',
  sections: ['config'],
  needs: ['config.developerMode'],
  remediation: {
    user: 'Turn off the developer options: settings, then System, then Developer options.',
    admin: 'Block developer options by device configuration; put developers\' phones in a group of their own.'
  },
  examples: [
    { name: 'on', platform: 'android', report: { config: { developerMode: true } }, finds: ['developerMode low'] },
    { name: 'a developer\'s phone', platform: 'android', report: { config: { developerMode: true } }, policy: { severities: { 'dev-developer-mode': 'off' } }, finds: [] },
    { name: 'off', platform: 'android', report: { config: { developerMode: false } }, finds: [] },
    { name: 'not told', platform: 'android', report: { config: { usbDebugging: false } }, finds: 'unknown' }
  ],

  detect: ({ state: { config } }) => config?.developerMode !== true
    ? []
    : [{
        subject: 'developerMode',
        title: 'The developer options are on.',
        evidence: [{ path: 'config.developerMode', value: true }]
      }]
}
