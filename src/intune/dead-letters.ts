import type { Page, PageInput } from '../devices/cursor.js'
import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { listDeadRows, reviveDeadRows, type DeadLetter } from './dead-letter-repository.js'

/** One page of the phones whose state Intune went on refusing until it was given up. */
export async function listDeadLetters ({ db }: { readonly db: Database }, input: PageInput & { readonly tenantId: string }): Promise<Page<DeadLetter>> {
  return await listDeadRows(db, input)
}

/** Sends the states of all such phones again, or of those named; one that is none is passed over. */
export async function resendDeadLetters (
  { db, sync }: { readonly db: Database, readonly sync: Producer<'sync'> },
  { tenantId, deviceIds }: { readonly tenantId: string, readonly deviceIds?: readonly string[] | undefined }
): Promise<{ readonly devices: number }> {
  const devices = await reviveDeadRows(db, { tenantId, ...(deviceIds === undefined ? {} : { deviceIds }) })
  if (devices > 0) await sync.add([{ tenantId }])
  return { devices }
}
