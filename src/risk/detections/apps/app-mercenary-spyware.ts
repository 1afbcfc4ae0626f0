import type { Detection, DetectionContext, Match } from '../../detection.js'
import { describeListing, entriesOf, evidenceOf, suspectApps } from '../../facts/app-suspects.js'
import { contacts } from '../../facts/contacts.js'
import { openUntil } from '../../facts/event-windows.js'
import { describeEntry, validityOf, weigh } from '../../facts/intel-entries.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import { deviceTraces } from '../../facts/traces.js'

const ID = 'app-mercenary-spyware'

const DIGEST = 'ab'.repeat(32)
const SPY = { threatClass: 'mercenary-spyware', family: 'SpyVendor' } as const

function matchApps (context: DetectionContext): Match[] {
  return suspectApps(context)
    .filter(({ threatClass }) => threatClass === 'mercenary-spyware')
    .map((suspect) => ({
      subject: suspect.app.appId,
      title: `The app ${suspect.app.appId} is mercenary spyware: ${describeListing(suspect)}.`,
      evidence: evidenceOf(suspect),
      intel: suspect.entry,
      severity: weigh(context, 'high', entriesOf(suspect)),
      ...validityOf(suspect.entry)
    }))
}

function matchTraces (context: DetectionContext): Match[] {
  return deviceTraces(context).flatMap(({ what, subject, evidence, entries }) => {
    const telling = entries.filter(({ threatClass }) => threatClass === 'mercenary-spyware')
    const [entry] = telling
    if (entry === undefined) return []
    return [{
      subject,
      title: `The ${what} ${subject} is a trace of mercenary spyware: it is listed for ${describeEntry(entry)}.`,
      evidence,
      intel: entry,
      severity: weigh(context, 'high', telling),
      ...validityOf(entry)
    }]
  })
}

function matchContacts (context: DetectionContext): Match[] {
  return contacts(context).flatMap(({ event, subject, reached, evidence, entries }) => {
    const telling = entries.filter(({ threatClass, role }) => threatClass === 'mercenary-spyware' && role !== 'website')
    const [entry] = telling
    const until = entry === undefined || !reached ? undefined : openUntil(context, event, { id: ID }, 'contact')
    if (entry === undefined || until === undefined) return []
    return [{
      subject,
      title: `The phone contacted ${subject}, a server of mercenary spyware listed for ${describeEntry(entry)}.`,
      evidence,
      intel: entry,
      severity: weigh(context, 'high', telling),
      expiresAt: toIso(until)
    }]
  })
}

export const appMercenarySpyware: Detection = {
  id: ID,
  version: 2,
  category: 'app',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1404', 'T1429', 'T1636'],
  raisesLevel: true,
  description: 'A trace of spyware that is sold to governments: an app, a file, a process, a configuration profile, a system property, or a contact with one of its servers. Nothing settles it but its disappearance: the organisation\'s list of allowed apps does not count here.',
  sections: ['apps', 'files', 'processes', 'profiles', 'properties', 'events'],
  needs: [],
  remediation: {
    user: 'You may have been targeted on purpose. Do not wipe, update or restart the phone: that destroys evidence. Stop using it for anything confidential, keep it switched on and away from conversations, and call your security team from another phone at once.',
    admin: 'Treat as an incident: do not wipe. Isolate the phone from company data, preserve it (sysdiagnose or bug report, full backup, MVT or AndroidQF), call the response team, and offer the user expert help (Access Now Digital Security Helpline, Amnesty Security Lab). Rotate credentials and replace the phone afterwards.'
  },
  examples: [
    { name: 'an app, by its signer', platform: 'android', report: { apps: [{ appId: 'com.example.services', signingCertSha256: [DIGEST] }] }, intel: [{ ...SPY, type: 'cert-sha256', value: DIGEST }], finds: ['com.example.services high'] },
    { name: 'a process on an iPhone', platform: 'ios', report: { processes: ['launchd', 'bh'] }, intel: [{ ...SPY, type: 'process', value: 'bh' }], finds: ['bh high'] },
    { name: 'a file in a listed folder', platform: 'android', report: { files: [{ path: '/data/local/tmp/wd/x' }] }, intel: [{ ...SPY, type: 'file-path', value: '/data/local/tmp/wd/' }], finds: ['/data/local/tmp/wd/x high'] },
    { name: 'a contact with one of its servers', platform: 'ios', report: { events: [{ type: 'connection', host: 'spy.example' }] }, intel: [{ ...SPY, type: 'domain', value: 'spy.example', role: 'c2' }], finds: ['spy.example high'] },
    { name: 'the organisation cannot allow it', platform: 'android', report: { apps: [{ appId: 'com.example.services' }] }, intel: [{ ...SPY, type: 'app-id', value: 'com.example.services' }], policy: { apps: { allow: ['com.example.services'] } }, finds: ['com.example.services high'] },
    { name: 'a page that was blocked', platform: 'ios', report: { events: [{ type: 'url-visit', url: 'https://spy.example/', action: 'blocked' }] }, intel: [{ ...SPY, type: 'domain', value: 'spy.example', role: 'c2' }], finds: [] },
    { name: 'a seller\'s own web site', platform: 'ios', report: { events: [{ type: 'dns-query', host: 'vendor.example' }] }, intel: [{ ...SPY, type: 'domain', value: 'vendor.example', role: 'website' }], finds: [] }
  ],

  detect: (context) => [...matchApps(context), ...matchTraces(context), ...matchContacts(context)]
}
