import { resolveDeviceId, type DeviceReference } from '../devices/get-device.js'
import { NotFoundError } from '../errors.js'
import { makeDue } from '../devices/rescore-due-devices.js'
import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { recordAudit } from '../platform/record-audit.js'

/** What an organisation knows of a phone that the phone does not; groups of a policy go by it. */
export interface DeviceAttributes {
  readonly ownership?: 'corporate' | 'personal' | null | undefined
  readonly tags?: readonly string[] | undefined
  /** Entra groups of phone or user: object ids or names. */
  readonly entraGroups?: readonly string[] | undefined
}

/** Writes down what is said of a phone and has it judged anew; what is left out stays. @throws NotFoundError */
export async function describeDevice (
  { db, score }: { readonly db: Database, readonly score: Producer<'score'> },
  { tenantId, deviceId: reference, actor, ownership, tags, entraGroups }: DeviceReference & DeviceAttributes & { readonly actor: string }
): Promise<{ readonly deviceId: string }> {
  const deviceId = await resolveDeviceId({ db }, { tenantId, deviceId: reference })
  const said = {
    ...(ownership === undefined ? {} : { ownership }),
    ...(tags === undefined ? {} : { tags: unique(tags) }),
    ...(entraGroups === undefined ? {} : { entra_groups: unique(entraGroups) })
  }
  if (Object.keys(said).length === 0) return { deviceId }
  await db.transaction().execute(async (tx) => {
    const { numUpdatedRows } = await tx.updateTable('device').set(said).where('id', '=', deviceId).executeTakeFirst()
    if (numUpdatedRows === 0n) throw new NotFoundError('There is no such device.')
    await makeDue(tx, deviceId)
    await recordAudit(tx, { tenantId, actor, action: 'device.described', subject: deviceId, detail: { ownership, tags, entraGroups } })
  })
  await score.add([{ deviceIds: [deviceId] }])
  return { deviceId }
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)].sort()
