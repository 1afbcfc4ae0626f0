import { sql, type RawBuilder } from 'kysely'
import type { Database, Tx } from '../platform/database.js'
import type { Level, ReportingState, Severity } from '../risk/level.js'
import type { Health } from './health.js'

/** One of the findings behind a level, as far as the feed tells. */
export interface ChangeReason {
  readonly detection: string
  readonly severity: Severity
  /** The bare thing: an app id, a host, a setting. Null in privacy mode. */
  readonly subject: string | null
}

/** What became of a phone by one judgement. */
export interface NewStateChange {
  readonly deviceId: string
  /** The `desired_version` that it leaves. */
  readonly version: number
  readonly level: Level | null
  readonly previousLevel: Level | null
  readonly reportingState: ReportingState
  readonly previousReportingState: ReportingState
  readonly health: Health
  readonly previousHealth: string | null
  readonly score: number | null
  readonly reasons: readonly ChangeReason[]
}

/** A change as readers of the feed see it. */
export interface StateChange {
  readonly tenantId: string
  /** Rises with each change of the tenant; the order of the feed. */
  readonly position: number
  readonly deviceId: string
  readonly entraDeviceId: string
  readonly at: Date
  /** Of what Intune is to be told of this phone; never falls for a device id, and stays when only the level or the reporting state changed. */
  readonly version: number
  /** Null: none yet, or erased. */
  readonly level: Level | null
  readonly previousLevel: Level | null
  readonly reportingState: ReportingState
  readonly previousReportingState: ReportingState
  readonly health: Health
  readonly previousHealth: Health | null
  /** 0 to 100. */
  readonly score: number | null
  /** The worst first, at most MAX_REASONS. */
  readonly reasons: readonly ChangeReason[]
  /** Told once more after a restore: what was told before is not known, so what is `previous…` is unknown too. */
  readonly retold?: true
}

/** Reasons kept with a change; all are in the phone's findings. */
export const MAX_REASONS = 5
/** Changes given a position in one transaction. */
const MAX_SEQUENCED = 5_000

const COLUMNS = sql.raw('tenant_number, device_id, entra_device_id, at, version, level, previous_level, reporting_state, previous_reporting_state, health, previous_health, score, reasons')

/**
 * Writes changes for the feed. In the transaction that changes the states, whose rows must be
 * locked: that alone keeps the changes of one phone in order.
 */
export async function insertStateChanges (tx: Tx, changes: readonly NewStateChange[], now: Date): Promise<void> {
  if (changes.length === 0) return
  const input = JSON.stringify(changes.map(({ reasons, ...one }) => ({ ...one, reasons: reasons.length === 0 ? null : toReasonRows(reasons) })))
  await sql`
    insert into state_change_waiting (${COLUMNS})
    select t.number, d.id, d.entra_device_id, ${now}, i.version, i.level, i."previousLevel", i."reportingState", i."previousReportingState", i.health, i."previousHealth", i.score, i.reasons
    from jsonb_to_recordset(${input}::jsonb) as i("deviceId" uuid, version integer, level text, "previousLevel" text, "reportingState" text,
      "previousReportingState" text, health text, "previousHealth" text, score smallint, reasons jsonb)
    join device d on d.id = i."deviceId" join tenant t on t.id = d.tenant_id`.execute(tx)
}

/** The change to `deactivated` of those of these phones that are not yet, whose states must be locked and still be as they were. */
export async function insertDeactivations (tx: Tx, deviceIds: readonly string[], now: Date): Promise<void> {
  await sql`
    insert into state_change_waiting (${COLUMNS})
    select t.number, d.id, d.entra_device_id, ${now}, s.desired_version + 1, s.level, s.level, 'deactivated', s.reporting_state, 'deactivated', s.desired_health, s.score, null
    from device_state s join device d on d.id = s.device_id join tenant t on t.id = d.tenant_id
    where s.device_id = any(${deviceIds}::uuid[]) and s.desired_health is distinct from 'deactivated'
    order by s.device_id`.execute(tx)
}

