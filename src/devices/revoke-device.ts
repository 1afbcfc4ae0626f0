import type { Logger } from 'pino'
import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { recordAudit } from '../platform/record-audit.js'
import { deactivateDevices, lockStates } from './device-repository.js'
import { resolveDeviceId, type DeviceReference } from './get-device.js'
import type { TokenCutoffs } from './token-cutoffs.js'

export interface EndDeviceDeps {
  readonly db: Database
  readonly cutoffs: Pick<TokenCutoffs, 'advance'>
  readonly sync: Producer<'sync'>
  readonly log: Logger
}

/** `actor`: who did it, for the audit. */
export type EndDeviceInput = DeviceReference & { readonly actor: string }

/**
 * Takes a device's credentials away: every token it holds stops counting at once here and
 * within seconds elsewhere, and Intune is told that it is deactivated. Again: no change.
 * @throws NotFoundError
 */
export async function revokeDevice (deps: EndDeviceDeps, input: EndDeviceInput): Promise<{ readonly deviceId: string }> {
  const deviceId = await resolveDeviceId(deps, input)
  const { tenantId, actor } = input
  await deps.db.transaction().execute(async (tx) => {
    await lockStates(tx, [deviceId])
    const row = await tx.selectFrom('device').select('revoked_at').where('id', '=', deviceId).forNoKeyUpdate().executeTakeFirst()
    if (row === undefined || row.revoked_at !== null) return
    await deactivateDevices(tx, [deviceId], 'revoked_at', new Date())
    await recordAudit(tx, { tenantId, actor, action: 'device.revoked', subject: deviceId, detail: {} })
  })
  await announceEnd(deps, tenantId, deviceId)
  return { deviceId }
}

/** After the commit: no token counts here any more, and the sync tells Intune. */
export async function announceEnd ({ cutoffs, sync, log }: EndDeviceDeps, tenantId: string, deviceId: string): Promise<void> {
  cutoffs.advance(deviceId, Infinity)
  await sync.add([{ tenantId }]).catch((err: unknown) => log.warn({ err, tenantId }, 'a sync job could not be added; the sweep will'))
}
