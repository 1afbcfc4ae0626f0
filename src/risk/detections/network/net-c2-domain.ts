import type { ThreatClass } from '../../../intel/indicators/indicator.js'
import type { IntelEntry } from '../../../intel/intel-view.js'
import type { Detection } from '../../detection.js'
import { contacts, contactsChangeAt } from '../../facts/contacts.js'
import { openUntil } from '../../facts/event-windows.js'
import { describeEntry, weigh } from '../../facts/intel-entries.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import { SEVERITIES, type Severity } from '../../level.js'

const ID = 'net-c2-domain'

/** What openly watches, or only shows advertising, controls the phone less than malware does. */
const LESSER: Partial<Record<ThreatClass, Severity>> = { watchware: 'medium', adware: 'low' }

const severityOf = ({ threatClass }: IntelEntry): Severity => LESSER[threatClass] ?? 'high'

/**
 * A maker's sales site and a place that offers an app to download are no command servers, and a
 * phishing page is no sign that malware runs. Servers of mercenary spyware are that detection's.
 * The worst of what is left, with all that agree.
 */
function findC2Entries (entries: readonly IntelEntry[]): readonly IntelEntry[] {
  if (entries.some(({ threatClass, role }) => threatClass === 'mercenary-spyware' && role !== 'website')) return []
  const servers = entries.filter(({ role, threatClass }) => role === 'c2' && threatClass !== 'phishing')
  const worst = SEVERITIES.findLast((severity) => servers.some((entry) => severityOf(entry) === severity))
  return servers.filter((entry) => severityOf(entry) === worst)
}

export const netC2Domain: Detection = {
  id: ID,
  version: 3,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1437.001'],
  raisesLevel: true,
  description: 'The phone contacted a server from which malware is controlled: by name, by address, or through a link that was opened (medium for a server of watchware, low for one of adware). A maker\'s sales site is no such server. It stays open for the event\'s lifetime after the last contact, because a contact says that something on the phone is controlled from there.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'Something on this phone talks to a server of criminals. Do not enter passwords on it, uninstall apps that you do not know, and ask your security team.',
    admin: 'Find the app behind the contact (see the evidence for its id), remove it, and rotate credentials used on the phone. Block the host on the company network and look for other phones that contacted it.'
  },
  examples: [
    {
      name: 'a query for a name under that of a command server',
      platform: 'android',
      report: { events: [{ type: 'dns-query', host: 'gate.evil.example' }] },
      intel: [{ type: 'domain', value: 'evil.example', role: 'c2' }],
      finds: ['gate.evil.example high']
    },
    {
      name: 'a server of watchware',
      platform: 'ios',
      report: { events: [{ type: 'connection', ip: '203.0.113.9', port: 443 }] },
      intel: [{ type: 'ipv4', value: '203.0.113.9', role: 'c2', threatClass: 'watchware' }],
      finds: ['203.0.113.9 medium']
    },
    {
      name: 'the filter blocked the page',
      platform: 'android',
      report: { events: [{ type: 'url-visit', url: 'https://evil.example/gate', action: 'blocked' }] },
      intel: [{ type: 'domain', value: 'evil.example', role: 'c2' }],
      finds: []
    },
    {
      name: 'a maker\'s sales site is no command server',
      platform: 'android',
      report: { events: [{ type: 'dns-query', host: 'maker.example' }] },
      intel: [{ type: 'domain', value: 'maker.example', role: 'website', threatClass: 'stalkerware' }],
      finds: []
    },
    {
      name: 'a connection to another port of the address than the listed one',
      platform: 'android',
      report: { events: [{ type: 'connection', ip: '203.0.113.9', port: 443 }] },
      intel: [{ type: 'ipv4', value: '203.0.113.9', role: 'c2', port: 8443 }],
      finds: []
    }
  ],

  nextChangeAt: contactsChangeAt,
  detect (context) {
    return contacts(context).flatMap(({ event, subject, reached, evidence, entries }) => {
      const servers = reached ? findC2Entries(entries) : []
      const [entry] = servers
      const until = entry === undefined ? undefined : openUntil(context, event, { id: ID }, 'contact')
      if (entry === undefined || until === undefined) return []
      const who = event.appId === undefined ? 'The phone' : `The app ${event.appId}`
      return [{
        subject,
        title: `${who} contacted ${subject}, a server that controls ${describeEntry(entry)}.`,
        evidence,
        intel: entry,
        severity: weigh(context, severityOf(entry), servers),
        expiresAt: toIso(until)
      }]
    })
  }
}
