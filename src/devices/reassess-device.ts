import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { recordAudit } from '../platform/record-audit.js'
import { resolveDeviceId, type DeviceReference } from './get-device.js'
import { makeDue } from './rescore-due-devices.js'

/** Has a device judged anew from what is stored about it; should the queue be away, by the sweep. @throws NotFoundError */
export async function reassessDevice (
  { db, score }: { readonly db: Database, readonly score: Producer<'score'> },
  { actor, ...reference }: DeviceReference & { readonly actor: string }
): Promise<{ readonly deviceId: string }> {
  const deviceId = await resolveDeviceId({ db }, reference)
  await db.transaction().execute(async (tx) => {
    await makeDue(tx, deviceId)
    await recordAudit(tx, { tenantId: reference.tenantId, actor, action: 'device.reassessed', subject: deviceId })
  })
  await score.add([{ deviceIds: [deviceId] }])
  return { deviceId }
}
