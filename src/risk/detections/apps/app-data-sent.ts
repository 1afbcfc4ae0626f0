import type { Detection } from '../../detection.js'
import type { Example } from '../../example.js'
import { keyed } from '../../facts/intel-entries.js'
import { openEvents } from '../../facts/open-events.js'
import { ALL_PLATFORMS, ANDROID } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

/** What an app sent that it should not have sent, or not so. */
interface Sent extends Pick<Detection, 'id' | 'platforms' | 'severity' | 'attack' | 'description' | 'remediation'> {
  readonly type: 'data-leak' | 'personal-data-sent'
  /** Words of the event's `data` that are meant; none: whatever it was. */
  readonly data?: ReadonlySet<string>
  /** `sent a card number in clear`, for the title. */
  readonly did: string
}

const EVENT = { appId: 'com.example.shop', host: 'shop.example' } as const

const SENT: readonly Sent[] = [
  {
    id: 'app-data-leak-card',
    type: 'data-leak',
    data: new Set(['card-number', 'card']),
    platforms: ALL_PLATFORMS,
    severity: 'high',
    attack: ['T1639.001'],
    did: 'sent a card number in clear',
    description: 'An app sent the number of a payment card unencrypted: whoever is on the way can read it.',
    remediation: { user: 'Stop using the app and watch your card\'s statements.', admin: 'Have the app removed or updated; tell the user to watch the card.' }
  },
  {
    id: 'app-data-leak-password',
    type: 'data-leak',
    data: new Set(['password', 'credentials']),
    platforms: ALL_PLATFORMS,
    severity: 'medium',
    attack: ['T1639.001'],
    did: 'sent a password in clear',
    description: 'An app sent a password unencrypted: whoever is on the way can read it.',
    remediation: { user: 'Change that password, and do not use it in this app any more.', admin: 'Have the app removed or updated; rotate the password, also where it was used again.' }
  },
  {
    id: 'app-data-leak-identity',
    type: 'data-leak',
    data: new Set(['email', 'location', 'user-name', 'phone-number', 'device-id']),
    platforms: ALL_PLATFORMS,
    severity: 'low',
    attack: ['T1639.001'],
    did: 'sent who or where its user is in clear',
    description: 'An app sent a name, an e-mail address or a place unencrypted: whoever is on the way learns who and where its user is.',
    remediation: { user: 'Do not use this app on public Wi-Fi.', admin: 'Prefer an app that encrypts what it sends, or have it used through the company VPN.' }
  },
  {
    id: 'app-privacy-transmission',
    type: 'personal-data-sent',
    platforms: ANDROID,
    severity: 'low',
    attack: ['T1646'],
    did: 'sent personal data that nobody agreed to',
    description: 'An app sent personal data without its user\'s consent, encrypted or not.',
    remediation: { user: 'Take the app\'s permissions away, or uninstall it.', admin: 'Restrict or remove the app where company contacts or places are at stake.' }
  }
]

function examplesOf ({ type, data, severity, platforms }: Sent): readonly Example[] {
  const platform = platforms[0]!
  const [what = 'contacts'] = data ?? []
  return [
    { name: 'an app is seen doing it', platform, report: { events: [{ ...EVENT, type, data: [what] }] }, finds: [`com.example.shop ${severity}`] },
    { name: 'only the host is known', platform, report: { events: [{ type, host: 'shop.example', data: [what] }] }, finds: [`shop.example ${severity}`] },
    { name: 'longer ago than the event counts', platform, report: { events: [{ ...EVENT, type, data: [what], at: '2026-11-21T08:00:00Z' }] }, finds: [] },
    { name: 'something else', platform, report: { events: [{ ...EVENT, type: 'connection' }] }, finds: [] },
    ...(data === undefined ? [] : [{ name: 'what was sent is of another kind', platform, report: { events: [{ ...EVENT, type, data: ['weather'] }] }, finds: [] }] satisfies Example[])
  ]
}

function toDetection (sent: Sent): Detection {
  const { type, data, did, ...rest } = sent
  const types = new Set([type])
  return {
    ...rest,
    version: 1,
    category: 'app',
    raisesLevel: true,
    sections: ['events'],
    needs: [],
    examples: examplesOf(sent),
    detect: (context) => openEvents(context, types, rest).flatMap(({ event, until }) => {
      const words = event.data ?? []
      if (data !== undefined && !words.some((word) => data.has(word))) return []
      const subject = event.appId ?? event.host
      if (subject === undefined) return []
      const place = keyed('events', event.eventId)
      return [{
        subject,
        title: `${event.appId === undefined ? 'An app' : `The app ${event.appId}`} ${did}${event.host === undefined ? '' : `, to ${event.host}`}.`,
        evidence: [{ path: `${place}.type`, value: event.type }, { path: `${place}.at`, value: event.at }, ...(event.data === undefined ? [] : [{ path: `${place}.data`, value: event.data }]), ...(event.host === undefined ? [] : [{ path: `${place}.host`, value: event.host }])],
        expiresAt: toIso(until)
      }]
    })
  }
}

/** What apps sent. */
export const APP_DATA_SENT: readonly Detection[] = SENT.map(toDetection)
