import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { IntuneError } from './intune-error.js'
import type { PartnerClient } from './partner-client.js'
import type { HealthRecord } from './partner-wire.js'

/** Intune works on messages after it took them: often within tens of milliseconds, so the first looks come quickly. */
const FIRST_PAUSES_MS = [10, 8, 8, 10, 15, 20, 30, 45, 70, 100, 150, 250, 400, 600]
const LAST_PAUSE_MS = 1_000

/**
 * Hands one message to Intune and waits until it is worked off.
 * @throws IntuneError `rejected` when Intune refuses or fails it, `unfinished` after `limitMs`,
 * or what concerns the whole tenant
 */
export async function deliverMessage (
  partner: PartnerClient,
  { entraTenantId, records, at, limitMs }: { readonly entraTenantId: string, readonly records: readonly HealthRecord[], readonly at: Date, readonly limitMs: number }
): Promise<void> {
  const messageId = randomUUID()
  await partner.upload(entraTenantId, { messageId, records, at })

  const startedAt = performance.now()
  for (let look = 0; performance.now() - startedAt < limitMs; look++) {
    await sleep(FIRST_PAUSES_MS[look] ?? LAST_PAUSE_MS)
    const status = await partner.getUploadStatus(entraTenantId, messageId)
    if (status.state === 'completed') return
    if (status.state === 'failed') {
      throw new IntuneError('rejected', `Intune could not process the message: ${status.reason}`, { entraDeviceIds: status.entraDeviceIds })
    }
  }
  throw new IntuneError('unfinished', `Intune took message ${messageId} and has not finished it after ${Math.round(limitMs / 1000)} s.`)
}
