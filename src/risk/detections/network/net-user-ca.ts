import type { Detection } from '../../detection.js'
import { normalizeHex } from '../../facts/intel-entries.js'
import { openInterceptions } from '../../facts/interceptions.js'
import { isTrustedCertificate } from '../../facts/organisation.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'

export const netUserCa: Detection = {
  id: 'net-user-ca',
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1632', 'T1638'],
  raisesLevel: true,
  description: 'A certificate authority that the user or somebody else added to the phone and the organisation does not allow: whoever holds it can read encrypted traffic. High while a TLS interception goes on.',
  sections: ['certificates', 'events', 'network'],
  needs: ['certificates'],
  remediation: {
    user: 'Remove the certificate: in the settings, search for "certificates" (Android: user certificates; iPhone: VPN & Device Management and Certificate Trust Settings).',
    admin: 'Ask who installed the certificate. Have it removed, or, when it is the organisation\'s own, add its SHA-256 to the allowed certificates of the policy.'
  },
  examples: [
    {
      name: 'an authority that somebody added',
      platform: 'android',
      report: { certificates: [{ sha256: 'c0'.repeat(32), commonName: 'Free Wi-Fi CA', store: 'user', isIdentity: false }] },
      finds: [`${'c0'.repeat(32)} medium`]
    },
    {
      name: 'the same while somebody opens encrypted connections',
      platform: 'ios',
      report: {
        certificates: [{ sha256: 'c0'.repeat(32), commonName: 'Free Wi-Fi CA', store: 'user', isIdentity: false }],
        events: [{ type: 'tls-interception', probeHost: 'login.example', observedSha256: 'e1'.repeat(32) }]
      },
      finds: [`${'c0'.repeat(32)} high`]
    },
    {
      name: 'the organisation\'s own authority',
      platform: 'android',
      report: { certificates: [{ sha256: 'C0'.repeat(32), commonName: 'Example Corp Root', store: 'user', isIdentity: false }] },
      policy: { certificates: { allow: ['c0'.repeat(32)] } },
      finds: []
    },
    {
      name: 'a certificate that says who the phone is, and the authorities of the system',
      platform: 'ipados',
      report: { certificates: [{ sha256: 'd0'.repeat(32), store: 'user', isIdentity: true }, { sha256: 'd1'.repeat(32), store: 'system' }] },
      finds: []
    },
    { name: 'nobody told of certificates', platform: 'android', report: { config: { passcodeSet: true } }, finds: 'unknown' }
  ],

  detect (context) {
    const interceptions = openInterceptions(context)
    const meanwhile = interceptions.length === 0
      ? {}
      : { severity: 'high' as const, recheckAt: toIso(Math.max(...interceptions.map(({ until }) => until))) }

    return (context.state.certificates ?? []).flatMap((certificate, index) => {
      // An identity certificate proves who the phone is; it signs for nobody else.
      if (certificate.store !== 'user' || certificate.isIdentity === true) return []
      const fingerprint = certificate.sha256 === undefined ? undefined : normalizeHex(certificate.sha256)
      if (fingerprint !== undefined && isTrustedCertificate(context.policy, fingerprint)) return []
      const name = certificate.commonName ?? fingerprint ?? 'without a name'
      return [{
        subject: fingerprint ?? name,
        title: `The certificate authority "${name}" was added to this phone${interceptions.length > 0 ? ' while somebody opens its encrypted connections' : ''}: whoever holds it can read encrypted traffic.`,
        evidence: (['sha256', 'commonName', 'store', 'isIdentity'] as const)
          .filter((field) => certificate[field] !== undefined)
          .map((field) => ({ path: `certificates[${index}].${field}`, value: certificate[field] })),
        ...meanwhile
      }]
    })
  }
}
