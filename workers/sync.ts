import { createSyncScheduler } from '../src/intune/sync-scheduler.js'
import type { SyncTenantDeps } from '../src/intune/sync-deps.js'
import type { Queues, QueueWorker, StartWorkerOptions } from '../src/platform/queues.js'

export interface SyncWorkerDeps extends SyncTenantDeps {
  readonly queues: Pick<Queues, 'startWorker'>
  /** Messages that this process has under way to Intune at once, of all tenants. */
  readonly concurrency: number
  readonly onFailed?: StartWorkerOptions['onFailed']
}

/** Jobs are words that something is due, not the work itself; so many are taken in at once. */
const WAKE_CONCURRENCY = 16

/**
 * Tells Intune what is wanted for phones. A job only names a tenant to the scheduler, which serves
 * all tenants in turn; a word that gets lost is said again by the sweep (wakeSyncs).
 */
export function startSyncWorker (deps: SyncWorkerDeps): QueueWorker {
  const { queues, concurrency, onFailed } = deps
  const scheduler = createSyncScheduler({ ...deps, tuning: { ...deps.tuning, lanes: concurrency } })
  const worker = queues.startWorker('sync', async ({ tenantId }) => {
    scheduler.run(tenantId).catch(() => onFailed?.('sync'))
  }, { concurrency: WAKE_CONCURRENCY, ...(onFailed === undefined ? {} : { onFailed }) })
  return {
    async close () {
      await worker.close()
      await scheduler.close()
    }
  }
}
