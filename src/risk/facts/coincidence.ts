import type { KeptEvent } from '../../telemetry/device-state.js'
import type { AssessedFinding } from '../assessment.js'
import type { DetectionContext } from '../detection.js'
import { happenedAt } from './event-windows.js'
import { toIso } from './time.js'

const HOUR_MS = 60 * 60 * 1000
const TIME_OF_EVENT = /^events\[(".*")\]\.at$/

/** Findings of several detections that belong together in time. */
export interface Coincidence {
  /** ISO 8601; absent while all of them are states. */
  readonly expiresAt?: string
}

function eventOf ({ state: { events } }: DetectionContext, path: string): KeptEvent | undefined {
  const quoted = TIME_OF_EVENT.exec(path)?.[1]
  if (quoted === undefined) return undefined
  const eventId = JSON.parse(quoted) as string
  return events.find((event) => event.eventId === eventId)
}

/** When the events happened that a finding rests on, in ms, on our clock; undefined for a state, which is now. */
export function eventTimes (context: DetectionContext, { evidence }: AssessedFinding): readonly number[] | undefined {
  const times = evidence.flatMap(({ path }) => {
    const event = eventOf(context, path)
    return event === undefined ? [] : [happenedAt(event.at, event)]
  })
  return times.length === 0 ? undefined : times
}

/**
 * Whether the findings lie within the policy's window of each other: events by their own times,
 * states as of now. With `inOrder` the last of them comes no earlier than the others. Answers
 * until when that holds, by the end of the first of them or of the window; undefined when it does not.
 */
export function coincide (context: DetectionContext, findings: readonly AssessedFinding[], { inOrder = false }: { readonly inOrder?: boolean } = {}): Coincidence | undefined {
  const now = context.now.getTime()
  const windowMs = context.policy.thresholds.compositeWindowHours * HOUR_MS
  const told = findings.map((finding) => eventTimes(context, finding))
  const hasState = told.includes(undefined)
  if (told.every((times) => times === undefined)) return expiring(findings, Infinity, now)

  const times = told.map((own) => own ?? [now])
  const ends = inOrder ? times.at(-1)! : times.flat()
  for (const end of [...ends].sort((a, b) => b - a)) {
    // The latest of each makes the earliest of all as late as it can be.
    const latest = times.map((own) => Math.max(...own.filter((time) => time <= end)))
    const earliest = Math.min(...latest)
    if (end - earliest <= windowMs) return expiring(findings, hasState ? earliest + windowMs : Infinity, now)
  }
  return undefined
}

function expiring (findings: readonly AssessedFinding[], windowEnd: number, now: number): Coincidence | undefined {
  const until = Math.min(windowEnd, ...findings.map(({ expiresAt }) => expiresAt === null ? Infinity : Date.parse(expiresAt)))
  if (until === Infinity) return {}
  return until > now ? { expiresAt: toIso(until) } : undefined
}
