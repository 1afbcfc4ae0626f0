import type { Detection } from '../../detection.js'
import { commandContacts } from '../../facts/command-servers.js'
import { contactsChangeAt } from '../../facts/contacts.js'
import { describeEntry } from '../../facts/intel-entries.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const ID = 'app-c2-contact'
const C2 = [{ type: 'domain', value: 'evil.example', role: 'c2' }] as const
const QUERY = { type: 'dns-query', host: 'gate.evil.example', appId: 'com.example.torch' } as const

export const appC2Contact: Detection = {
  id: ID,
  version: 1,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1437.001', 'T1646'],
  raisesLevel: true,
  description: 'An app contacted a server from which malware is controlled (medium for a server of watchware, low for one of adware); one finding an app. Where the agent cannot tell which app it was, `net-c2-domain` tells it. A maker\'s sales site is no such server. It stays open for the event\'s lifetime after the last contact.',
  sections: ['events'],
  needs: [],
  remediation: {
    user: 'Uninstall the app. Do not enter passwords on this phone until your security team has looked at it.',
    admin: 'Remove the app, rotate credentials used on the phone, block the host on the company network, and look for the app and the host on other phones.'
  },
  examples: [
    { name: 'an app asks for a name under that of a command server', platform: 'android', report: { events: [QUERY] }, intel: C2, finds: ['com.example.torch high'] },
    { name: 'again and again', platform: 'android', report: { events: [QUERY, { ...QUERY, host: 'evil.example' }] }, intel: C2, finds: ['com.example.torch high'] },
    { name: 'a server of adware', platform: 'ios', report: { events: [QUERY] }, intel: [{ ...C2[0], threatClass: 'adware' }], finds: ['com.example.torch low'] },
    { name: 'nobody knows which app', platform: 'android', report: { events: [{ type: 'dns-query', host: 'evil.example' }] }, intel: C2, finds: [] },
    { name: 'the maker\'s sales site', platform: 'android', report: { events: [QUERY] }, intel: [{ ...C2[0], role: 'website' }], finds: [] },
    { name: 'the organisation allows the host', platform: 'android', report: { events: [QUERY] }, intel: C2, policy: { domains: { allow: ['evil.example'] } }, finds: [] }
  ],

  nextChangeAt: contactsChangeAt,
  detect (context) {
    return commandContacts(context, { id: ID }, { byApp: true }).map(({ event, subject, evidence, entry, severity, until }) => ({
      subject: event.appId!,
      title: `The app ${event.appId!} contacted ${subject}, a server that controls ${describeEntry(entry)}.`,
      evidence,
      intel: entry,
      severity,
      expiresAt: toIso(until)
    }))
  }
}
