import type { Static } from 'typebox'
import type { HighestOs } from './highest-os.js'
import type {
  AgentSchema, App, CertificateSchema, ConfigSchema, FileSchema, HardwareSchema, IntegritySchema,
  NetworkSchema, OsSchema, ProfileSchema, StateSection, TelemetryEvent
} from './report.js'

export const PLATFORMS = ['android', 'ios', 'ipados'] as const
export type Platform = (typeof PLATFORMS)[number]

/** Where a section's present content comes from. */
export interface SectionOrigin {
  /** Of the newest report that said something about it. */
  readonly sequence: number
  /** ISO 8601, the phone's clock. */
  readonly collectedAt: string
  /** The vocabulary it was translated from; absent: the phone's own agent said it. */
  readonly source?: string
  /** Members that the newest report left out, with the sequence of the last that had them. */
  readonly older?: Readonly<Record<string, number>>
}

/** A delta whose base is not known, kept in case that the base comes late. */
export interface PendingDelta {
  readonly sequence: number
  readonly collectedAt: string
  readonly baseDigest: string
  readonly upsert: readonly App[]
  readonly remove: readonly string[]
}

/** An installed-app list, keyed by app id, and its digest (see app-digest.ts). */
export interface AppInventory {
  readonly digest: string
  readonly items: Readonly<Record<string, App>>
  /** The same apps, but for what is this phone's own (when it was installed), as objects that phones share; where there are such. */
  readonly builds?: readonly App[]
}

/** An event that is kept while it may still matter. */
export interface KeptEvent extends TelemetryEvent {
  /** ISO 8601, our clock: when it was first heard of. */
  readonly receivedAt: string
  /** Of the newest report that told of it. */
  readonly sequence: number
}

/**
 * What is known about one phone now: all its reports merged. An absent section or field is
 * unknown. Plain JSON, so that it can be stored, replayed and compared.
 */
export interface DeviceState {
  /** Highest report sequence merged; -1 before the first. */
  readonly sequence: number
  readonly origins: Readonly<Partial<Record<StateSection, SectionOrigin>>>
  readonly agent?: Static<typeof AgentSchema>
  readonly os?: Static<typeof OsSchema>
  readonly hardware?: Static<typeof HardwareSchema>
  readonly apps?: AppInventory
  /** Not empty: the app list is owed (`resend`). By sequence. */
  readonly pendingApps?: readonly PendingDelta[]
  readonly network?: Static<typeof NetworkSchema>
  readonly config?: Static<typeof ConfigSchema>
  readonly integrity?: Static<typeof IntegritySchema>
  readonly profiles?: ReadonlyArray<Static<typeof ProfileSchema>>
  readonly certificates?: ReadonlyArray<Static<typeof CertificateSchema>>
  readonly files?: ReadonlyArray<Static<typeof FileSchema>>
  readonly processes?: readonly string[]
  readonly properties?: Readonly<Record<string, string>>
  readonly events: readonly KeptEvent[]
  /**
   * How far the newest report's `collectedAt` lies from its receipt, in steps of five minutes:
   * positive, its clock is ahead; negative, it is behind or the phone was offline.
   */
  readonly clockOffsetSeconds?: number
  /** Absent in states that were stored before it was remembered, until the phone tells of its system again. */
  readonly highestOs?: HighestOs
}

export const EMPTY_STATE: DeviceState = Object.freeze({ sequence: -1, origins: {}, events: [] })
