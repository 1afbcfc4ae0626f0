import { type Insertable, sql } from 'kysely'
import type { Tx } from '../platform/database.js'
import type { Schema } from '../platform/schema.js'
import type { AssessedFinding } from '../risk/assessment.js'
import { type Level, type ReportingState, SEVERITIES } from '../risk/level.js'
import type { AppInventory, DeviceState, KeptEvent, Platform } from '../telemetry/device-state.js'
import type { AppInventories } from './app-inventories.js'
import { ENTRA_GROUPS, OWNERSHIP } from './device-attributes.js'
import { groupBy } from './group-by.js'
import type { CoverageSets } from './rules/coverage-sets.js'
import type { FindingBehindLevel, OpenFinding, WrittenFinding } from './compare-findings.js'
import type { Judgement, StoredDevice } from './judge-device.js'
import { saveObservables } from './retro/observable-repository.js'
import { upsertOutbox } from './outbox-repository.js'
import { type ChangeReason, insertStateChanges, MAX_REASONS, type NewStateChange } from './state-change-repository.js'
import { areOverdue } from './split-events.js'
import { fromColumns, type StoredState, toColumns } from './stored-state.js'

/** In the locked row, so that whoever waits for the lock sees it. */
export const ERASED_STATE = { erased: true }

/** Makes the missing ones of these devices' states, so that all can be locked. */
export async function insertMissingStates (tx: Tx, deviceIds: readonly string[]): Promise<void> {
  await sql`
    insert into device_state (device_id, tenant_id, state)
    select d.id, d.tenant_id, '{}' from device d where d.id = any(${deviceIds}::uuid[]) order by d.id
    on conflict (device_id) do nothing`.execute(tx)
}

/** Locks the states of these devices, in the order that everybody locks them in, and reads them with their open findings. */
export async function lockDevices (tx: Tx, deviceIds: readonly string[], inventories: AppInventories): Promise<StoredDevice[]> {
  const { rows } = await sql<StateRow>`
    select s.device_id, s.tenant_id, d.platform, s.sequence, s.state, s.older_events, s.apps_digest, s.resend, s.reporting_state,
      s.level, s.level_since, s.last_report_at, s.desired_health, s.desired_version, s.due_at, s.judged_by, s.changes_at, s.coverage_id, s.policy_version,
      ${OWNERSHIP}, d.tags, ${ENTRA_GROUPS}
    from device_state s join device d on d.id = s.device_id
    where s.device_id = any(${deviceIds}::uuid[])
    order by s.device_id
    for update of s`.execute(tx)
  // Reports of an erased device that were already in hand must not bring it back.
  const present = rows.filter(({ state }) => !('erased' in state))
  // Read after the locks are held, or another worker's findings would be missed.
  const { rows: findings } = await sql<FindingRow>`
    select id, device_id, detection, rule_version, category, severity, raises_level, subject, title, evidence, intel, attack,
      remediation, expires_at, last_seen, suppressed_by
    from finding where device_id = any(${deviceIds}::uuid[]) and status <> 'resolved'`.execute(tx)

  const byDevice = groupBy(findings, (row) => row.device_id)
  const apps = await inventories.read(tx, present.map(({ device_id: deviceId, apps_digest: digest }) => ({ deviceId, digest })))
  return present.map((row) => toStoredDevice(row, apps.get(row.device_id), (byDevice.get(row.device_id) ?? []).map(toOpenFinding)))
}

export interface SaveOptions {
  readonly now: Date
  /** Of findings that are over. */
  readonly keepEvidence: boolean
  readonly coverageSets: CoverageSets
  /** In which trace a phone's change goes on. */
  readonly traceOf?: ((deviceId: string) => string | null) | undefined
}

