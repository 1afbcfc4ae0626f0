import type { Detection, DetectionContext } from '../../detection.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { DAY_MS, toIso } from '../../facts/time.js'
import { graceMs } from '../../policy/policy.js'

const ID = 'os-update-pending'

/** When the offered update has waited long enough, in ms; undefined when there is none, or nobody says since when. */
function overdueAt ({ state: { os }, policy }: DetectionContext): number | undefined {
  const since = os?.update?.available === true ? Date.parse(os.update.since ?? '') : NaN
  return Number.isNaN(since) ? undefined : since + policy.thresholds.updatePendingDays * DAY_MS + graceMs(policy, ID)
}

export const osUpdatePending: Detection = {
  id: ID,
  version: 1,
  category: 'os',
  platforms: ALL_PLATFORMS,
  severity: 'low',
  attack: ['T1404'],
  raisesLevel: true,
  mayWait: true,
  description: 'The phone has offered an update for longer than the policy\'s `updatePendingDays` (14) and it is not installed. Only recorded when the update is known to have nothing to do with security. An update of which nobody says since when it is offered proves nothing.',
  sections: ['os'],
  needs: ['os.update.available'],
  remediation: {
    user: 'Install the update that your phone offers: Settings, then System or General, then Software Update.',
    admin: 'Have the update installed by management; see whether storage, power or a deferral stands in its way.'
  },
  examples: [
    { name: 'offered three weeks ago', platform: 'android', report: { os: { update: { available: true, security: true, since: '2026-11-02T08:00:00Z' } } }, finds: ['update low'] },
    { name: 'a new release without security fixes', platform: 'ios', report: { os: { update: { available: true, version: '27.0', security: false, since: '2026-10-02T08:00:00Z' } } }, finds: ['update audit'] },
    { name: 'offered last week', platform: 'android', report: { os: { update: { available: true, since: '2026-11-16T08:00:00Z' } } }, finds: [] },
    { name: 'nobody says since when', platform: 'ios', report: { os: { update: { available: true } } }, finds: [] },
    { name: 'up to date', platform: 'android', report: { os: { update: { available: false, since: '2026-10-01T08:00:00Z' } } }, finds: [] },
    { name: 'nothing told', platform: 'ios', report: { os: { version: '26.6' } }, finds: 'unknown' }
  ],

  detect (context) {
    const overdue = overdueAt(context)
    const update = context.state.os?.update
    if (overdue === undefined || update === undefined || context.now.getTime() < overdue) return []
    return [{
      subject: 'update',
      title: `${update.version === undefined ? 'An update' : `The update to ${update.version}`} has been offered since ${update.since!.slice(0, 10)} and is not installed.`,
      evidence: Object.entries(update).map(([field, value]) => ({ path: `os.update.${field}`, value })),
      ...(update.security === false ? { severity: 'audit' as const } : {})
    }]
  },

  nextChangeAt (context) {
    const overdue = overdueAt(context)
    return overdue === undefined ? undefined : toIso(overdue)
  }
}
