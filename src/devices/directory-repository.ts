import { sql, type RawBuilder } from 'kysely'
import type { Database, Tx } from '../platform/database.js'
import type { Platform } from '../telemetry/device-state.js'
import { complianceName, driftKind, MAX_HEALS, ownerTypeName, platformName, threatStateName, type DriftKind } from './directory-vocabulary.js'
import type { DeviceFilter, DeviceSummary } from './fleet-repository.js'
import type { Health } from './health.js'

/** What Intune and Entra say of a phone. Times are ISO 8601; null: not told, or not so. */
export interface DirectoryRecord {
  readonly intuneDeviceId: string | null
  readonly entraObjectId: string | null
  readonly entraUserId: string | null
  readonly deviceName: string | null
  readonly ownership: 'corporate' | 'personal' | null
  readonly compliance: string | null
  /** What Intune holds of what we reported. */
  readonly threatState: string | null
  readonly enrolledAt: string | null
  /** Last check-in with Intune. */
  readonly checkedInAt: string | null
  /** Not on Intune's list; looked for. */
  readonly missingSince: string | null
  /** Confirmed to be gone from Intune. */
  readonly vanishedAt: string | null
  readonly removedFromEntraAt: string | null
}

/** Intune holds another state than the one it acknowledged. */
export interface Drift {
  readonly kind: DriftKind
  readonly held: string
  readonly since: string
  /** How often the state was sent again. */
  readonly heals: number
  /** It is not sent again by itself: Intune keeps its own. */
  readonly givenUp: boolean
}

/** What the directory has of a phone by its Entra id; undefined: nothing. */
export async function findDirectoryRecord (db: Database, { tenantId, entraDeviceId, acknowledged }: { readonly tenantId: string, readonly entraDeviceId: string, readonly acknowledged: Health | null }): Promise<{ readonly record: DirectoryRecord, readonly drift: Drift | null } | undefined> {
  const row = await db.selectFrom('directory_device as x').innerJoin('tenant as t', 't.number', 'x.tenant_number').selectAll('x')
    .where('t.id', '=', tenantId).where('x.entra_device_id', '=', entraDeviceId).executeTakeFirst()
  if (row === undefined) return undefined
  const held = threatStateName(row.threat_state)
  const kind = row.drift_since === null || acknowledged === null ? undefined : driftKind(acknowledged, held)
  return {
    record: {
      intuneDeviceId: row.intune_device_id,
      entraObjectId: row.entra_object_id,
      entraUserId: row.user_id,
      deviceName: row.device_name,
      ownership: ownershipOf(row.owner_type),
      compliance: complianceName(row.compliance),
      threatState: held,
      enrolledAt: iso(row.enrolled_at),
      checkedInAt: iso(row.checked_in_at),
      missingSince: iso(row.missing_since),
      vanishedAt: iso(row.vanished_at),
      removedFromEntraAt: iso(row.removed_from_entra_at)
    },
    drift: kind === undefined ? null : { kind, held: held!, since: iso(row.drift_since)!, heals: row.heals, givenUp: row.heals >= MAX_HEALS }
  }
}

/** Phones that are expected here and have not enrolled, in the order of the ids they will have. */
export async function listPendingDevices (db: Database, filter: DeviceFilter, { after, limit, pattern }: { readonly after: string | undefined, readonly limit: number, readonly pattern: string | undefined }): Promise<DeviceSummary[]> {
  if (!canBePending(filter)) return []
  const conditions: Array<RawBuilder<unknown>> = []
  if (after !== undefined) conditions.push(sql`x.pending_id > ${after}`)
  if (filter.platform !== undefined) conditions.push(sql`x.platform = ${['android', 'ios', 'ipados'].indexOf(filter.platform)}`)
  if (filter.osVersion !== undefined) conditions.push(sql`x.os_version = ${filter.osVersion}`)
  if (pattern !== undefined) {
    conditions.push(sql`(x.model ilike ${pattern} or x.manufacturer ilike ${pattern} or x.serial_number ilike ${pattern} or x.device_name ilike ${pattern}
      or x.pending_id::text ilike ${pattern} or x.entra_device_id::text ilike ${pattern} or x.intune_device_id::text ilike ${pattern})`)
  }
  return await selectPending(db, filter.tenantId, conditions, limit)
}

