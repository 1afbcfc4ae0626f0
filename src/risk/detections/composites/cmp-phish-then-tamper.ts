import type { Detection } from '../../detection.js'
import { badPages } from '../../facts/pages.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { combine } from './combine.js'

const PHISHING = [{ type: 'domain', value: 'bank-login.example', role: 'distribution', threatClass: 'phishing' }] as const
const VISIT = { type: 'url-visit', url: 'https://bank-login.example/', action: 'overridden', at: '2026-11-23T09:00:00Z' }
const EXPLOIT = { type: 'active-exploit', process: 'mediaserver', at: '2026-11-23T09:04:00Z' }

export const cmpPhishThenTamper: Detection = {
  id: 'cmp-phish-then-tamper',
  version: 1,
  category: 'composite',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1660', 'T1404'],
  raisesLevel: true,
  description: 'A page that steals passwords was opened, and afterwards, within the policy\'s window, the agent was tampered with or the system exploited: the page may have taken over the phone. It ends with the first of the two, or when the page is longer ago than the window.',
  sections: ['events', 'agent', 'apps', 'integrity'],
  needs: [],
  builtFrom: ['net-phishing-visited', 'app-agent-tampered', 'os-active-exploit'],
  remediation: {
    user: 'Stop using this phone now, leave it switched on, and call your security team from another phone.',
    admin: 'Isolate the phone from company data and preserve it. Find out what the page did and what was entered; revoke sessions, rotate credentials, and have the phone reinstalled after the investigation.'
  },
  examples: [
    { name: 'an exploit minutes after the page', platform: 'android', report: { events: [VISIT, EXPLOIT] }, intel: PHISHING, finds: ['bank-login.example high'] },
    { name: 'the agent is tampered with since', platform: 'ios', report: { agent: { tampered: true }, events: [VISIT] }, intel: PHISHING, finds: ['bank-login.example high'] },
    { name: 'parts that the policy only records', platform: 'android', report: { events: [VISIT, EXPLOIT] }, intel: PHISHING, policy: { severities: { 'net-phishing-visited': 'audit', 'os-active-exploit': 'audit' } }, finds: ['bank-login.example high'] },
    { name: 'an exploit before the page', platform: 'android', report: { events: [VISIT, { ...EXPLOIT, at: '2026-11-23T08:00:00Z' }] }, intel: PHISHING, finds: [] },
    { name: 'later than the policy\'s window', platform: 'android', report: { events: [VISIT, { ...EXPLOIT, at: '2026-11-23T11:30:00Z' }] }, intel: PHISHING, policy: { thresholds: { compositeWindowHours: 2 } }, finds: [] },
    { name: 'the page was blocked', platform: 'android', report: { events: [{ ...VISIT, action: 'blocked' }, EXPLOIT] }, intel: PHISHING, finds: [] }
  ],

  detect (context) {
    const visits = context.findingsOf('net-phishing-visited')
    if (visits.length === 0) return []
    // A question for a name, which is recorded as well, shows nobody a page.
    const opened = new Set(badPages(context).filter(({ reached, meaning }) => reached && meaning === 'phishing').map(({ subject }) => subject))
    const signs = [...context.findingsOf('os-active-exploit'), ...context.findingsOf('app-agent-tampered')]
    return visits.filter(({ subject }) => opened.has(subject)).flatMap((visit) => signs.flatMap((sign) => combine(context, [visit, sign], {
      subject: visit.subject,
      title: `After a page that steals passwords was opened (${visit.subject}), ${sign.detection === 'os-active-exploit' ? 'the system was exploited' : 'the agent was tampered with'}: the page may have taken over the phone.`,
      inOrder: true
    })))
  }
}
