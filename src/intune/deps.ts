import type { Logger } from 'pino'
import type { Database } from '../platform/database.js'
import type { IntuneClient } from './intune-client.js'

/** What the use cases that talk to Intune need. */
export interface IntuneDeps {
  readonly db: Database
  readonly intune: Pick<IntuneClient, 'partner' | 'budget'>
  readonly log: Logger
  /** Where users are sent to enrol and to see what they must fix. */
  readonly publicUrl: string
  /** Days of silence after which Intune ignores us, for tenants where it has not told us; 1 unless told. */
  readonly unresponsiveDays?: number
  readonly now?: () => Date
}

export const nowOf = (deps: Pick<IntuneDeps, 'now'>): Date => deps.now?.() ?? new Date()
