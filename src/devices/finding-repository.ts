import { sql, type RawBuilder } from 'kysely'
import type { Database } from '../platform/database.js'
import type { AssessedFinding } from '../risk/assessment.js'
import type { Severity } from '../risk/level.js'
import { decodeCursor, limitOf, TIME_PART, toPage, UUID_PART, type Page, type PageInput } from './cursor.js'

export type FindingStatus = 'open' | 'resolved' | 'suppressed'

/** A finding as the API shows it (contract, "Finding"). Times are ISO 8601. */
export interface Finding {
  readonly findingId: string
  readonly deviceId: string
  readonly detection: string
  readonly category: string
  readonly severity: Severity
  readonly subject: string
  readonly title: string
  readonly evidence: AssessedFinding['evidence']
  readonly intel: { readonly feed: string, readonly indicator: string, readonly family: string } | null
  readonly attack: readonly string[]
  readonly status: FindingStatus
  readonly firstSeen: string
  readonly lastSeen: string
  readonly expiresAt: string | null
  readonly resolvedAt: string | null
  readonly remediation: AssessedFinding['remediation']
  readonly ruleVersion: number
  readonly raisesLevel: boolean
  /** Id of the suppression that takes it out of the level. */
  readonly suppressedBy: string | null
  /** Came back within the quiet time of its last alert, so it does not alert again. */
  readonly quiet: boolean
}

export interface FindingFilter extends PageInput {
  readonly tenantId: string
  readonly deviceId?: string | undefined
  readonly status?: FindingStatus | undefined
  readonly detection?: string | undefined
  readonly severity?: Severity | undefined
  readonly subject?: string | undefined
}

interface FindingRow {
  id: string, device_id: string, detection: string, rule_version: number, category: string, severity: string, raises_level: boolean
  subject: string, title: string, evidence: AssessedFinding['evidence'], intel: AssessedFinding['intel'], attack: string[]
  remediation: AssessedFinding['remediation'], status: string, first_seen: Date, last_seen: Date, expires_at: Date | null, resolved_at: Date | null
  suppressed_by: string | null, alerted_at: Date | null
}

/** One page of a tenant's findings, those first seen last at the top. */
export async function pageFindings (db: Database, filter: FindingFilter): Promise<Page<Finding>> {
  const limit = limitOf(filter)
  const before = decodeCursor(filter, TIME_PART, UUID_PART)
  const conditions: Array<RawBuilder<unknown>> = [sql`f.tenant_id = ${filter.tenantId}`]
  if (before !== undefined) conditions.push(sql`(f.first_seen, f.id) < (${before[0]}::timestamptz, ${before[1]}::uuid)`)
  if (filter.deviceId !== undefined) conditions.push(sql`f.device_id = ${filter.deviceId}`)
  if (filter.status !== undefined) conditions.push(sql`f.status = ${filter.status}`)
  if (filter.detection !== undefined) conditions.push(sql`f.detection = ${filter.detection}`)
  if (filter.severity !== undefined) conditions.push(sql`f.severity = ${filter.severity}`)
  if (filter.subject !== undefined) conditions.push(sql`f.subject = ${filter.subject}`)
  const { rows } = await sql<FindingRow>`
    select f.* from finding f where ${sql.join(conditions, sql` and `)}
    order by f.first_seen desc, f.id desc limit ${limit + 1}`.execute(db)
  return toPage(rows, limit, toFinding, ({ first_seen: firstSeen, id }) => [firstSeen.toISOString(), id])
}

/** A device's findings that are not resolved, worst first. */
export async function listStandingFindings (db: Database, deviceId: string): Promise<Finding[]> {
  const { rows } = await sql<FindingRow>`
    select f.* from finding f where f.device_id = ${deviceId} and f.status <> 'resolved'
    order by array_position(array['high', 'medium', 'low', 'audit'], f.severity), f.first_seen, f.id`.execute(db)
  return rows.map(toFinding)
}

function toFinding (row: FindingRow): Finding {
  return {
    findingId: row.id,
    deviceId: row.device_id,
    detection: row.detection,
    category: row.category,
    severity: row.severity as Severity,
    subject: row.subject,
    title: row.title,
    evidence: row.evidence,
    intel: row.intel === null ? null : { feed: row.intel.feed, indicator: row.intel.value, family: row.intel.family },
    attack: row.attack,
    status: row.status as FindingStatus,
    firstSeen: row.first_seen.toISOString(),
    lastSeen: row.last_seen.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    resolvedAt: row.resolved_at?.toISOString() ?? null,
    remediation: row.remediation,
    ruleVersion: row.rule_version,
    raisesLevel: row.raises_level,
    suppressedBy: row.suppressed_by,
    quiet: row.alerted_at !== null && row.alerted_at < row.first_seen
  }
}
