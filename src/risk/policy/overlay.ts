import type { Policy } from './policy.js'

type Part<T> = T extends readonly unknown[] ? T : T extends object ? { readonly [K in keyof T]?: Part<T[K]> } : T

/** Some of a policy; what it leaves out stays as it is beneath. */
export type PolicyPart = Part<Omit<Policy, 'version'>>

/**
 * One policy laid over another: single values replace what is beneath, tables (severities,
 * thresholds, lifetimes …) are merged name by name, and lists are added to those beneath, because
 * what the organisation allows or forbids everywhere holds in its groups too. A severity of a
 * detection that is locked beneath stays.
 */
export function overlay (beneath: Policy, part: PolicyPart): Policy {
  const locked = new Set(beneath.locked)
  const severities = Object.entries(part.severities ?? {}).filter(([detection]) => !locked.has(detection))
  return laidOver(beneath, { ...part, severities: Object.fromEntries(severities) }) as Policy
}

function laidOver (beneath: unknown, above: unknown): unknown {
  if (above === undefined) return beneath
  if (Array.isArray(beneath) && Array.isArray(above)) return above.length === 0 ? beneath : [...beneath, ...above]
  if (isTable(beneath) && isTable(above)) {
    const entries = Object.keys(above).map((name) => [name, laidOver(beneath[name], above[name])] as const)
    return entries.every(([name, value]) => beneath[name] === value) ? beneath : { ...beneath, ...Object.fromEntries(entries) }
  }
  return above
}

const isTable = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
