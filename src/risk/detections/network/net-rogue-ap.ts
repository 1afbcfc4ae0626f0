import { ATTACK_HARDWARE } from '../../data/attack-hardware.js'
import type { Detection, DetectionContext, Match } from '../../detection.js'
import { describeNetwork, eventEvidence, networkSubject, openConditions } from '../../facts/network-events.js'
import { isDeniedNetwork } from '../../facts/organisation.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import { wifiEvidence } from '../../facts/wifi.js'

const ROGUE = 'net-rogue-ap'
const DANGER = 'net-danger-zone'
const UNTIL = 'An event is over when the agent reports the end, when the phone is on another network, or after its lifetime.'
const PINEAPPLE = { ssid: 'Free Wi-Fi', bssid: '00:13:37:00:00:01' } as const

function byHardware ({ state }: DetectionContext): Match[] {
  const wifi = state.network?.wifi
  const tool = wifi?.bssid === undefined ? undefined : ATTACK_HARDWARE.get(wifi.bssid.toLowerCase().replaceAll('-', ':').slice(0, 8))
  if (wifi === undefined || tool === undefined) return []
  return [{
    subject: wifi.ssid ?? wifi.bssid!,
    title: `The access point of ${describeNetwork(wifi)} has the hardware address of ${tool}, a tool for attacking Wi-Fi.`,
    evidence: wifiEvidence(wifi),
    severity: 'audit'
  }]
}

export const netRogueAp: Detection = {
  id: ROGUE,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1638'],
  raisesLevel: true,
  description: `The agent recognised an access point of attackers. Only recorded when nothing but the access point's hardware address is that of a tool for attacking Wi-Fi, which anybody can take. ${UNTIL}`,
  sections: ['events', 'network'],
  needs: [],
  remediation: {
    user: 'Leave this Wi-Fi now and forget it in the settings. If you entered a password while you were on it, change it on another network.',
    admin: 'Ask the user where it was. Rotate credentials used on it, and look for the access point when it was on the organisation\'s premises.'
  },
  examples: [
    { name: 'the agent recognises it', platform: 'android', report: { events: [{ type: 'rogue-access-point', ssid: 'Free Wi-Fi', bssid: '02:00:00:00:00:66' }] }, finds: ['Free Wi-Fi medium'] },
    { name: 'the hardware address of an attack tool', platform: 'ios', report: { network: { type: 'wifi', wifi: PINEAPPLE } }, finds: ['Free Wi-Fi audit'] },
    { name: 'an ordinary access point', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Home', bssid: '02:00:00:00:00:01', security: 'wpa3' } } }, finds: [] },
    { name: 'the phone uses mobile data by now', platform: 'android', earlier: [{ events: [{ type: 'rogue-access-point', ...PINEAPPLE }] }], report: { network: { type: 'cellular' } }, finds: [] }
  ],

  detect: (context) => [
    ...openConditions(context, 'rogue-access-point', { id: ROGUE }).map(({ event, until }): Match => ({
      subject: networkSubject(event),
      title: `${event.ssid === undefined ? 'The network' : `The Wi-Fi "${event.ssid}"`} comes from an access point that the agent knows as one of attackers.`,
      evidence: eventEvidence(event, ['ssid', 'bssid', 'detail']),
      expiresAt: toIso(until)
    })),
    ...byHardware(context)
  ]
}

function byList ({ state, policy }: DetectionContext): Match[] {
  const wifi = state.network?.wifi
  if (wifi === undefined || !isDeniedNetwork(policy, wifi)) return []
  return [{
    subject: wifi.ssid ?? wifi.bssid ?? 'network',
    title: `The organisation warns of ${describeNetwork(wifi)}, which the phone uses.`,
    evidence: wifiEvidence(wifi)
  }]
}

export const netDangerZone: Detection = {
  id: DANGER,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1638'],
  raisesLevel: true,
  description: `The phone uses a Wi-Fi of bad repute: one that the organisation warns of (by name, access point, or both), or that others saw attacks on, as the agent tells. ${UNTIL}`,
  sections: ['events', 'network'],
  needs: [],
  remediation: {
    user: 'Use mobile data or another Wi-Fi here, and forget this one in the settings.',
    admin: 'Nothing by itself. When the network is safe by now, take it off the denied networks of the policy.'
  },
  examples: [
    { name: 'an access point that the organisation warns of', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Fair', bssid: '02:00:00:00:00:BA' } } }, policy: { networks: { deny: [{ bssid: '02:00:00:00:00:ba' }] } }, finds: ['Fair low'] },
    { name: 'others saw attacks there', platform: 'ios', report: { events: [{ type: 'dangerous-access-point', ssid: 'Station', bssid: '02:00:00:00:00:0b' }] }, finds: ['Station low'] },
    { name: 'the same name, another access point', platform: 'android', report: { network: { type: 'wifi', wifi: { ssid: 'Fair', bssid: '02:00:00:00:00:01' } } }, policy: { networks: { deny: [{ ssid: 'Fair', bssid: '02:00:00:00:00:ba' }] } }, finds: [] },
    { name: 'the phone uses mobile data by now', platform: 'android', earlier: [{ events: [{ type: 'dangerous-access-point', ssid: 'Station' }] }], report: { network: { type: 'cellular' } }, finds: [] }
  ],

  detect: (context) => [
    ...openConditions(context, 'dangerous-access-point', { id: DANGER }).map(({ event, until }): Match => ({
      subject: networkSubject(event),
      title: `Others saw attacks on ${describeNetwork(event)}, which the phone uses.`,
      evidence: eventEvidence(event, ['ssid', 'bssid', 'detail']),
      expiresAt: toIso(until)
    })),
    ...byList(context)
  ]
}
