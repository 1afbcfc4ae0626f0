import type { KeptEvent } from '../../../telemetry/device-state.js'
import type { Detection, Match } from '../../detection.js'
import { describeNetwork, eventEvidence, networkSubject, openConditions } from '../../facts/network-events.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

/** What an agent alone can tell of a network, and nothing else bears on. */
interface Told extends Pick<Detection, 'id' | 'severity' | 'attack' | 'raisesLevel' | 'description' | 'remediation' | 'examples'> {
  /** Of the event. */
  readonly type: string
  readonly members: ReadonlyArray<keyof KeptEvent>
  /** The event's network, unless something else is the thing. */
  subject? (event: KeptEvent): string
  title (event: KeptEvent): string
}

const UNTIL = 'Over when the agent reports the end, when the phone is on another network, or after the event\'s lifetime.'

function toDetection ({ type, members, subject = networkSubject, title, description, ...told }: Told): Detection {
  return {
    ...told,
    version: 2,
    category: 'network',
    platforms: ALL_PLATFORMS,
    description: `${description} ${UNTIL}`,
    sections: ['events', 'network'],
    needs: [],
    detect: (context) => openConditions(context, type, told).map(({ event, until }): Match => ({
      subject: subject(event),
      title: title(event),
      evidence: eventEvidence(event, members),
      expiresAt: toIso(until)
    }))
  }
}

const CAFE = { ssid: 'Cafe', bssid: '02:00:00:00:00:0a' } as const
/** The two ways out that all of them have. */
const overAt = (type: string, finds: string, rest: object = {}): Detection['examples'] => [
  { name: 'the agent sees it', platform: 'android', report: { events: [{ type, ...CAFE, ...rest }] }, finds: [finds] },
  { name: 'the agent tells that it is over', platform: 'ios', report: { events: [{ type, at: '2026-11-23T10:00:00Z', endedAt: '2026-11-23T10:05:00Z', ...CAFE, ...rest }] }, finds: [] },
  { name: 'the phone is on another Wi-Fi by now', platform: 'android', earlier: [{ events: [{ type, ...CAFE, ...rest }] }], report: { network: { type: 'wifi', wifi: { ssid: 'Home' } } }, finds: [] },
  { name: 'a day later, without a word of its end', platform: 'ipados', report: { events: [{ type, at: '2026-11-22T10:00:00Z', ...CAFE, ...rest }], collectedAt: '2026-11-22T10:00:30Z' }, now: '2026-11-23T12:00:00Z', finds: [] }
]

const TOLD: readonly Told[] = [
  {
    id: 'net-ssl-strip',
    type: 'ssl-strip',
    severity: 'high',
    attack: ['T1638'],
    raisesLevel: true,
    description: 'A probe of a page that is only served encrypted was sent to an unencrypted one: somebody on the network takes the encryption off.',
    remediation: {
      user: 'Leave this network now and do not sign in to anything on it. If you entered a password here, change it on another network.',
      admin: 'Have the user leave the network; revoke sessions and rotate credentials used since the event. Tell the owner of the network.'
    },
    members: ['host', 'ssid', 'bssid'],
    subject: (event) => event.host ?? networkSubject(event),
    title: (event) => `Somebody on ${describeNetwork(event)} takes the encryption off pages: ${event.host ?? 'a probe host'} answered without it.`,
    examples: overAt('ssl-strip', 'login.example high', { host: 'login.example' })
  },
  {
    id: 'net-gateway-change',
    type: 'gateway-change',
    severity: 'low',
    attack: ['T1638'],
    raisesLevel: true,
    description: 'The gateway of the network changed while the phone was connected. Routers that stand in for each other do that as well; together with other signs it is a traffic diversion.',
    remediation: {
      user: 'If you do not know this network, leave it. On your own network there is nothing to do.',
      admin: 'Nothing by itself. Look for other findings on the same network, such as an ARP or TLS attack.'
    },
    members: ['gatewayIp', 'previousMac', 'currentMac', 'ssid', 'bssid'],
    title: (event) => `The gateway of ${describeNetwork(event)} changed while the phone was connected.`,
    examples: overAt('gateway-change', 'Cafe low', { gatewayIp: '192.0.2.1' })
  },
  {
    id: 'net-captive-portal',
    type: 'captive-portal',
    severity: 'audit',
    attack: ['T1638'],
    raisesLevel: true,
    description: 'The network sends the phone to a page of its own, as hotels and trains do before they let anybody through.',
    remediation: {
      user: 'Nothing to do. Do not enter passwords of your work on the page of a hotel or train.',
      admin: 'Nothing to do; failed certificates and odd answers to names are expected while it goes on.'
    },
    members: ['host', 'url', 'ssid', 'bssid'],
    title: (event) => `${capital(describeNetwork(event))} sends the phone to a page of its own.`,
    examples: overAt('captive-portal', 'Cafe audit')
  },
  {
    id: 'net-port-scan',
    type: 'port-scan',
    severity: 'audit',
    attack: ['T1423'],
    raisesLevel: true,
    description: 'Somebody on the network tried out which ports the phone answers on.',
    remediation: {
      user: 'If you do not know this network, leave it.',
      admin: 'Nothing by itself. On a network of the organisation, look for the machine that scans.'
    },
    members: ['ip', 'ssid', 'bssid'],
    title: (event) => `${event.ip ?? 'Somebody'} on ${describeNetwork(event)} tried out the phone's ports.`,
    examples: overAt('port-scan', 'Cafe audit', { ip: '192.0.2.66' })
  },
  {
    id: 'net-arp-scan',
    type: 'arp-scan',
    severity: 'audit',
    attack: ['T1423'],
    raisesLevel: true,
    description: 'Somebody on the network asked for every address in it. Printers\' tools do that as well as attackers.',
    remediation: {
      user: 'If you do not know this network, leave it.',
      admin: 'Nothing by itself. On a network of the organisation, look for the machine that scans.'
    },
    members: ['ip', 'ssid', 'bssid'],
    title: (event) => `${event.ip ?? 'Somebody'} on ${describeNetwork(event)} asked for every address in it.`,
    examples: overAt('arp-scan', 'Cafe audit')
  }
]

/** Signs of manipulation, or of curiosity, in the network that the phone uses. */
export const NETWORK_CONDITIONS: readonly Detection[] = TOLD.map(toDetection)

function capital (text: string): string {
  return text[0]!.toUpperCase() + text.slice(1)
}
