import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { compareVersionTexts } from '../../facts/versions.js'

export const mgmtAgentOutdated: Detection = {
  id: 'mgmt-agent-outdated',
  version: 1,
  category: 'management',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: [],
  raisesLevel: true,
  description: 'The agent is older than the organisation\'s least version of it (`versions.minimum.agent` of the policy), compared as numbers.',
  sections: ['agent'],
  needs: ['agent.version'],
  remediation: {
    user: 'Update the security app in the store.',
    admin: 'Push the update of the agent.'
  },
  examples: [
    { name: 'too old', platform: 'android', report: { agent: { version: '3.1.0' } }, policy: { versions: { minimum: { agent: '3.2' } } }, finds: ['agent audit'] },
    { name: '3.10 is more than 3.9', platform: 'ios', report: { agent: { version: '3.10' } }, policy: { versions: { minimum: { agent: '3.9' } } }, finds: [] },
    { name: 'no least version', platform: 'ios', report: { agent: { version: '1.0' } }, finds: [] },
    { name: 'a version that is no number', platform: 'ios', report: { agent: { version: 'dev-build' } }, policy: { versions: { minimum: { agent: '3.2' } } }, finds: [] },
    { name: 'not told', platform: 'android', report: { agent: { tampered: false } }, policy: { versions: { minimum: { agent: '3.2' } } }, finds: 'unknown' }
  ],

  detect ({ state: { agent }, policy }) {
    const minimum = policy.versions.minimum.agent
    if (minimum === undefined || (compareVersionTexts(agent?.version, minimum) ?? 0) >= 0) return []
    return [{
      subject: 'agent',
      title: `The agent ${agent!.version} is older than ${minimum}, the least that the organisation asks for.`,
      evidence: [{ path: 'agent.version', value: agent!.version }]
    }]
  }
}
