import type { KeptEvent } from '../../../telemetry/device-state.js'
import type { Detection } from '../../detection.js'
import { tlsAttackBeside } from '../../facts/interceptions.js'
import { describeNetwork, eventEvidence, networkSubject, openConditions } from '../../facts/network-events.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const ID = 'net-arp-spoof'
const SPOOF = { type: 'arp-spoof', gatewayIp: '192.0.2.1', previousMac: '02:00:00:00:00:01', currentMac: '02:00:00:00:00:66', ssid: 'Cafe' } as const

/**
 * Addresses that routers share on purpose, so that one can stand in for another: VRRP (RFC 5798,
 * section 7.3), Cisco HSRP in both versions, and GLBP. A change to or from one is a failover.
 */
const SHARED_BY_ROUTERS = ['00005e0001', '00005e0002', '00000c07ac', '00000c9ff', '000573a00', '0007b400']

const normalizeMac = (mac: string): string => mac.toLowerCase().replace(/[^0-9a-f]/g, '')

function isOrdinaryChange ({ previousMac, currentMac }: KeptEvent): boolean {
  const macs = [previousMac, currentMac].flatMap((mac) => mac === undefined ? [] : [normalizeMac(mac)])
  return (macs.length === 2 && macs[0] === macs[1]) || macs.some((mac) => SHARED_BY_ROUTERS.some((prefix) => mac.startsWith(prefix)))
}

export const netArpSpoof: Detection = {
  id: ID,
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1638'],
  raisesLevel: true,
  description: 'The gateway\'s address suddenly belongs to another device: somebody may route the phone\'s traffic through it. High while encryption is opened or taken off on the same network, which shows that somebody does. Routers that stand in for each other (VRRP, HSRP, GLBP) are not meant. Over when the agent reports the end, when the phone is on another network, or after the event\'s lifetime.',
  sections: ['events', 'network'],
  needs: [],
  remediation: {
    user: 'Leave this network and use mobile data.',
    admin: 'Have the user leave the network. On a network of the organisation, look for the device that has the new hardware address (see the evidence).'
  },
  examples: [
    { name: 'the gateway answers from another device', platform: 'android', report: { events: [SPOOF] }, finds: ['Cafe medium'] },
    { name: 'and somebody opens encryption there', platform: 'ios', report: { events: [SPOOF, { type: 'tls-interception', probeHost: 'login.example', observedSha256: 'e1'.repeat(32), ssid: 'Cafe' }] }, finds: ['Cafe high'] },
    { name: 'and somebody opened encryption in another place', platform: 'android', report: { events: [SPOOF, { type: 'ssl-strip', host: 'login.example', ssid: 'Hotel' }] }, finds: ['Cafe medium'] },
    { name: 'and the organisation\'s own proxy inspects', platform: 'android', report: { events: [SPOOF, { type: 'tls-interception', observedSha256: 'e1'.repeat(32), ssid: 'Cafe' }] }, policy: { certificates: { allow: ['e1'.repeat(32)] } }, finds: ['Cafe medium'] },
    { name: 'the second router of a pair took over', platform: 'android', report: { events: [{ ...SPOOF, currentMac: '00:00:5E:00:01:0A' }] }, finds: [] },
    { name: 'the same device, written differently', platform: 'android', report: { events: [{ ...SPOOF, currentMac: '02-00-00-00-00-01' }] }, finds: [] },
    { name: 'the phone is on another Wi-Fi by now', platform: 'android', earlier: [{ events: [SPOOF] }], report: { network: { type: 'wifi', wifi: { ssid: 'Home' } } }, finds: [] }
  ],

  detect (context) {
    return openConditions(context, 'arp-spoof', { id: ID }).flatMap(({ event, until }) => {
      if (isOrdinaryChange(event)) return []
      const attack = tlsAttackBeside(context, event)
      return [{
        subject: networkSubject(event),
        title: `The gateway of ${describeNetwork(event)} answers from another device than before${attack === undefined ? '' : ' while somebody there opens encrypted connections'}: traffic may run through that device.`,
        evidence: [...eventEvidence(event, ['gatewayIp', 'previousMac', 'currentMac', 'ssid', 'bssid']), ...(attack === undefined ? [] : eventEvidence(attack.event, ['type']))],
        expiresAt: toIso(until),
        ...(attack === undefined ? {} : { severity: 'high' as const, recheckAt: toIso(attack.until) })
      }]
    })
  }
}
