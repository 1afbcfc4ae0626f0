import { sql } from 'kysely'
import { decodeCursor, limitOf, type Page, type PageInput, TIME_PART, toPage, UUID_PART } from '../devices/cursor.js'
import type { Database } from '../platform/database.js'

/** A phone's state that Intune went on refusing until it was given up; times are ISO 8601. */
export interface DeadLetter {
  readonly deviceId: string
  readonly entraDeviceId: string
  /** What Intune should know. */
  readonly health: string
  readonly refusals: number
  readonly refusedSince: string | null
  readonly deadAt: string
  /** What Intune said last. */
  readonly lastError: string | null
}

interface DeadRow { device_id: string, entra_device_id: string, health: string, attempts: number, refused_since: Date | null, dead_at: Date, last_error: string | null }

/** One page of a tenant's dead letters, the last one first. */
export async function listDeadRows (db: Database, input: PageInput & { readonly tenantId: string }): Promise<Page<DeadLetter>> {
  const limit = limitOf(input)
  const before = decodeCursor(input, TIME_PART, UUID_PART)
  const { rows } = await sql<DeadRow>`
    select o.device_id, d.entra_device_id, coalesce(s.desired_health, o.health) as health, o.attempts, o.refused_since, o.dead_at, o.last_error
    from intune_outbox o join device d on d.id = o.device_id join device_state s on s.device_id = o.device_id
    where o.tenant_id = ${input.tenantId} and o.dead_at is not null
      ${before === undefined ? sql`` : sql`and (o.dead_at, o.device_id) < (${before[0]}::timestamptz, ${before[1]}::uuid)`}
    order by o.dead_at desc, o.device_id desc limit ${limit + 1}`.execute(db)
  return toPage(rows, limit, (row) => ({
    deviceId: row.device_id,
    entraDeviceId: row.entra_device_id,
    health: row.health,
    refusals: row.attempts,
    refusedSince: row.refused_since?.toISOString() ?? null,
    deadAt: row.dead_at.toISOString(),
    lastError: row.last_error
  }), (row) => [row.dead_at.toISOString(), row.device_id])
}

/** Makes dead letters, all or those named, due again as if they had never been refused. Answers how many. */
export async function reviveDeadRows (db: Database, { tenantId, deviceIds }: { readonly tenantId: string, readonly deviceIds?: readonly string[] }): Promise<number> {
  const { numAffectedRows } = await sql`
    update intune_outbox o set dead_at = null, refused_since = null, attempts = 0, next_attempt_at = now()
    where o.device_id in (
      select device_id from intune_outbox where tenant_id = ${tenantId} and dead_at is not null
        ${deviceIds === undefined ? sql`` : sql`and device_id = any(${deviceIds}::uuid[])`}
      order by device_id for update
    )`.execute(db)
  return Number(numAffectedRows ?? 0)
}
