import type { Detection } from '../../detection.js'
import type { Example } from '../../example.js'
import { ANDROID, APPLE } from '../../facts/platforms.js'
import type { Severity } from '../../level.js'

interface VerdictRow extends Pick<Detection, 'id' | 'platforms' | 'description' | 'remediation' | 'attack'> {
  readonly verdict: 'failed' | 'basic'
  readonly severity: Severity
  readonly title: string
  readonly examples: readonly Example[]
}

const ROWS: readonly VerdictRow[] = [
  {
    id: 'dev-attestation-failed',
    platforms: ANDROID,
    verdict: 'failed',
    severity: 'high',
    attack: ['T1645'],
    description: 'Android\'s attestation (Play Integrity, or of a key in the phone\'s hardware) failed: the phone or its system is not what it claims to be. In the Android Management API: `COMPROMISED_OS` or `POTENTIALLY_COMPROMISED`.',
    title: 'Android\'s attestation failed: the phone or its system is not what it claims to be.',
    remediation: {
      user: 'Restart the phone and open the security app. If the message stays, ask your IT team; until then company data stays locked.',
      admin: 'Treat the phone as compromised: have the stock system restored and the bootloader locked, then enrol again.'
    },
    examples: [
      { name: 'failed', platform: 'android', report: { integrity: { attestation: { kind: 'play-integrity', verdict: 'failed' } } }, finds: ['attestation high'] },
      { name: 'device integrity without the hardware\'s word, as many good phones have', platform: 'android', report: { integrity: { attestation: { verdict: 'device' } } }, finds: [] },
      { name: 'no attestation came', platform: 'android', report: { integrity: { rooted: false } }, finds: 'unknown' }
    ]
  },
  {
    id: 'dev-attestation-basic-only',
    platforms: ANDROID,
    verdict: 'basic',
    severity: 'medium',
    attack: ['T1645'],
    description: 'Play Integrity gives its basic label only: the phone runs Android, and Google does not vouch for it. That the system is one that Google does not know (`UNKNOWN_OS`) is os-unknown-build.',
    title: 'Google vouches for this phone in the most basic way only.',
    remediation: {
      user: 'Install the latest system update and restart the phone. If the message stays, ask your IT team.',
      admin: 'See whether the bootloader is unlocked, the system is the maker\'s and the model is certified by Google.'
    },
    examples: [
      { name: 'basic only', platform: 'android', report: { integrity: { attestation: { kind: 'play-integrity', verdict: 'basic' } } }, finds: ['attestation medium'] },
      { name: 'because Google does not know the system: os-unknown-build', platform: 'android', report: { integrity: { reasons: ['UNKNOWN_OS'], attestation: { verdict: 'basic' } } }, finds: [] },
      { name: 'strong', platform: 'android', report: { integrity: { attestation: { verdict: 'strong' } } }, finds: [] },
      { name: 'no attestation came', platform: 'android', report: { integrity: { rooted: false } }, finds: 'unknown' }
    ]
  },
  {
    id: 'dev-attestation-ios',
    platforms: APPLE,
    verdict: 'failed',
    severity: 'high',
    attack: ['T1645'],
    description: 'Apple\'s App Attest or device attestation failed: the agent does not run unchanged on a genuine device.',
    title: 'Apple\'s attestation failed: the agent does not run unchanged on a genuine device.',
    remediation: {
      user: 'Delete the security app and install it again from the App Store. If the message stays, restore the device with a computer.',
      admin: 'Have the agent reinstalled. If attestation fails again, treat the device as compromised and have it restored.'
    },
    examples: [
      { name: 'failed', platform: 'ios', report: { integrity: { attestation: { kind: 'app-attest', verdict: 'failed' } } }, finds: ['attestation high'] },
      { name: 'passed', platform: 'ipados', report: { integrity: { attestation: { kind: 'app-attest', verdict: 'strong' } } }, finds: [] },
      { name: 'no attestation came', platform: 'ios', report: { integrity: { jailbroken: false } }, finds: 'unknown' }
    ]
  }
]

/** What attestations say of a phone: one fact, its verdict, in several strengths. */
export const ATTESTATION_VERDICTS: readonly Detection[] = ROWS.map(({ verdict, title, ...row }) => ({
  ...row,
  version: 1,
  category: 'device',
  raisesLevel: true,
  sections: ['integrity'],
  needs: ['integrity.attestation.verdict'],

  detect ({ state: { integrity } }) {
    const attestation = integrity?.attestation
    if (attestation?.verdict !== verdict) return []
    if (verdict === 'basic' && integrity?.reasons?.includes('UNKNOWN_OS') === true) return []
    return [{
      subject: 'attestation',
      title,
      evidence: [
        { path: 'integrity.attestation.verdict', value: verdict },
        ...(attestation.kind === undefined ? [] : [{ path: 'integrity.attestation.kind', value: attestation.kind }])
      ]
    }]
  }
}))
