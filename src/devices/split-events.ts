import type { KeptEvent } from '../telemetry/device-state.js'
import { inOrder, KEEP_EVENTS_MS } from '../telemetry/merge-events.js'

/** So many may stand in the state itself, which is written with every change of it. */
const MOST_NEAR = 64
/** So many stay there when the others move. */
const LEFT_NEAR = 24
/** So many of the older ones may be gone before they are written anew without them. */
const MOST_GONE = 200
/** What is over is to leave the database too, with the phone's first judgement after so long: that is one writing a day. */
const FORGOTTEN_WITHIN_MS = 24 * 60 * 60 * 1000

/** A phone's events in two places: what changes often is small, and what is large is seldom written. */
export interface SplitEvents {
  readonly near: readonly KeptEvent[]
  /** Places in the older ones, ascending, of those that are no longer kept, or are near. */
  readonly gone: readonly number[]
  /** Null: they stay as they are stored. */
  readonly older: readonly KeptEvent[] | null
}

/**
 * Where a phone's events go. An event is told apart from what is stored by being another object, as merging leaves it.
 * @param older the older ones as they are stored, gone ones among them
 */
export function splitEvents (events: readonly KeptEvent[], older: readonly KeptEvent[], now: Date): SplitEvents {
  const kept = new Set(events)
  const stored = new Set(older)
  const near = events.filter((event) => !stored.has(event))
  const gone = older.flatMap((event, index) => kept.has(event) ? [] : [index])
  if (near.length <= MOST_NEAR && gone.length <= MOST_GONE && !areOverdue(older, now)) return { near, gone, older: null }
  const cut = Math.max(0, events.length - LEFT_NEAR)
  return { near: events.slice(cut), gone: [], older: events.slice(0, cut) }
}

/** Whether the older ones have to be written anew because of what is over, whatever else has changed. They are in their order. */
export function areOverdue (older: readonly KeptEvent[], now: Date): boolean {
  return older.length > 0 && older[0]!.receivedAt < new Date(now.getTime() - KEEP_EVENTS_MS - FORGOTTEN_WITHIN_MS).toISOString()
}

/** The events as they were before they were split. An event that is in both places is the near one. */
export function joinEvents ({ near, gone, older }: { readonly near: readonly KeptEvent[], readonly gone: readonly number[], readonly older: readonly KeptEvent[] }): readonly KeptEvent[] {
  if (older.length === 0) return near
  const places = new Set(gone)
  const ids = new Set(near.map(({ eventId }) => eventId))
  return [...older.filter((event, index) => !places.has(index) && !ids.has(event.eventId)), ...near].sort(inOrder)
}
