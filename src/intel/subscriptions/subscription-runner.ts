import { ConflictError, NotFoundError } from '../../errors.js'
import { FetchError } from './fetch-error.js'
import { LeaseLostError } from './offer.js'
import type { RunOutcome, RunSubscriptionDeps } from './run-subscription.js'
import { claimSubscription, type ClaimedSubscription, listSubscriptions, renewLease, takeStaleWarnings } from './subscription-repository.js'

export interface SubscriptionRunnerDeps extends Omit<RunSubscriptionDeps, 'leaseMs'> {
  /** Told of every failure. */
  readonly onFailure?: (feed: string) => void
  readonly leaseMs?: number
  /** Longest run, all pages and the import included. */
  readonly runMs?: number
}

export interface SubscriptionRunner {
  /** Runs what is due, until nothing is. While it does, another call does nothing. */
  run (): Promise<void>
  /** Runs one now, due or not. @throws NotFoundError, ConflictError when another process has it in hand */
  runOne (feed: string): Promise<RunOutcome>
  /** Ends what is under way; it stays due. */
  close (): Promise<void>
}

/** Subscriptions in hand at once in a process: a slow publisher must not hold up all others. */
const AT_ONCE = 2
/** A process that died gives up its subscription after this time. */
const LEASE_MS = 2 * 60_000
const RUN_MS = 30 * 60_000

/** Runs subscriptions in this process; any number of processes may do so at once. */
export function createSubscriptionRunner (deps: SubscriptionRunnerDeps): SubscriptionRunner {
  const { db, log, leaseMs = LEASE_MS, runMs = RUN_MS, onFailure } = deps
  const stop = new AbortController()
  const inHand = new Set<Promise<unknown>>()
  let running: Promise<void> | undefined

  const underLease = async (subscription: ClaimedSubscription): Promise<RunOutcome> => {
    const lost = new AbortController()
    const tooLong = new AbortController()
    const renewal = setInterval(() => {
      renewLease(db, subscription, leaseMs).then((held) => { if (!held) lost.abort(new LeaseLostError()) })
        // The database is away: either it is back before the lease ends, or another one begins anew.
        .catch((err: unknown) => log.warn({ err, feed: subscription.feed }, 'a subscription\'s lease could not be renewed'))
    }, leaseMs / 4)
    const limit = setTimeout(() => tooLong.abort(new FetchError('failed', `it took longer than ${runMs / 1000} s in all`)), runMs)
    try {
      // Only when something is due: it brings an HTTP client and three kinds of publishers.
      const { runSubscription } = await import('./run-subscription.js')
      const outcome = await runSubscription({ ...deps, leaseMs }, subscription, AbortSignal.any([stop.signal, lost.signal, tooLong.signal]))
      if (outcome.status === 'failed') onFailure?.(subscription.feed)
      return outcome
    } catch (error) {
      if (!(error instanceof LeaseLostError)) throw error
      log.info({ feed: subscription.feed }, 'a subscription was changed or taken over while it was fetched')
      return { status: 'stopped' }
    } finally {
      clearInterval(renewal)
      clearTimeout(limit)
    }
  }

  const track = async <T>(work: Promise<T>): Promise<T> => {
    inHand.add(work)
    return await work.finally(() => inHand.delete(work))
  }

  const runDue = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const subscription = await claimSubscription(db, { leaseMs })
      if (subscription === undefined) return
      await underLease(subscription)
    }
  }

  return {
    async run () {
      if (running !== undefined || stop.signal.aborted) return
      running = track((async () => {
        for (const { feed, ageSeconds, lastError } of await takeStaleWarnings(db)) {
          log.warn({ feed, ageSeconds: Math.round(ageSeconds), lastError }, 'a subscribed feed has not been fetched for three of its intervals')
        }
        const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, runDue))
        for (const end of ends) if (end.status === 'rejected') throw end.reason
      })())
      await running.finally(() => { running = undefined })
    },

    async runOne (feed) {
      const subscription = await claimSubscription(db, { leaseMs, feed })
      if (subscription !== undefined) return await track(underLease(subscription))
      if ((await listSubscriptions(db, feed)).length === 0) throw new NotFoundError('There is no such subscription.')
      throw new ConflictError('Another process is fetching it at the moment.')
    },

    async close () {
      stop.abort(new Error('the process stops'))
      await Promise.allSettled([...inHand])
    }
  }
}
