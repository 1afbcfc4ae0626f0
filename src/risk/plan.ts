import type { DeviceState, Platform } from '../telemetry/device-state.js'
import type { Detection, Told } from './detection.js'
import { type Path, pathOf } from './facts/told.js'
import type { Policy } from './policy/policy.js'

/** A detection, and what is asked of it for every phone, worked out once. */
export interface PlannedDetection {
  readonly detection: Detection
  /** Of what one must have been told; none: it can always answer. */
  readonly needs: readonly Path[]
  /** All that it reads, as bits of `toldSince`. */
  readonly reads: number
  /** Places in the plan of what it is built from. */
  readonly builtFrom: readonly number[]
  /** Events are its all: it has nothing to say of a phone without any. */
  readonly isAboutEventsAlone: boolean
}

/** Complete by type: a section added to the report must be added here. */
const TOLD: Readonly<Record<Told, true>> = {
  agent: true, os: true, hardware: true, apps: true, network: true, config: true, integrity: true, profiles: true, certificates: true, files: true, processes: true, properties: true, events: true, clock: true
}
const BITS: Readonly<Record<Told, number>> = Object.fromEntries(Object.keys(TOLD).map((told, number) => [told, 1 << number])) as Record<Told, number>

const plans = new WeakMap<Policy, WeakMap<readonly Detection[], Map<Platform, readonly PlannedDetection[]>>>()

/** The detections of a platform that a policy does not switch off, in the order of the list. */
export function planOf (policy: Policy, detections: readonly Detection[], platform: Platform): readonly PlannedDetection[] {
  let byDetections = plans.get(policy)
  if (byDetections === undefined) plans.set(policy, byDetections = new WeakMap())
  let byPlatform = byDetections.get(detections)
  if (byPlatform === undefined) byDetections.set(detections, byPlatform = new Map())
  let plan = byPlatform.get(platform)
  if (plan === undefined) byPlatform.set(platform, plan = makePlan(detections.filter(({ id, platforms }) => platforms.includes(platform) && policy.severities[id] !== 'off')))
  return plan
}

function makePlan (detections: readonly Detection[]): readonly PlannedDetection[] {
  const places = new Map(detections.map(({ id }, place) => [id, place]))
  return detections.map((detection) => {
    const { sections, needs, builtFrom } = detection
    return {
      detection,
      needs: needs.map(pathOf),
      reads: sections.reduce((bits, section) => bits | BITS[section], 0),
      builtFrom: (builtFrom ?? []).flatMap((id) => places.get(id) ?? []),
      isAboutEventsAlone: sections.length === 1 && sections[0] === 'events' && needs.length === 0 && builtFrom === undefined
    }
  })
}

/** What a newer report has said anything about since, as bits. */
export function toldSince (before: DeviceState, after: DeviceState): number {
  let told = 0
  for (const section of STATE_SECTIONS) {
    // The time of the newest word about a section counts as well, even if it says the same.
    if (before[section] !== after[section] || before.origins[section] !== after.origins[section]) told |= BITS[section]
  }
  if (before.events !== after.events) told |= BITS.events
  if (before.clockOffsetSeconds !== after.clockOffsetSeconds) told |= BITS.clock
  // A late report may tell of a higher version without changing the present one.
  if (before.highestOs !== after.highestOs) told |= BITS.os
  return told
}

/** Every section of a report that is a state. */
export const STATE_SECTIONS = (Object.keys(TOLD) as Told[]).filter((told): told is Exclude<Told, 'events' | 'clock'> => told !== 'events' && told !== 'clock')
