import type { Detection, DetectionContext } from '../../detection.js'
import { endOfUpdates, osOfPhone } from '../../facts/os-of-phone.js'
import { ANDROID } from '../../facts/platforms.js'
import { DAY_MS, parseDay, toIso } from '../../facts/time.js'

/** Midnight UTC of the patch level's day; undefined when it is unknown, malformed or in the future. */
function patchDay ({ state, now }: DetectionContext): number | undefined {
  const day = parseDay(state.os?.securityPatchLevel ?? '')
  return day === undefined || day > now.getTime() ? undefined : day
}

export const osPatch180d: Detection = {
  id: 'os-patch-180d',
  version: 2,
  category: 'os',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1404'],
  raisesLevel: true,
  description: 'The Android security patch level is older than the policy\'s `patchAgeMediumDays` (180). A level that is malformed or in the future proves nothing. Where a feed of release cycles says that the release gets no updates any more, the finding says so.',
  sections: ['os'],
  needs: ['os.securityPatchLevel'],
  remediation: {
    user: 'Install the security update: Settings, then System, then Software update.',
    admin: 'Push the update. If the model gets none any more, plan its replacement.'
  },
  examples: [],

  detect (context) {
    const day = patchDay(context)
    if (day === undefined) return []
    const ageDays = Math.floor((context.now.getTime() - day) / DAY_MS)
    const limit = context.policy.thresholds.patchAgeMediumDays
    if (ageDays <= limit) return []
    const level = context.state.os?.securityPatchLevel
    const support = context.intel.osSupport(osOfPhone(context)!)
    const end = endOfUpdates(support)
    const hasEnded = context.now.getTime() >= end
    return [{
      subject: 'securityPatchLevel',
      // The age itself would make the title another one every day.
      title: `The security patch level ${level} is older than ${limit} days: holes closed since then are open on this phone.${hasEnded ? ` Android ${support.cycle} gets no security updates any more.` : ''}`,
      evidence: [{ path: 'os.securityPatchLevel', value: level }],
      ...(hasEnded ? { remediation: ENDED } : {}),
      ...(hasEnded || end === Infinity ? {} : { recheckAt: toIso(end) })
    }]
  },

  nextChangeAt (context) {
    const day = patchDay(context)
    return day === undefined ? undefined : toIso(day + (context.policy.thresholds.patchAgeMediumDays + 1) * DAY_MS)
  }
}

const ENDED = {
  user: 'Ask whether a newer version of Android comes for this phone: Settings, then System, then Software update. If there is none, ask your IT team for another phone.',
  admin: 'Have the phone updated to a newer version of Android if its maker has one; otherwise replace it.'
} as const
