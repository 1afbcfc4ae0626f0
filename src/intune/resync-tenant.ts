import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { NotFoundError } from '../errors.js'
import { findConnector } from './connector-repository.js'
import { enqueueDevicesAgain } from './outbox-repository.js'

export interface ResyncTenantDeps {
  readonly db: Database
  readonly sync: Producer<'sync'>
}

/** Sends every phone's state to Intune once more, changed or not. @throws NotFoundError */
export async function resyncTenant ({ db, sync }: ResyncTenantDeps, input: { readonly tenantId: string }): Promise<{ readonly devices: number }> {
  if (await findConnector(db, input.tenantId) === undefined) throw new NotFoundError('There is no such tenant.')
  const devices = await enqueueDevicesAgain(db, input)
  if (devices > 0) await sync.add([input])
  return { devices }
}
