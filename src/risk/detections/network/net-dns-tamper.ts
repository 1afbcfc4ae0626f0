import type { KeptEvent } from '../../../telemetry/device-state.js'
import type { Detection, DetectionContext } from '../../detection.js'
import { tlsAttackBeside } from '../../facts/interceptions.js'
import { describeNetwork, eventEvidence, isSameNetwork, networkSubject, openConditions, type OpenEvent } from '../../facts/network-events.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import type { Severity } from '../../level.js'

const ID = 'net-dns-tamper'
const PORTAL = { id: 'net-captive-portal' }
const TAMPERED = { type: 'dns-tamper', host: 'canary.example', expected: '192.0.2.10', observed: '203.0.113.66', ssid: 'Cafe' } as const

/** What filters answer for names they block: nowhere, the phone itself, or that there is no such name. */
const NOWHERE = /^(?:0\.0\.0\.0|127\.\d+\.\d+\.\d+|::1?|NXDOMAIN|REFUSED|NODATA)$/i

const textsOf = (answer: unknown): readonly string[] =>
  (Array.isArray(answer) ? answer : [answer]).filter((one) => typeof one === 'string').map((one) => one.toLowerCase()).sort()

function isSameAnswer ({ expected, observed }: KeptEvent): boolean {
  const [known, seen] = [textsOf(expected), textsOf(observed)]
  return known.length > 0 && seen.length > 0 && seen.every((one) => known.includes(one))
}

function isBlocked ({ observed }: KeptEvent): boolean {
  const seen = textsOf(observed)
  return seen.length > 0 && seen.every((one) => NOWHERE.test(one))
}

interface Judged {
  readonly severity: Severity
  readonly why: string
  /** The other event that the severity rests on. */
  readonly beside?: OpenEvent
}

/** Two facts that do not follow from each other make it high: another name, or an attack on encryption. */
function judge (context: DetectionContext, { event }: OpenEvent, all: readonly OpenEvent[], portals: readonly OpenEvent[]): Judged {
  if (isBlocked(event)) return { severity: 'audit', why: 'as filters answer for what they block' }
  const attack = tlsAttackBeside(context, event)
  if (attack !== undefined) return { severity: 'high', why: 'while somebody there opens encrypted connections', beside: attack }
  const portal = portals.find((open) => isSameNetwork(open.event, event))
  if (portal !== undefined) return { severity: 'audit', why: 'as networks do before somebody has signed in', beside: portal }
  const another = all.find((open) => open.event.host !== event.host && !isBlocked(open.event) && isSameNetwork(open.event, event))
  if (another !== undefined) return { severity: 'high', why: `as it does for ${another.event.host ?? 'another name'}`, beside: another }
  return { severity: 'medium', why: 'and nothing explains it' }
}

export const netDnsTamper: Detection = {
  id: ID,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1638'],
  raisesLevel: true,
  description: 'The network answers for a known name with another address than a trusted resolver. High when it does so for two names, or while encryption is opened or taken off there; medium for one name alone. Only recorded for answers that lead nowhere, which filters give, and while the network has a sign-in page. Over when the agent reports the end, when the phone is on another network, or after the event\'s lifetime.',
  sections: ['events', 'network'],
  needs: [],
  remediation: {
    user: 'Leave this network and use mobile data. Do not sign in to anything on it.',
    admin: 'Have the user leave the network and turn on Private DNS (Android) or deploy encrypted DNS by management. On a network of the organisation, check the resolver.'
  },
  examples: [
    { name: 'two names answered wrongly', platform: 'android', report: { events: [TAMPERED, { ...TAMPERED, host: 'second.example' }] }, finds: ['canary.example high', 'second.example high'] },
    { name: 'one name, and somebody takes encryption off', platform: 'ios', report: { events: [TAMPERED, { type: 'ssl-strip', host: 'login.example', ssid: 'Cafe' }] }, finds: ['canary.example high'] },
    { name: 'one name alone', platform: 'android', report: { events: [TAMPERED] }, finds: ['canary.example medium'] },
    { name: 'a filter that blocks names', platform: 'android', report: { events: [{ ...TAMPERED, observed: ['0.0.0.0', '::'] }, { ...TAMPERED, host: 'second.example', observed: 'NXDOMAIN' }] }, finds: ['canary.example audit', 'second.example audit'] },
    { name: 'the sign-in page of a hotel', platform: 'ios', report: { events: [TAMPERED, { ...TAMPERED, host: 'second.example' }, { type: 'captive-portal', ssid: 'Cafe' }] }, finds: ['canary.example audit', 'second.example audit'] },
    { name: 'one of several right answers', platform: 'android', report: { events: [{ ...TAMPERED, expected: ['192.0.2.10', '192.0.2.11'], observed: ['192.0.2.11'] }] }, finds: [] },
    { name: 'the phone uses mobile data by now', platform: 'android', earlier: [{ events: [TAMPERED] }], report: { network: { type: 'cellular' } }, finds: [] }
  ],

  detect (context) {
    const open = openConditions(context, 'dns-tamper', { id: ID }).filter(({ event }) => !isSameAnswer(event))
    const portals = open.length === 0 ? [] : openConditions(context, 'captive-portal', PORTAL)
    return open.map((one) => {
      const { event, until } = one
      const { severity, why, beside } = judge(context, one, open, portals)
      return {
        subject: event.host ?? networkSubject(event),
        title: `The name server of ${describeNetwork(event)} answers for ${event.host ?? 'a known name'} with another address than a trusted one, ${why}.`,
        evidence: [...eventEvidence(event, ['host', 'expected', 'observed', 'ssid', 'bssid']), ...(beside === undefined ? [] : eventEvidence(beside.event, ['type', 'host']))],
        severity,
        expiresAt: toIso(until),
        ...(beside === undefined ? {} : { recheckAt: toIso(beside.until) })
      }
    })
  }
}
