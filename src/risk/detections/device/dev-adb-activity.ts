import type { Detection } from '../../detection.js'
import { eventEvidence, openEvents } from '../../facts/open-events.js'
import { ANDROID } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const ID = 'dev-adb-activity'
const WORDS: ReadonlyMap<string, string> = new Map([
  ['adb-shell', 'ran commands on the phone'],
  ['file-push', 'copied files to the phone'],
  ['file-pull', 'copied files from the phone']
])
const TYPES = new Set(WORDS.keys())

export const devAdbActivity: Detection = {
  id: ID,
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1623.001'],
  raisesLevel: true,
  description: 'A computer ran commands on the phone or copied files over adb (events `adb-shell`, `file-push`, `file-pull`); one finding a kind. Counts for a day. Developers\' phones have a policy of their own.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'If you did not do this yourself, disconnect the phone from the computer, turn off USB debugging and tell your IT team.',
    admin: 'Find out which computer was connected and who used it; see what was installed or copied.'
  },
  examples: [
    { name: 'a command and a file', platform: 'android', report: { events: [{ type: 'adb-shell', detail: 'pm list packages' }, { type: 'file-push', detail: '/data/local/tmp/x' }] }, finds: ['adb-shell medium', 'file-push medium'] },
    { name: 'a developer\'s phone, where it is only recorded', platform: 'android', report: { events: [{ type: 'adb-shell' }] }, policy: { severities: { 'dev-adb-activity': 'audit' } }, finds: ['adb-shell audit'] },
    { name: 'two days ago', platform: 'android', report: { events: [{ type: 'adb-shell', at: '2026-11-21T08:00:00Z' }] }, finds: [] },
    { name: 'another event', platform: 'android', report: { events: [{ type: 'auth-failure' }] }, finds: [] }
  ],

  detect: (context) => openEvents(context, TYPES, { id: ID }).map(({ event, until }) => ({
    subject: event.type,
    title: `A computer ${WORDS.get(event.type)} over adb.`,
    evidence: eventEvidence(event, 'detail'),
    expiresAt: toIso(until)
  }))
}
