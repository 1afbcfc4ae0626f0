import type { Detection, DetectionContext, Evidence, Match } from '../../detection.js'
import { eventEvidence, networkSubject, openConditions, type OpenEvent } from '../../facts/network-events.js'
import { trustedNetwork } from '../../facts/organisation.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import { isDowngraded, type Wifi, wifiEvidence } from '../../facts/wifi.js'

const ID = 'net-evil-twin'
const POLICY = { networks: { trusted: [{ ssid: 'Example Corp', bssids: ['02:00:00:00:00:01'], security: 'enterprise' }] } } as const

interface Told {
  readonly wifi: Wifi
  readonly evidence: readonly Evidence[]
  /** Absent: the Wi-Fi in use, of which nobody told but its name. */
  readonly seen?: OpenEvent
}

/** The signs that a Wi-Fi is not the one whose name it has. */
function signsOf ({ policy }: DetectionContext, { wifi, seen }: Told): readonly string[] {
  const own = wifi.ssid === undefined ? undefined : trustedNetwork(policy, wifi.ssid)
  const bssid = wifi.bssid?.toLowerCase()
  const points = (own?.bssids ?? []).map((point) => point.toLowerCase())
  // The organisation knows its own access points better than an agent that sees one for the first time.
  if (bssid !== undefined && points.includes(bssid)) return []
  return [
    ...(seen === undefined ? [] : ['the agent saw a copy of a known network']),
    ...(bssid !== undefined && points.length > 0 ? ['the access point is none of the organisation\'s'] : []),
    ...(wifi.security !== undefined && own?.security !== undefined && isDowngraded(wifi.security, own.security) ? [`it is secured with ${wifi.security} instead of ${own.security}`] : [])
  ]
}

function toldOf (context: DetectionContext): readonly Told[] {
  const wifi = context.state.network?.wifi
  return [
    ...openConditions(context, 'evil-twin', { id: ID }).map((seen): Told => {
      const { ssid, bssid, security } = seen.event
      // What the event leaves out, the network in use tells.
      const inUse = ssid !== undefined && wifi?.ssid === ssid ? wifi : {}
      return {
        wifi: { ...inUse, ...(ssid === undefined ? {} : { ssid }), ...(bssid === undefined ? {} : { bssid }), ...(security === undefined ? {} : { security }) },
        evidence: [...eventEvidence(seen.event, ['ssid', 'bssid', 'security']), ...wifiEvidence(inUse)],
        seen
      }
    }),
    ...(wifi === undefined || context.policy.networks.trusted.length === 0 ? [] : [{ wifi, evidence: wifiEvidence(wifi) }])
  ]
}

export const netEvilTwin: Detection = {
  id: ID,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1638'],
  raisesLevel: true,
  description: 'A Wi-Fi has the name of one the phone or the organisation knows and is another. Three signs: the agent saw a copy, the access point is none of those that the policy lists for this name, it is secured with less than the policy says. High for two, medium for one alone. An access point that the policy lists is the organisation\'s own, and WPA2 where WPA3 is expected is how such networks let older phones in.',
  sections: ['events', 'network'],
  needs: [],
  remediation: {
    user: 'Leave this Wi-Fi and forget it in the settings. If you entered a password while you were on it, change it on another network. Tell your IT team where it was.',
    admin: 'Look for the access point where the user was, and rotate credentials used on it. When it is a new one of the organisation, add it to the trusted networks of the policy.'
  },
  examples: [
    { name: 'the company\'s name, an unknown access point, and no encryption', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Example Corp', bssid: '02:00:00:00:00:66', security: 'open' } } }, policy: POLICY, finds: ['Example Corp high'] },
    { name: 'the agent saw a copy, and its access point is unknown', platform: 'ios', report: { events: [{ type: 'evil-twin', ssid: 'Example Corp', bssid: '02:00:00:00:00:66' }] }, policy: POLICY, finds: ['Example Corp high'] },
    { name: 'the agent saw a copy, and the network in use has too little encryption', platform: 'ipados', report: { network: { type: 'wifi', wifi: { ssid: 'Example Corp', security: 'wpa2' } }, events: [{ type: 'evil-twin', ssid: 'Example Corp' }] }, policy: POLICY, finds: ['Example Corp high'] },
    { name: 'the agent saw a copy of the user\'s own Wi-Fi', platform: 'android', report: { events: [{ type: 'evil-twin', ssid: 'Home', bssid: '02:00:00:00:00:66' }] }, finds: ['Home medium'] },
    { name: 'a new access point of the company that nobody added yet', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Example Corp', bssid: '02:00:00:00:00:02', security: 'enterprise' } } }, policy: POLICY, finds: ['Example Corp medium'] },
    { name: 'the company\'s own access point', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Example Corp', bssid: '02:00:00:00:00:01', security: 'enterprise' } }, events: [{ type: 'evil-twin', ssid: 'Example Corp', bssid: '02:00:00:00:00:01' }] }, policy: POLICY, finds: [] },
    { name: 'an older phone on a network with WPA3', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Lab', security: 'wpa2' } } }, policy: { networks: { trusted: [{ ssid: 'Lab', security: 'wpa3' }] } }, finds: [] },
    { name: 'any other Wi-Fi', platform: 'ios', report: { network: { type: 'wifi', wifi: { ssid: 'Cafe', bssid: '02:00:00:00:00:66', security: 'open' } } }, policy: POLICY, finds: [] }
  ],

  detect (context) {
    const found: Match[] = []
    for (const told of toldOf(context)) {
      const signs = signsOf(context, told)
      if (signs.length === 0) continue
      const subject = told.seen === undefined ? told.wifi.ssid! : networkSubject(told.seen.event)
      found.push({
        subject,
        title: `The Wi-Fi ${JSON.stringify(subject)} may be a copy: ${signs.join(', and ')}.`,
        evidence: told.evidence,
        severity: signs.length > 1 ? 'high' : 'medium',
        ...(told.seen === undefined ? {} : { expiresAt: toIso(told.seen.until) })
      })
    }
    return found
  }
}
