import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import type { Health } from '../../devices/health.js'
import { threatStateName, THREAT_STATES, type ThreatState } from '../../devices/directory-vocabulary.js'
import { pageOf, type DirectoryScope } from './directory-repository.js'
import type { DirectoryEntry } from './graph-rows.js'

/** A phone about which Intune and we disagree, or did when it was last looked at. */
export interface Disagreement {
  readonly deviceId: string
  readonly entraDeviceId: string
  /** What Intune acknowledged. */
  readonly acknowledged: Health
  readonly version: number
  readonly held: ThreatState | null
  readonly driftSince: Date | null
  readonly heals: number
  readonly healVersion: number | null
  readonly healedAt: Date | null
}

/**
 * Compares what Intune holds with what it acknowledged, for phones of which nothing is under way
 * and whose last acknowledgement is older than `acknowledgedBefore`. Agreement counts where there was none.
 */
export async function listDisagreements (db: Database, { tenantId, tenantNumber }: DirectoryScope, entries: readonly DirectoryEntry[], acknowledgedBefore: Date): Promise<Disagreement[]> {
  const { rows } = await sql<{
    device_id: string, entra_device_id: string, reported_health: Health, reported_version: number, held: number, drift_since: Date | null
    heals: number, heal_version: number | null, healed_at: Date | null
  }>`
    select s.device_id, x.entra_device_id, s.reported_health, s.reported_version, p."threatState" as held, x.drift_since, x.heals, x.heal_version, x.healed_at
    from (${pageOf(entries)}) p
    join directory_device x on x.tenant_number = ${tenantNumber} and x.entra_device_id = p."entraDeviceId"
    join device d on d.tenant_id = ${tenantId} and d.entra_device_id = p."entraDeviceId" and d.retired_at is null and d.erased_at is null
    join device_state s on s.device_id = d.id
    where p."threatState" is not null and s.reported_health is not null and s.reported_version >= s.desired_version and s.acknowledged_at < ${acknowledgedBefore}
      and (p."threatState" <> array_position(${[...THREAT_STATES]}::text[], s.reported_health) - 1 or x.drift_since is not null)
      and exists (select from intune_connector c where c.tenant_id = ${tenantId} and c.state = 'provisioned')
      and not exists (select from intune_outbox o where o.device_id = s.device_id)`.execute(db)
  return rows.map((row) => ({
    deviceId: row.device_id,
    entraDeviceId: row.entra_device_id,
    acknowledged: row.reported_health,
    version: row.reported_version,
    held: threatStateName(row.held),
    driftSince: row.drift_since,
    heals: row.heals,
    healVersion: row.heal_version,
    healedAt: row.healed_at
  }))
}

/** `heals`: how often the state of `version` was sent again by now. */
export interface DriftMark {
  readonly entraDeviceId: string
  readonly version: number
  readonly heals: number
  readonly isHealed: boolean
}

export async function saveDrifts (tx: Tx, { tenantNumber }: DirectoryScope, marks: readonly DriftMark[], now: Date): Promise<void> {
  await sql`
    update directory_device x set drift_since = coalesce(x.drift_since, ${now}), heals = m.heals, heal_version = m.version,
      healed_at = case when m."isHealed" then ${now} else x.healed_at end
    from jsonb_to_recordset(${JSON.stringify(marks)}::jsonb) as m("entraDeviceId" uuid, version bigint, heals smallint, "isHealed" boolean)
    where x.tenant_number = ${tenantNumber} and x.entra_device_id = m."entraDeviceId"`.execute(tx)
}

/** Intune holds what it acknowledged again. */
export async function clearDrifts (tx: Tx, { tenantNumber }: DirectoryScope, entraDeviceIds: readonly string[]): Promise<void> {
  await sql`
    update directory_device set drift_since = null, heals = 0, heal_version = null, healed_at = null
    where tenant_number = ${tenantNumber} and entra_device_id = any(${entraDeviceIds}::uuid[])`.execute(tx)
}
