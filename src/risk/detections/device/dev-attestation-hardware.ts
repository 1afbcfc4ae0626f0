import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devAttestationHardware: Detection = {
  id: 'dev-attestation-hardware',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1630.003'],
  raisesLevel: true,
  description: 'The phone\'s own hardware does not confirm that it started a genuine system (`HARDWARE_BACKED_EVALUATION_FAILED`), while the rest of the attestation passes: so look phones that hide an unlocked bootloader. A model without such hardware is not meant; nor does a missing `strong` label alone mean it.',
  sections: ['integrity'],
  needs: ['integrity.attestation.hardwareEvaluation'],
  remediation: {
    user: 'Restart the phone and open the security app. If the message stays, ask your IT team.',
    admin: 'See whether the bootloader is locked and the system is the maker\'s; a few models fail by a fault of their maker.'
  },
  examples: [
    { name: 'the hardware does not confirm it', platform: 'android', report: { integrity: { attestation: { verdict: 'device', hardwareEvaluation: 'failed' } } }, finds: ['attestation medium'] },
    { name: 'the attestation failed altogether: dev-attestation-failed', platform: 'android', report: { integrity: { attestation: { verdict: 'failed', hardwareEvaluation: 'failed' } } }, finds: [] },
    { name: 'a model without such hardware', platform: 'android', report: { integrity: { attestation: { verdict: 'device', hardwareEvaluation: 'unsupported' } } }, finds: [] },
    { name: 'not told', platform: 'android', report: { integrity: { attestation: { verdict: 'device' } } }, finds: 'unknown' }
  ],

  detect ({ state: { integrity } }) {
    const attestation = integrity?.attestation
    if (attestation?.hardwareEvaluation !== 'failed' || attestation.verdict === 'failed') return []
    return [{
      subject: 'attestation',
      title: 'The phone\'s hardware does not confirm that it started a genuine system.',
      evidence: [{ path: 'integrity.attestation.hardwareEvaluation', value: 'failed' }]
    }]
  }
}
