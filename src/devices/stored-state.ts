import type { AppInventory, DeviceState, KeptEvent, SectionOrigin } from '../telemetry/device-state.js'
import type { StateSection } from '../telemetry/report.js'
import { joinEvents, splitEvents } from './split-events.js'

/** Sequence, time of collection, the sections, and what only some origins have. */
type StoredOrigin = readonly [sequence: number, collectedAt: string, sections: readonly StateSection[], more?: Pick<SectionOrigin, 'source' | 'older'>]

/** A state as the column `device_state.state` has it; sequence, apps and many events have places of their own. */
export type StoredState = Omit<DeviceState, 'sequence' | 'apps' | 'origins'> & {
  readonly origins: readonly StoredOrigin[]
  /** Which of the column `older_events` do not count any more: their places. */
  readonly olderGone?: readonly number[]
}

/** What is stored of a state in its row, but for sequence and digest of the apps. */
export interface StateColumns {
  readonly state: StoredState
  /** Null: the column stays as it is. */
  readonly olderEvents: readonly KeptEvent[] | null
}

/**
 * State → columns. Sections of one report share their origin: apart, origins were a third of it all.
 * @param olderEvents what the column holds, the same objects that the state has
 */
export function toColumns ({ sequence: _, apps: __, origins, events, ...rest }: DeviceState, olderEvents: readonly KeptEvent[], now: Date): StateColumns {
  const stored = new Map<string, [number, string, StateSection[], Pick<SectionOrigin, 'source' | 'older'>?]>()
  for (const [section, origin] of Object.entries(origins) as Array<[StateSection, SectionOrigin]>) {
    const { sequence, collectedAt, ...more } = origin
    const key = JSON.stringify(origin)
    const known = stored.get(key)
    if (known !== undefined) known[2].push(section)
    else stored.set(key, [sequence, collectedAt, [section], ...(Object.keys(more).length === 0 ? [] : [more]) as []])
  }
  const { near, gone, older } = splitEvents(events, olderEvents, now)
  return { state: { ...rest, events: near, ...(gone.length === 0 ? {} : { olderGone: gone }), origins: [...stored.values()] }, olderEvents: older }
}

/** Columns → state. A column that holds nothing yet is a phone that never reported. */
export function fromColumns ({ state, olderEvents }: { readonly state: Partial<StoredState>, readonly olderEvents: readonly KeptEvent[] | null }, sequence: number, apps: AppInventory | undefined): DeviceState {
  const { origins = [], events = [], olderGone = [], ...rest } = state
  return {
    ...rest,
    sequence,
    events: joinEvents({ near: events, gone: olderGone, older: olderEvents ?? [] }),
    origins: Object.fromEntries(origins.flatMap(([sequence, collectedAt, sections, more]) => {
      const origin: SectionOrigin = { sequence, collectedAt, ...more }
      return sections.map((section) => [section, origin])
    })),
    ...(apps === undefined ? {} : { apps })
  }
}
