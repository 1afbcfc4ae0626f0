import { sql } from 'kysely'
import type { Database, Tx } from '../../src/platform/database.js'
import { upsertOutbox } from '../../src/devices/outbox-repository.js'
import type { PartnerClient } from '../../src/intune/partner-client.js'
import type { HealthRecord, HeartbeatAnswer, UploadStatus } from '../../src/intune/partner-wire.js'
import type { Health } from '../../src/devices/health.js'
import { seedDevice } from '../helpers/devices.js'

export interface WaitingDevice {
  readonly deviceId: string
  readonly entraDeviceId: string
}

/** Phones with a wanted state that waits in the outbox. */
export async function seedWaitingDevices (db: Database, tenantId: string, count: number, health: Health = 'secured'): Promise<WaitingDevice[]> {
  const devices: WaitingDevice[] = []
  for (let at = 0; at < count; at++) {
    const { deviceId } = await seedDevice(db, tenantId)
    const { entra_device_id: entraDeviceId } = await db.selectFrom('device').select('entra_device_id').where('id', '=', deviceId).executeTakeFirstOrThrow()
    devices.push({ deviceId, entraDeviceId })
  }
  await db.insertInto('device_state').values(devices.map(({ deviceId }) => ({ device_id: deviceId, tenant_id: tenantId, state: '{}', last_update_time: null }) as never)).execute()
  for (const { deviceId } of devices) await wantHealth(db, tenantId, deviceId, health)
  return devices
}

/** What scoring does when a phone's state changed: state first, then the outbox. */
export async function wantHealth (db: Database, tenantId: string, deviceId: string, health: Health): Promise<void> {
  await db.transaction().execute(async (tx) => await writeWantedHealth(tx, tenantId, deviceId, health))
}

export async function writeWantedHealth (tx: Tx, tenantId: string, deviceId: string, health: Health): Promise<void> {
  const { desired_version: version } = await tx.updateTable('device_state')
    .set((eb) => ({ desired_health: health, desired_version: eb('desired_version', '+', 1) }))
    .where('device_id', '=', deviceId).returning('desired_version').executeTakeFirstOrThrow()
  await upsertOutbox(tx, [{ deviceId, tenantId, version, health }], new Date())
}

export const waitingIn = async (db: Database): Promise<number> =>
  Number((await db.selectFrom('intune_outbox').select((eb) => eb.fn.countAll().as('count')).executeTakeFirstOrThrow()).count)

/** Makes everything in the outbox due, as time would. */
export async function makeAllDue (db: Database): Promise<void> {
  await db.updateTable('intune_outbox').set({ next_attempt_at: new Date(0) }).execute()
  await db.updateTable('intune_connector').set({ retry_at: null }).execute()
}

export interface RecordingPartner extends PartnerClient {
  readonly messages: Array<readonly HealthRecord[]>
  readonly provisionings: boolean[]
  /** Replace to misbehave. */
  onUpload: (records: readonly HealthRecord[]) => void | Promise<void>
  onStatus: (records: readonly HealthRecord[]) => UploadStatus | Promise<UploadStatus>
  onProvision: () => void
  heartbeat: () => HeartbeatAnswer
  /** What the newest message said about each phone, by Entra id. */
  newest (): Map<string, HealthRecord>
}

/** Intune that takes everything, and remembers it. */
export function recordingPartner (): RecordingPartner {
  const byId = new Map<string, readonly HealthRecord[]>()
  const partner: RecordingPartner = {
    messages: [],
    provisionings: [],
    onUpload: () => {},
    onStatus: () => ({ state: 'completed' }),
    onProvision: () => {},
    heartbeat: () => ({ messageErrors: [] }),
    newest: () => new Map(partner.messages.flat().sort((a, b) => a.updatedAt.getTime() - b.updatedAt.getTime()).map((record) => [record.entraDeviceId, record])),
    async setProvisioned (_tenant, { provisioned }) {
      partner.onProvision()
      partner.provisionings.push(provisioned)
    },
    async sendHeartbeat () {
      return partner.heartbeat()
    },
    async upload (_tenant, { messageId, records }) {
      partner.messages.push(records)
      byId.set(messageId, records)
      await partner.onUpload(records)
    },
    async getUploadStatus (_tenant, messageId) {
      const records = byId.get(messageId)
      return records === undefined ? { state: 'unknown' } : await partner.onStatus(records)
    }
  }
  return partner
}

/** Many phones at once with a wanted state that waits in the outbox; `reported` is what Intune has. */
export async function seedBacklog (db: Database, tenantId: string, count: number, health: Health = 'secured', reported: Health | null = null): Promise<void> {
  await sql`
    with made as (
      insert into device (tenant_id, entra_device_id, platform, public_key)
      select ${tenantId}, gen_random_uuid(), 'android', '{}' from generate_series(1, ${count}::integer) returning id
    )
    insert into device_state (device_id, tenant_id, state, desired_health, desired_version, reported_health)
    select id, ${tenantId}, '{}', ${health}, 1, ${reported} from made`.execute(db)
  await db.transaction().execute(async (tx) => {
    const rows = await tx.selectFrom('device_state').select('device_id').where('tenant_id', '=', tenantId).where('desired_health', '=', health).where('desired_version', '=', 1).execute()
    await upsertOutbox(tx, rows.map((row) => ({ deviceId: row.device_id, tenantId, version: 1, health })), new Date())
  })
}
