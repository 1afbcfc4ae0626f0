import type { ThreatClass } from '../../intel/indicators/indicator.js'
import type { IntelEntry } from '../../intel/intel-view.js'
import type { Detection, DetectionContext } from '../detection.js'
import { SEVERITIES, type Severity } from '../level.js'
import { contacts, type Contact } from './contacts.js'
import { openUntil } from './event-windows.js'
import { weigh } from './intel-entries.js'

/** A contact with a server from which malware is controlled, that still counts. */
export interface CommandContact extends Contact {
  readonly entry: IntelEntry
  readonly severity: Severity
  /** When it stops to count, in ms. */
  readonly until: number
}

/** What openly watches, or only shows advertising, controls the phone less than malware does. */
const LESSER: Partial<Record<ThreatClass, Severity>> = { watchware: 'medium', adware: 'low' }

const severityOf = ({ threatClass }: IntelEntry): Severity => LESSER[threatClass] ?? 'high'

/**
 * A maker's sales site and a place that offers an app to download are no command servers, and a
 * phishing page is no sign that malware runs. Servers of mercenary spyware are that detection's.
 * The worst of what is left, with all that agree.
 */
function serversIn (entries: readonly IntelEntry[]): readonly IntelEntry[] {
  if (entries.some(({ threatClass, role }) => threatClass === 'mercenary-spyware' && role !== 'website')) return []
  const servers = entries.filter(({ role, threatClass }) => role === 'c2' && threatClass !== 'phishing')
  const worst = SEVERITIES.findLast((severity) => servers.some((entry) => severityOf(entry) === severity))
  return servers.filter((entry) => severityOf(entry) === worst)
}

/** Contacts with command servers: by an app that the agent names, or by nobody knows whom. One fact is one detection's. */
export function commandContacts (context: DetectionContext, detection: Pick<Detection, 'id' | 'eventLifetimeSeconds'>, { byApp }: { readonly byApp: boolean }): readonly CommandContact[] {
  return contacts(context).flatMap((contact) => {
    if (!contact.reached || (contact.event.appId !== undefined) !== byApp) return []
    const servers = serversIn(contact.entries)
    const [entry] = servers
    if (entry === undefined) return []
    const until = openUntil(context, contact.event, detection, 'contact')
    return until === undefined ? [] : [{ ...contact, entry, severity: weigh(context, severityOf(entry), servers), until }]
  })
}
