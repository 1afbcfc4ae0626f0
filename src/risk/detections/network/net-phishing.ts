import type { Detection, DetectionContext, Match } from '../../detection.js'
import type { Example } from '../../example.js'
import { contacts, contactsChangeAt, meaningOf } from '../../facts/contacts.js'
import { openUntil } from '../../facts/event-windows.js'
import { describeEntry, weigh } from '../../facts/intel-entries.js'
import { badPages, type BadPage } from '../../facts/pages.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import type { Severity } from '../../level.js'

const BLOCKED = 'net-phishing-blocked'
const VISITED = 'net-phishing-visited'
const PHISHING = [{ type: 'domain', value: 'bank-login.example', role: 'distribution', threatClass: 'phishing' }] as const
const visit = (action: string, rest: object = {}): Example['report'] =>
  ({ events: [{ type: 'url-visit', url: 'https://bank-login.example/sign-in', action, ...rest }] })

const saidBy = ({ entries: [entry] }: BadPage): string => entry === undefined ? 'as the agent\'s filter says' : `listed for ${describeEntry(entry)}`

function pages (context: DetectionContext, id: string, reached: boolean): ReadonlyArray<{ readonly page: BadPage, readonly expiresAt: string }> {
  return badPages(context).flatMap((page) => {
    if (page.meaning !== 'phishing' || page.event.type !== 'url-visit' || page.reached !== reached) return []
    const until = openUntil(context, page.event, { id }, 'contact')
    return until === undefined ? [] : [{ page, expiresAt: toIso(until) }]
  })
}

export const netPhishingBlocked: Detection = {
  id: BLOCKED,
  version: 2,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: ['T1660'],
  raisesLevel: true,
  description: 'The filter kept the phone from a page that steals passwords, by intelligence or by the filter\'s own word.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'Nothing to do: the page was blocked. If a message led you there, do not answer it, and report it to your security team.',
    admin: 'Nothing to do for this phone. Look whether the same page was sent to others.'
  },
  examples: [
    { name: 'a listed page that was blocked', platform: 'android', report: visit('blocked'), intel: PHISHING, finds: ['bank-login.example audit'] },
    { name: 'a page that the agent\'s filter knows', platform: 'ios', report: visit('blocked', { category: 'phishing' }), finds: ['bank-login.example audit'] },
    { name: 'the organisation vouches for the host', platform: 'android', report: visit('blocked', { category: 'phishing' }), intel: PHISHING, policy: { domains: { allow: ['bank-login.example'] } }, finds: [] },
    { name: 'the user went on', platform: 'android', report: visit('overridden'), intel: PHISHING, finds: [] },
    { name: 'blocked for another reason', platform: 'ipados', report: visit('blocked', { category: 'gambling' }), finds: [] }
  ],

  nextChangeAt: contactsChangeAt,
  detect: (context) => pages(context, BLOCKED, false).map(({ page, expiresAt }): Match => ({
    subject: page.subject,
    title: `A page that steals passwords was blocked: ${page.subject}, ${saidBy(page)}.`,
    evidence: page.evidence,
    ...(page.entries[0] === undefined ? {} : { intel: page.entries[0] }),
    expiresAt
  }))
}

/** Programs look names up, and browsers even connect, before anybody has chosen to open a page. */
const WITHOUT_A_PAGE: Readonly<Record<string, Severity>> = { 'dns-query': 'audit', connection: 'low' }

function contactsWithoutPage (context: DetectionContext): Match[] {
  return contacts(context).flatMap(({ event, subject, evidence, entries }): Match[] => {
    const severity = WITHOUT_A_PAGE[event.type]
    const meant = severity === undefined ? undefined : meaningOf(entries)
    const until = meant?.meaning === 'phishing' ? openUntil(context, event, { id: VISITED }, 'contact') : undefined
    const entry = meant?.entries[0]
    if (severity === undefined || entry === undefined || until === undefined) return []
    return [{
      subject,
      title: `The phone ${event.type === 'connection' ? 'connected to' : 'asked for'} ${subject}, a host of pages that steal passwords, listed for ${describeEntry(entry)}; nobody saw a page.`,
      evidence,
      intel: entry,
      severity: event.action === 'blocked' ? 'audit' : severity,
      expiresAt: toIso(until)
    }]
  })
}

export const netPhishingVisited: Detection = {
  id: VISITED,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1660'],
  raisesLevel: true,
  description: 'A page that steals passwords was opened: the user went on after the warning, or nothing warned. Low for a connection with its host of which no page is known, and only recorded for a question for its name, because browsers ask and connect ahead. It stays open for the event\'s lifetime.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'If you entered a password or a code on that page, change the password now, on the real site, and tell your security team.',
    admin: 'Ask what was entered. Reset the password, revoke sessions, and check the account\'s sign-ins since then. Block the host on the company network.'
  },
  examples: [
    { name: 'the user went on after the warning', platform: 'android', report: visit('overridden'), intel: PHISHING, finds: ['bank-login.example medium'] },
    { name: 'nothing warned', platform: 'ios', report: visit('opened'), intel: PHISHING, finds: ['bank-login.example medium'] },
    { name: 'only the agent\'s filter knows the page', platform: 'android', report: visit('overridden', { category: 'Phishing' }), finds: ['bank-login.example medium'] },
    { name: 'a question for the name alone', platform: 'android', report: { events: [{ type: 'dns-query', host: 'www.bank-login.example' }] }, intel: PHISHING, finds: ['www.bank-login.example audit'] },
    { name: 'blocked', platform: 'android', report: visit('blocked'), intel: PHISHING, finds: [] },
    { name: 'the organisation vouches for the host', platform: 'ios', report: visit('opened'), intel: PHISHING, policy: { domains: { allow: ['bank-login.example'] } }, finds: [] },
    { name: 'two days ago', platform: 'android', report: visit('opened', { at: '2026-11-21T10:00:00Z' }), intel: PHISHING, finds: [] }
  ],

  nextChangeAt: contactsChangeAt,
  detect: (context) => [
    ...pages(context, VISITED, true).map(({ page, expiresAt }): Match => ({
      subject: page.subject,
      title: `A page that steals passwords was opened${page.event.action === 'overridden' ? ' in spite of a warning' : ''}: ${page.subject}, ${saidBy(page)}.`,
      evidence: page.evidence,
      ...(page.entries[0] === undefined ? {} : { intel: page.entries[0] }),
      severity: weigh(context, 'medium', page.entries),
      expiresAt
    })),
    ...contactsWithoutPage(context)
  ]
}
