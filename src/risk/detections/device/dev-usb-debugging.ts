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
  examples: [],

  detect: ({ state: { config } }) => config?.usbDebugging !== true
    ? []
    : [{
        subject: 'usbDebugging',
        title: 'USB debugging is on: a computer at the other end of a cable can install apps and copy data.',
        evidence: [{ path: 'config.usbDebugging', value: true }]
      }]
}