/** A phone that is expected, by the id it will have or by `entra:` and its Entra id. */
export async function findPendingDevice (db: Database, tenantId: string, reference: string): Promise<DeviceSummary | undefined> {
  const [, entra, id] = /^(entra:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.exec(reference) ?? []
  if (id === undefined) return undefined
  const [found] = await selectPending(db, tenantId, [entra === undefined ? sql`x.pending_id = ${id}` : sql`x.entra_device_id = ${id}`], 1)
  return found
}

async function selectPending (db: Database, tenantId: string, conditions: ReadonlyArray<RawBuilder<unknown>>, limit: number): Promise<DeviceSummary[]> {
  const { rows } = await sql<PendingRow>`
    select x.* from directory_device x
    where x.tenant_number = (select number from tenant where id = ${tenantId}) and x.pending_id is not null
      -- Enrolled since the last comparison.
      and not exists (select from device d where d.tenant_id = ${tenantId} and d.entra_device_id = x.entra_device_id and d.retired_at is null)
      ${conditions.length === 0 ? sql`` : sql`and ${sql.join([...conditions], sql` and `)}`}
    order by x.pending_id limit ${limit}`.execute(db)
  return rows.map(toPendingSummary)
}

/** A phone that has not enrolled has no level, no findings and no apps. */
const canBePending = ({ level, state, detection, app, signer }: DeviceFilter): boolean =>
  (state === undefined || state === 'pending') && level === undefined && detection === undefined && app === undefined && signer === undefined

/** What the directory knows of a phone that enrols. */
export interface Expected {
  /** The id it was listed with while it was expected. */
  readonly deviceId: string | null
  readonly intuneDeviceId: string | null
  readonly serialNumber: string | null
  readonly ownership: 'corporate' | 'personal' | null
  readonly groups: readonly number[] | null
}

/** The phone is expected no longer: it is here. Undefined: the directory does not know it. */
export async function takeExpected (tx: Tx, tenantId: string, entraDeviceId: string): Promise<Expected | undefined> {
  const { rows: [row] } = await sql<{ tenant_number: number, pending_id: string | null, intune_device_id: string | null, serial_number: string | null, owner_type: number | null, user_id: string | null, entra_object_id: string | null }>`
    select x.* from directory_device x join tenant t on t.number = x.tenant_number
    where t.id = ${tenantId} and x.entra_device_id = ${entraDeviceId} for no key update of x`.execute(tx)
  if (row === undefined) return undefined
  const { rows: [found] } = await sql<{ groups: number[] | null }>`
    select array_agg(distinct m.group_number order by m.group_number) as groups from directory_member m join directory_group g on g.number = m.group_number
    where g.tenant_id = ${tenantId} and m.member_id in (${row.user_id}::uuid, ${row.entra_object_id}::uuid)`.execute(tx)
  if (row.pending_id !== null) {
    await tx.updateTable('directory_device').set({ pending_id: null }).where('tenant_number', '=', row.tenant_number).where('entra_device_id', '=', entraDeviceId).execute()
  }
  return {
    deviceId: row.pending_id, intuneDeviceId: row.intune_device_id, serialNumber: row.serial_number, ownership: ownershipOf(row.owner_type), groups: found?.groups ?? null
  }
}

interface PendingRow {
  pending_id: string, entra_device_id: string, intune_device_id: string | null, platform: number, os_version: string | null
  manufacturer: string | null, model: string | null, serial_number: string | null
}

function toPendingSummary (row: PendingRow): DeviceSummary {
  return {
    deviceId: row.pending_id,
    entraDeviceId: row.entra_device_id,
    intuneDeviceId: row.intune_device_id,
    platform: platformName(row.platform) as Platform,
    osVersion: row.os_version,
    manufacturer: row.manufacturer,
    model: row.model,
    serialNumber: row.serial_number,
    state: 'pending',
    level: null,
    levelSince: null,
    stale: false,
    score: null,
    coverage: [],
    openFindings: 0,
    enrolledAt: null,
    lastReportAt: null,
    assessedAt: null,
    revokedAt: null,
    retiredAt: null
  }
}

function ownershipOf (ownerType: number | null): 'corporate' | 'personal' | null {
  const name = ownerTypeName(ownerType)
  return name === 'company' ? 'corporate' : name === 'personal' ? 'personal' : null
}

const iso = (time: Date | null): string | null => time?.toISOString() ?? null
