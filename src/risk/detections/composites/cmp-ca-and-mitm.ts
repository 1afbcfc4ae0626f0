import type { Detection } from '../../detection.js'
import { openInterceptions } from '../../facts/interceptions.js'
import { networkSubject } from '../../facts/network-events.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { combine } from './combine.js'

const CA = 'c0'.repeat(32)
const AUTHORITY = { sha256: CA, commonName: 'Free Wi-Fi CA', store: 'user', isIdentity: false } as const
const INTERCEPTED = { type: 'tls-interception', probeHost: 'login.example', observedSha256: 'e1'.repeat(32), trustedCa: true, ssid: 'Cafe' } as const

export const cmpCaAndMitm: Detection = {
  id: 'cmp-ca-and-mitm',
  version: 1,
  category: 'composite',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1638', 'T1632'],
  raisesLevel: true,
  description: 'A certificate authority was added to the phone, and somebody opens its encrypted connections: together they let an attacker read everything without a warning. It ends with either of the two. An inspecting proxy whose certificate the organisation allows is not meant.',
  sections: ['certificates', 'events', 'network'],
  needs: ['certificates'],
  builtFrom: ['net-user-ca', 'net-tls-interception', 'net-tls-interception-trusted-ca'],
  remediation: {
    user: 'Leave this network now. Open the settings, search for "certificates", and remove those that you do not know. Change the passwords that you used on this network, on another device.',
    admin: 'Have the certificate removed and find out who installed it; revoke sessions and rotate all credentials used on the phone since.'
  },
  examples: [
    { name: 'an authority was added and signs for a probe host', platform: 'android', report: { certificates: [AUTHORITY], events: [INTERCEPTED] }, finds: [`${CA} high`] },
    { name: 'the interception uses a certificate that nobody trusts', platform: 'ios', report: { certificates: [AUTHORITY], events: [{ ...INTERCEPTED, trustedCa: false }] }, finds: [`${CA} high`] },
    { name: 'parts that the policy only records', platform: 'android', report: { certificates: [AUTHORITY], events: [INTERCEPTED] }, policy: { severities: { 'net-user-ca': 'audit', 'net-tls-interception-trusted-ca': 'audit' } }, finds: [`${CA} high`] },
    { name: 'the organisation\'s proxy inspects, and there is another authority', platform: 'android', report: { certificates: [AUTHORITY], events: [INTERCEPTED] }, policy: { certificates: { allow: ['e1'.repeat(32)] } }, finds: [] },
    { name: 'the phone has left the network', platform: 'android', earlier: [{ events: [INTERCEPTED] }], report: { certificates: [AUTHORITY], network: { type: 'cellular' } }, finds: [] },
    { name: 'nobody told of certificates', platform: 'ipados', report: { events: [INTERCEPTED] }, finds: 'unknown' }
  ],

  detect (context) {
    const authorities = context.findingsOf('net-user-ca')
    if (authorities.length === 0) return []
    const hosts = new Set(openInterceptions(context).map(({ event }) => event.probeHost ?? networkSubject(event)))
    const attack = ['net-tls-interception-trusted-ca', 'net-tls-interception'].flatMap((id) => context.findingsOf(id)).find(({ subject }) => hosts.has(subject))
    if (attack === undefined) return []
    return authorities.flatMap((authority) => combine(context, [authority, attack], {
      subject: authority.subject,
      title: `A certificate authority was added to this phone (${authority.subject}), and somebody opens its encrypted connections (${attack.subject}): together they read everything without a warning.`
    }))
  }
}
