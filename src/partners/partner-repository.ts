import { sql, type RawBuilder } from 'kysely'
import type { Health } from '../devices/health.js'
import type { ChangeReason } from '../devices/state-change-repository.js'
import type { Database } from '../platform/database.js'
import type { Level, ReportingState } from '../risk/level.js'

/** A device's present state as it is stored. */
export interface StoredThreatState {
  readonly deviceId: string
  readonly entraDeviceId: string
  readonly version: number
  readonly state: ReportingState
  readonly level: Level | null
  readonly levelSince: Date | null
  readonly threatState: Health | null
  readonly score: number | null
  readonly assessedAt: Date | null
  readonly lastReportAt: Date | null
  readonly reasons: readonly ChangeReason[]
}

/** The device with this Entra id: of several records the live one, else the last; not what was erased. @param maxReasons of its level, the worst first */
export async function findThreatState (db: Database, { tenantId, entraDeviceId, maxReasons }: { readonly tenantId: string, readonly entraDeviceId: string, readonly maxReasons: number }): Promise<StoredThreatState | undefined> {
  const { rows } = await sql<StateRow>`
    ${selectStates(maxReasons)} where d.tenant_id = ${tenantId} and d.entra_device_id = ${entraDeviceId} and d.erased_at is null
    order by d.retired_at desc nulls first limit 1`.execute(db)
  return rows[0] && fromRow(rows[0])
}

/** Devices of a tenant that were judged or deactivated, in the order of their ids; those whose place was taken by another are left out. */
export async function listThreatStates (db: Database, { tenantId, after, limit, maxReasons }: { readonly tenantId: string, readonly after: string, readonly limit: number, readonly maxReasons: number }): Promise<StoredThreatState[]> {
  const { rows } = await sql<StateRow>`
    ${selectStates(maxReasons)} where d.tenant_id = ${tenantId} and d.id > ${after} and d.retired_at is null and d.erased_at is null and s.desired_health is not null
    order by d.id limit ${limit}`.execute(db)
  return rows.map(fromRow)
}

const selectStates = (maxReasons: number): RawBuilder<unknown> => sql`
  select d.id, d.entra_device_id, coalesce(s.desired_version, 0) as version, coalesce(s.reporting_state, 'pending') as state, s.level, s.level_since, s.desired_health, s.score, s.assessed_at, s.last_report_at,
    (select jsonb_agg(jsonb_build_object('detection', detection, 'severity', severity, 'subject', subject)) from (
      select f.detection, f.severity, f.subject from finding f
      where f.device_id = d.id and f.status = 'open' and f.raises_level and f.severity <> 'audit'
      order by array_position(array['high', 'medium', 'low'], f.severity), f.first_seen, f.id limit ${maxReasons}
    ) worst) as reasons
  from device d
  -- Phone by phone ("offset" keeps it so): under row-level security the planner takes a tenant's share of the states for independent of its share of the
  -- phones, expects a fifth of the rows of a tenant with a fifth of all, and would read and sort the whole tenant for one page.
  left join lateral (select * from device_state where device_id = d.id offset 0) s on true`

interface StateRow {
  id: string, entra_device_id: string, version: number, state: string, level: string | null, level_since: Date | null, desired_health: string | null
  score: number | null, assessed_at: Date | null, last_report_at: Date | null, reasons: ChangeReason[] | null
}

function fromRow (row: StateRow): StoredThreatState {
  return {
    deviceId: row.id,
    entraDeviceId: row.entra_device_id,
    version: row.version,
    state: row.state as ReportingState,
    level: row.level as Level | null,
    levelSince: row.level_since,
    threatState: row.desired_health as Health | null,
    score: row.score,
    assessedAt: row.assessed_at,
    lastReportAt: row.last_report_at,
    reasons: row.reasons ?? []
  }
}
