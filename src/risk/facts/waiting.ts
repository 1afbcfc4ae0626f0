import type { Vulnerability } from '../../intel/vulnerabilities/vulnerability.js'
import type { Detection, DetectionContext } from '../detection.js'
import { graceMs } from '../policy/policy.js'
import { parseDay } from './time.js'

/**
 * Until when a hole may wait under the policy's `grace`, in ms: so many days after the phone could
 * have had the fix. -Infinity when it may not: no grace is given, no fix can be had, or nobody says
 * since when.
 */
export function waitsUntil ({ policy }: DetectionContext, { id }: Pick<Detection, 'id'>, { fixAvailable, fixedSince }: Pick<Vulnerability, 'fixAvailable' | 'fixedSince'>): number {
  const grace = graceMs(policy, id)
  const since = grace === 0 || fixAvailable === false || fixedSince == null ? undefined : parseDay(fixedSince.slice(0, 10))
  return since === undefined ? -Infinity : since + grace
}
