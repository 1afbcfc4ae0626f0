import type { KeptEvent } from '../../../telemetry/device-state.js'
import type { Detection, DetectionContext, Match } from '../../detection.js'
import type { Example } from '../../example.js'
import { contactsChangeAt } from '../../facts/contacts.js'
import { openUntil } from '../../facts/event-windows.js'
import { describeEntry, weigh } from '../../facts/intel-entries.js'
import { eventEvidence } from '../../facts/network-events.js'
import { openEvents } from '../../facts/open-events.js'
import { badPages, type BadPage } from '../../facts/pages.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import type { Severity } from '../../level.js'

const ID = 'net-smishing-link'
const TYPES = new Set(['message-fraud'])
const PHISHING = [{ type: 'url', value: 'https://parcel.example/pay', role: 'distribution', threatClass: 'phishing' }] as const
const link = (rest: object): Example['report'] => ({ events: [{ type: 'message-link', url: 'https://parcel.example/pay', sender: '+1 202 555 0100', ...rest }] })

/** Undefined: not this detection's. What was reached of servers and of mercenary spyware has detections of its own. */
function severityOf (context: DetectionContext, { meaning, reached, entries }: BadPage): Severity | undefined {
  if (meaning === 'sales-site') return undefined
  if (meaning === 'mercenary-spyware' || meaning === 'command-server') return reached ? undefined : weigh(context, meaning === 'mercenary-spyware' ? 'medium' : 'low', entries)
  return weigh(context, reached ? 'medium' : 'low', entries)
}

const sentBy = ({ sender }: KeptEvent): string => sender === undefined ? 'A message' : `A message from ${sender}`

function links (context: DetectionContext): Match[] {
  return badPages(context).flatMap((page): Match[] => {
    const { event, subject, reached, meaning, entries, evidence } = page
    const severity = event.type === 'message-link' ? severityOf(context, page) : undefined
    const until = severity === undefined ? undefined : openUntil(context, event, { id: ID }, 'contact')
    if (severity === undefined || until === undefined) return []
    const [entry] = entries
    return [{
      subject,
      title: `${sentBy(event)} has a link to ${subject}, ${entry === undefined ? 'which the agent\'s filter calls dangerous' : `which is listed for ${describeEntry(entry)}`}${reached ? ', and it was opened' : meaning === 'mercenary-spyware' ? '; such links are sent to chosen people' : ''}.`,
      evidence,
      ...(entry === undefined ? {} : { intel: entry }),
      severity,
      expiresAt: toIso(until)
    }]
  })
}

function frauds (context: DetectionContext): Match[] {
  return openEvents(context, TYPES, { id: ID }).map(({ event, until }) => ({
    subject: event.sender ?? 'message',
    title: `${sentBy(event)} tries to deceive${event.detail === undefined ? '' : ` (${event.detail})`}${event.opened === true ? ', and was answered' : ''}, as the agent tells.`,
    evidence: eventEvidence(event, ['sender', 'detail', 'opened']),
    severity: event.opened === true ? 'medium' : 'low',
    expiresAt: toIso(until)
  }))
}

export const netSmishingLink: Detection = {
  id: ID,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1660'],
  raisesLevel: true,
  description: 'A message has a link to a page that steals passwords or offers malware, or, as the agent tells, a text that tries to deceive (somebody who pretends to be the boss). Medium when the link was opened, and for links of mercenary spyware also unopened, because those are sent to chosen people. It stays open for the event\'s lifetime.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'Do not open the link and do not answer. Delete the message. If you entered a password or a code, change it now and tell your security team.',
    admin: 'Warn others who may have got the same message. When the link was opened, ask what was entered or installed, and reset the credentials.'
  },
  examples: [
    { name: 'a link that nobody opened', platform: 'android', report: link({ opened: false }), intel: PHISHING, finds: ['parcel.example low'] },
    { name: 'a link that was opened', platform: 'ios', report: link({ opened: true }), intel: PHISHING, finds: ['parcel.example medium'] },
    { name: 'a link of mercenary spyware', platform: 'ios', report: link({}), intel: [{ type: 'domain', value: 'parcel.example', role: 'c2', threatClass: 'mercenary-spyware' }], finds: ['parcel.example medium'] },
    { name: 'somebody pretends to be the boss', platform: 'android', report: { events: [{ type: 'message-fraud', sender: '+1 202 555 0100', detail: 'asks for gift cards in the name of the director' }] }, finds: ['+1 202 555 0100 low'] },
    { name: 'an opened link to a command server is that detection\'s', platform: 'android', report: link({ opened: true }), intel: [{ type: 'domain', value: 'parcel.example', role: 'c2' }], finds: [] },
    { name: 'another page of the same site', platform: 'android', report: { events: [{ type: 'message-link', url: 'https://parcel.example/track' }] }, intel: PHISHING, finds: [] },
    { name: 'the organisation vouches for the host', platform: 'ios', report: link({ opened: true }), intel: PHISHING, policy: { domains: { allow: ['parcel.example'] } }, finds: [] }
  ],

  nextChangeAt: contactsChangeAt,
  detect: (context) => [...links(context), ...frauds(context)]
}
