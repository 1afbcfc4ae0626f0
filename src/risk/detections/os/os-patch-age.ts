import type { Detection, DetectionContext } from '../../detection.js'
import type { Example } from '../../example.js'
import { endOfUpdatesOf, osOfPhone } from '../../facts/os-of-phone.js'
import { ANDROID } from '../../facts/platforms.js'
import { DAY_MS, parseDay, toComing, toIso } from '../../facts/time.js'
import type { Severity } from '../../level.js'
import { graceMs } from '../../policy/policy.js'
import type { ThresholdName } from '../../policy/thresholds.js'

interface Stage {
  readonly id: string
  readonly version: number
  readonly severity: Severity
  readonly threshold: ThresholdName
  readonly days: number
  readonly admin: string
  readonly examples: readonly Example[]
}

const told = (securityPatchLevel: string): Example['report'] => ({ os: { securityPatchLevel } })

/** The mildest first. */
const STAGES: readonly Stage[] = [
  {
    id: 'os-patch-90d',
    version: 1,
    severity: 'low',
    threshold: 'patchAgeLowDays',
    days: 90,
    admin: 'See why the update is not installed: no space, no restart, or a maker that is late.',
    examples: [
      { name: '91 days old', platform: 'android', report: told('2026-08-24'), finds: ['securityPatchLevel low'] },
      { name: '90 days old', platform: 'android', report: told('2026-08-25'), finds: [] },
      { name: 'so old that a graver stage speaks', platform: 'android', report: told('2026-05-05'), finds: [] },
      { name: 'the graver stage is switched off', platform: 'android', report: told('2026-05-05'), policy: { severities: { 'os-patch-180d': 'off' } }, finds: ['securityPatchLevel low'] },
      { name: 'the policy gives ten days more', platform: 'android', report: told('2026-08-24'), policy: { grace: { 'os-patch-90d': 10 } }, finds: [] },
      { name: 'no patch level told', platform: 'android', report: { os: { version: '15' } }, finds: 'unknown' }
    ]
  },
  {
    id: 'os-patch-180d',
    version: 3,
    severity: 'medium',
    threshold: 'patchAgeMediumDays',
    days: 180,
    admin: 'Push the update. If the model gets none any more, plan its replacement.',
    examples: [
      { name: '181 days old', platform: 'android', report: told('2026-05-26'), finds: ['securityPatchLevel medium'] },
      { name: '180 days old', platform: 'android', report: told('2026-05-27'), finds: [] },
      { name: 'over a year old: os-patch-365d says it', platform: 'android', report: told('2025-11-05'), finds: [] },
      { name: 'the policy\'s own limit', platform: 'android', report: told('2026-10-05'), policy: { thresholds: { patchAgeMediumDays: 30 } }, finds: ['securityPatchLevel medium'] },
      { name: 'next month\'s level, which makers ship early', platform: 'android', report: told('2026-12-01'), finds: [] },
      { name: 'no patch level told', platform: 'android', report: { os: { version: '15' } }, finds: 'unknown' }
    ]
  },
  {
    id: 'os-patch-365d',
    version: 1,
    severity: 'high',
    threshold: 'patchAgeHighDays',
    days: 365,
    admin: 'Have the phone updated or replaced; until then keep it from company data.',
    examples: [
      { name: '366 days old', platform: 'android', report: told('2025-11-22'), finds: ['securityPatchLevel high'] },
      { name: '365 days old', platform: 'android', report: told('2025-11-23'), finds: [] },
      { name: 'a level that is no day', platform: 'android', report: told('2025-02-31'), finds: [] },
      { name: 'no patch level told', platform: 'android', report: { os: { version: '15' } }, finds: 'unknown' }
    ]
  }
]

const ENDED = {
  user: 'Ask whether a newer version of Android comes for this phone: Settings, then System, then Software update. If there is none, ask your IT team for another phone.',
  admin: 'Have the phone updated to a newer version of Android if its maker has one; otherwise replace it.'
} as const

/** When a stage begins to speak about a patch level of this day, in ms: the day after its last day. */
const startsAt = ({ policy }: DetectionContext, { id, threshold }: Stage, day: number): number => day + (policy.thresholds[threshold] + 1) * DAY_MS + graceMs(policy, id)

function toDetection (stage: Stage, index: number): Detection {
  const graver = STAGES.slice(index + 1)
  return {
    id: stage.id,
    version: stage.version,
    category: 'os',
    platforms: ANDROID,
    severity: stage.severity,
    attack: ['T1404'],
    raisesLevel: true,
    mayWait: true,
    description: `The Android security patch level is older than the policy's \`${stage.threshold}\` (${stage.days}).${graver.length === 0 ? '' : ' Where a graver stage speaks, this one is silent.'} A level that is malformed or in the future proves nothing here (os-patch-unknown). A grace of the policy is added to the limit.`,
    sections: ['os', 'hardware'],
    needs: ['os.securityPatchLevel'],
    remediation: { user: 'Install the security update: Settings, then System, then Software update.', admin: stage.admin },
    examples: stage.examples,

    detect (context) {
      const level = context.state.os?.securityPatchLevel
      const day = level === undefined ? undefined : parseDay(level)
      const nowMs = context.now.getTime()
      if (day === undefined || nowMs < startsAt(context, stage, day)) return []
      if (graver.some((other) => context.policy.severities[other.id] !== 'off' && nowMs >= startsAt(context, other, day))) return []
      // Where no update comes any more, to look for one does not help; os-end-of-life says the rest.
      const end = endOfUpdatesOf(context, context.intel.osSupport(osOfPhone(context)!))
      return [{
        subject: 'securityPatchLevel',
        // The age itself would make the title another one every day.
        title: `The security patch level ${level} is older than ${context.policy.thresholds[stage.threshold]} days: holes closed since then are open on this phone.`,
        evidence: [{ path: 'os.securityPatchLevel', value: level }],
        ...(nowMs >= end ? { remediation: ENDED } : {}),
        ...(nowMs >= end || end === Infinity ? {} : { recheckAt: toIso(end) })
      }]
    },

    nextChangeAt (context) {
      const day = parseDay(context.state.os?.securityPatchLevel ?? '')
      return day === undefined ? undefined : toComing(startsAt(context, stage, day), context.now)
    }
  }
}

/** The age of Android's patch level, in stages: the gravest that it has reached speaks alone. */
export const OS_PATCH_AGE: readonly Detection[] = STAGES.map(toDetection)
