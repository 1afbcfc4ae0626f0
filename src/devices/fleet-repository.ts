import { sql, type RawBuilder } from 'kysely'
import type { Database } from '../platform/database.js'
import type { Level, ReportingState } from '../risk/level.js'
import type { Platform } from '../telemetry/device-state.js'
import { listBuildIds } from './app-build-repository.js'
import { decodeCursor, limitOf, toPage, UUID_PART, type Page, type PageInput } from './cursor.js'
import { ENTRA_GROUPS, OWNERSHIP } from './device-attributes.js'
import { listPendingDevices } from './directory-repository.js'
import { hasBuild, isCommon, phonesWithBuild, phonesWithOsVersion } from './which-phones.js'

/** A device as lists show it. Times are ISO 8601; null: unknown or not yet. */
export interface DeviceSummary {
  readonly deviceId: string
  readonly entraDeviceId: string
  readonly intuneDeviceId: string | null
  readonly platform: Platform
  readonly osVersion: string | null
  readonly manufacturer: string | null
  readonly model: string | null
  readonly serialNumber: string | null
  readonly state: ReportingState
  /** Null: never reported. */
  readonly level: Level | null
  readonly levelSince: string | null
  /** Silent for too long: the level is the last one known. */
  readonly stale: boolean
  /** 0 to 100, for sorting; null without a level. */
  readonly score: number | null
  /** Sections the level rests on. */
  readonly coverage: readonly string[]
  readonly openFindings: number
  /** Null: expected by the directory, not enrolled yet; the id is the one it will have. */
  readonly enrolledAt: string | null
  readonly lastReportAt: string | null
  readonly assessedAt: string | null
  readonly revokedAt: string | null
  readonly retiredAt: string | null
}

export interface DeviceFilter extends PageInput {
  readonly tenantId: string
  readonly level?: Level | undefined
  readonly state?: ReportingState | undefined
  readonly platform?: Platform | undefined
  /** Has an open finding of this detection. */
  readonly detection?: string | undefined
  /** Part of a model, manufacturer or serial number, or an id. */
  readonly q?: string | undefined
  /** Has this app, by its id. */
  readonly app?: string | undefined
  /** Has the app in this version. */
  readonly appVersion?: string | undefined
  /** Has an app, or that app, signed with this certificate: its fingerprint, lower-case hex. */
  readonly signer?: string | undefined
  /** Last reported this version of its OS; before its first report, enrolled with it. */
  readonly osVersion?: string | undefined
}

export interface DeviceRow {
  id: string, entra_device_id: string, intune_device_id: string | null, platform: string, os_version: string | null
  manufacturer: string | null, model: string | null, serial_number: string | null, enrolled_at: Date, revoked_at: Date | null, retired_at: Date | null
  reporting_state: string | null, level: string | null, level_since: Date | null, coverage: string[] | null, undecided: string[] | null, score: number | null
  policy_version: number | null, ownership: 'corporate' | 'personal' | null, tags: string[], entra_groups: string[], last_report_at: Date | null
  assessed_at: Date | null, open_findings: number, desired_health: string | null, desired_version: number | null
  reported_health: string | null, reported_version: number | null, acknowledged_at: Date | null, last_sync_error: string | null
  clock_offset_seconds: number | null
}

const COLUMNS = sql`
  d.id, d.entra_device_id, d.intune_device_id, d.platform,
    -- What the phone reports is newer than what it enrolled with.
    coalesce(s.os_version, d.os_version) as os_version,
    ${OWNERSHIP}, d.tags, ${ENTRA_GROUPS}, d.manufacturer, d.model, d.serial_number, d.enrolled_at, d.revoked_at, d.retired_at,
    s.reporting_state, s.level, s.level_since, c.sections as coverage, c.undecided, s.score, s.policy_version, s.last_report_at, s.assessed_at,
    s.desired_health, s.desired_version, s.reported_health, s.reported_version, s.acknowledged_at, s.last_sync_error,
    (s.state ->> 'clockOffsetSeconds')::integer as clock_offset_seconds,
    (select count(*) from finding f where f.device_id = d.id and f.status = 'open') as open_findings`
const JOINS = sql`left join device_state s on s.device_id = d.id left join coverage_set c on c.id = s.coverage_id`
const FROM_DEVICE = sql`from device d ${JOINS}`

/** One page of a tenant's devices, erased ones left out, with those that are expected, in an order that does not change. */
export async function pageDevices (db: Database, filter: DeviceFilter): Promise<Page<DeviceSummary>> {
  const limit = limitOf(filter)
  const after = decodeCursor(filter, UUID_PART)?.[0]
  const q = filter.q?.trim() ?? ''
  const pattern = q === '' ? undefined : `%${q.replace(/[\\%_]/g, '\\$&')}%`
  const found = await Promise.all([
    listEnrolled(db, filter, { after, limit: limit + 1, pattern }),
    listPendingDevices(db, filter, { after, limit: limit + 1, pattern })
  ])
  const items = found.flat().sort((one, other) => one.deviceId < other.deviceId ? -1 : 1)
  return toPage(items, limit, (item) => item, ({ deviceId }) => [deviceId])
}

