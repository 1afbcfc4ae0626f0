import type { Detection } from '../../detection.js'
import type { Example } from '../../example.js'
import { eventEvidence, openEvents, WEEK_SECONDS } from '../../facts/open-events.js'
import { ALL_PLATFORMS, ANDROID } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import type { Severity } from '../../level.js'

interface EventRow extends Pick<Detection, 'id' | 'platforms' | 'attack' | 'description' | 'remediation'> {
  readonly severity: Severity
  readonly eventLifetimeSeconds?: number
  /** What each type of event means, in a sentence. */
  readonly types: Readonly<Record<string, string>>
  readonly examples: readonly Example[]
}

const ROWS: readonly EventRow[] = [
  {
    id: 'dev-key-integrity',
    platforms: ANDROID,
    severity: 'medium',
    attack: ['T1645'],
    description: 'A cryptographic key on the phone failed its check, or the phone\'s cryptography failed its self-test (events `key-integrity-violation`, `crypto-self-test-failure`; Android\'s security log, 210032 and 210031). Counts for a day.',
    types: {
      'key-integrity-violation': 'A cryptographic key on the phone failed its check.',
      'crypto-self-test-failure': 'The phone\'s cryptography failed its self-test.'
    },
    remediation: {
      user: 'Restart the phone. If the message comes again, ask your IT team.',
      admin: 'Have the keys of the phone made anew. If it happens again, replace the phone: its hardware is faulty or was tampered with.'
    },
    examples: [
      { name: 'a key failed its check', platform: 'android', report: { events: [{ type: 'key-integrity-violation', detail: 'vpn-key' }] }, finds: ['key-integrity-violation medium'] },
      { name: 'last week', platform: 'android', report: { events: [{ type: 'key-integrity-violation', at: '2026-11-17T08:00:00Z' }] }, finds: [] },
      { name: 'a self-test that passed is no event of this kind', platform: 'android', report: { events: [{ type: 'crypto-self-test-completed' }] }, finds: [] }
    ]
  },
  {
    id: 'dev-wipe-failed',
    platforms: ANDROID,
    severity: 'high',
    eventLifetimeSeconds: WEEK_SECONDS,
    attack: ['T1461'],
    description: 'The phone was to be erased and was not (event `wipe-failed`; Android\'s security log, 210023): a phone that may be lost still has the organisation\'s data. Counts for a week.',
    types: { 'wipe-failed': 'The phone was to be erased and was not.' },
    remediation: {
      user: 'Bring the phone to your IT team.',
      admin: 'Revoke the user\'s sessions and the phone\'s certificates at once, treat the phone as lost, and erase it by hand when you have it.'
    },
    examples: [
      { name: 'erasing failed', platform: 'android', report: { events: [{ type: 'wipe-failed', at: '2026-11-19T08:00:00Z' }] }, finds: ['wipe-failed high'] },
      { name: 'ten days ago', platform: 'android', report: { events: [{ type: 'wipe-failed', at: '2026-11-13T08:00:00Z' }] }, finds: [] }
    ]
  },
  {
    id: 'dev-linked-device',
    platforms: ALL_PLATFORMS,
    severity: 'low',
    eventLifetimeSeconds: WEEK_SECONDS,
    attack: ['T1676'],
    description: 'A messenger on the phone was linked to another device, which reads along from then on (event `linked-device`, which the agent sends when the user did not confirm it). Counts for a week.',
    types: { 'linked-device': 'A messenger was linked to another device, which reads along from then on' },
    remediation: {
      user: 'Open the messenger\'s settings, then Linked devices, and remove those that you do not know.',
      admin: 'Ask the user whether they linked a computer. If not, somebody had the phone or tricked the user into it.'
    },
    examples: [
      { name: 'Signal was linked', platform: 'android', report: { events: [{ type: 'linked-device', appId: 'org.thoughtcrime.securesms' }] }, finds: ['org.thoughtcrime.securesms low'] },
      { name: 'a month ago', platform: 'ios', report: { events: [{ type: 'linked-device', appId: 'net.whatsapp.WhatsApp', at: '2026-10-20T08:00:00Z' }] }, finds: [] }
    ]
  }
]

/** Things that happen to a phone and need no more than to be told. One finding an app, or a type. */
export const DEVICE_EVENTS: readonly Detection[] = ROWS.map(({ types, ...row }) => {
  const names = new Set(Object.keys(types))
  return {
    ...row,
    version: 1,
    category: 'device',
    raisesLevel: true,
    sections: ['events'],
    needs: [],
    detect: (context) => openEvents(context, names, row).map(({ event, until }) => ({
      subject: event.appId ?? event.type,
      title: event.appId === undefined ? types[event.type]!.replace(/\.?$/, '.') : `${types[event.type]!.replace(/\.$/, '')} (${event.appId}).`,
      evidence: eventEvidence(event, 'appId', 'detail'),
      expiresAt: toIso(until)
    }))
  }
})
