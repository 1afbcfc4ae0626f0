import type { Detection } from '../../detection.js'
import { commandContacts } from '../../facts/command-servers.js'
import { contactsChangeAt } from '../../facts/contacts.js'
import { describeEntry } from '../../facts/intel-entries.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const ID = 'net-c2-domain'

export const netC2Domain: Detection = {
  id: ID,
  version: 4,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1437.001'],
  raisesLevel: true,
  description: 'The phone contacted a server from which malware is controlled: by name, by address, or through a link that was opened (medium for a server of watchware, low for one of adware). A maker\'s sales site is no such server. Where the agent names the app that did it, `app-c2-contact` tells it. It stays open for the event\'s lifetime after the last contact, because a contact says that something on the phone is controlled from there.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'Something on this phone talks to a server of criminals. Do not enter passwords on it, uninstall apps that you do not know, and ask your security team.',
    admin: 'Find the app behind the contact, remove it, and rotate credentials used on the phone. Block the host on the company network and look for other phones that contacted it.'
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
      name: 'by an app, which is another detection',
      platform: 'android',
      report: { events: [{ type: 'dns-query', host: 'evil.example', appId: 'com.example.torch' }] },
      intel: [{ type: 'domain', value: 'evil.example', role: 'c2' }],
      finds: []
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
    return commandContacts(context, { id: ID }, { byApp: false }).map(({ subject, evidence, entry, severity, until }) => ({
      subject,
      title: `The phone contacted ${subject}, a server that controls ${describeEntry(entry)}.`,
      evidence,
      intel: entry,
      severity,
      expiresAt: toIso(until)
    }))
  }
}
