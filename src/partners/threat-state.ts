import type { Health } from '../devices/health.js'
import { type ChangeReason, MAX_REASONS } from '../devices/state-change-repository.js'
import { NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import type { Level, ReportingState } from '../risk/level.js'
import { findThreatState, type StoredThreatState } from './partner-repository.js'

/** What a relying party learns of a device. Times are ISO 8601; null: none yet. */
export interface ThreatState {
  readonly deviceId: string
  readonly entraDeviceId: string
  /** Of what Intune is told about this device id: never falls, and stays when only the level or the reporting state changed. */
  readonly version: number
  readonly state: ReportingState
  readonly level: Level | null
  readonly levelSince: string | null
  /** What Intune is told, in Graph's vocabulary. */
  readonly threatState: Health | null
  /** 0 to 100. */
  readonly score: number | null
  readonly assessedAt: string | null
  readonly lastReportAt: string | null
  /** Of the level, the worst first; not all of them. */
  readonly reasons: readonly ChangeReason[]
}

export interface ThreatStateDeps {
  readonly db: Database
  /** Then nobody learns which app, host or network is behind a level. */
  readonly privacyMode: boolean
}

/** The present state of a device of this tenant. @throws NotFoundError, also for one of another tenant */
export async function getThreatState ({ db, privacyMode }: ThreatStateDeps, { tenantId, entraDeviceId }: { readonly tenantId: string, readonly entraDeviceId: string }): Promise<ThreatState> {
  const stored = await findThreatState(db, { tenantId, entraDeviceId: entraDeviceId.toLowerCase(), maxReasons: MAX_REASONS })
  if (stored === undefined) throw new NotFoundError('There is no such device.')
  return toThreatState(stored, privacyMode)
}

export function toThreatState (stored: StoredThreatState, privacyMode: boolean): ThreatState {
  return {
    ...stored,
    levelSince: stored.levelSince?.toISOString() ?? null,
    assessedAt: stored.assessedAt?.toISOString() ?? null,
    lastReportAt: stored.lastReportAt?.toISOString() ?? null,
    reasons: privacyMode ? stored.reasons.map((one) => ({ ...one, subject: null })) : stored.reasons
  }
}
