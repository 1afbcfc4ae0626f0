import type { KeptEvent } from '../../../telemetry/device-state.js'
import type { Detection, DetectionContext } from '../../detection.js'
import type { ExampleReport } from '../../example.js'
import { openUntil } from '../../facts/event-windows.js'
import { eventEvidence } from '../../facts/open-events.js'
import { ANDROID } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const ID = 'dev-keyguard-failures'

/** The last event of the newest burst: so many failures within the window, by the phone's own clock. */
function newestBurst ({ state: { events }, policy: { thresholds } }: DetectionContext): readonly KeptEvent[] {
  const failures = events.filter(({ type }) => type === 'auth-failure')
  const count = thresholds.keyguardFailures
  if (failures.length < count) return []
  failures.sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || (a.eventId < b.eventId ? -1 : 1))
  for (let last = failures.length - 1; last >= count - 1; last--) {
    const burst = failures.slice(last - count + 1, last + 1)
    if (Date.parse(burst.at(-1)!.at) - Date.parse(burst[0]!.at) <= thresholds.keyguardWindowSeconds * 1000) return burst
  }
  return []
}

const failures = (number: number, minutesApart: number): ExampleReport['events'] => Array.from({ length: number }, (_, index) =>
  ({ type: 'auth-failure', eventId: `failure-${index}`, at: new Date(Date.parse('2026-11-23T09:00:00Z') + index * minutesApart * 60_000).toISOString() }))

export const devKeyguardFailures: Detection = {
  id: ID,
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1461'],
  raisesLevel: true,
  description: 'Somebody failed to unlock the phone many times in a short while: as often as the policy\'s `keyguardFailures` (10) within its `keyguardWindowSeconds` (an hour). Counts for a day.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'Make sure that you have the phone yourself. If somebody else tried to open it, change its PIN or password.',
    admin: 'Ask the user whether the phone is in their hands; otherwise lock it by management.'
  },
  examples: [
    { name: 'ten failures in a quarter of an hour', platform: 'android', report: { events: failures(10, 1.5)! }, finds: ['keyguard medium'] },
    { name: 'nine', platform: 'android', report: { events: failures(9, 1)! }, finds: [] },
    { name: 'ten over a morning, as fingers slip', platform: 'android', report: { events: failures(10, 15)! }, finds: [] },
    { name: 'a stricter policy', platform: 'android', report: { events: failures(5, 1)! }, policy: { thresholds: { keyguardFailures: 5 } }, finds: ['keyguard medium'] }
  ],

  detect (context) {
    const burst = newestBurst(context)
    const last = burst.at(-1)
    const until = last === undefined ? undefined : openUntil(context, last, { id: ID }, 'contact')
    if (until === undefined) return []
    return [{
      subject: 'keyguard',
      title: `Somebody failed to unlock the phone ${burst.length} times or more in a short while.`,
      evidence: burst.flatMap((event) => eventEvidence(event).slice(1)),
      expiresAt: toIso(until)
    }]
  }
}
