import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

/** Play Integrity's LEVEL_4: far more requests in the last hour than a phone in a hand makes. */
const VERY_HIGH = 4

export const devAttestationHyperactive: Detection = {
  id: 'dev-attestation-hyperactive',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1633'],
  raisesLevel: true,
  description: 'Play Integrity says that the phone asks for very many attestations (recentDeviceActivity, level 4): it may answer for other phones.',
  sections: ['integrity'],
  needs: ['integrity.attestation.activityLevel'],
  remediation: {
    user: 'Restart the phone. If the message stays, ask your IT team.',
    admin: 'See which apps ask so often; a phone that answers for others is an attack on attestation.'
  },
  examples: [
    { name: 'level 4', platform: 'android', report: { integrity: { attestation: { verdict: 'device', activityLevel: 4 } } }, finds: ['attestation low'] },
    { name: 'level 3', platform: 'android', report: { integrity: { attestation: { verdict: 'device', activityLevel: 3 } } }, finds: [] },
    { name: 'not told', platform: 'android', report: { integrity: { attestation: { verdict: 'device' } } }, finds: 'unknown' }
  ],

  detect ({ state: { integrity } }) {
    const level = integrity?.attestation?.activityLevel
    if (level === undefined || level < VERY_HIGH) return []
    return [{
      subject: 'attestation',
      title: 'The phone asks for very many attestations, as if it answered for other phones.',
      evidence: [{ path: 'integrity.attestation.activityLevel', value: level }]
    }]
  }
}
