import type { KeptEvent } from './device-state.js'
import type { TelemetryEvent } from './report.js'

/** An event can matter for as long; a policy's event lifetimes are shorter. */
export const KEEP_EVENTS_MS = 7 * 24 * 60 * 60 * 1000
/** A phone on a hostile network can send events without end. */
const MAX_EVENTS = 500

/** A report's events, and when it came. */
export interface IncomingEvents {
  readonly events: readonly TelemetryEvent[]
  readonly sequence: number
  readonly receivedAt: Date
}

/**
 * The events kept after some more came in: each event id once, the newest MAX_EVENTS of the
 * last KEEP_EVENTS_MS by our clock, in the order they were first heard of. What a newer report says
 * (that it ended) is added to what is kept; a late one only fills gaps. Answers the same list
 * when nothing changed.
 */
export function mergeEvents (kept: readonly KeptEvent[], { events: incoming, sequence, receivedAt }: IncomingEvents): readonly KeptEvent[] {
  const now = receivedAt.toISOString()
  // ISO 8601 in UTC, all written by us: text order is time order.
  const keepFrom = new Date(receivedAt.getTime() - KEEP_EVENTS_MS).toISOString()
  if (incoming.length === 0 && kept.every((event) => event.receivedAt >= keepFrom)) return kept

  const byId = new Map<string, KeptEvent>()
  for (const event of kept) if (event.receivedAt >= keepFrom) byId.set(event.eventId, event)
  for (const event of incoming) {
    const known = byId.get(event.eventId)
    const first = known === undefined || now < known.receivedAt ? now : known.receivedAt
    if (known === undefined) byId.set(event.eventId, { ...event, receivedAt: first, sequence })
    else if (sequence < known.sequence) byId.set(event.eventId, { ...event, ...known, receivedAt: first })
    else byId.set(event.eventId, { ...known, ...event, receivedAt: first, sequence })
  }
  return newest([...byId.values()]).sort(inOrder)
}

/** The order of kept events: by when they were first heard of. */
export const inOrder = (a: KeptEvent, b: KeptEvent): number => compare(a.receivedAt, b.receivedAt) || compare(a.eventId, b.eventId)

const compare = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0

/** The newest events. Ranked by what repetition cannot change. */
function newest (events: KeptEvent[]): KeptEvent[] {
  if (events.length <= MAX_EVENTS) return events
  const rank = new Map(events.map((event) => [event, happenedAtMs(event)]))
  const kept = new Set([...events]
    .sort((a, b) => rank.get(b)! - rank.get(a)! || (a.eventId < b.eventId ? -1 : 1))
    .slice(0, MAX_EVENTS))
  return events.filter((event) => kept.has(event))
}

/** A phone's clock may run ahead, which must not make an event outlive the others. */
function happenedAtMs (event: KeptEvent): number {
  const receivedAtMs = Date.parse(event.receivedAt)
  const at = Date.parse(event.at)
  return Number.isNaN(at) ? receivedAtMs : Math.min(at, receivedAtMs)
}
