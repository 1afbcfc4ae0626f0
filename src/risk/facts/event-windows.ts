import type { KeptEvent } from '../../telemetry/device-state.js'
import type { Detection, DetectionContext } from '../detection.js'
import { eventLifetimeMs } from '../policy/policy.js'

/**
 * A time a phone gives, on our clock. What has reached us has happened, so a phone whose clock
 * runs ahead cannot keep an event open longer than one whose clock is right.
 */
export function happenedAt (time: string, event: KeptEvent): number {
  const receivedAt = Date.parse(event.receivedAt)
  const at = Date.parse(time)
  return Number.isNaN(at) ? receivedAt : Math.min(at, receivedAt)
}

/**
 * When an event stops to matter, in ms; undefined when it has. A condition (an interception) is
 * over when its end is reported, or else after the detection's lifetime. A contact (a query, a
 * connection) proves something about the phone that outlasts it, so it matters for the whole
 * lifetime after its last moment.
 */
export function openUntil (context: DetectionContext, event: KeptEvent, detection: Pick<Detection, 'id' | 'eventLifetimeSeconds'>, kind: 'condition' | 'contact'): number | undefined {
  const lifetimeMs = eventLifetimeMs(context.policy, detection)
  const start = happenedAt(event.at, event)
  const end = event.endedAt === undefined ? undefined : Math.max(start, happenedAt(event.endedAt, event))
  const until = kind === 'contact' ? (end ?? start) + lifetimeMs : end ?? start + lifetimeMs
  return until > context.now.getTime() ? until : undefined
}
