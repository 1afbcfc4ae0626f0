import type { KeptEvent } from '../../../telemetry/device-state.js'
import type { Detection, DetectionContext } from '../../detection.js'
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

/** Whether so many fail within ten minutes around this one, and not for one host alone, that it is the network's doing. */
function isInBurst (context: DetectionContext, event: KeptEvent, all: readonly KeptEvent[]): boolean {
  const least = context.policy.thresholds.certificateFailureBurst
  const time = Date.parse(event.at)
  const near = all.filter((other) => Math.abs(Date.parse(other.at) - time) < BURST_MS).sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
  return near.some((first, index) => {
    const last = near[index + least - 1]
    if (last === undefined || Date.parse(last.at) - Date.parse(first.at) > BURST_MS || Date.parse(first.at) > time || Date.parse(last.at) < time) return false
    return new Set(near.slice(index, index + least).map(({ host }) => host)).size > 1
  })
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
    const all = eventsOfType(context, 'certificate-validation-failure').filter((event) => !hasLeftNetwork(context.state, event))
    return all.flatMap((event) => {
      const until = openUntil(context, event, SELF, 'contact')
      if (until === undefined) return []
      const portal = openConditions(context, 'captive-portal', PORTAL).find((open) => isSameNetwork(open.event, event))
      const burst = portal === undefined && isInBurst(context, event, all)
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
