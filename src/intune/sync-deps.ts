import type { Tracing } from '../platform/tracing.js'
import type { IntuneDeps } from './deps.js'

export interface SyncTuning {
  /** Phones a message tells about at most. */
  readonly messageDevices: number
  /** Messages under way to Intune at once, of all tenants; one that waits long for an answer does not count. */
  readonly lanes: number
  /** Of these, one tenant's. */
  readonly tenantLanes: number
  /** Messages of one tenant that are under way or that Intune is still working on. */
  readonly tenantMessages: number
  /** How long nobody else looks after a message without a word from whoever has it. */
  readonly watchMs: number
  /** How long Intune may work on a message. */
  readonly processingLimitMs: number
  /** A phone's state that Intune refused so often, or for so long, becomes a dead letter. */
  readonly giveUp: { readonly refusals: number, readonly hours: number }
}

export interface SyncTenantDeps extends IntuneDeps {
  readonly tuning?: Partial<SyncTuning>
  readonly tracing?: Tracing
  /** Told after each message. */
  readonly onSynced?: (batch: { readonly devices: number, readonly lagSeconds: readonly number[] }) => void
}

export interface SyncResult {
  /** Phones whose state Intune has acknowledged. */
  readonly sent: number
  /** Phones whose state it refused; they are tried again later. */
  readonly failed: number
  /** Nothing can be sent for the whole tenant now; the connector says why. */
  readonly stopped: boolean
}

export const DEFAULT_TUNING: SyncTuning = {
  messageDevices: 500, lanes: 16, tenantLanes: 4, tenantMessages: 10, watchMs: 20_000, processingLimitMs: 10 * 60 * 1000, giveUp: { refusals: 50, hours: 48 }
}
