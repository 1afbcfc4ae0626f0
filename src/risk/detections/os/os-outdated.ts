import type { Detection, DetectionContext } from '../../detection.js'
import { outdatedSystem } from '../../facts/outdated-system.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toIso } from '../../facts/time.js'
import { graceMs } from '../../policy/policy.js'

const ID = 'os-outdated'

/** Until when the policy lets the phone wait, in ms: so long after an update was offered to it. */
function waitsUntil ({ state, policy }: DetectionContext): number {
  const grace = graceMs(policy, ID)
  const since = Date.parse(state.os?.update?.since ?? '')
  return grace === 0 || Number.isNaN(since) ? -Infinity : since + grace
}

export const osOutdated: Detection = {
  id: ID,
  version: 1,
  category: 'os',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1404', 'T1664'],
  raisesLevel: true,
  mayWait: true,
  description: 'The system is older than the organisation\'s least version (`versions.minimum` of the policy), compared as numbers. A phone that says that there is no update for it is os-outdated-no-fix. A grace of the policy counts from the day on which the phone was offered an update, where it tells that.',
  sections: ['os', 'hardware'],
  needs: ['os.version'],
  remediation: {
    user: 'Install the operating system update: Settings, then System or General, then Software Update.',
    admin: 'Push the update; see whether management defers it.'
  },
  examples: [
    { name: 'below the minimum', platform: 'ios', report: { os: { version: '18.6.1' } }, policy: { versions: { minimum: { ios: '18.7' } } }, finds: ['version medium'] },
    { name: '18.10 is more than 18.9', platform: 'ios', report: { os: { version: '18.10' } }, policy: { versions: { minimum: { ios: '18.9' } } }, finds: [] },
    { name: 'exactly the minimum, in another spelling', platform: 'android', report: { os: { version: '14' } }, policy: { versions: { minimum: { android: '14.0' } } }, finds: [] },
    { name: 'no minimum for this platform', platform: 'ipados', report: { os: { version: '15.1' } }, policy: { versions: { minimum: { ios: '18.7' } } }, finds: [] },
    { name: 'the phone says that nothing newer comes for it', platform: 'android', report: { os: { version: '11', update: { available: false } } }, policy: { versions: { minimum: { android: '13' } } }, finds: [] },
    { name: 'offered five days ago, where the policy gives two weeks', platform: 'ios', report: { os: { version: '18.6.1', update: { available: true, since: '2026-11-18T08:00:00Z' } } }, policy: { versions: { minimum: { ios: '18.7' } }, grace: { 'os-outdated': 14 } }, finds: [] },
    { name: 'no version told', platform: 'ios', report: { os: { build: '22G100' } }, policy: { versions: { minimum: { ios: '18.7' } } }, finds: 'unknown' }
  ],

  detect (context) {
    const outdated = outdatedSystem(context)
    if (outdated === undefined || outdated.hasNoUpdate || context.now.getTime() < waitsUntil(context)) return []
    return [{
      subject: 'version',
      title: `The system ${outdated.version} is older than ${outdated.minimum}, the least that the organisation admits.`,
      evidence: outdated.evidence
    }]
  },

  nextChangeAt (context) {
    const until = waitsUntil(context)
    return until === -Infinity || outdatedSystem(context) === undefined ? undefined : toIso(until)
  }
}
