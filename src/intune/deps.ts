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
  readonly now?: () => Date
}

export const nowOf = (deps: Pick<IntuneDeps, 'now'>): Date => deps.now?.() ?? new Date()
