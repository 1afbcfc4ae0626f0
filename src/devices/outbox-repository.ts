import { sql } from 'kysely'
import type { Tx } from '../platform/database.js'

export interface OutboxEntry {
  readonly deviceId: string
  readonly tenantId: string
  readonly version: number
  readonly health: string
  /** The trace that the change came from (W3C traceparent). */
  readonly trace?: string | null
}

/**
 * One row a device: a newer state takes the place of one not sent yet and is due at once. A state
 * worse than what Intune has goes before all others, the newest first. A row that changes again
 * keeps its seniority, or one that changes often would wait for ever.
 */
export async function upsertOutbox (tx: Tx, entries: readonly OutboxEntry[], now: Date): Promise<void> {
  await sql`
    insert into intune_outbox (device_id, tenant_id, version, health, enqueued_at, next_attempt_at, rank, place, trace)
    select i."deviceId", i."tenantId", i.version, i.health, ${now}, least(${now}, clock_timestamp()), r.rank, case r.rank when 0 then -1 else 1 end * ${now.getTime()}::bigint, i.trace
    from jsonb_to_recordset(${JSON.stringify(entries)}::jsonb) as i("deviceId" uuid, "tenantId" uuid, version bigint, health text, trace text)
    left join device_state s on s.device_id = i."deviceId"
    cross join lateral (select case when health_severity(i.health) > coalesce(health_severity(s.reported_health), 0) then 0 else 1 end as rank) r
    order by i."deviceId"
    on conflict (device_id) do update set version = excluded.version, health = excluded.health, enqueued_at = excluded.enqueued_at, rank = excluded.rank, place = excluded.place, trace = coalesce(excluded.trace, intune_outbox.trace),
      next_attempt_at = case when intune_outbox.refused then excluded.next_attempt_at else least(intune_outbox.next_attempt_at, excluded.next_attempt_at) end,
      attempts = 0, refused = false, refused_since = null, dead_at = null, last_error = null`.execute(tx)
}
