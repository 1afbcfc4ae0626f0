import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devEmulator: Detection = {
  id: 'dev-emulator',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1633.001', 'T1670'],
  raisesLevel: true,
  description: 'This is no phone but a program that plays one. Testers who enrol emulators have a policy of their own.',
  sections: ['hardware'],
  needs: ['hardware.emulator'],
  remediation: {
    user: 'Use a real phone for work.',
    admin: 'Find out who enrolled it; retire the device and the credentials it got.'
  },
  examples: [
    { name: 'an emulator', platform: 'android', report: { hardware: { model: 'sdk_gphone64_x86_64', emulator: true } }, finds: ['emulator high'] },
    { name: 'a tester\'s, which is only recorded', platform: 'android', report: { hardware: { emulator: true } }, policy: { severities: { 'dev-emulator': 'audit' } }, finds: ['emulator audit'] },
    { name: 'a phone', platform: 'android', report: { hardware: { model: 'Pixel 8', emulator: false } }, finds: [] },
    { name: 'not told', platform: 'android', report: { hardware: { model: 'Pixel 8' } }, finds: 'unknown' }
  ],

  detect: ({ state: { hardware } }) => hardware?.emulator !== true
    ? []
    : [{
        subject: 'emulator',
        title: 'This is no phone but an emulator.',
        evidence: [{ path: 'hardware.emulator', value: true }, ...(hardware.model === undefined ? [] : [{ path: 'hardware.model', value: hardware.model }])]
      }]
}
