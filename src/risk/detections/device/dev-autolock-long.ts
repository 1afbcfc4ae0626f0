import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const devAutolockLong: Detection = {
  id: 'dev-autolock-long',
  version: 1,
  category: 'device',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1461'],
  raisesLevel: true,
  description: 'The phone stays open, unused, for longer than the policy\'s `autoLockSeconds` (900). Without a screen lock it locks nothing, which is dev-no-passcode.',
  sections: ['config'],
  needs: ['config.autoLockSeconds'],
  remediation: {
    user: 'Let the phone lock itself sooner: settings, then Display (on an iPhone: Display & Brightness, then Auto-Lock).',
    admin: 'Limit the time by device configuration.'
  },
  examples: [
    { name: 'half an hour', platform: 'android', report: { config: { passcodeSet: true, autoLockSeconds: 1_800 } }, finds: ['autoLockSeconds low'] },
    { name: 'a quarter of an hour, the limit', platform: 'ios', report: { config: { autoLockSeconds: 900 } }, finds: [] },
    { name: 'a stricter policy', platform: 'ios', report: { config: { autoLockSeconds: 300 } }, policy: { thresholds: { autoLockSeconds: 120 } }, finds: ['autoLockSeconds low'] },
    { name: 'no screen lock at all: dev-no-passcode', platform: 'android', report: { config: { passcodeSet: false, autoLockSeconds: 1_800 } }, finds: [] },
    { name: 'not told', platform: 'ios', report: { config: { passcodeSet: true } }, finds: 'unknown' }
  ],

  detect ({ state: { config }, policy }) {
    const seconds = config?.autoLockSeconds
    if (seconds === undefined || seconds <= policy.thresholds.autoLockSeconds || config?.passcodeSet === false) return []
    return [{
      subject: 'autoLockSeconds',
      title: `The phone locks itself after ${seconds} seconds; the policy asks for ${policy.thresholds.autoLockSeconds} at most.`,
      evidence: [{ path: 'config.autoLockSeconds', value: seconds }]
    }]
  }
}
