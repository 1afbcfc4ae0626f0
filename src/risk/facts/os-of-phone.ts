import type { OsOfPhone, OsSupport } from '../../intel/vulnerabilities/vulnerability.js'
import type { DetectionContext, Evidence } from '../detection.js'
import { DAY_MS, parseDay } from './time.js'

/** Makers ship a month's patches up to a month early, so a patch level may lie so far ahead. */
export const PATCH_AHEAD_DAYS = 31

/** What the phone says of its system, as intel is asked; undefined when it says nothing that tells holes. */
export function osOfPhone ({ platform, state: { os, hardware } }: DetectionContext): OsOfPhone | undefined {
  if (os?.version === undefined && os?.securityPatchLevel === undefined) return undefined
  return { platform, version: versionOf(os), patchLevel: os.securityPatchLevel, apiLevel: os.apiLevel, model: hardware?.model }
}

/** The version with the letter of an installed Rapid Security Response, as feeds write it: `16.5.1 (c)`. */
function versionOf ({ version, supplementalVersion }: NonNullable<DetectionContext['state']['os']>): string | undefined {
  const letter = supplementalVersion === undefined ? undefined : /^\s*\(?([a-z])\)?\s*$/i.exec(supplementalVersion)?.[1]
  return version === undefined || letter === undefined || version.includes('(') ? version : `${version} (${letter.toLowerCase()})`
}

export function osEvidence ({ platform, state: { os } }: DetectionContext): readonly Evidence[] {
  return [
    ...(os?.version === undefined ? [] : [{ path: 'os.version', value: os.version }]),
    ...(os?.supplementalVersion === undefined ? [] : [{ path: 'os.supplementalVersion', value: os.supplementalVersion }]),
    ...(platform === 'android' && os?.securityPatchLevel !== undefined ? [{ path: 'os.securityPatchLevel', value: os.securityPatchLevel }] : [])
  ]
}

/** When updates end, in ms; Infinity when they do not or nobody says, -Infinity when they have on a day unknown. */
export function endOfUpdates ({ endOfLife }: OsSupport): number {
  if (typeof endOfLife !== 'string') return endOfLife === true ? -Infinity : Infinity
  // The last day still has updates.
  return (parseDay(endOfLife) ?? Infinity) + DAY_MS
}

/** When updates for this phone ended or end: a phone whose patch level is later than the release's end still gets them, from its maker. */
export function endOfUpdatesOf ({ platform, state: { os } }: DetectionContext, support: OsSupport): number {
  const end = endOfUpdates(support)
  const patched = platform === 'android' ? parseDay(os?.securityPatchLevel ?? '') : undefined
  return patched !== undefined && Number.isFinite(end) && patched >= end ? Infinity : end
}
