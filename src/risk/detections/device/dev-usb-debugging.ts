import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devUsbDebugging: Detection = {
  id: 'dev-usb-debugging',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1458', 'T1623.001'],
  raisesLevel: true,
  description: 'USB debugging is on: a computer at the other end of a cable can install apps and copy data.',
  sections: ['config'],
  needs: ['config.usbDebugging'],
  remediation: {
    user: 'Turn off USB debugging in the developer options.',
    admin: 'Block USB debugging by device configuration; exempt developers\' phones in their own policy.'
  },
  examples: [
    { name: 'on', platform: 'android', report: { config: { usbDebugging: true } }, finds: ['usbDebugging medium'] },
    { name: 'a developer\'s phone, whose group\'s policy only records it', platform: 'android', report: { config: { usbDebugging: true } }, policy: { severities: { 'dev-usb-debugging': 'audit' } }, finds: ['usbDebugging audit'] },
    { name: 'developer options without it', platform: 'android', report: { config: { developerMode: true, usbDebugging: false } }, finds: [] },
    { name: 'not told', platform: 'android', report: { config: { developerMode: true } }, finds: 'unknown' }
  ],

  detect: ({ state: { config } }) => config?.usbDebugging !== true
    ? []
    : [{
        subject: 'usbDebugging',
        title: 'USB debugging is on: a computer at the other end of a cable can install apps and copy data.',
        evidence: [{ path: 'config.usbDebugging', value: true }]
      }]
}