/** Writes judgements: every table once, whatever the number of devices. */
export async function saveJudgements (tx: Tx, judgements: readonly Judgement[], inventories: AppInventories, { now, keepEvidence, coverageSets, traceOf }: SaveOptions): Promise<void> {
  if (judgements.length === 0) return
  await inventories.write(tx, judgements.flatMap(({ device, state: { apps } }) =>
    apps === undefined || apps.digest === device.state.apps?.digest ? [] : [{ deviceId: device.deviceId, tenantId: device.tenantId, apps }]))
  const coverageIds = await coverageSets.idsOf(judgements.map(({ coverage, undecided }) => ({ sections: coverage, undecided })))
  await updateStates(tx, judgements, coverageIds, now)
  await saveObservables(tx, judgements.map(({ device, state }) => ({ deviceId: device.deviceId, before: device.state, after: state })))

  const written = judgements.flatMap((judgement) => [...judgement.findings.opened, ...judgement.findings.changed].map((one) => toFindingInput(judgement, keepEvidence ? one : withoutHistory(one))))
  if (written.length > 0) await upsertFindings(tx, written, now)

  const resolved = judgements.flatMap(({ findings }) => findings.resolved)
  if (resolved.length > 0) {
    await sql`
      update finding set status = 'resolved', resolved_at = ${now},
        evidence = case when ${keepEvidence} then evidence else '[]' end, intel = case when ${keepEvidence} then intel end
      where id = any(${resolved}::uuid[])`.execute(tx)
  }

  const changes = judgements.flatMap((judgement, index) => toLevelChange(judgement, coverageIds[index]!, now))
  if (changes.length > 0) await tx.insertInto('level_change').values(changes).execute()

  const outgoing = judgements.filter(hasNewHealth)
  if (outgoing.length > 0) {
    await upsertOutbox(tx, outgoing.map(({ device, health }) => ({ deviceId: device.deviceId, tenantId: device.tenantId, version: device.desiredVersion + 1, health, trace: traceOf?.(device.deviceId) ?? null })), now)
  }
  await insertStateChanges(tx, judgements.filter(isStateChange).map((judgement) => toNewStateChange(judgement, keepEvidence)), now)
}

/** True when Intune must be told something it was not told before. */
export function hasNewHealth ({ device, health }: Judgement): boolean {
  return health !== device.desiredHealth
}

/** True when the phone's level, reporting state or health is another than before. */
function isStateChange (judgement: Judgement): boolean {
  return hasNewHealth(judgement) || judgement.levelChange !== null || judgement.reportingState !== judgement.device.reportingState
}

/** What a judgement leaves in the feed. @param withSubjects whether it may tell which app, host or network is behind it */
export function toNewStateChange (judgement: Judgement, withSubjects: boolean): NewStateChange {
  const { device, level, reportingState, health, score, findings } = judgement
  return {
    deviceId: device.deviceId,
    version: device.desiredVersion + Number(hasNewHealth(judgement)),
    level,
    previousLevel: device.level,
    reportingState,
    previousReportingState: device.reportingState,
    health,
    previousHealth: device.desiredHealth,
    score,
    reasons: worstReasons(findings.behindLevel, withSubjects)
  }
}

function worstReasons (findings: readonly FindingBehindLevel[], withSubjects: boolean): ChangeReason[] {
  const rank = ({ severity }: FindingBehindLevel): number => SEVERITIES.indexOf(severity)
  return [...findings].sort((a, b) => rank(b) - rank(a)).slice(0, MAX_REASONS)
    .map(({ detection, severity, subject }) => ({ detection, severity, subject: withSubjects ? subject : null }))
}

/** A row of history when the level changed, or what it rests on: then without findings, which have a history of their own. */
function toLevelChange (judgement: Judgement, coverageId: number, now: Date): Array<Insertable<Schema['level_change']>> {
  const { device, levelChange, level } = judgement
  if (levelChange === null && coverageId === device.coverageId && judgement.policyVersion === device.policyVersion && judgement.reportingState === device.reportingState) return []
  return [{
    tenant_id: device.tenantId, device_id: device.deviceId, at: now, from_level: levelChange === null ? level : levelChange.from, to_level: level,
    findings: JSON.stringify(levelChange?.findings ?? []), score: judgement.score, reporting_state: judgement.reportingState, coverage_id: coverageId,
    policy_version: judgement.policyVersion, intel_version: judgement.intelVersion, groups: judgement.groups.length === 0 ? null : [...judgement.groups]
  }]
}

