import type { Detection, DetectionContext } from '../../detection.js'
import { PATCH_AHEAD_DAYS } from '../../facts/os-of-phone.js'
import { ANDROID } from '../../facts/platforms.js'
import { DAY_MS, parseDay, toIso } from '../../facts/time.js'

/** When a level that is too far ahead becomes believable, in ms; undefined when it is no day. */
function believableFrom ({ state }: DetectionContext): number | undefined {
  const day = parseDay(state.os?.securityPatchLevel ?? '')
  return day === undefined ? undefined : day - PATCH_AHEAD_DAYS * DAY_MS
}

export const osPatchUnknown: Detection = {
  id: 'os-patch-unknown',
  version: 1,
  category: 'os',
  platforms: ANDROID,
  severity: 'audit',
  attack: [],
  raisesLevel: true,
  description: 'The Android security patch level is no day, or lies more than a month ahead, so nobody can tell which holes are closed. A phone that tells none is unknown; coverage shows that.',
  sections: ['os'],
  needs: ['os.securityPatchLevel'],
  remediation: {
    user: 'Install the latest system update: Settings, then System, then Software update.',
    admin: 'See what the phone shows as its Android security update; a level that is made up points to a system that was changed.'
  },
  examples: [
    { name: 'no day', platform: 'android', report: { os: { securityPatchLevel: '2026-10' } }, finds: ['securityPatchLevel audit'] },
    { name: 'a year ahead', platform: 'android', report: { os: { securityPatchLevel: '2027-11-05' } }, finds: ['securityPatchLevel audit'] },
    { name: 'next month\'s level, which makers ship early', platform: 'android', report: { os: { securityPatchLevel: '2026-12-05' } }, finds: [] },
    { name: 'none told', platform: 'android', report: { os: { version: '15' } }, finds: 'unknown' },
    { name: 'the agent says that it does not know', platform: 'android', report: { os: { version: '15', securityPatchLevel: undefined } }, finds: 'unknown' }
  ],

  detect (context) {
    const level = context.state.os?.securityPatchLevel
    const from = believableFrom(context)
    if (level === undefined || (from !== undefined && context.now.getTime() >= from)) return []
    return [{
      subject: 'securityPatchLevel',
      title: `The security patch level ${JSON.stringify(level)} is ${from === undefined ? 'no day' : 'too far ahead'}, so nobody can tell which holes are closed.`,
      evidence: [{ path: 'os.securityPatchLevel', value: level }],
      ...(from === undefined ? {} : { recheckAt: toIso(from) })
    }]
  }
}
