import type { Detection, DetectionContext } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'
import { DAY_MS, toIso } from '../../facts/time.js'

/** When the last scan is too old, in ms; undefined when its day is not told. */
function overdueAt ({ state: { agent }, policy }: DetectionContext): number | undefined {
  const at = Date.parse(agent?.lastScanAt ?? '')
  return Number.isNaN(at) ? undefined : at + policy.thresholds.scanAgeDays * DAY_MS
}

export const mgmtScanOverdue: Detection = {
  id: 'mgmt-scan-overdue',
  version: 1,
  category: 'management',
  platforms: ANDROID,
  severity: 'low',
  attack: [],
  raisesLevel: false,
  description: 'The agent last looked through the whole phone longer ago than the policy\'s `scanAgeDays` (14). It never moves the level: a phone that is silent must not get worse by that.',
  sections: ['agent'],
  needs: ['agent.lastScanAt'],
  remediation: {
    user: 'Open the security app and start a scan.',
    admin: 'See whether the phone\'s battery saving stops the agent.'
  },
  examples: [
    { name: 'a month ago', platform: 'android', report: { agent: { lastScanAt: '2026-10-23T08:00:00Z' } }, finds: ['scan low'] },
    { name: 'last week', platform: 'android', report: { agent: { lastScanAt: '2026-11-16T08:00:00Z' } }, finds: [] },
    { name: 'not told', platform: 'android', report: { agent: { version: '3.1.0' } }, finds: 'unknown' }
  ],

  detect (context) {
    const overdue = overdueAt(context)
    if (overdue === undefined || context.now.getTime() < overdue) return []
    const at = context.state.agent!.lastScanAt!
    return [{
      subject: 'scan',
      title: `The agent last looked through the whole phone on ${at.slice(0, 10)}.`,
      evidence: [{ path: 'agent.lastScanAt', value: at }]
    }]
  },

  nextChangeAt (context) {
    const overdue = overdueAt(context)
    return overdue === undefined ? undefined : toIso(overdue)
  }
}
