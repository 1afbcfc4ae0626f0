import type { DriftKind } from '../../devices/directory-vocabulary.js'

/** Why Intune passes no apps of a phone on. */
export const EMPTY_REASONS = ['not-enrolled', 'no-check-in', 'personal', 'unknown'] as const
export type EmptyReason = (typeof EMPTY_REASONS)[number]

/** What a round does, in this order. */
export const PARTS = ['connector', 'groups', 'members', 'entraDevices', 'managedDevices', 'lookups', 'settle', 'appSync'] as const
export type PartName = (typeof PARTS)[number]

/** The Graph permission that a part needs, for words to an administrator. */
export const PART_PERMISSIONS: Readonly<Partial<Record<PartName, string>>> = {
  connector: 'DeviceManagementServiceConfig.Read.All',
  groups: 'GroupMember.Read.All',
  members: 'GroupMember.Read.All',
  entraDevices: 'Device.Read.All',
  managedDevices: 'DeviceManagementManagedDevices.Read.All',
  lookups: 'DeviceManagementManagedDevices.Read.All'
}

/** What became of a part. `unknown`: it could not be read, so nothing follows from it. */
export interface PartOutcome {
  readonly state: 'ok' | 'unknown' | 'skipped'
  /** Why, and what to do. */
  readonly words?: string
  /** The permission that is missing. */
  readonly permission?: string
}

/** Where a round is: kept with each page, so that whoever takes it up goes on there. */
export interface RoundPosition {
  readonly part: PartName
  /** Of the next page; absent at the beginning of the part. */
  readonly link?: string | undefined
  /** The part reads everything, not only changes. */
  readonly isFresh?: boolean | undefined
  /** How often the part was begun anew because its link no longer counted. */
  readonly restarts?: number | undefined
}

export interface RoundCounts {
  /** Phones that Intune or Entra told of. */
  readonly seen: number
  /** Of those, phones that were not known from the directory. */
  readonly new: number
  /** Computers and other devices that are not ours to watch. */
  readonly otherDevices: number
  /** Phones that Intune lists without an Entra device id. */
  readonly withoutEntraId: number
  /** Phones enrolled here that Intune does not know by their Entra device id. */
  readonly unknownAtIntune: number
  readonly vanished: number
  readonly reappeared: number
  readonly reenrolled: number
  readonly deactivated: number
  readonly drifted: number
  readonly driftedByKind: Readonly<Partial<Record<DriftKind, number>>>
  /** Drifted phones that were put into the outbox again. */
  readonly healed: number
  /** Drifted phones that are no longer healed, because Intune keeps its own state. */
  readonly stuck: number
  /** Phones whose apps Intune was asked for (iOS App Sync), those whose list was taken, and of those the ones that hold managed apps only. */
  readonly appsAsked: number
  readonly appsTaken: number
  readonly appsManagedOnly: number
  /** Lists that could not be taken as a report. */
  readonly appsRefused: number
  /** Phones of which Intune passes no app on, by why. */
  readonly appsEmpty: Readonly<Partial<Record<EmptyReason, number>>>
  readonly pending: number
  readonly nestedGroups: number
  readonly errors: number
  /** Requests to Graph. */
  readonly requests: number
  readonly pages: number
}

export const NO_COUNTS: RoundCounts = {
  seen: 0, new: 0, otherDevices: 0, withoutEntraId: 0, unknownAtIntune: 0, vanished: 0, reappeared: 0, reenrolled: 0, deactivated: 0,
  drifted: 0, driftedByKind: {}, healed: 0, stuck: 0, appsAsked: 0, appsTaken: 0, appsManagedOnly: 0, appsRefused: 0, appsEmpty: {}, pending: 0, nestedGroups: 0, errors: 0, requests: 0, pages: 0
}

/** Adds up; `pending` is a state, not a sum. */
export function addCounts (sum: RoundCounts, more: Partial<RoundCounts>): RoundCounts {
  const total: Record<string, unknown> = { ...sum }
  for (const [name, value] of Object.entries(more)) {
    if (typeof value === 'object') {
      const kinds: Record<string, number> = { ...sum[name as 'driftedByKind'] }
      for (const [kind, count] of Object.entries(value as Record<string, number>)) kinds[kind] = (kinds[kind] ?? 0) + count
      total[name] = kinds
    } else {
      total[name] = name === 'pending' ? value : (total[name] as number) + (value as number)
    }
  }
  return total as unknown as RoundCounts
}
