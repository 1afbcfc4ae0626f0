import type { Database } from '../../platform/database.js'
import type { Producer } from '../../platform/queue-names.js'
import type { Queues } from '../../platform/queues.js'
import { listDueTenants } from './reconciliation-repository.js'

const MAX_TENANTS = 500

/** Gives a job to each tenant whose round is due or was left unfinished; not while earlier jobs still wait. */
export async function wakeReconciliations (
  { db, queues, reconcile }: { readonly db: Database, readonly queues: Pick<Queues, 'counts'>, readonly reconcile: Producer<'reconcile'> }
): Promise<{ readonly tenants: number }> {
  const { reconcile: { waiting = 0 } } = await queues.counts()
  if (waiting > 0) return { tenants: 0 }
  const tenantIds = await listDueTenants(db, MAX_TENANTS)
  await reconcile.add(tenantIds.map((tenantId) => ({ tenantId })))
  return { tenants: tenantIds.length }
}
