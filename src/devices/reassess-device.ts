import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { makeDue } from './rescore-due-devices.js'
import { resolveDeviceId, type DeviceReference } from './get-device.js'

/** Has a device judged anew from what is stored about it. @throws NotFoundError */
export async function reassessDevice (
  deps: { readonly db: Database, readonly score: Producer<'score'> },
  reference: DeviceReference
): Promise<{ readonly deviceId: string }> {
  const deviceId = await resolveDeviceId(deps, reference)
  await makeDue(deps.db, deviceId)
  await deps.score.add([{ deviceIds: [deviceId] }])
  return { deviceId }
}
