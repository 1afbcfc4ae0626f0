import type { Detection } from '../../detection.js'
import { oncePerContext } from '../../facts/memo.js'
import { endOfUpdatesOf, osEvidence, osOfPhone } from '../../facts/os-of-phone.js'
import { ALL_PLATFORMS } from '../../facts/platforms.js'
import { toComing } from '../../facts/time.js'
import type { OsSupport } from '../../../intel/vulnerabilities/vulnerability.js'
import { graceMs } from '../../policy/policy.js'

const ID = 'os-end-of-life'
const NAMES = { android: 'Android', ios: 'iOS', ipados: 'iPadOS' } as const

/** When it begins to count, in ms: the end of updates and the policy's grace. */
const startsAt = oncePerContext((context): { readonly at: number, readonly support: OsSupport } | undefined => {
  const os = osOfPhone(context)
  if (os?.version === undefined) return undefined
  const support = context.intel.osSupport(os)
  return { at: endOfUpdatesOf(context, support) + graceMs(context.policy, ID), support }
})

export const osEndOfLife: Detection = {
  id: ID,
  version: 1,
  category: 'os',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1404', 'T1664'],
  raisesLevel: true,
  mayWait: true,
  description: 'The release of the operating system gets no security updates any more, by a feed of release cycles. A release of which no feed says when it ends is unknown, and so is an Android phone whose patch level is later than that end: its maker goes on.',
  sections: ['os', 'hardware'],
  needs: ['os.version'],
  remediation: {
    user: 'Install a newer version of the system: Settings, then System or General, then Software Update. If there is none, ask your IT team for another phone.',
    admin: 'Have the phone updated to a newer release if there is one for the model; otherwise replace it.'
  },
  examples: [
    { name: 'ended last year', platform: 'android', report: { os: { version: '12', securityPatchLevel: '2025-03-05' } }, osSupport: { cycle: '12', released: '2021-10-04', endOfLife: '2025-03-31', latest: null }, finds: ['version high'] },
    { name: 'ended, nobody says when', platform: 'ios', report: { os: { version: '14.3' } }, osSupport: { cycle: '14', released: '2020-09-16', endOfLife: true, latest: '14.8.1' }, finds: ['version high'] },
    { name: 'the last day', platform: 'ios', report: { os: { version: '18.7' } }, osSupport: { cycle: '18', released: '2024-09-16', endOfLife: '2026-11-23', latest: '18.7.9' }, finds: [] },
    { name: 'its maker goes on with patches', platform: 'android', report: { os: { version: '12', securityPatchLevel: '2026-10-01' } }, osSupport: { cycle: '12', released: '2021-10-04', endOfLife: '2025-03-31', latest: null }, finds: [] },
    { name: 'no feed knows the release', platform: 'android', report: { os: { version: '17' } }, finds: [] },
    { name: 'the policy lets it wait for 90 days', platform: 'ios', report: { os: { version: '18.7' } }, osSupport: { cycle: '18', released: '2024-09-16', endOfLife: '2026-11-01', latest: '18.7.9' }, policy: { grace: { 'os-end-of-life': 90 } }, finds: [] },
    { name: 'no version told', platform: 'android', report: { os: { securityPatchLevel: '2020-01-01' } }, finds: 'unknown' }
  ],

  detect (context) {
    const start = startsAt(context)
    if (start === undefined || context.now.getTime() < start.at) return []
    const { cycle, endOfLife } = start.support
    return [{
      subject: 'version',
      title: `${NAMES[context.platform]} ${cycle} gets no security updates any more${typeof endOfLife === 'string' ? `; the last came by ${endOfLife}` : ''}.`,
      evidence: [...osEvidence(context), { path: 'intel.osSupport.endOfLife', value: endOfLife }]
    }]
  },

  nextChangeAt (context) {
    return toComing(startsAt(context)?.at, context.now)
  }
}
