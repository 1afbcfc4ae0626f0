import type { Detection, DetectionContext, Match } from '../../detection.js'
import { describeListing, entriesOf, evidenceOf, suspectApps } from '../../facts/app-suspects.js'
import { contacts } from '../../facts/contacts.js'
import { openUntil } from '../../facts/event-windows.js'
import { describeEntry, validityOf, weigh } from '../../facts/intel-entries.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import { deviceTraces } from '../../facts/traces.js'

const ID = 'app-mercenary-spyware'

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
  examples: [],

  detect: (context) => [...matchApps(context), ...matchTraces(context), ...matchContacts(context)]
}
