import type { Static } from 'typebox'
import type {
  AgentSchema, App, CertificateSchema, ConfigSchema, FileSchema, HardwareSchema, IntegritySchema,
  NetworkSchema, OsSchema, ProfileSchema, StateSection, TelemetryEvent
} from './report.js'

export const PLATFORMS = ['android', 'ios', 'ipados'] as const
export type Platform = (typeof PLATFORMS)[number]

/** Where a section's present content comes from. */
export interface SectionOrigin {
  readonly sequence: number
  /** ISO 8601, the phone's clock. */
  readonly collectedAt: string
}

/** An installed-app list, keyed by app id, and its digest (see app-digest.ts). */
export interface AppInventory {
  readonly digest: string
  readonly items: Readonly<Record<string, App>>
}

/** An event that is kept while it may still matter. */
export interface KeptEvent extends TelemetryEvent {
  /** ISO 8601, our clock. */
  readonly receivedAt: string
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
  readonly network?: Static<typeof NetworkSchema>
  readonly config?: Static<typeof ConfigSchema>
  readonly integrity?: Static<typeof IntegritySchema>
  readonly profiles?: ReadonlyArray<Static<typeof ProfileSchema>>
  readonly certificates?: ReadonlyArray<Static<typeof CertificateSchema>>
  readonly files?: ReadonlyArray<Static<typeof FileSchema>>
  readonly processes?: readonly string[]
  readonly properties?: Readonly<Record<string, string>>
  readonly events: readonly KeptEvent[]
}

export const EMPTY_STATE: DeviceState = Object.freeze({ sequence: -1, origins: {}, events: [] })
