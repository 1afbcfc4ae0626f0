import type { KeptEvent } from './device-state.js'
import type { TelemetryEvent } from './report.js'

/** An event can matter for as long; a policy's event lifetimes are shorter. */
const KEEP_MS = 7 * 24 * 60 * 60 * 1000
/** A phone on a hostile network can send events without end. */
const MAX_EVENTS = 500

/**
 * The events kept after some more came in: each event id once, the newest MAX_EVENTS of the
 * last KEEP_MS by our clock. What an event says later (that it ended) is added to what is
 * kept; a late report only fills gaps. Answers the same list when nothing changed.
 */
export function mergeEvents (
  kept: readonly KeptEvent[],
  incoming: readonly TelemetryEvent[],
  receivedAt: Date,
  late: boolean
): readonly KeptEvent[] {
  const now = receivedAt.toISOString()
  // ISO 8601 in UTC, all written by us: text order is time order.
  const keepFrom = new Date(receivedAt.getTime() - KEEP_MS).toISOString()
  if (incoming.length === 0 && kept.every((event) => event.receivedAt >= keepFrom)) return kept

  const byId = new Map<string, KeptEvent>()
  for (const event of kept) if (event.receivedAt >= keepFrom) byId.set(event.eventId, event)
  for (const event of incoming) {
    const known = byId.get(event.eventId)
    if (known === undefined) {
      byId.set(event.eventId, { ...event, receivedAt: now })
    } else {
      byId.set(event.eventId, late ? { ...event, ...known } : { ...known, ...event, receivedAt: known.receivedAt })
    }
  }
  return newest([...byId.values()])
}

/** The newest events, in the order they came. Ranked by what repetition cannot change. */
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
