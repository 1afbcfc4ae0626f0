import { syncTenant, type SyncTenantDeps } from '../src/intune/sync-tenant.js'
import type { Queues, QueueWorker, StartWorkerOptions } from '../src/platform/queues.js'

export interface SyncWorkerDeps extends SyncTenantDeps {
  readonly queues: Pick<Queues, 'startWorker'>
  /** Jobs this process has in hand at once. */
  readonly concurrency: number
  readonly onFailed?: StartWorkerOptions['onFailed']
}

/** Tells Intune what is wanted for the phones of a tenant. */
export function startSyncWorker (deps: SyncWorkerDeps): QueueWorker {
  const { queues, concurrency, onFailed } = deps
  return queues.startWorker('sync', async ({ tenantId }) => await syncTenant(deps, { tenantId }), {
    concurrency,
    ...(onFailed === undefined ? {} : { onFailed })
  })
}
