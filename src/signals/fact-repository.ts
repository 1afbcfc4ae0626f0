import { sql } from 'kysely'
import type { StateChange } from '../devices/state-change-repository.js'
import type { Database } from '../platform/database.js'
import type { DeviceFacts, FindingFacts } from './derive/device-facts.js'

/** What is known of phones beside their changes. One that is gone is not in it. */
export async function readDeviceFacts (db: Database, deviceIds: readonly string[]): Promise<ReadonlyMap<string, DeviceFacts>> {
  if (deviceIds.length === 0) return new Map()
  const rows = await db.selectFrom('device')
    .select(['id', 'intune_device_id', 'platform', 'os_version', 'manufacturer', 'model', 'serial_number', 'ownership'])
    .where('id', 'in', [...new Set(deviceIds)]).execute()
  return new Map(rows.map((row) => [row.id, {
    deviceId: row.id,
    intuneDeviceId: row.intune_device_id,
    platform: row.platform as DeviceFacts['platform'],
    osVersion: row.os_version,
    manufacturer: row.manufacturer,
    model: row.model,
    serialNumber: row.serial_number,
    ownership: row.ownership as DeviceFacts['ownership']
  }]))
}

interface FindingRow {
  position: number, id: string, device_id: string, detection: string, rule_version: number, category: string, severity: string, subject: string, title: string
  evidence: FindingFacts['evidence'], attack: string[], remediation: FindingFacts['remediation'], status: string, first_seen: Date, last_seen: Date, resolved_at: Date | null
}

/**
 * The findings that changes opened or closed, by position: a judgement writes its findings and
 * its change with one time.
 */
export async function readFindingFacts (db: Database, changes: readonly StateChange[]): Promise<ReadonlyMap<number, readonly FindingFacts[]>> {
  const found = new Map<number, FindingFacts[]>()
  if (changes.length === 0) return found
  const input = JSON.stringify(changes.map(({ position, deviceId, at }) => ({ position, deviceId, at })))
  const { rows } = await sql<FindingRow>`
    select i.position, f.id, f.device_id, f.detection, f.rule_version, f.category, f.severity, f.subject, f.title, f.evidence, f.attack, f.remediation,
      f.status, f.first_seen, f.last_seen, f.resolved_at
    from jsonb_to_recordset(${input}::jsonb) as i(position bigint, "deviceId" uuid, at timestamptz)
    join finding f on f.device_id = i."deviceId" and (f.first_seen = i.at or f.resolved_at = i.at)
    order by i.position, f.id`.execute(db)
  for (const { position, ...row } of rows) {
    const list = found.get(position) ?? []
    list.push(toFinding(row))
    found.set(position, list)
  }
  return found
}

function toFinding (row: Omit<FindingRow, 'position'>): FindingFacts {
  return {
    findingId: row.id,
    deviceId: row.device_id,
    detection: row.detection,
    ruleVersion: row.rule_version,
    category: row.category,
    severity: row.severity as FindingFacts['severity'],
    subject: row.subject,
    title: row.title,
    evidence: row.evidence,
    attack: row.attack,
    remediation: row.remediation,
    status: row.status as FindingFacts['status'],
    firstSeen: row.first_seen,
    lastSeen: row.last_seen,
    resolvedAt: row.resolved_at
  }
}

/** The phones of these that a stream's receiver does not want to hear of. */
export async function listExcluded (db: Database, destinationId: string, deviceIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (deviceIds.length === 0) return new Set()
  const rows = await db.selectFrom('signal_excluded_device').select('device_id').where('destination_id', '=', destinationId).where('device_id', 'in', [...new Set(deviceIds)]).execute()
  return new Set(rows.map(({ device_id: id }) => id))
}

/** Leaves a phone out of a stream, or takes it in again. */
export async function setExcluded (db: Database, destinationId: string, deviceId: string, excluded: boolean): Promise<void> {
  if (excluded) {
    await db.insertInto('signal_excluded_device').values({ destination_id: destinationId, device_id: deviceId }).onConflict((conflict) => conflict.doNothing()).execute()
  } else {
    await db.deleteFrom('signal_excluded_device').where('destination_id', '=', destinationId).where('device_id', '=', deviceId).execute()
  }
}

/** The phone with this Entra device id that the tenant has now. */
export async function findDeviceByEntraId (db: Database, tenantId: string, entraDeviceId: string): Promise<string | undefined> {
  const row = await db.selectFrom('device').select('id').where('tenant_id', '=', tenantId).where('entra_device_id', '=', entraDeviceId).orderBy('enrolled_at', 'desc').limit(1).executeTakeFirst()
  return row?.id
}

export async function findEntraTenantId (db: Database, tenantId: string): Promise<string | undefined> {
  return (await db.selectFrom('tenant').select('entra_tenant_id').where('id', '=', tenantId).executeTakeFirst())?.entra_tenant_id
}