/**
 * Takes what the feed tells of a phone out of it, but for one bare row, so that readers who
 * were away learn that it is deactivated. Its state must be locked.
 */
export async function eraseStateChanges (tx: Tx, deviceId: string, now: Date): Promise<void> {
  // In this order: what the sequencer moves meanwhile is seen by the second. Locked in the order
  // that the sequencer locks in, so that they do not wait for each other.
  await sql`
    delete from state_change_waiting where id in (select id from state_change_waiting where device_id = ${deviceId} order by id for update)`.execute(tx)
  await sql`
    delete from state_change c using device d join tenant t on t.id = d.tenant_id
    where d.id = ${deviceId} and c.tenant_number = t.number and c.device_id = d.id`.execute(tx)
  await sql`
    insert into state_change_waiting (${COLUMNS})
    select t.number, d.id, d.entra_device_id, ${now}, s.desired_version, null, null, 'deactivated', 'deactivated', 'deactivated', 'deactivated', null, null
    from device_state s join device d on d.id = s.device_id join tenant t on t.id = d.tenant_id
    where s.device_id = ${deviceId}`.execute(tx)
}

/**
 * Gives positions to changes of all tenants that were committed and have none; answers how many
 * there were. One at a time over all processes; costs one look when there is nothing new. What is
 * not committed yet gets its position after it is, so a position once read is never filled later.
 */
export async function sequenceStateChanges (db: Database): Promise<number> {
  let sequenced = 0
  for (;;) {
    // A function, for whoever reads one tenant's changes may not move those of others.
    const { rows: [row] } = await sql<{ moved: number }>`select sequence_state_changes(${MAX_SEQUENCED}) as moved`.execute(db)
    if (row!.moved === 0) return sequenced
    sequenced += row!.moved
  }
}

/** How far a tenant's feed has come and how much is no longer kept; zeros before its first change. */
export interface FeedBounds {
  readonly latest: number
  /** The position of the last change that was deleted: who has read up to here or further misses nothing. */
  readonly dropped: number
}

export async function readFeedBounds (db: Database, tenantId: string): Promise<FeedBounds> {
  const { rows } = await sql<FeedBounds>`
    select f.position as latest, f.dropped_position as dropped from state_feed f join tenant t on t.number = f.tenant_number where t.id = ${tenantId}`.execute(db)
  return rows[0] ?? { latest: 0, dropped: 0 }
}

/** The latest position of tenants, all or these, that ever had a change: one small row a tenant. */
export async function listFeedPositions (db: Database, tenantIds?: readonly string[]): Promise<Array<{ readonly tenantId: string, readonly latest: number }>> {
  const { rows } = await sql<{ tenant_id: string, latest: number }>`
    select t.id as tenant_id, f.position as latest from state_feed f join tenant t on t.number = f.tenant_number
    ${tenantIds === undefined ? sql`` : sql`where t.id = any(${[...tenantIds]}::uuid[])`}`.execute(db)
  return rows.map(({ tenant_id: tenantId, latest }) => ({ tenantId, latest }))
}

export interface StateChangesFilter {
  readonly tenantId: string
  /** The position read up to; 0 for all. */
  readonly after: number
  readonly limit: number
}

/**
 * Tells the state of every phone that was ever judged once more, in tenants where somebody is told of changes: for whoever was told
 * something else by a database that is lost. Nothing of Sallyport may run. Answers how many.
 */
