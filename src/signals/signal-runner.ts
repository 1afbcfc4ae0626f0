import { setMaxListeners } from 'node:events'
import { sequenceStateChanges } from '../devices/state-change-repository.js'
import { claimDestination } from './destination-repository.js'
import { runDestination, type RunDestinationDeps } from './run-destination.js'

export interface SignalRunnerDeps extends RunDestinationDeps {
  readonly leaseMs?: number
}

export interface SignalRunner {
  /** Begins with what is due and is not in anybody's hands, and does not wait for its end. */
  wake (): Promise<void>
  /** Waits until nothing that this process has in hand is left. */
  idle (): Promise<void>
  /** Ends what is under way; it stays due. */
  close (): Promise<void>
}

/** Destinations in hand at once in a process, so that a slow one holds up nobody. */
const AT_ONCE = 16
/** Of those that fail: the others always have room. */
const FAILING_AT_ONCE = 8
/** Longer than a run and its last requests together; a process that died gives up after this. */
const LEASE_MS = 60_000

/** Tells destinations of signals in this process; any number of processes may do so at once. */
export function createSignalRunner (deps: SignalRunnerDeps): SignalRunner {
  const { db, log, leaseMs = LEASE_MS } = deps
  const stop = new AbortController()
  // Each request in hand listens to it.
  setMaxListeners(0, stop.signal)
  const inHand = new Map<Promise<void>, { readonly failing: boolean }>()
  let waking: Promise<void> | undefined

  const failing = (): number => [...inHand.values()].filter((one) => one.failing).length

  const claimAll = async (): Promise<void> => {
    await sequenceStateChanges(db)
    while (inHand.size < AT_ONCE && !stop.signal.aborted) {
      const claimed = await claimDestination(db, { leaseMs, onlyHealthy: failing() >= FAILING_AT_ONCE })
      if (claimed === undefined) return
      const { id: destinationId, tenantId } = claimed.destination
      const run = runDestination(deps, claimed, stop.signal)
        // The database is away, or a secret does not open: the lease ends, and it is tried again.
        .catch((err: unknown) => log.error({ err, destinationId, tenantId }, 'a destination of signals could not be served'))
        .finally(() => inHand.delete(run))
      inHand.set(run, { failing: claimed.destination.failures > 0 })
    }
  }

  return {
    async wake () {
      if (stop.signal.aborted) return
      waking ??= claimAll().finally(() => { waking = undefined })
      await waking
    },
    async idle () {
      while (inHand.size > 0) await Promise.allSettled([...inHand.keys()])
    },
    async close () {
      stop.abort(new Error('the process stops'))
      await waking?.catch(() => {})
      await Promise.allSettled([...inHand.keys()])
      await deps.poster.close()
    }
  }
}
