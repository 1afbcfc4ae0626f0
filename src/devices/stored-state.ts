import type { AppInventory, DeviceState, SectionOrigin } from '../telemetry/device-state.js'
import type { StateSection } from '../telemetry/report.js'

/** Sequence, time of collection, the sections, and what only some origins have. */
type StoredOrigin = readonly [sequence: number, collectedAt: string, sections: readonly StateSection[], more?: Pick<SectionOrigin, 'source' | 'older'>]

/** A state as the column `device_state.state` has it; sequence and apps have places of their own. */
export type StoredState = Omit<DeviceState, 'sequence' | 'apps' | 'origins'> & { readonly origins: readonly StoredOrigin[] }

/** State → column. Sections of one report share their origin: apart, origins were a third of it all. */
export function toStoredState ({ sequence: _, apps: __, origins, ...rest }: DeviceState): StoredState {
  const stored = new Map<string, [number, string, StateSection[], Pick<SectionOrigin, 'source' | 'older'>?]>()
  for (const [section, origin] of Object.entries(origins) as Array<[StateSection, SectionOrigin]>) {
    const { sequence, collectedAt, ...more } = origin
    const key = JSON.stringify(origin)
    const known = stored.get(key)
    if (known !== undefined) known[2].push(section)
    else stored.set(key, [sequence, collectedAt, [section], ...(Object.keys(more).length === 0 ? [] : [more]) as []])
  }
  return { ...rest, origins: [...stored.values()] }
}

/** Column → state. A column that holds nothing yet is a phone that never reported. */
export function fromStoredState (stored: Partial<StoredState>, sequence: number, apps: AppInventory | undefined): DeviceState {
  const { origins = [], events = [], ...rest } = stored
  return {
    ...rest,
    sequence,
    events,
    origins: Object.fromEntries(origins.flatMap(([sequence, collectedAt, sections, more]) => {
      const origin: SectionOrigin = { sequence, collectedAt, ...more }
      return sections.map((section) => [section, origin])
    })),
    ...(apps === undefined ? {} : { apps })
  }
}
