import type { Page, PageInput } from '../devices/cursor.js'
import type { Database } from '../platform/database.js'
import { leftToSweep } from '../platform/left-to-sweep.js'
import { recordAudit } from '../platform/record-audit.js'
import { listDeadRows, reviveDeadRows, type DeadLetter } from './dead-letter-repository.js'
import type { ResyncTenantDeps } from './resync-tenant.js'

/** One page of the phones whose state Intune went on refusing until it was given up. */
export async function listDeadLetters ({ db }: { readonly db: Database }, input: PageInput & { readonly tenantId: string }): Promise<Page<DeadLetter>> {
  return await listDeadRows(db, input)
}

/** Sends the states of all such phones again, or of those named; one that is none is passed over. */
export async function resendDeadLetters (
  deps: ResyncTenantDeps,
  { tenantId, deviceIds, actor }: { readonly tenantId: string, readonly deviceIds?: readonly string[] | undefined, readonly actor: string }
): Promise<{ readonly devices: number }> {
  const named = deviceIds === undefined ? {} : { deviceIds }
  const devices = await deps.db.transaction().execute(async (tx) => {
    const devices = await reviveDeadRows(tx, { tenantId, ...named })
    await recordAudit(tx, { tenantId, actor, action: 'connector.dead-letters-resent', detail: { devices, ...named } })
    return devices
  })
  if (devices > 0) await leftToSweep(deps.sync, deps.log).add([{ tenantId }])
  return { devices }
}
