import type { Database } from '../../platform/database.js'
import type { Fetcher } from './fetcher.js'
import type { ClaimedSubscription, Progress } from './subscription-repository.js'

/** What each kind of subscription fetches with. */
export interface FetchDeps {
  readonly db: Database
  readonly fetcher: Fetcher
  readonly subscription: ClaimedSubscription
  /** The feed is still what this subscription imported last: nobody took it away or imported something else. */
  readonly isHeld: boolean
  readonly signal: AbortSignal
}

/** What a publisher offers now. */
export interface Offer {
  /** All of it, for the import, in pieces. Undefined: as it was. */
  readonly body: readonly Buffer[] | undefined
  readonly progress: Partial<Progress>
}

/** Another one has the subscription now, or it is gone: nothing more may be written for it. */
export class LeaseLostError extends Error {}
