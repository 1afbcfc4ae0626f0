import type { ThreatClass } from '../../../intel/indicators/indicator.js'
import type { Detection, DetectionContext, Match } from '../../detection.js'
import type { Example } from '../../example.js'
import { contactsChangeAt } from '../../facts/contacts.js'
import { openUntil } from '../../facts/event-windows.js'
import { describeEntry, weigh } from '../../facts/intel-entries.js'
import { badPages, type BadPage } from '../../facts/pages.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import { SEVERITIES, type Severity } from '../../level.js'

const ID = 'net-malicious-site'
const LESSER: Partial<Record<ThreatClass, Severity>> = { watchware: 'medium', adware: 'low' }
const MALWARE = [{ type: 'domain', value: 'free-apk.example', role: 'distribution' }] as const
const visit = (action: string, rest: object = {}): Example['report'] =>
  ({ events: [{ type: 'url-visit', url: 'https://free-apk.example/update', action, ...rest }] })

const SALES_REMEDIATION = {
  user: 'Nothing happened to the phone by this. If you are worried that somebody watches you, read about it and ask for help on a device that nobody else uses: a help line for victims of violence, such as those listed at stopstalkerware.org, answers in confidence.',
  admin: 'Do not draw conclusions: people who fear to be watched read these pages, as do those who watch. Look whether the phone has findings of stalkerware, and offer help in confidence before you remove anything.'
}

const said = ({ entries: [entry] }: BadPage): string => entry === undefined ? 'the agent\'s filter calls it dangerous' : `it is listed for ${describeEntry(entry)}`

/** Undefined: not this detection's. */
function judge (context: DetectionContext, { meaning, reached, entries }: BadPage): Pick<Match, 'severity' | 'remediation'> | undefined {
  switch (meaning) {
    case 'malicious': {
      if (!reached) return { severity: 'audit' }
      // The worst of what the lists say; the agent's filter knows no lesser evils.
      const severities = entries.map(({ threatClass }) => LESSER[threatClass] ?? 'high')
      return { severity: weigh(context, SEVERITIES.findLast((one) => severities.includes(one)) ?? 'high', entries) }
    }
    // Reached, they are net-c2-domain's and app-mercenary-spyware's.
    case 'command-server': return reached ? undefined : { severity: 'audit' }
    // Who is led to such a page was chosen.
    case 'mercenary-spyware': return reached ? undefined : { severity: 'medium' }
    case 'sales-site': return reached ? { severity: 'audit', remediation: SALES_REMEDIATION } : undefined
    case 'phishing': return undefined
  }
}

export const netMaliciousSite: Detection = {
  id: ID,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1456'],
  raisesLevel: true,
  description: 'A page of malware, spyware or an exploit was loaded (medium for watchware, low for adware). Only recorded when the filter blocked it, and for visits to the sales site of a maker of stalkerware, which prove nothing; medium for a blocked page of mercenary spyware, because such links are sent to chosen people. Pages of command servers that were loaded are net-c2-domain\'s. It stays open for the event\'s lifetime.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'Close the page and do not install anything from it. If you did, uninstall it. Install pending updates of the system.',
    admin: 'Check what was installed since the visit (see the findings of apps), have the system updated, and block the host on the company network.'
  },
  examples: [
    { name: 'a page that offers malware was loaded', platform: 'android', report: visit('opened'), intel: MALWARE, finds: ['free-apk.example high'] },
    { name: 'the user went on after the warning of the agent\'s filter', platform: 'ios', report: visit('overridden', { category: 'malware' }), finds: ['free-apk.example high'] },
    { name: 'it was blocked', platform: 'android', report: visit('blocked'), intel: MALWARE, finds: ['free-apk.example audit'] },
    { name: 'the sales site of a maker of stalkerware', platform: 'android', report: visit('opened'), intel: [{ ...MALWARE[0], role: 'website', threatClass: 'stalkerware' }], finds: ['free-apk.example audit'] },
    { name: 'a blocked link of mercenary spyware', platform: 'ios', report: visit('blocked'), intel: [{ ...MALWARE[0], threatClass: 'mercenary-spyware' }], finds: ['free-apk.example medium'] },
    { name: 'only the name was asked for', platform: 'android', report: { events: [{ type: 'dns-query', host: 'free-apk.example' }] }, intel: MALWARE, finds: [] },
    { name: 'the organisation vouches for the host', platform: 'android', report: visit('opened'), intel: MALWARE, policy: { domains: { allow: ['free-apk.example'] } }, finds: [] }
  ],

  nextChangeAt: contactsChangeAt,
  detect (context) {
    return badPages(context).flatMap((page): Match[] => {
      const judged = page.event.type === 'url-visit' ? judge(context, page) : undefined
      const until = judged === undefined ? undefined : openUntil(context, page.event, { id: ID }, 'contact')
      if (judged === undefined || until === undefined) return []
      return [{
        subject: page.subject,
        title: page.meaning === 'sales-site'
          ? `The site of a maker of such apps was visited: ${page.subject}, ${said(page)}. That proves nothing.`
          : `A dangerous page was ${page.reached ? 'loaded' : 'blocked'}: ${page.subject}, ${said(page)}.`,
        evidence: page.evidence,
        ...(page.entries[0] === undefined ? {} : { intel: page.entries[0] }),
        ...judged,
        expiresAt: toIso(until)
      }]
    })
  }
}
