import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { recordAudit } from '../platform/record-audit.js'
import { resolveDeviceId, type DeviceReference } from './get-device.js'

/** Has a device judged anew from what is stored about it. @throws NotFoundError */
export async function reassessDevice (
  deps: { readonly db: Database, readonly score: Producer<'score'> },
  { actor, ...reference }: DeviceReference & { readonly actor: string }
): Promise<{ readonly deviceId: string }> {
  const deviceId = await resolveDeviceId(deps, reference)
  const written = { tenantId: reference.tenantId, actor, subject: deviceId }
  // Before: a queue is in no transaction of ours, and nothing is asked for without a line.
  await recordAudit(deps.db, { ...written, action: 'device.reassessed' })
  try {
    await deps.score.add([{ deviceIds: [deviceId] }])
  } catch (error) {
    await recordAudit(deps.db, { ...written, action: 'device.reassess-failed' })
    throw error
  }
  return { deviceId }
}
