import type { OsOfPhone, OsSupport } from '../../intel/vulnerabilities/vulnerability.js'
import type { DetectionContext, Evidence } from '../detection.js'
import { DAY_MS, parseDay } from './time.js'

/** Makers ship a month's patches up to a month early, so a patch level may lie so far ahead. */
export const PATCH_AHEAD_DAYS = 31

/** What the phone says of its system, as intel is asked; undefined when it says nothing that tells holes. */
export function osOfPhone (context: DetectionContext): OsOfPhone | undefined {
  const { platform, state: { os, hardware } } = context
  if (os?.version === undefined && os?.securityPatchLevel === undefined) return undefined
  return { platform, version: versionOf(context), patchLevel: os.securityPatchLevel, apiLevel: os.apiLevel, model: hardware?.model }
}

/**
 * The letter of the Rapid Security Response that is installed; undefined when none is, or nobody
 * knows. A system that was updated since has none, whatever was told before.
 */
export function installedResponse ({ state: { os, origins } }: DetectionContext): string | undefined {
  if (os?.supplementalVersion === undefined) return undefined
  if (os.supplementalBuild !== undefined && os.supplementalBuild === os.build) return undefined
  const toldAt = (member: string): number => origins.os?.older?.[member] ?? origins.os?.sequence ?? 0
  if (toldAt('supplementalVersion') < toldAt('version')) return undefined
  return /^\s*\(?([a-z])\)?\s*$/i.exec(os.supplementalVersion)?.[1]?.toLowerCase()
}

/** The version as feeds write it: `16.5.1 (c)` with a Rapid Security Response. */
function versionOf (context: DetectionContext): string | undefined {
  const version = context.state.os?.version
  const letter = installedResponse(context)
  return version === undefined || letter === undefined || version.includes('(') ? version : `${version} (${letter})`
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
