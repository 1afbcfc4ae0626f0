import type { ConnectorRow } from './connector-repository.js'
import type { Message } from './outbox-repository.js'

/** A message that is to be sent, and how many more may be made of it to find out which phones Intune refuses. */
export interface Outgoing {
  readonly message: Message
  readonly splits: { left: number }
}

/** What one process does for one tenant, from the moment something may be due until nothing is. */
export interface TenantRun {
  readonly tenantId: string
  /** Something may be due. */
  due: boolean
  /** Parts of a message that was refused as a whole. */
  readonly parts: Outgoing[]
  /** Steps under way; of these, those that wait long for an answer. */
  steps: number
  slow: number
  /** Messages that Intune took and works on. */
  unfinished: number
  /** One message at a time: nothing is known yet, or the last exchange failed. */
  probing: boolean
  adopted: boolean
  connector: ConnectorRow | undefined
  claims: number
  lockedPauses: number
  /** Until the tenant's budget of calls allows another message. */
  timer: NodeJS.Timeout | undefined
  /** Set by the first failure that concerns the tenant. */
  pause: Promise<Date> | undefined
  inRing: boolean
  sent: number
  failed: number
  stopped: boolean
  fault: unknown
  readonly finished: PromiseWithResolvers<void>
}

export function newTenantRun (tenantId: string): TenantRun {
  return {
    tenantId,
    due: true,
    parts: [],
    steps: 0,
    slow: 0,
    unfinished: 0,
    probing: true,
    adopted: false,
    connector: undefined,
    claims: 0,
    lockedPauses: 0,
    timer: undefined,
    pause: undefined,
    inRing: false,
    sent: 0,
    failed: 0,
    stopped: false,
    fault: undefined,
    finished: withResolvers()
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers (): PromiseWithResolvers<void> {
  let resolve!: () => void
  let reject!: (error: unknown) => void
  const promise = new Promise<void>((...both) => { [resolve, reject] = both })
  return { promise, resolve, reject }
}
