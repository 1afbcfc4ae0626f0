import type { DeviceState, KeptEvent } from '../../telemetry/device-state.js'
import type { Detection, DetectionContext, Evidence } from '../detection.js'
import { openUntil } from './event-windows.js'
import { keyed } from './intel-entries.js'
import type { OpenEvent } from './open-events.js'

export type { OpenEvent } from './open-events.js'

/** Events of one network that do not say which lie at most so far apart. */
const SAME_PLACE_MS = 60 * 60 * 1000

const NO_EVENTS: readonly KeptEvent[] = []
const NOTHING_OPEN: readonly OpenEvent[] = []
/** A list of events never changes: a newer one is another object. */
const byType = new WeakMap<readonly KeptEvent[], ReadonlyMap<string, readonly KeptEvent[]>>()

/** The phone's events of a type, in the order they were heard of. */
export function eventsOfType ({ state: { events } }: DetectionContext, type: string): readonly KeptEvent[] {
  if (events.length === 0) return NO_EVENTS
  let types = byType.get(events)
  if (types === undefined) byType.set(events, types = groupByType(events))
  return types.get(type) ?? NO_EVENTS
}

function groupByType (events: readonly KeptEvent[]): ReadonlyMap<string, readonly KeptEvent[]> {
  const types = new Map<string, KeptEvent[]>()
  for (const event of events) {
    const same = types.get(event.type)
    if (same === undefined) types.set(event.type, [event])
    else same.push(event)
  }
  return types
}

/** Whether the phone has told, later than the event, that it is on another network. */
export function hasLeftNetwork (state: DeviceState, event: KeptEvent): boolean {
  const { network } = state
  const seenAt = state.origins.network?.collectedAt
  // Both times are the phone's own, so its clock's error is the same in both.
  if (network === undefined || seenAt === undefined || !(Date.parse(seenAt) > Date.parse(event.at))) return false
  if (event.ssid === undefined && event.bssid === undefined) return false
  if (network.type !== undefined && network.type !== 'wifi') return true
  // One network has many access points: the name decides, the access point only without a name.
  if (event.ssid !== undefined && network.wifi?.ssid !== undefined) return event.ssid !== network.wifi.ssid
  if (event.bssid !== undefined && network.wifi?.bssid !== undefined) return event.bssid.toLowerCase() !== network.wifi.bssid.toLowerCase()
  return false
}

/** Events of a type that go on: not ended, not expired, and the phone still on that network. */
export function openConditions (context: DetectionContext, type: string, detection: Pick<Detection, 'id' | 'eventLifetimeSeconds'>): readonly OpenEvent[] {
  const events = eventsOfType(context, type)
  if (events.length === 0) return NOTHING_OPEN
  return events.flatMap((event) => {
    if (hasLeftNetwork(context.state, event)) return []
    const until = openUntil(context, event, detection, 'condition')
    return until === undefined ? [] : [{ event, until }]
  })
}

/** Whether two events happened on one network: by name, else by access point, else by time, since a phone is on one at a time. */
export function isSameNetwork (a: KeptEvent, b: KeptEvent): boolean {
  if (a.ssid !== undefined && b.ssid !== undefined) return a.ssid === b.ssid
  if (a.bssid !== undefined && b.bssid !== undefined) return a.bssid.toLowerCase() === b.bssid.toLowerCase()
  return Math.abs(Date.parse(a.at) - Date.parse(b.at)) <= SAME_PLACE_MS
}

/** What stands for the network of an event; agents without the right to see names do not tell it. */
export function networkSubject ({ ssid, bssid, gatewayIp }: KeptEvent): string {
  return ssid ?? bssid ?? gatewayIp ?? 'network'
}

/** `the Wi-Fi "Cafe"`, for titles. */
export function describeNetwork ({ ssid, bssid }: { readonly ssid?: string, readonly bssid?: string }): string {
  return ssid !== undefined ? `the Wi-Fi "${ssid}"` : bssid !== undefined ? `the access point ${bssid}` : 'the network'
}

/** What an event says in these members, and when it happened. */
export function eventEvidence (event: KeptEvent, members: ReadonlyArray<keyof KeptEvent>): readonly Evidence[] {
  const place = keyed('events', event.eventId)
  const evidence: Evidence[] = []
  for (const member of members) if (event[member] !== undefined) evidence.push({ path: `${place}.${member}`, value: event[member] })
  evidence.push({ path: `${place}.at`, value: event.at })
  return evidence
}
