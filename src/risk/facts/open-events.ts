import type { KeptEvent } from '../../telemetry/device-state.js'
import type { Detection, DetectionContext, Evidence } from '../detection.js'
import { openUntil } from './event-windows.js'
import { keyed } from './intel-entries.js'

/** Events are kept for a week; what one proves about a phone holds no shorter. */
export const WEEK_SECONDS = 7 * 24 * 60 * 60

export interface OpenEvent {
  readonly event: KeptEvent
  /** When it stops to count, in ms. */
  readonly until: number
}

const NONE: readonly OpenEvent[] = []

/** Events of these types that still count under the policy, the newest first. */
export function openEvents (context: DetectionContext, types: ReadonlySet<string>, detection: Pick<Detection, 'id' | 'eventLifetimeSeconds'>): readonly OpenEvent[] {
  const { events } = context.state
  if (events.length === 0) return NONE
  const open: OpenEvent[] = []
  for (const event of events) {
    if (!types.has(event.type)) continue
    const until = openUntil(context, event, detection, 'contact')
    if (until !== undefined) open.push({ event, until })
  }
  return open.length < 2 ? open : open.sort((a, b) => b.until - a.until || (a.event.eventId < b.event.eventId ? -1 : 1))
}

/** That the event was told of, when it happened, and what it says in these fields. */
export function eventEvidence (event: KeptEvent, ...fields: ReadonlyArray<'process' | 'detail' | 'appId' | 'host'>): readonly Evidence[] {
  const place = keyed('events', event.eventId)
  return [
    { path: `${place}.type`, value: event.type },
    { path: `${place}.at`, value: event.at },
    ...fields.flatMap((field) => event[field] === undefined ? [] : [{ path: `${place}.${field}`, value: event[field] }])
  ]
}