async function updateStates (tx: Tx, judgements: readonly Judgement[], coverageIds: readonly number[], now: Date): Promise<void> {
  await sql`
    update device_state s set
      sequence = i.sequence,
      -- Null: as it was. What is not assigned anew is not written anew either, however large.
      state = coalesce(i.state, s.state),
      older_events = coalesce(i.older_events, s.older_events),
      apps_digest = i.apps_digest,
      patch_level = i.patch_level,
      resend = i.resend,
      reporting_state = i.reporting_state,
      level = i.level,
      level_since = i.level_since,
      coverage_id = i.coverage_id,
      score = i.score,
      policy_version = i.policy_version,
      judged_by = decode(i.judged_by, 'hex'),
      changes_at = i.changes_at,
      last_report_at = i.last_report_at,
      assessed_at = ${now},
      due_at = i.due_at,
      desired_health = i.health,
      desired_version = s.desired_version + (s.desired_health is distinct from i.health)::integer
    from jsonb_to_recordset(${toStatesJson(judgements, coverageIds, now)}::jsonb) as i(device_id uuid, sequence bigint, apps_digest text, patch_level text, resend text[],
      reporting_state text, level text, level_since timestamptz, coverage_id integer, score smallint, policy_version bigint, judged_by text, changes_at timestamptz, last_report_at timestamptz, due_at timestamptz,
      health text, state jsonb, older_events jsonb)
    where s.device_id = i.device_id`.execute(tx)
}

function toStatesJson (judgements: readonly Judgement[], coverageIds: readonly number[], now: Date): string {
  return JSON.stringify(judgements.map((one, index) => {
    const { sequence, apps } = one.state
    const before = one.device.state
    const columns = isSameState(before, one.state) && !areOverdue(one.device.olderEvents, now) ? undefined : toColumns(one.state, one.device.olderEvents, now)
    return {
      device_id: one.device.deviceId,
      sequence,
      apps_digest: apps?.digest ?? null,
      patch_level: one.state.os?.securityPatchLevel?.slice(0, 100) ?? null,
      resend: one.resend,
      reporting_state: one.reportingState,
      level: one.level,
      level_since: one.levelSince,
      coverage_id: coverageIds[index],
      score: one.score,
      policy_version: one.policyVersion,
      judged_by: one.judgedBy?.toString('hex') ?? null,
      changes_at: one.changesAt,
      last_report_at: one.lastReportAt,
      due_at: one.dueAt,
      health: one.health,
      state: columns?.state ?? null,
      older_events: columns?.olderEvents ?? null
    }
  }))
}

// Merging makes a new origins object each time, but the entries and all else stay the same objects.
function isSameState (before: DeviceState, after: DeviceState): boolean {
  const { sequence: _, apps: __, origins: originsBefore, ...restBefore } = before
  const { sequence: ___, apps: ____, origins: originsAfter, ...restAfter } = after
  return before === after || (isShallowEqual(restBefore, restAfter) && isShallowEqual(originsBefore, originsAfter))
}

function isShallowEqual (one: object, other: object): boolean {
  const entries = Object.entries(one)
  return entries.length === Object.keys(other).length && entries.every(([name, value]) => (other as Record<string, unknown>)[name] === value)
}

/** New and changed findings; how those read until now goes into the history. */
async function upsertFindings (tx: Tx, findings: readonly object[], now: Date): Promise<void> {
  const input = JSON.stringify(findings)
  await sql`
    insert into finding_version (finding_id, device_id, since, until, finding)
    select f.id, f.device_id, coalesce(f.since, f.first_seen), ${now}, i.before
    from jsonb_to_recordset(${input}::jsonb) as i(id uuid, before jsonb) join finding f on f.id = i.id
    where i.before is not null and coalesce(f.since, f.first_seen) < ${now}
    on conflict (finding_id, since) do nothing`.execute(tx)
  await sql`
    insert into finding (id, tenant_id, device_id, detection, rule_version, category, severity, raises_level, subject, title, evidence,
      intel, attack, remediation, first_seen, last_seen, expires_at, status, suppressed_by, alerted_at)
    select i.id, i.tenant_id, i.device_id, i.detection, i.rule_version, i.category, i.severity, i.raises_level, i.subject, i.title, i.evidence,
      i.intel, i.attack, i.remediation, ${now}, ${now}, i.expires_at, case when i.suppressed_by is null then 'open' else 'suppressed' end, i.suppressed_by,
      -- What came back within its quiet time does not alert again.
      case when i.quiet_days is null then ${now} else coalesce((
        select max(f.alerted_at) from finding f where f.device_id = i.device_id and f.detection = i.detection and f.subject = i.subject
          and f.alerted_at > ${now}::timestamptz - make_interval(secs => i.quiet_days * 86400)), ${now}) end
    from jsonb_to_recordset(${input}::jsonb) as i(id uuid, tenant_id uuid, device_id uuid, detection text, rule_version integer,
      category text, severity text, raises_level boolean, subject text, title text, evidence jsonb, intel jsonb, attack text[],
      remediation jsonb, expires_at timestamptz, suppressed_by uuid, quiet_days float8, before jsonb)
    on conflict (device_id, detection, subject) where status <> 'resolved' do update set
      rule_version = excluded.rule_version, category = excluded.category, severity = excluded.severity, raises_level = excluded.raises_level,
      title = excluded.title, evidence = excluded.evidence, intel = excluded.intel, attack = excluded.attack,
      remediation = excluded.remediation, last_seen = excluded.last_seen, expires_at = excluded.expires_at,
      status = excluded.status, suppressed_by = excluded.suppressed_by,
      since = case when finding.id = any(${idsOfChanged(findings)}::uuid[]) then excluded.last_seen else finding.since end`.execute(tx)
}

