import type { KeptEvent } from '../../../telemetry/device-state.js'
import type { Detection } from '../../detection.js'
import { eventEvidence, eventsOfType, hasLeftNetwork, isSameNetwork, networkSubject, openConditions } from '../../facts/network-events.js'
import { openUntil } from '../../facts/event-windows.js'
import { ANDROID } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const ID = 'net-cert-validation-failure'
/** A failure is over sooner than most events: with the site's mistake, or on another network. */
const LIFETIME_SECONDS = 60 * 60
const SELF = { id: ID, eventLifetimeSeconds: LIFETIME_SECONDS }
const BURST_MS = 10 * 60 * 1000
const PORTAL = { id: 'net-captive-portal' }

const failures = (...hosts: readonly string[]): Array<{ type: string, host: string, at: string }> =>
  hosts.map((host, index) => ({ type: 'certificate-validation-failure', host, at: `2026-11-23T11:5${index}:00Z` }))

/** The failures of which so many lie within ten minutes, and not of one host alone, that it is the network's doing. */
function findBursts (failed: readonly KeptEvent[], least: number): ReadonlySet<KeptEvent> {
  const ordered = failed.map((event) => ({ event, ms: Date.parse(event.at) })).sort((a, b) => a.ms - b.ms)
  const inBurst = new Set<KeptEvent>()
  const hosts = new Map<string, number>()
  const count = ({ host = '' }: KeptEvent, step: 1 | -1): void => {
    const left = (hosts.get(host) ?? 0) + step
    if (left === 0) hosts.delete(host)
    else hosts.set(host, left)
  }
  let first = 0
  let marked = 0
  ordered.forEach(({ event, ms }, last) => {
    count(event, 1)
    for (; ms - ordered[first]!.ms > BURST_MS; first++) count(ordered[first]!.event, -1)
    if (last - first + 1 < least || hosts.size < 2) return
    for (let index = Math.max(first, marked); index <= last; index++) inBurst.add(ordered[index]!.event)
    marked = last + 1
  })
  return inBurst
}

export const netCertValidationFailure: Detection = {
  id: ID,
  version: 1,
  category: 'network',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1638'],
  raisesLevel: true,
  eventLifetimeSeconds: LIFETIME_SECONDS,
  description: 'A server\'s certificate was refused. Medium when many are within ten minutes, of several hosts, because then it is the network. Only recorded while the network has a sign-in page, which breaks certificates by its nature. Over when the phone is on another network, or after an hour.',
  sections: ['events', 'network'],
  needs: [],
  remediation: {
    user: 'Try again on another network. Do not go on past a warning about a certificate.',
    admin: 'One host alone is mostly that server\'s mistake. Several at once are the network\'s: look for other findings on it.'
  },
  examples: [
    { name: 'one server', platform: 'android', report: { events: failures('shop.example') }, finds: ['shop.example low'] },
    { name: 'many servers within minutes', platform: 'android', report: { events: failures('a.example', 'b.example', 'c.example', 'd.example', 'a.example') }, finds: ['a.example medium', 'b.example medium', 'c.example medium', 'd.example medium'] },
    { name: 'one app that tries its broken server again and again', platform: 'android', report: { events: failures('a.example', 'a.example', 'a.example', 'a.example', 'a.example', 'a.example') }, finds: ['a.example low'] },
    { name: 'the sign-in page of a hotel', platform: 'android', report: { events: [...failures('a.example', 'b.example'), { type: 'captive-portal', at: '2026-11-23T11:49:00Z' }] }, finds: ['a.example audit', 'b.example audit'] },
    { name: 'two hours ago', platform: 'android', report: { events: [{ type: 'certificate-validation-failure', host: 'a.example', at: '2026-11-23T09:59:00Z' }], collectedAt: '2026-11-23T10:00:00Z' }, finds: [] }
  ],

  detect (context) {
    const all = eventsOfType(context, 'certificate-validation-failure')
    if (all.length === 0) return []
    const here = all.filter((event) => !hasLeftNetwork(context.state, event))
    const bursts = findBursts(here, context.policy.thresholds.certificateFailureBurst)
    const portals = openConditions(context, 'captive-portal', PORTAL)
    return here.flatMap((event) => {
      const until = openUntil(context, event, SELF, 'contact')
      if (until === undefined) return []
      const portal = portals.find((open) => isSameNetwork(open.event, event))
      const burst = portal === undefined && bursts.has(event)
      return [{
        subject: event.host ?? networkSubject(event),
        title: `The certificate of ${event.host ?? 'a server'} was refused${portal !== undefined ? ' while the network has a sign-in page' : burst ? ', as were those of other servers at the time: somebody on the network may open connections' : ''}.`,
        evidence: eventEvidence(event, ['host', 'appId', 'detail', 'ssid', 'bssid']),
        ...(portal !== undefined ? { severity: 'audit' as const, recheckAt: toIso(portal.until) } : burst ? { severity: 'medium' as const } : {}),
        expiresAt: toIso(until)
      }]
    })
  }
}
