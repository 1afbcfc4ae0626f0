import type { Detection } from '../../detection.js'
import { interceptions, isByTrustedAuthority } from '../../facts/interceptions.js'
import { describeNetwork, eventEvidence, networkSubject } from '../../facts/network-events.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

const INTERCEPTED = { type: 'tls-interception', probeHost: 'login.example', observedSha256: 'e1'.repeat(32), caSha256: 'ca'.repeat(32), trustedCa: true, ssid: 'Cafe' } as const

export const netTlsInterceptionTrustedCa: Detection = {
  id: 'net-tls-interception-trusted-ca',
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1638', 'T1632'],
  raisesLevel: true,
  description: 'Somebody opens encrypted connections with a certificate from an authority that this phone trusts, so that apps notice nothing. It speaks instead of net-tls-interception. Only recorded when the organisation allows the certificate or the authority: then it is its own inspecting proxy. Over when the agent reports the end, when the phone is on another network, or after the event\'s lifetime.',
  sections: ['events', 'network'],
  needs: [],
  remediation: {
    user: 'Leave this network and do not sign in to anything on it. Open the settings, search for "certificates", and remove those that you do not know.',
    admin: 'Find out who installed the certificate authority (see the evidence and the phone\'s certificates) and have it removed; revoke sessions and rotate credentials used since the event. When it is the organisation\'s own inspecting proxy, add the authority to the allowed certificates of the policy.'
  },
  examples: [
    { name: 'an authority that was added to the phone signed it', platform: 'android', report: { events: [INTERCEPTED] }, finds: ['login.example high'] },
    { name: 'the organisation\'s own authority signed it', platform: 'ios', report: { events: [INTERCEPTED] }, policy: { certificates: { allow: ['CA'.repeat(32)] } }, finds: ['login.example audit'] },
    { name: 'no authority that the phone trusts: net-tls-interception speaks', platform: 'android', report: { events: [{ ...INTERCEPTED, trustedCa: false }] }, finds: [] },
    { name: 'the phone uses mobile data by now', platform: 'android', earlier: [{ events: [INTERCEPTED] }], report: { network: { type: 'cellular' } }, finds: [] },
    { name: 'the certificate it should be', platform: 'ipados', report: { events: [{ ...INTERCEPTED, expectedSha256: 'E1'.repeat(32) }] }, finds: [] }
  ],

  detect (context) {
    return interceptions(context).filter(({ event }) => isByTrustedAuthority(event)).map(({ event, until, allowed }) => ({
      subject: event.probeHost ?? networkSubject(event),
      title: allowed
        ? `The organisation's own authority opens encrypted connections on ${describeNetwork(event)}: ${event.probeHost ?? 'a probe host'} showed a certificate that the policy allows.`
        : `Somebody on ${describeNetwork(event)} reads encrypted traffic: ${event.probeHost ?? 'a probe host'} showed another certificate, signed by an authority that this phone trusts, so apps notice nothing.`,
      evidence: eventEvidence(event, ['probeHost', 'expectedSha256', 'observedSha256', 'trustedCa', 'caSha256', 'ssid', 'bssid']),
      ...(allowed ? { severity: 'audit' as const } : {}),
      expiresAt: toIso(until)
    }))
  }
}
