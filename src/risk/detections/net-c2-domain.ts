import type { IntelEntry } from '../../intel/intel-view.js'
import type { Detection } from '../detection.js'
import { contacts } from '../facts/contacts.js'
import { openUntil } from '../facts/event-windows.js'
import { describeEntry } from '../facts/intel-entries.js'
import { ALL_PLATFORMS } from '../facts/platforms.js'
import { toIso } from '../facts/time.js'

const ID = 'net-c2-domain'

/**
 * A maker's sales site and a place that offers an app to download are no command servers, and a
 * phishing page is no sign that malware runs. Servers of mercenary spyware are that detection's.
 */
function findC2Entry (entries: readonly IntelEntry[]): IntelEntry | undefined {
  if (entries.some(({ threatClass, role }) => threatClass === 'mercenary-spyware' && role !== 'website')) return undefined
  return entries.find(({ role, threatClass }) => role === 'c2' && threatClass !== 'phishing')
}

export const netC2Domain: Detection = {
  id: ID,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1437.001'],
  raisesLevel: true,
  description: 'The phone contacted a server from which malware is controlled: by name, by address, or through a link that was opened. It stays open for the event\'s lifetime after the last contact, because a contact says that something on the phone is controlled from there.',
  sections: ['events'],
  remediation: {
    user: 'Something on this phone talks to a server of criminals. Do not enter passwords on it, uninstall apps that you do not know, and ask your security team.',
    admin: 'Find the app behind the contact (see the evidence for its id), remove it, and rotate credentials used on the phone. Block the host on the company network and look for other phones that contacted it.'
  },

  detect (context) {
    return contacts(context).flatMap(({ event, subject, reached, evidence, entries }) => {
      const entry = reached ? findC2Entry(entries) : undefined
      const until = entry === undefined ? undefined : openUntil(context, event, ID, 'contact')
      if (entry === undefined || until === undefined) return []
      const who = event.appId === undefined ? 'The phone' : `The app ${event.appId}`
      return [{
        subject,
        title: `${who} contacted ${subject}, a server that controls ${describeEntry(entry)}.`,
        evidence,
        intel: entry,
        expiresAt: toIso(until)
      }]
    })
  }
}
