import type { Detection, DetectionContext } from '../../detection.js'
import { osOfPhone } from '../../facts/os-of-phone.js'
import { outdatedSystem } from '../../facts/outdated-system.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { DAY_MS, parseDay, toIso } from '../../facts/time.js'

/** Since when the system has had no update, in ms: the patch level, or the end of the release; undefined when nobody says. */
function lastUpdateAt (context: DetectionContext): number | undefined {
  const { platform, state: { os }, intel } = context
  const patched = platform === 'android' ? parseDay(os?.securityPatchLevel ?? '') : undefined
  if (patched !== undefined) return patched
  const { endOfLife } = intel.osSupport(osOfPhone(context)!)
  return typeof endOfLife === 'string' ? parseDay(endOfLife) : undefined
}

export const osOutdatedNoFix: Detection = {
  id: 'os-outdated-no-fix',
  version: 1,
  category: 'os',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: ['T1404'],
  raisesLevel: true,
  description: 'The system is older than the organisation\'s least version, and the phone says that there is no update for it. Low when its patch level, or the end of its release, is older than the policy\'s `noFixLowDays` (365); as long as nobody says, it is only recorded.',
  sections: ['os', 'hardware'],
  needs: ['os.update.available'],
  remediation: {
    user: 'There is no update for this phone. Ask your IT team for another one.',
    admin: 'Plan the phone\'s replacement; lower the least version for its group until then, if you accept the risk.'
  },
  examples: [
    { name: 'no update since three months', platform: 'android', report: { os: { version: '12', securityPatchLevel: '2026-08-05', update: { available: false } } }, policy: { versions: { minimum: { android: '13' } } }, finds: ['version audit'] },
    { name: 'no update for more than a year', platform: 'android', report: { os: { version: '11', securityPatchLevel: '2024-02-05', update: { available: false } } }, policy: { versions: { minimum: { android: '13' } } }, finds: ['version low'] },
    { name: 'an iPhone whose release ended long ago', platform: 'ios', report: { os: { version: '15.8.5', update: { available: false } } }, policy: { versions: { minimum: { ios: '17' } } }, osSupport: { cycle: '15', released: '2021-09-20', endOfLife: '2024-10-03', latest: '15.8.5' }, finds: ['version low'] },
    { name: 'an update is there', platform: 'android', report: { os: { version: '12', update: { available: true } } }, policy: { versions: { minimum: { android: '13' } } }, finds: [] },
    { name: 'new enough', platform: 'android', report: { os: { version: '14', update: { available: false } } }, policy: { versions: { minimum: { android: '13' } } }, finds: [] },
    { name: 'nobody says whether there is an update', platform: 'android', report: { os: { version: '12' } }, policy: { versions: { minimum: { android: '13' } } }, finds: 'unknown' }
  ],

  detect (context) {
    const outdated = outdatedSystem(context)
    if (outdated === undefined || !outdated.hasNoUpdate) return []
    const since = lastUpdateAt(context)
    const lowAt = since === undefined ? Infinity : since + (context.policy.thresholds.noFixLowDays + 1) * DAY_MS
    const isLow = context.now.getTime() >= lowAt
    return [{
      subject: 'version',
      title: `The system ${outdated.version} is older than ${outdated.minimum}, the least that the organisation admits, and there is no update for this phone.`,
      evidence: outdated.evidence,
      ...(isLow ? { severity: 'low' as const } : {}),
      ...(isLow || lowAt === Infinity ? {} : { recheckAt: toIso(lowAt) })
    }]
  }
}
