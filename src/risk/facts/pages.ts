import type { IntelEntry } from '../../intel/intel-view.js'
import type { KeptEvent } from '../../telemetry/device-state.js'
import type { DetectionContext, Evidence } from '../detection.js'
import { contacts, meaningOf, type Meaning, targetsOf, wasReached } from './contacts.js'
import { oncePerContext } from './memo.js'
import { eventEvidence, eventsOfType } from './network-events.js'
import { isAllowedHost } from './organisation.js'

/** A page that was asked for, or a link in a message, that intelligence or the agent's own filter calls bad. */
export interface BadPage {
  readonly event: KeptEvent
  /** The bare host. */
  readonly subject: string
  /** False: blocked, or a link that nobody opened. */
  readonly reached: boolean
  readonly meaning: Meaning
  readonly evidence: readonly Evidence[]
  /** Empty: only the agent's filter says so. */
  readonly entries: readonly IntelEntry[]
}

/** Words that filters use for pages, as far as they mean danger. */
const CATEGORIES: Readonly<Record<string, Meaning>> = {
  phishing: 'phishing', fraud: 'phishing', scam: 'phishing', smishing: 'phishing',
  malware: 'malicious', spyware: 'malicious', exploit: 'malicious', trojan: 'malicious', ransomware: 'malicious'
}

function byIntelligence (context: DetectionContext): BadPage[] {
  return contacts(context).flatMap(({ event, subject, reached, evidence, entries }) => {
    if (event.type !== 'url-visit' && event.type !== 'message-link') return []
    const meant = meaningOf(entries)
    return meant === undefined ? [] : [{ event, subject, reached, meaning: meant.meaning, evidence: [...evidence, ...eventEvidence(event, ['action', 'category', 'opened', 'sender'])], entries: meant.entries }]
  })
}

function byFilter (context: DetectionContext, known: ReadonlySet<string>): BadPage[] {
  return ['url-visit', 'message-link'].flatMap((type) => eventsOfType(context, type)).flatMap((event) => {
    const meaning = CATEGORIES[event.category?.toLowerCase() ?? '']
    const [target] = targetsOf(event)
    if (meaning === undefined || target === undefined || known.has(event.eventId) || isAllowedHost(context.policy, target.host)) return []
    return [{ event, subject: target.host, reached: wasReached(event), meaning, evidence: eventEvidence(event, ['url', 'action', 'category', 'opened', 'sender']), entries: [] }]
  })
}

const NONE: readonly BadPage[] = []

/** Every such page and link; one that both know is told once. */
export const badPages = oncePerContext((context): readonly BadPage[] => {
  if (context.state.events.length === 0) return NONE
  const listed = byIntelligence(context)
  return [...listed, ...byFilter(context, new Set(listed.map(({ event }) => event.eventId)))]
})
