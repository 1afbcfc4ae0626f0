import type { Logger } from 'pino'
import type { Database } from '../platform/database.js'
import { leftToSweep } from '../platform/left-to-sweep.js'
import type { Producer } from '../platform/queue-names.js'
import { recordAudit } from '../platform/record-audit.js'
import { NotFoundError } from '../errors.js'
import { findConnector } from './connector-repository.js'
import { enqueueDevicesAgain } from './outbox-repository.js'

export interface ResyncTenantDeps {
  readonly db: Database
  readonly sync: Producer<'sync'>
  readonly log: Logger
}

/** Sends every phone's state to Intune once more, changed or not. @throws NotFoundError */
export async function resyncTenant ({ db, sync, log }: ResyncTenantDeps, { tenantId, actor }: { readonly tenantId: string, readonly actor: string }): Promise<{ readonly devices: number }> {
  if (await findConnector(db, tenantId) === undefined) throw new NotFoundError('There is no such tenant.')
  const devices = await db.transaction().execute(async (tx) => {
    const devices = await enqueueDevicesAgain(tx, { tenantId })
    await recordAudit(tx, { tenantId, actor, action: 'connector.resynced', detail: { devices } })
    return devices
  })
  if (devices > 0) await leftToSweep(sync, log).add([{ tenantId }])
  return { devices }
}
