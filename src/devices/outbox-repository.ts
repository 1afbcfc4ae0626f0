import { sql } from 'kysely'
import type { Tx } from '../platform/database.js'

export interface OutboxEntry {
  readonly deviceId: string
  readonly tenantId: string
  readonly version: number
  readonly health: string
}

/** One row a device: a newer state takes the place of one not sent yet and is due at once. */
export async function upsertOutbox (tx: Tx, entries: readonly OutboxEntry[], now: Date): Promise<void> {
  await sql`
    insert into intune_outbox (device_id, tenant_id, version, health, enqueued_at, next_attempt_at)
    select i."deviceId", i."tenantId", i.version, i.health, ${now}, ${now}
    from jsonb_to_recordset(${JSON.stringify(entries)}::jsonb) as i("deviceId" uuid, "tenantId" uuid, version bigint, health text)
    order by i."deviceId"
    on conflict (device_id) do update set version = excluded.version, health = excluded.health, enqueued_at = excluded.enqueued_at,
      attempts = 0, next_attempt_at = excluded.next_attempt_at, last_error = null`.execute(tx)
}
