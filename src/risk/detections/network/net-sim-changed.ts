import type { KeptEvent } from '../../../telemetry/device-state.js'
import type { Detection } from '../../detection.js'
import { eventEvidence } from '../../facts/network-events.js'
import { openEvents } from '../../facts/open-events.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import type { Severity } from '../../level.js'

const ID = 'net-sim-changed'
const TYPES = new Set(['sim-change'])
/** The user may need a working day to reach the operator. */
const LIFETIME_SECONDS = 3 * 24 * 60 * 60

/** A second SIM for a journey, and one that was taken out, move no number to another phone. */
const BY_ACTION: Readonly<Record<string, { readonly severity: Severity, readonly what: string }>> = {
  added: { severity: 'audit', what: 'A SIM was added to the phone' },
  removed: { severity: 'low', what: 'A SIM was taken out of the phone' }
}
const REPLACED = { severity: 'medium', what: 'The SIM of the phone was replaced' } as const

const judge = ({ action }: KeptEvent): { readonly severity: Severity, readonly what: string } => BY_ACTION[action ?? ''] ?? REPLACED

export const netSimChanged: Detection = {
  id: ID,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1451'],
  raisesLevel: true,
  eventLifetimeSeconds: LIFETIME_SECONDS,
  description: 'The phone has another SIM than before. Low when one was only taken out, and only recorded when a second one was added, as for a journey. Whoever moves a number to a SIM of his own gets the codes that are sent to it. It stays open for three days.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'If you did not change the SIM yourself, call your mobile operator now and ask whether your number was moved.',
    admin: 'Ask the user whether the change was theirs. If not, have the operator lock the number, and move sign-ins that rest on text messages to another factor.'
  },
  examples: [
    { name: 'replaced', platform: 'android', report: { events: [{ type: 'sim-change', action: 'replaced' }] }, finds: ['sim medium'] },
    { name: 'an agent that says no more', platform: 'ios', report: { events: [{ type: 'sim-change' }] }, finds: ['sim medium'] },
    { name: 'a second SIM for a journey', platform: 'ios', report: { events: [{ type: 'sim-change', action: 'added' }] }, finds: ['sim audit'] },
    { name: 'taken out', platform: 'android', report: { events: [{ type: 'sim-change', action: 'removed' }] }, finds: ['sim low'] },
    { name: 'the same SIM', platform: 'android', report: { events: [{ type: 'sim-change', expected: '8949…17', observed: '8949…17' }] }, finds: [] },
    { name: 'four days ago', platform: 'android', report: { events: [{ type: 'sim-change', at: '2026-11-19T10:00:00Z' }] }, finds: [] }
  ],

  detect (context) {
    return openEvents(context, TYPES, { id: ID, eventLifetimeSeconds: LIFETIME_SECONDS }).flatMap(({ event, until }) => {
      if (event.expected !== undefined && JSON.stringify(event.expected) === JSON.stringify(event.observed)) return []
      const { severity, what } = judge(event)
      return [{
        subject: 'sim',
        title: `${what}: whoever holds the number gets the codes that are sent to it.`,
        evidence: eventEvidence(event, ['action', 'expected', 'observed']),
        severity,
        expiresAt: toIso(until)
      }]
    })
  }
}
