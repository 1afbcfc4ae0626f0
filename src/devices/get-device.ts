import { NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import type { Level } from '../risk/level.js'
import { type StepBack, wayBack } from './way-back.js'
import { findDirectoryRecord, findPendingDevice, type DirectoryRecord, type Drift } from './directory-repository.js'
import type { Health } from './health.js'
import { listStandingFindings, type Finding } from './finding-repository.js'
import { findDeviceRow, toDeviceSummary, toIso, type DeviceSummary } from './fleet-repository.js'

/** Which device of whose: by its id, or `entra:` and its Entra device id. */
export interface DeviceReference {
  readonly tenantId: string
  readonly deviceId: string
}

export interface DeviceDetail extends DeviceSummary {
  readonly findings: readonly Finding[]
  /** What the level rests on, in words: the titles of the open findings that raise it to where it is. */
  readonly reasons: readonly string[]
  /** Detections that nobody can answer, because the phone told nothing of what they need. */
  readonly unknown: readonly string[]
  /** Of the policy that the level comes from; null before the first judgement. */
  readonly policyVersion: number | null
  readonly ownership: 'corporate' | 'personal' | null
  readonly tags: readonly string[]
  readonly entraGroups: readonly string[]
  /** What must be solved for each better level, the nearest first. */
  readonly wayBack: readonly StepBack[]
  /** How far the last report's time lies from its receipt, in steps of five minutes (DeviceState); null: less than that. */
  readonly clockOffsetSeconds: number | null
  readonly intune: {
    readonly desired: string | null
    readonly reported: string | null
    readonly acknowledgedAt: string | null
    readonly lastError: string | null
    /** Null: Intune holds what it acknowledged, or nothing is known of what it holds. */
    readonly drift: Drift | null
  }
  /** What Intune and Entra say; null: nothing yet, or they do not know this Entra device id. */
  readonly directory: DirectoryRecord | null
}

/** @throws NotFoundError, also for a device of another tenant */
export async function getDevice ({ db }: { readonly db: Database }, { tenantId, deviceId }: DeviceReference): Promise<DeviceDetail> {
  const row = await findDeviceRow(db, tenantId, deviceId)
  if (row === undefined) return await getPendingDevice(db, { tenantId, deviceId })
  const directory = await findDirectoryRecord(db, { tenantId, entraDeviceId: row.entra_device_id, acknowledged: row.reported_health as Health | null })
  const findings = await listStandingFindings(db, row.id)
  return {
    ...toDeviceSummary(row),
    findings,
    reasons: findings.filter(({ status, raisesLevel, severity }) => status === 'open' && raisesLevel && severity === row.level).map(({ title }) => title),
    unknown: row.undecided ?? [],
    policyVersion: row.policy_version,
    ownership: row.ownership,
    tags: row.tags,
    entraGroups: row.entra_groups,
    wayBack: row.level === null ? [] : wayBack(row.level as Level, findings),
    clockOffsetSeconds: row.clock_offset_seconds,
    intune: {
      desired: row.desired_health,
      reported: row.reported_health,
      acknowledgedAt: toIso(row.acknowledged_at),
      lastError: row.last_sync_error,
      drift: directory?.drift ?? null
    },
    directory: directory?.record ?? null
  }
}

async function getPendingDevice (db: Database, { tenantId, deviceId }: DeviceReference): Promise<DeviceDetail> {
  const summary = await findPendingDevice(db, tenantId, deviceId)
  if (summary === undefined) throw new NotFoundError('There is no such device.')
  const directory = await findDirectoryRecord(db, { tenantId, entraDeviceId: summary.entraDeviceId, acknowledged: null })
  return {
    ...summary,
    findings: [],
    reasons: [],
    unknown: [],
    policyVersion: null,
    ownership: directory?.record.ownership ?? null,
    tags: [],
    entraGroups: [],
    wayBack: [],
    clockOffsetSeconds: null,
    intune: { desired: null, reported: null, acknowledgedAt: null, lastError: null, drift: null },
    directory: directory?.record ?? null
  }
}

/** The device's own id, for whatever reference. @throws NotFoundError */
export async function resolveDeviceId ({ db }: { readonly db: Database }, { tenantId, deviceId }: DeviceReference): Promise<string> {
  const row = await findDeviceRow(db, tenantId, deviceId)
  if (row === undefined) throw new NotFoundError('There is no such device.')
  return row.id
}
