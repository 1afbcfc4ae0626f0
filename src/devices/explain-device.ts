import { sql } from 'kysely'
import { HistoryExpiredError, NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import type { AssessedFinding } from '../risk/assessment.js'
import { type Level, levelRank, type ReportingState } from '../risk/level.js'
import { priorityScore } from '../risk/score.js'
import { findDeviceRow } from './fleet-repository.js'
import type { DeviceReference } from './get-device.js'
import { readKeptFrom } from './history-repository.js'
import { type StepBack, wayBack } from './way-back.js'

/** A finding as it read at that moment, with all that it rested on. Times are ISO 8601. */
export interface ExplainedFinding extends Omit<AssessedFinding, 'intel' | 'expiresAt' | 'suppressedBy'> {
  readonly findingId: string
  readonly status: 'open' | 'suppressed'
  readonly suppression: { readonly id: string, readonly reason: string, readonly owner: string, readonly expiresAt: string } | null
  readonly intel: (NonNullable<AssessedFinding['intel']> & {
    /** The feed's version then; null: it is not known any more. */
    readonly feedVersion: number | null
  }) | null
  readonly firstSeen: string
  /** Since when it read so. */
  readonly since: string
  readonly expiresAt: string | null
}

/** Why a phone is judged as it is, or was. */
export interface Explanation {
  readonly deviceId: string
  readonly at: string
  /** Null: not judged yet at that moment. */
  readonly level: Level | null
  readonly since: string | null
  readonly state: ReportingState
  /** The phone was silent for too long: the level is the last one known. */
  readonly stale: boolean
  readonly score: number | null
  /** Worst first. */
  readonly findings: readonly ExplainedFinding[]
  /** What must be solved for each better level, the nearest first. Access returns when Intune's limit is one of them. */
  readonly wayBack: readonly StepBack[]
  readonly rests: {
    /** Sections that the phone had told of. */
    readonly sections: readonly string[]
    /** Detections that nobody could answer, because the phone told nothing of what they need. */
    readonly unknown: readonly string[]
    readonly policyVersion: number | null
    readonly groups: readonly string[]
    readonly intelVersion: number | null
  }
}

interface ContextRow {
  at: Date, to_level: Level, reporting_state: ReportingState | null, policy_version: number | null, intel_version: number | null, groups: string[] | null
  sections: string[] | null, undecided: string[] | null, since: Date
}

/** The answer for now or any moment since the phone was first judged; its telemetry need not be there any more. @throws NotFoundError, HistoryExpiredError for a moment before what is kept */
export async function explainDevice ({ db }: { readonly db: Database }, { at, ...reference }: DeviceReference & { readonly at?: Date | undefined }): Promise<Explanation> {
  const device = await findDeviceRow(db, reference.tenantId, reference.deviceId)
  if (device === undefined) throw new NotFoundError('There is no such device.')
  const moment = at ?? new Date()
  const [context, findings] = await Promise.all([readContext(db, device.id, moment), readFindings(db, device.id, moment)])
  if (at !== undefined) await requireKept(db, device.enrolled_at, at)
  const level = context?.to_level ?? null
  const state = context === undefined ? 'pending' : at === undefined ? device.reporting_state as ReportingState : context.reporting_state ?? 'activated'
  return {
    deviceId: device.id,
    at: moment.toISOString(),
    level,
    since: context?.since.toISOString() ?? null,
    state,
    stale: state === 'unresponsive',
    score: level === null ? null : priorityScore(level, findings.map(({ suppression, ...finding }) => ({ ...finding, suppressedBy: suppression?.id ?? null }))),
    findings,
    wayBack: level === null ? [] : wayBack(level, findings),
    rests: {
      sections: context?.sections ?? [],
      unknown: context?.undecided ?? [],
      policyVersion: context?.policy_version ?? null,
      groups: context?.groups ?? [],
      intelVersion: context?.intel_version ?? null
    }
  }
}

/** Afterwards, since history may have been cut meanwhile. Of a phone that enrolled later, all is kept. @throws HistoryExpiredError */
async function requireKept (db: Database, enrolledAt: Date, at: Date): Promise<void> {
  const keptFrom = await readKeptFrom(db)
  if (keptFrom === undefined || at >= keptFrom || enrolledAt >= keptFrom) return
  throw new HistoryExpiredError(`What phones were judged by before ${keptFrom.toISOString()} is not kept any more: ask for that moment or a later one.`)
}

async function readContext (db: Database, deviceId: string, moment: Date): Promise<ContextRow | undefined> {
  const { rows: [row] } = await sql<ContextRow>`
    select l.at, l.to_level, l.reporting_state, l.policy_version, l.intel_version, l.groups, c.sections, c.undecided,
      (select max(m.at) from level_change m where m.device_id = l.device_id and m.id <= l.id and m.from_level is distinct from m.to_level) as since
    from level_change l left join coverage_set c on c.id = l.coverage_id
    where l.device_id = ${deviceId} and l.at <= ${moment} order by l.at desc, l.id desc limit 1`.execute(db)
  return row
}

interface FindingRow {
  id: string, detection: string, subject: string, category: string, rule_version: number, severity: string, raises_level: boolean, title: string
  evidence: AssessedFinding['evidence'], intel: AssessedFinding['intel'], attack: string[], remediation: AssessedFinding['remediation'], first_seen: Date
  since: Date, expires_at: Date | null, suppressed_by: string | null, before: AssessedFinding | null, before_since: Date | null
  reason: string | null, owner: string | null, suppressed_until: Date | null, feed_version: number | null
}

async function readFindings (db: Database, deviceId: string, moment: Date): Promise<ExplainedFinding[]> {
  const { rows } = await sql<FindingRow>`
    select f.*, coalesce(f.since, f.first_seen) as since, v.finding as before, v.since as before_since, s.reason, s.owner, s.expires_at as suppressed_until,
      (select max(i.version) from intel_feed_version i where i.feed = coalesce(v.finding, to_jsonb(f)) -> 'intel' ->> 'feed' and i.imported_at <= ${moment}) as feed_version
    from finding f
    left join finding_version v on v.finding_id = f.id and v.since <= ${moment} and v.until > ${moment} and coalesce(f.since, f.first_seen) > ${moment}
    left join suppression s on s.id = case when v.finding is null then f.suppressed_by else (v.finding ->> 'suppressedBy')::uuid end
    where f.device_id = ${deviceId} and f.first_seen <= ${moment} and (f.resolved_at is null or f.resolved_at > ${moment})`.execute(db)
  return rows.map(toExplained).sort((a, b) => weight(b) - weight(a) || (a.detection < b.detection ? -1 : a.detection > b.detection ? 1 : a.subject < b.subject ? -1 : 1))
}

const weight = ({ severity }: Pick<AssessedFinding, 'severity'>): number => severity === 'audit' ? 0 : levelRank(severity)

function toExplained (row: FindingRow): ExplainedFinding {
  const now: Omit<AssessedFinding, 'suppressedBy'> = {
    detection: row.detection,
    ruleVersion: row.rule_version,
    category: row.category as AssessedFinding['category'],
    severity: row.severity as AssessedFinding['severity'],
    raisesLevel: row.raises_level,
    subject: row.subject,
    title: row.title,
    evidence: row.evidence,
    intel: row.intel,
    attack: row.attack,
    remediation: row.remediation,
    expiresAt: row.expires_at?.toISOString() ?? null
  }
  const { suppressedBy: _, ...finding } = { suppressedBy: null, ...row.before ?? now }
  return {
    findingId: row.id,
    ...finding,
    status: row.reason === null ? 'open' : 'suppressed',
    suppression: row.reason === null ? null : { id: (row.before?.suppressedBy ?? row.suppressed_by)!, reason: row.reason, owner: row.owner!, expiresAt: row.suppressed_until!.toISOString() },
    intel: finding.intel === null ? null : { ...finding.intel, feedVersion: row.feed_version },
    firstSeen: row.first_seen.toISOString(),
    since: (row.before_since ?? row.since).toISOString()
  }
}
