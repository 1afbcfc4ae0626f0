import type { Detection, DetectionContext } from '../detection.js'
import { ANDROID } from '../facts/platforms.js'
import { DAY_MS, parseDay, toIso } from '../facts/time.js'

/** Midnight UTC of the patch level's day; undefined when it is unknown, malformed or in the future. */
function patchDay ({ state, now }: DetectionContext): number | undefined {
  const day = parseDay(state.os?.securityPatchLevel ?? '')
  return day === undefined || day > now.getTime() ? undefined : day
}

export const osPatch180d: Detection = {
  id: 'os-patch-180d',
  version: 1,
  category: 'os',
  platforms: ANDROID,
  severity: 'medium',
  attack: ['T1404'],
  raisesLevel: true,
  description: 'The Android security patch level is older than the policy\'s `patchAgeDays` (180). A level that is malformed or in the future proves nothing.',
  sections: ['os'],
  remediation: {
    user: 'Install the security update: Settings, then System, then Software update.',
    admin: 'Push the update. If the model gets none any more, plan its replacement.'
  },

  detect (context) {
    const day = patchDay(context)
    if (day === undefined) return []
    const ageDays = Math.floor((context.now.getTime() - day) / DAY_MS)
    const limit = context.policy.thresholds.patchAgeDays
    if (ageDays <= limit) return []
    const level = context.state.os?.securityPatchLevel
    return [{
      subject: 'securityPatchLevel',
      // The age itself would make the title another one every day.
      title: `The security patch level ${level} is older than ${limit} days: holes closed since then are open on this phone.`,
      evidence: [{ path: 'os.securityPatchLevel', value: level }]
    }]
  },

  nextChangeAt (context) {
    const day = patchDay(context)
    return day === undefined ? undefined : toIso(day + (context.policy.thresholds.patchAgeDays + 1) * DAY_MS)
  }
}