export async function retellStates (tx: Tx): Promise<number> {
  const { numAffectedRows } = await sql`
    with told as (
      select f.tenant_number, f.position + row_number() over (partition by f.tenant_number order by d.id) as position, d.id, d.entra_device_id, d.erased_at,
        s.desired_version, s.level, s.reporting_state, s.desired_health, s.score
      from state_feed f join tenant t on t.number = f.tenant_number join device d on d.tenant_id = t.id join device_state s on s.device_id = d.id
      where s.desired_health is not null and exists (select from signal_destination g where g.tenant_id = t.id)
    ), advanced as (
      update state_feed f set position = m.position from (select tenant_number, max(position) as position from told group by tenant_number) m where m.tenant_number = f.tenant_number
    )
    insert into state_change (position, retold, ${COLUMNS})
    select position, true, tenant_number, id, entra_device_id, now(), desired_version, level, null, reporting_state,
      -- As the one row that is left of an erased phone has it.
      case when erased_at is null then 'pending' else 'deactivated' end, desired_health, null, score, (
        select jsonb_agg(jsonb_build_array(detection, severity, subject)) from (
          select detection, severity, subject from finding
          where finding.device_id = told.id and status = 'open' and raises_level and severity <> 'audit'
          order by array_position(array['high', 'medium', 'low'], severity), first_seen limit ${MAX_REASONS}
        ) worst
      )
    from told`.execute(tx)
  return Number(numAffectedRows ?? 0)
}

/** A tenant's changes that have a position, in order. It sequences nothing, and does not say whether older ones were deleted. */
export async function listStateChanges (db: Database, { tenantId, after, limit }: StateChangesFilter): Promise<StateChange[]> {
  const { rows } = await sql<ChangeRow>`
    select c.* from state_change c join tenant t on t.number = c.tenant_number
    where t.id = ${tenantId} and c.position > ${after} order by c.position limit ${limit}`.execute(db)
  return rows.map((row) => toStateChange(row, tenantId))
}

/** Deletes changes older than so many days, oldest first, and notes how far. Answers how many. */
export async function expireStateChanges (db: Database, { retentionDays }: { readonly retentionDays: number }): Promise<number> {
  const { numAffectedRows } = await sql`
    with bound as (
      select f.tenant_number, coalesce((
        select c.position - 1 from state_change c where c.tenant_number = f.tenant_number and c.at >= now() - ${daysOf(retentionDays)} order by c.position limit 1
      ), (select max(c.position) from state_change c where c.tenant_number = f.tenant_number)) as position
      from state_feed f
    ), noted as (
      update state_feed f set dropped_position = b.position from bound b
      where b.tenant_number = f.tenant_number and b.position > f.dropped_position
      returning f.tenant_number, f.dropped_position
    )
    delete from state_change c using noted n where c.tenant_number = n.tenant_number and c.position <= n.dropped_position`.execute(db)
  return Number(numAffectedRows ?? 0)
}

const daysOf = (days: number): RawBuilder<unknown> => sql`make_interval(days => ${days})`

/** How reasons are stored: names of members would be most of their size. */
export const toReasonRows = (reasons: readonly ChangeReason[]): Array<readonly [string, string, string | null]> =>
  reasons.map(({ detection, severity, subject }) => [detection, severity, subject])

interface ChangeRow {
  position: number, device_id: string, entra_device_id: string, at: Date, version: number, level: string | null, previous_level: string | null
  reporting_state: string, previous_reporting_state: string, health: string, previous_health: string | null, score: number | null
  reasons: ReadonlyArray<readonly [string, string, string | null]> | null, retold: boolean | null
}

function toStateChange (row: ChangeRow, tenantId: string): StateChange {
  return {
    tenantId,
    position: row.position,
    deviceId: row.device_id,
    entraDeviceId: row.entra_device_id,
    at: row.at,
    version: row.version,
    level: row.level as Level | null,
    previousLevel: row.previous_level as Level | null,
    reportingState: row.reporting_state as ReportingState,
    previousReportingState: row.previous_reporting_state as ReportingState,
    health: row.health as Health,
    previousHealth: row.previous_health as Health | null,
    score: row.score,
    reasons: (row.reasons ?? []).map(([detection, severity, subject]) => ({ detection, severity: severity as Severity, subject })),
    ...(row.retold === true ? { retold: true } : {})
  }
}
