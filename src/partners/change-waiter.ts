import type { Logger } from 'pino'
import { listFeedPositions, sequenceStateChanges } from '../devices/state-change-repository.js'
import type { Database } from '../platform/database.js'

export interface ChangeWaiterOptions {
  readonly db: Database
  readonly log: Logger
  /** How often the feeds are looked at while anybody waits. */
  readonly pollMs?: number
}

export interface WaitInput {
  readonly tenantId: string
  readonly after: number
  readonly caller: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Holds requests until there is something to tell. */
export interface ChangeWaiter {
  /** Until the tenant's feed has come past `after`, the time is over, the caller is gone, or we end. Does not say which. */
  wait (input: WaitInput): Promise<void>
  /** How many wait. */
  readonly waiting: number
  /** Lets everybody go. */
  close (): void
}

const POLL_MS = 200
/** Of one caller; more are answered at once, so that nobody fills the process with sleeping requests. */
const MAX_OF_CALLER = 16

interface Waiting { readonly tenantId: string, readonly after: number, readonly caller: string, done (): void }

/** One look for all who wait in this process, a few times a second; none while nobody does. */
export function createChangeWaiter ({ db, log, pollMs = POLL_MS }: ChangeWaiterOptions): ChangeWaiter {
  const all = new Set<Waiting>()
  let timer: NodeJS.Timeout | undefined
  let closed = false

  async function look (): Promise<void> {
    try {
      await sequenceStateChanges(db)
      const positions = new Map((await listFeedPositions(db, [...new Set([...all].map(({ tenantId }) => tenantId))])).map(({ tenantId, latest }) => [tenantId, latest]))
      for (const one of all) if ((positions.get(one.tenantId) ?? 0) > one.after) one.done()
    } catch (err) {
      // They go on waiting, and their own read says what is wrong.
      if (!closed) log.warn({ err, waiting: all.size }, 'the feed of changes could not be looked at')
    }
    timer = undefined
    start()
  }

  function start (): void {
    if (timer === undefined && all.size > 0 && !closed) timer = setTimeout(() => { void look() }, pollMs)
  }

  return {
    async wait ({ tenantId, after, caller, timeoutMs, signal }) {
      if (closed || signal.aborted || [...all].filter((one) => one.caller === caller).length >= MAX_OF_CALLER) return
      await new Promise<void>((resolve) => {
        const one: Waiting = {
          tenantId,
          after,
          caller,
          done () {
            all.delete(one)
            clearTimeout(limit)
            signal.removeEventListener('abort', one.done)
            resolve()
          }
        }
        const limit = setTimeout(one.done, timeoutMs)
        signal.addEventListener('abort', one.done, { once: true })
        all.add(one)
        start()
      })
    },

    get waiting () { return all.size },

    close () {
      closed = true
      clearTimeout(timer)
      for (const one of all) one.done()
    }
  }
}
