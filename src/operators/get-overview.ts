import { sql } from 'kysely'
import type { Database } from '../platform/database.js'

export interface Overview {
  readonly devices: number
  /** `none`: enrolled, never reported. */
  readonly byLevel: Readonly<Record<string, number>>
  readonly byState: Readonly<Record<string, number>>
  readonly byPlatform: Readonly<Record<string, number>>
  /** Devices with an open finding, by detection. */
  readonly byDetection: Readonly<Record<string, number>>
  /** Level changes of the last 24 hours, by the hour they fell in (ISO 8601). */
  readonly changes: ReadonlyArray<{ readonly hour: string, readonly to: string, readonly count: number }>
}

/** The fleet of a tenant in numbers: phones that are gone (revoked, retired, erased) do not count. */
export async function getOverview ({ db }: { readonly db: Database }, { tenantId }: { readonly tenantId: string }): Promise<Overview> {
  const [devices, detections, changes] = await Promise.all([
    sql<{ level: string, state: string, platform: string, count: number }>`
      select coalesce(s.level, 'none') as level, coalesce(s.reporting_state, 'pending') as state, d.platform, count(*) as count
      from device d left join device_state s on s.device_id = d.id
      where d.tenant_id = ${tenantId} and d.retired_at is null and d.revoked_at is null
      group by 1, 2, 3`.execute(db),
    sql<{ detection: string, count: number }>`
      select f.detection, count(distinct f.device_id) as count from finding f join device d on d.id = f.device_id
      where f.tenant_id = ${tenantId} and f.status = 'open' and d.retired_at is null and d.revoked_at is null group by f.detection`.execute(db),
    sql<{ hour: Date, to: string, count: number }>`
      select date_trunc('hour', at, 'UTC') as hour, to_level as "to", count(*) as count from level_change
      where tenant_id = ${tenantId} and at >= now() - interval '24 hours' and from_level is distinct from to_level group by 1, 2 order by 1, 2`.execute(db)
  ])
  const sumBy = (key: 'level' | 'state' | 'platform'): Record<string, number> => {
    const sums: Record<string, number> = {}
    for (const row of devices.rows) sums[row[key]] = (sums[row[key]] ?? 0) + row.count
    return sums
  }
  return {
    devices: devices.rows.reduce((sum, { count }) => sum + count, 0),
    byLevel: sumBy('level'),
    byState: sumBy('state'),
    byPlatform: sumBy('platform'),
    byDetection: Object.fromEntries(detections.rows.map(({ detection, count }) => [detection, count])),
    changes: changes.rows.map(({ hour, to, count }) => ({ hour: hour.toISOString(), to, count }))
  }
}
