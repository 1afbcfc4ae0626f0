import type { Detection, DetectionContext, Evidence } from '../../detection.js'
import { PATCH_AHEAD_DAYS } from '../../facts/os-of-phone.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { DAY_MS, parseDay, toComing } from '../../facts/time.js'
import { compareVersionTexts } from '../../facts/versions.js'

/** A maker's upgrade to a new release may carry patches that are older than the last update's. */
const TOLERATED_DAYS = 92

/** Whether the present word is the phone's own: what a service says may be old. */
function isOwnWord ({ state: { origins } }: DetectionContext, member: 'version' | 'securityPatchLevel'): boolean {
  return origins.os === undefined || origins.os.source === undefined || origins.os.older?.[member] !== undefined
}

/** A level that lay too far ahead was never true. */
const believableAt = (day: number): number => day - PATCH_AHEAD_DAYS * DAY_MS

const proof = (member: string, now: string, highest: string): readonly Evidence[] => [{ path: `os.${member}`, value: now }, { path: `highestOs.${member}`, value: highest }]

export const osDowngraded: Detection = {
  id: 'os-downgraded',
  version: 1,
  category: 'os',
  platforms: ALL_PLATFORMS,
  severity: 'medium',
  attack: ['T1404'],
  raisesLevel: true,
  description: 'The phone\'s agent reported a higher version or Android security patch level earlier: old holes were opened again. A patch level that is up to three months lower is only recorded, because makers\' upgrades to a new release do that; so may leaving a beta. What management systems say does not count, because it may be old.',
  sections: ['os'],
  needs: ['os.version', 'os.securityPatchLevel'],
  remediation: {
    user: 'Install the latest system update: Settings, then System or General, then Software Update. Tell your IT team if you did not change the system yourself.',
    admin: 'Ask whether the system was reinstalled or a beta left. If nobody did, treat the phone as tampered with: verify its system and bootloader.'
  },
  examples: [
    { name: 'an older version', platform: 'android', earlier: [{ os: { version: '15' } }], report: { os: { version: '14' } }, finds: ['version medium'] },
    { name: 'a patch level of last year', platform: 'android', earlier: [{ os: { version: '15', securityPatchLevel: '2026-10-05' } }], report: { os: { securityPatchLevel: '2025-06-05' } }, finds: ['securityPatchLevel medium'] },
    { name: 'an upgrade with patches that are a month older', platform: 'android', earlier: [{ os: { version: '15', securityPatchLevel: '2026-10-05' } }], report: { os: { version: '16', securityPatchLevel: '2026-09-01' } }, finds: ['securityPatchLevel audit'] },
    { name: 'an update', platform: 'ios', earlier: [{ os: { version: '26.6' } }], report: { os: { version: '26.6.1' } }, finds: [] },
    { name: 'the same version in another spelling', platform: 'android', earlier: [{ os: { version: '14.0' } }], report: { os: { version: '14' } }, finds: [] },
    { name: 'no version told', platform: 'ios', earlier: [{ os: { build: '23G81' } }], report: { os: { build: '23G80' } }, finds: 'unknown' }
  ],

  detect (context) {
    const { platform, state: { os, highestOs } } = context
    if (os === undefined || highestOs === undefined) return []
    const matches = []
    if (os.version !== undefined && highestOs.version !== undefined && (compareVersionTexts(os.version, highestOs.version) ?? 0) < 0 && isOwnWord(context, 'version')) {
      matches.push({ subject: 'version', title: `The system went back from ${highestOs.version} to ${os.version}: holes that were closed are open again.`, evidence: proof('version', os.version, highestOs.version) })
    }
    const [level, highest] = [os.securityPatchLevel, highestOs.securityPatchLevel]
    const [day, highestDay] = platform === 'android' ? [parseDay(level ?? ''), parseDay(highest ?? '')] : []
    if (day !== undefined && highestDay !== undefined && day < highestDay && context.now.getTime() >= believableAt(highestDay) && isOwnWord(context, 'securityPatchLevel')) {
      matches.push({
        subject: 'securityPatchLevel',
        title: `The security patch level went back from ${highest} to ${level}: holes that were closed are open again.`,
        evidence: proof('securityPatchLevel', level!, highest!),
        ...(highestDay - day <= TOLERATED_DAYS * DAY_MS ? { severity: 'audit' as const } : {})
      })
    }
    return matches
  },

  nextChangeAt ({ platform, state: { highestOs }, now }) {
    const highestDay = platform === 'android' ? parseDay(highestOs?.securityPatchLevel ?? '') : undefined
    return highestDay === undefined ? undefined : toComing(believableAt(highestDay), now)
  }
}
