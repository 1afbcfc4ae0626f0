import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'

export const devClockSkew: Detection = {
  id: 'dev-clock-skew',
  version: 1,
  category: 'device',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: [],
  raisesLevel: true,
  description: 'The phone\'s clock runs ahead of ours by more than the policy\'s `clockAheadHours` (24). One that seems to be behind proves nothing: the phone may only have been offline.',
  sections: ['clock'],
  needs: [],
  remediation: {
    user: 'Let the phone set its time by itself: settings, then System or General, then Date & time.',
    admin: 'Require automatic time by device configuration.'
  },
  examples: [
    { name: 'two days ahead', platform: 'android', report: { collectedAt: '2026-11-25T13:00:00.000Z' }, finds: ['clock audit'] },
    { name: 'an hour ahead', platform: 'ios', report: { collectedAt: '2026-11-23T13:00:00.000Z' }, finds: [] },
    { name: 'a report that waited for a week in a phone that was offline', platform: 'android', report: { collectedAt: '2026-11-16T12:00:00.000Z' }, finds: [] }
  ],

  detect ({ state: { clockOffsetSeconds = 0 }, policy }) {
    const { clockAheadHours } = policy.thresholds
    if (clockOffsetSeconds <= clockAheadHours * 60 * 60) return []
    return [{
      subject: 'clock',
      title: `The phone's clock is ahead by more than ${clockAheadHours} hours.`,
      evidence: [{ path: 'clockOffsetSeconds', value: clockOffsetSeconds }]
    }]
  }
}
