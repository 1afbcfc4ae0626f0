import type { SyncResult, SyncTenantDeps } from './sync-deps.js'
import { createSyncScheduler } from './sync-scheduler.js'

export type { SyncResult, SyncTenantDeps } from './sync-deps.js'

/**
 * Brings Intune up to date with what is wanted for one tenant's phones, until nothing is due.
 * Provisions first where that has not happened. Several processes may do this for one tenant
 * at the same time; a phone is in one message at a time.
 */
export async function syncTenant (deps: SyncTenantDeps, { tenantId }: { readonly tenantId: string }): Promise<SyncResult> {
  const scheduler = createSyncScheduler(deps)
  try {
    return await scheduler.run(tenantId)
  } finally {
    await scheduler.close()
  }
}
