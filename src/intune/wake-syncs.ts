import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { listTenantsToSync } from './outbox-repository.js'

/** Gives a sync job to every tenant that has something to send and may, whatever became of its earlier jobs. */
export async function wakeSyncs ({ db, sync }: { readonly db: Database, readonly sync: Producer<'sync'> }): Promise<{ readonly tenants: number }> {
  const tenantIds = await listTenantsToSync(db)
  await sync.add(tenantIds.map((tenantId) => ({ tenantId })))
  return { tenants: tenantIds.length }
}
