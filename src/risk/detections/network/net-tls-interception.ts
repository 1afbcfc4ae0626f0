import type { Detection } from '../../detection.js'
import { isByTrustedAuthority, openInterceptions } from '../../facts/interceptions.js'
import { describeNetwork, eventEvidence, networkSubject } from '../../facts/network-events.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

export const netTlsInterception: Detection = {
  id: 'net-tls-interception',
  version: 2,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1638'],
  raisesLevel: true,
  description: 'Somebody on the network opens encrypted connections: a probe of a known host got another certificate than it should, and not from an authority that the phone trusts (that is net-tls-interception-trusted-ca). Over when the agent reports the end, when the phone is on another network, or after the event\'s lifetime. Certificates that the organisation allows (its own inspecting proxy) are not meant.',
  sections: ['events', 'network'],
  needs: [],
  remediation: {
    user: 'Leave this network now and do not sign in to anything on it. Use mobile data. If you entered a password here, change it on another network.',
    admin: 'Have the user leave the network; revoke sessions and rotate credentials used since the event. When the certificate is the organisation\'s own inspecting proxy, add it to the allowed certificates of the policy.'
  },
  examples: [
    {
      name: 'a probe of a known host gets another certificate',
      platform: 'android',
      report: { events: [{ type: 'tls-interception', probeHost: 'login.example', expectedSha256: 'b5'.repeat(32), observedSha256: 'e1'.repeat(32), ssid: 'Cafe' }] },
      finds: ['login.example high']
    },
    {
      name: 'the phone has left the Wi-Fi since',
      platform: 'ios',
      earlier: [{ events: [{ type: 'tls-interception', probeHost: 'login.example', observedSha256: 'e1'.repeat(32), ssid: 'Cafe' }] }],
      report: { network: { type: 'wifi', wifi: { ssid: 'Home' } } },
      finds: []
    },
    {
      name: 'the agent tells that it is over',
      platform: 'android',
      report: { events: [{ type: 'tls-interception', at: '2026-11-23T11:00:00Z', endedAt: '2026-11-23T11:20:00Z', probeHost: 'login.example', observedSha256: 'e1'.repeat(32) }] },
      finds: []
    },
    {
      name: 'the organisation\'s own inspecting proxy',
      platform: 'ios',
      report: { events: [{ type: 'tls-interception', probeHost: 'login.example', observedSha256: 'E1'.repeat(32) }] },
      policy: { certificates: { allow: ['e1'.repeat(32)] } },
      finds: []
    }
  ],

  detect (context) {
    return openInterceptions(context).filter(({ event }) => !isByTrustedAuthority(event)).map(({ event, until }) => ({
      subject: event.probeHost ?? networkSubject(event),
      title: `Somebody on ${describeNetwork(event)} reads encrypted traffic: ${event.probeHost ?? 'a probe host'} showed another certificate than its own.`,
      evidence: eventEvidence(event, ['probeHost', 'expectedSha256', 'observedSha256', 'trustedCa', 'ssid', 'bssid']),
      expiresAt: toIso(until)
    }))
  }
}