async function listEnrolled (db: Database, filter: DeviceFilter, { after, limit, pattern }: { readonly after: string | undefined, readonly limit: number, readonly pattern: string | undefined }): Promise<DeviceSummary[]> {
  const conditions: Array<RawBuilder<unknown>> = [sql`d.tenant_id = ${filter.tenantId}`, sql`d.erased_at is null`]
  if (after !== undefined) conditions.push(sql`d.id > ${after}`)
  const source = await findSource(db, filter, after)
  if (source === undefined) return []
  conditions.push(...source.conditions)
  if (filter.level !== undefined) conditions.push(sql`s.level = ${filter.level}`)
  if (filter.state !== undefined) conditions.push(sql`coalesce(s.reporting_state, 'pending') = ${filter.state}`)
  if (filter.platform !== undefined) conditions.push(sql`d.platform = ${filter.platform}`)
  if (filter.detection !== undefined) {
    conditions.push(sql`exists (select from finding f where f.device_id = d.id and f.detection = ${filter.detection} and f.status = 'open')`)
  }
  if (pattern !== undefined) {
    conditions.push(sql`(d.model ilike ${pattern} or d.manufacturer ilike ${pattern} or d.serial_number ilike ${pattern}
      or d.id::text ilike ${pattern} or d.entra_device_id::text ilike ${pattern} or d.intune_device_id::text ilike ${pattern})`)
  }
  const { rows } = await sql<DeviceRow>`select ${COLUMNS} ${source.from} where ${sql.join(conditions, sql` and `)} order by ${source.order} limit ${limit}`.execute(db)
  return rows.map(toDeviceSummary)
}

interface Source { readonly from: RawBuilder<unknown>, readonly order: RawBuilder<unknown>, readonly conditions: ReadonlyArray<RawBuilder<unknown>> }

/** Where to look for phones with these apps and this OS, what narrows most first; undefined when there can be none. */
async function findSource (db: Database, { tenantId, app, appVersion, signer, osVersion }: DeviceFilter, after: string | undefined): Promise<Source | undefined> {
  const byOs = osVersion === undefined ? [] : [sql`coalesce(s.os_version, d.os_version) = ${osVersion}`]
  const byApp: Array<RawBuilder<unknown>> = []
  if (app !== undefined || signer !== undefined) {
    const builds = await listBuildIds(db, { appId: app, version: appVersion, signer })
    if (builds.length === 0) return undefined
    if (!await isCommon(db, { builds, tenantId, after })) return outOf(phonesWithBuild({ builds, tenantId, after }), byOs)
    byApp.push(hasBuild(builds, sql`d.id`))
  }
  if (osVersion !== undefined) return outOf(phonesWithOsVersion({ tenantId, osVersion, after }), byApp)
  return { from: FROM_DEVICE, order: sql`d.id`, conditions: byApp }
}

/** The ids come in order, and the page ends as soon as it is full. */
function outOf (ids: RawBuilder<unknown>, conditions: Source['conditions']): Source {
  return { from: sql`from (${ids}) found join device d on d.id = found.device_id ${JOINS}`, order: sql`found.device_id`, conditions }
}

/** A device by its id, or by `entra:` and its Entra device id. */
export async function findDeviceRow (db: Database, tenantId: string, reference: string): Promise<DeviceRow | undefined> {
  const [, entra, id] = /^(entra:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.exec(reference) ?? []
  if (id === undefined) return undefined
  const match = entra === undefined ? sql`d.id = ${id}` : sql`d.entra_device_id = ${id}`
  // Of several records of one Entra id the live one counts, else the last.
  const { rows } = await sql<DeviceRow>`select ${COLUMNS} ${FROM_DEVICE}
    where d.tenant_id = ${tenantId} and d.erased_at is null and ${match}
    order by d.retired_at desc nulls first limit 1`.execute(db)
  return rows[0]
}

export function toDeviceSummary (row: DeviceRow): DeviceSummary {
  return {
    deviceId: row.id,
    entraDeviceId: row.entra_device_id,
    intuneDeviceId: row.intune_device_id,
    platform: row.platform as Platform,
    osVersion: row.os_version,
    manufacturer: row.manufacturer,
    model: row.model,
    serialNumber: row.serial_number,
    state: (row.reporting_state ?? 'pending') as ReportingState,
    level: row.level as Level | null,
    levelSince: toIso(row.level_since),
    stale: row.reporting_state === 'unresponsive',
    score: row.score,
    coverage: row.coverage ?? [],
    openFindings: row.open_findings,
    enrolledAt: row.enrolled_at.toISOString(),
    lastReportAt: toIso(row.last_report_at),
    assessedAt: toIso(row.assessed_at),
    revokedAt: toIso(row.revoked_at),
    retiredAt: toIso(row.retired_at)
  }
}

export const toIso = (time: Date | null): string | null => time === null ? null : time.toISOString()
