import type { Detection, DetectionContext } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { HOUR_MS, toIso } from '../../facts/time.js'

/** When the phone has been without the deployed policy for too long, in ms; undefined when it has it, or not all is told. */
function staleAt ({ state: { agent }, policy }: DetectionContext): number | undefined {
  const { applied, deployed, since } = agent?.policy ?? {}
  const from = applied === undefined || deployed === undefined || applied === deployed ? NaN : Date.parse(since ?? '')
  return Number.isNaN(from) ? undefined : from + policy.thresholds.policyStaleHours * HOUR_MS
}

export const mgmtPolicyStale: Detection = {
  id: 'mgmt-policy-stale',
  version: 1,
  category: 'management',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: [],
  raisesLevel: true,
  description: 'Management has deployed another policy than the phone follows, for longer than the policy\'s `policyStaleHours` (24).',
  sections: ['agent'],
  needs: ['agent.policy'],
  remediation: {
    user: 'Connect the phone to the internet and open the company portal app, so that it synchronises.',
    admin: 'Synchronise the phone by management; see why it does not take the policy.'
  },
  examples: [
    { name: 'deployed three days ago and not applied', platform: 'android', report: { agent: { policy: { applied: '41', deployed: '42', since: '2026-11-20T08:00:00Z' } } }, finds: ['policy audit'] },
    { name: 'deployed this morning', platform: 'android', report: { agent: { policy: { applied: '41', deployed: '42', since: '2026-11-23T08:00:00Z' } } }, finds: [] },
    { name: 'applied', platform: 'ios', report: { agent: { policy: { applied: '42', deployed: '42', since: '2026-11-01T08:00:00Z' } } }, finds: [] },
    { name: 'not told', platform: 'ios', report: { agent: { version: '3.1.0' } }, finds: 'unknown' }
  ],

  detect (context) {
    const stale = staleAt(context)
    if (stale === undefined || context.now.getTime() < stale) return []
    const { applied, deployed, since } = context.state.agent!.policy!
    return [{
      subject: 'policy',
      title: `The phone follows the policy ${applied} of its management; ${deployed} is deployed since ${since!.slice(0, 10)}.`,
      evidence: [{ path: 'agent.policy.applied', value: applied }, { path: 'agent.policy.deployed', value: deployed }, { path: 'agent.policy.since', value: since }]
    }]
  },

  nextChangeAt (context) {
    const stale = staleAt(context)
    return stale === undefined ? undefined : toIso(stale)
  }
}
