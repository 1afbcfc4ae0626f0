import type { Detection } from '../../detection.js'
import { eventEvidence, openEvents } from '../../facts/open-events.js'
import { ANDROID } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const ID = 'dev-log-gap'
const TYPES = new Set(['log-stopped', 'log-buffer-critical'])

export const devLogGap: Detection = {
  id: ID,
  version: 2,
  category: 'device',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1630'],
  raisesLevel: true,
  description: 'The phone\'s security log was stopped or overflowed (events `log-stopped`, `log-buffer-critical`), so that something may have happened unseen. Medium when it happens as often as the policy\'s `logGaps` (3) within the lifetime of the event (a day).',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'Restart the phone and connect it to the internet. If the message comes again, ask your IT team.',
    admin: 'See whether management switched logging off. A phone that is offline for long overflows; one that does so again and again is worth a look.'
  },
  examples: [
    { name: 'logging was stopped', platform: 'android', report: { events: [{ type: 'log-stopped' }] }, finds: ['securityLog low'] },
    { name: 'three times in a day', platform: 'android', report: { events: [{ type: 'log-stopped', at: '2026-11-23T02:00:00Z' }, { type: 'log-buffer-critical', at: '2026-11-23T05:00:00Z' }, { type: 'log-stopped', at: '2026-11-23T09:00:00Z' }] }, finds: ['securityLog medium'] },
    { name: 'three times, one of them the day before yesterday', platform: 'android', report: { events: [{ type: 'log-stopped', at: '2026-11-21T02:00:00Z' }, { type: 'log-stopped', at: '2026-11-23T05:00:00Z' }, { type: 'log-stopped', at: '2026-11-23T09:00:00Z' }] }, finds: ['securityLog low'] },
    { name: 'other events', platform: 'android', report: { events: [{ type: 'adb-shell' }] }, finds: [] }
  ],

  detect (context) {
    const gaps = openEvents(context, TYPES, { id: ID })
    const [newest] = gaps
    if (newest === undefined) return []
    // The gap that makes it so many.
    const turning = gaps[context.policy.thresholds.logGaps - 1]
    const shown = gaps.slice(0, 5)
    // When that, or one of those that are told of, stops to count.
    const recheckMs = Math.min(shown.at(-1)!.until, turning?.until ?? Infinity)
    return [{
      subject: 'securityLog',
      title: turning === undefined ? 'The phone\'s security log has a gap.' : 'The phone\'s security log has gaps again and again.',
      evidence: shown.flatMap(({ event }) => eventEvidence(event, 'detail')),
      expiresAt: toIso(newest.until),
      recheckAt: toIso(recheckMs),
      ...(turning === undefined ? {} : { severity: 'medium' as const })
    }]
  }
}
