import { wakeReconciliations } from '../src/intune/reconcile/wake-reconciliations.js'
import { reconcileTenant, type ReconcileDeps } from '../src/intune/reconcile/reconcile-tenant.js'
import type { Producer } from '../src/platform/queue-names.js'
import { runUpkeepTask } from '../src/platform/upkeep-tasks.js'
import type { Queues, QueueWorker, StartWorkerOptions } from '../src/platform/queues.js'

export interface ReconcileWorkerDeps extends ReconcileDeps {
  readonly queues: Pick<Queues, 'startWorker' | 'schedule' | 'counts'>
  readonly reconcile: Producer<'reconcile'>
  readonly onFailed?: StartWorkerOptions['onFailed']
  /** How long a process that is silent keeps a task of upkeep. */
  readonly leaseMs?: number
}

const LOOK_EVERY_MS = 15_000
/** Tenants that this process reads at once; most of the time it waits for Graph. */
const CONCURRENCY = 3

/** Compares tenants with Intune and Entra, in a queue of its own: a slow Graph holds up nothing else. */
export async function startReconcileWorker (deps: ReconcileWorkerDeps): Promise<QueueWorker> {
  const { queues, reconcile, onFailed } = deps
  const worker = queues.startWorker('reconcile', async ({ tenantId }, _job, signal) => {
    if (tenantId === undefined) return await runUpkeepTask(deps, { task: 'reconciliations', everyMs: LOOK_EVERY_MS, signal }, async () => await wakeReconciliations(deps))
    const result = await reconcileTenant(deps, { tenantId, signal })
    // Its turn is over; others come before it goes on.
    if (result === 'unfinished') await reconcile.add([{ tenantId }])
    return result
  }, { concurrency: CONCURRENCY, ...(onFailed === undefined ? {} : { onFailed }) })
  await queues.schedule('reconcile', 'due', LOOK_EVERY_MS, {})
  return worker
}
