import type { Detection, DetectionContext } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { DAY_MS, toIso } from '../../facts/time.js'

/** When the last attestation is too old, in ms; undefined when its day is not told. */
function staleAt ({ state: { integrity }, policy }: DetectionContext): number | undefined {
  const at = Date.parse(integrity?.attestation?.at ?? '')
  return Number.isNaN(at) ? undefined : at + policy.thresholds.attestationAgeDays * DAY_MS
}

export const devAttestationStale: Detection = {
  id: 'dev-attestation-stale',
  version: 1,
  category: 'device',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1630.003'],
  raisesLevel: true,
  description: 'The last attestation is older than the policy\'s `attestationAgeDays` (30). High when the answer is to another question than was asked (nonce or hash), which is how a stolen answer looks. What a failed attestation means, others say.',
  sections: ['integrity'],
  needs: ['integrity.attestation.at', 'integrity.attestation.nonceMatches'],
  remediation: {
    user: 'Connect the phone to the internet and open the security app.',
    admin: 'Have the user open the agent. An answer to another question means that somebody forges attestations: treat the phone as compromised.'
  },
  examples: [
    { name: 'two months old', platform: 'android', report: { integrity: { attestation: { verdict: 'strong', at: '2026-09-20T08:00:00Z' } } }, finds: ['attestation low'] },
    { name: 'an answer to another question', platform: 'ios', report: { integrity: { attestation: { verdict: 'strong', nonceMatches: false, at: '2026-11-23T08:00:00Z' } } }, finds: ['attestation high'] },
    { name: 'of this morning', platform: 'android', report: { integrity: { attestation: { verdict: 'strong', nonceMatches: true, at: '2026-11-23T08:00:00Z' } } }, finds: [] },
    { name: 'an old one that failed is said by dev-attestation-failed', platform: 'android', report: { integrity: { attestation: { verdict: 'failed', at: '2026-09-20T08:00:00Z' } } }, finds: [] },
    { name: 'a service\'s verdict without its day', platform: 'android', report: { integrity: { attestation: { verdict: 'strong' } } }, finds: 'unknown' }
  ],

  detect (context) {
    const attestation = context.state.integrity?.attestation
    if (attestation?.nonceMatches === false) {
      return [{
        subject: 'attestation',
        title: 'The phone\'s attestation answers another question than it was asked.',
        evidence: [{ path: 'integrity.attestation.nonceMatches', value: false }],
        severity: 'high'
      }]
    }
    const stale = staleAt(context)
    if (stale === undefined || attestation?.verdict === 'failed' || context.now.getTime() < stale) return []
    return [{
      subject: 'attestation',
      title: `The last attestation is of ${attestation!.at!.slice(0, 10)}: nothing vouches for the phone since.`,
      evidence: [{ path: 'integrity.attestation.at', value: attestation!.at }]
    }]
  },

  nextChangeAt (context) {
    const stale = staleAt(context)
    return stale === undefined ? undefined : toIso(stale)
  }
}