const idsOfChanged = (findings: ReadonlyArray<{ readonly id?: string, readonly before?: unknown }>): string[] =>
  findings.flatMap(({ id, before }) => before === undefined ? [] : [id!])

interface StateRow {
  device_id: string, tenant_id: string, platform: string, sequence: number, state: Partial<StoredState>, older_events: KeptEvent[] | null
  apps_digest: string | null, resend: string[], reporting_state: string, level: string | null, level_since: Date | null
  last_report_at: Date | null, desired_health: string | null, desired_version: number, due_at: Date | null, judged_by: Buffer | null, changes_at: Date | null
  coverage_id: number | null, policy_version: number | null, ownership: 'corporate' | 'personal' | null, tags: string[], entra_groups: string[]
}

interface FindingRow {
  id: string, device_id: string, detection: string, rule_version: number, category: string, severity: string, raises_level: boolean
  subject: string, title: string, evidence: AssessedFinding['evidence'], intel: AssessedFinding['intel'], attack: string[]
  remediation: AssessedFinding['remediation'], expires_at: Date | null, last_seen: Date, suppressed_by: string | null
}

function toStoredDevice (row: StateRow, apps: AppInventory | undefined, findings: readonly OpenFinding[]): StoredDevice {
  return {
    deviceId: row.device_id,
    tenantId: row.tenant_id,
    platform: row.platform as Platform,
    attributes: { ownership: row.ownership, tags: row.tags, entraGroups: row.entra_groups },
    state: fromColumns({ state: row.state, olderEvents: row.older_events }, row.sequence, apps),
    olderEvents: row.older_events ?? [],
    resend: row.resend,
    reportingState: row.reporting_state as ReportingState,
    level: row.level as Level | null,
    levelSince: row.level_since,
    lastReportAt: row.last_report_at,
    desiredHealth: row.desired_health,
    desiredVersion: row.desired_version,
    dueAt: row.due_at,
    judgedBy: row.judged_by,
    changesAt: row.changes_at,
    coverageId: row.coverage_id,
    policyVersion: row.policy_version,
    findings
  }
}

function toOpenFinding (row: FindingRow): OpenFinding {
  return {
    findingId: row.id,
    lastSeen: row.last_seen,
    finding: {
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
      expiresAt: row.expires_at?.toISOString() ?? null,
      suppressedBy: row.suppressed_by
    }
  }
}

/** How a finding read is as personal as what it read. */
function withoutHistory ({ before: _, ...one }: WrittenFinding): WrittenFinding {
  return one
}

function toFindingInput ({ device, quiet }: Judgement, { findingId, finding, before }: WrittenFinding): object {
  return {
    id: findingId,
    tenant_id: device.tenantId,
    device_id: device.deviceId,
    detection: finding.detection,
    rule_version: finding.ruleVersion,
    category: finding.category,
    severity: finding.severity,
    raises_level: finding.raisesLevel,
    subject: finding.subject,
    title: finding.title,
    evidence: finding.evidence,
    intel: finding.intel,
    attack: finding.attack,
    remediation: finding.remediation,
    expires_at: finding.expiresAt,
    suppressed_by: finding.suppressedBy,
    quiet_days: quiet[finding.detection] ?? null,
    before
  }
}
