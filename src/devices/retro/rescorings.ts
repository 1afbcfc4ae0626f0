import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import type { Producer } from '../../platform/queue-names.js'
import { JUDGE_PRIORITY, toJobs } from '../judge-jobs.js'
import { waitForJudgements } from './judgement-lock.js'

export type RescoringCause = 'intel' | 'policy' | 'suppression'

/** Judging phones anew, as far as it is. */
export interface Rescoring {
  readonly id: number
  readonly cause: RescoringCause
  /** Null: phones of all tenants. */
  readonly tenantId: string | null
  readonly intelVersion: number
  /** How many values changed; null: everything. */
  readonly changes: number | null
  /** Phones found so far. */
  readonly found: number
  /** Phones that are still to be judged, of those found. */
  readonly waiting: number
  /** Whether the whole fleet is taken, and more will be found. */
  readonly isFinding: boolean
  /** ISO 8601. */
  readonly startedAt: string
  readonly finishedAt: string | null
}

/** Phones in jobs at once: enough to keep workers busy, few enough that fresh reports never wait behind many. */
const MAX_HANDED = 2_000
/** If nobody has judged them by then, they are handed on again. */
const LEASE_SECONDS = 60
export const NO_DEVICE = '00000000-0000-0000-0000-000000000000'
/** Of the whole fleet, put on the list at once. */
const FLEET_CHUNK = 5_000

/** A phone that is on the list of a few stays there: it would lose its place before all others. What is in hand may be judged by less than this. */
const STAYS = sql`
  do update set handed_at = case when rescoring_device.intel_version < excluded.intel_version or rescoring_device.rules_version < excluded.rules_version then null else rescoring_device.handed_at end,
    intel_version = greatest(rescoring_device.intel_version, excluded.intel_version), rules_version = greatest(rescoring_device.rules_version, excluded.rules_version)`

/** Hands phones on the list to the scorers, as many as may be in hand. Answers how many. */
export async function handOnRescorings ({ db, score }: { readonly db: Database, readonly score: Producer<'score'> }): Promise<number> {
  const { few, many } = await db.transaction().execute(async (tx) => {
    if (!await hasOpen(tx)) return NOBODY
    await sql`select pg_advisory_xact_lock(hashtextextended('hand on rescorings', 0))`.execute(tx)
    await takeOfFleet(tx, db)
    await sql`update rescoring_device set handed_at = null where handed_at < now() - make_interval(secs => ${LEASE_SECONDS})`.execute(tx)
    const { rows: [handed] } = await sql<{ count: number }>`select count(*) as count from rescoring_device where handed_at is not null`.execute(tx)
    const taken = await takeWaiting(tx, MAX_HANDED - handed!.count)
    await finish(tx)
    return taken
  })
  await score.add(toJobs(few), { priority: JUDGE_PRIORITY.concerned })
  await score.add(toJobs(many), { priority: JUDGE_PRIORITY.fleet })
  return few.length + many.length
}

/** Takes phones off the list that were judged by these versions of the intelligence and of their tenant's rules. In the transaction that judges them. */
export async function takeOffList (tx: Tx, devices: ReadonlyArray<{ readonly deviceId: string, readonly rulesVersion: number }>, intelVersion: number): Promise<void> {
  await sql`
    delete from rescoring_device r using unnest(${devices.map(({ deviceId }) => deviceId)}::uuid[], ${devices.map(({ rulesVersion }) => rulesVersion)}::bigint[]) as judged (device_id, rules_version)
    where r.device_id = judged.device_id and r.intel_version <= ${intelVersion} and r.rules_version <= judged.rules_version`.execute(tx)
}

/**
 * Has all phones of a tenant judged anew, the newest telemetry first, because the rules they are judged by changed to this
 * version. In the transaction that changes them; the phones are listed later, see `handOnRescorings`.
 */
export async function rescoreTenant (tx: Tx, { tenantId, cause }: { readonly tenantId: string, readonly cause: Exclude<RescoringCause, 'intel'> }): Promise<number> {
  // Whoever was still to be listed for the version before is listed for this one.
  await sql`update rescoring set next_device = null where tenant_id = ${tenantId} and finished_at is null`.execute(tx)
  const { rows: [row] } = await sql<{ id: number }>`
    insert into rescoring (intel_version, cause, tenant_id, rules_version, next_device)
    select 0, ${cause}, id, rules_version, ${NO_DEVICE}::uuid from tenant where id = ${tenantId} returning id`.execute(tx)
  return row!.id
}

/** Has the phones judged anew that have findings which a suppression takes out of the level, or no longer does. In the transaction that changes it. */
export async function rescoreConcerned (tx: Tx, { tenantId, detection, subject, deviceId }: {
  readonly tenantId: string, readonly detection: string | null, readonly subject: string | null, readonly deviceId: string | null
}): Promise<void> {
  const { rows: [row] } = await sql<{ id: number, rules_version: number }>`
    insert into rescoring (intel_version, cause, tenant_id, rules_version)
    select 0, 'suppression', id, rules_version from tenant where id = ${tenantId} returning id, rules_version`.execute(tx)
  const { id, rules_version: rulesVersion } = row!
  const { numAffectedRows = 0n } = await sql`
    insert into rescoring_device (device_id, rescoring_id, intel_version, rules_version)
    select distinct device_id, ${id}::bigint, 0, ${rulesVersion}::bigint from finding where tenant_id = ${tenantId} and status <> 'resolved'
      ${detection === null ? sql`` : sql`and detection = ${detection}`}
      ${subject === null ? sql`` : subject.endsWith('*') ? sql`and starts_with(subject, ${subject.slice(0, -1)})` : sql`and subject = ${subject}`}
      ${deviceId === null ? sql`` : sql`and device_id = ${deviceId}`}
    on conflict (device_id) ${STAYS}`.execute(tx)
  await sql`update rescoring set found = ${Number(numAffectedRows)}, finished_at = case when ${Number(numAffectedRows)} = 0 then now() end where id = ${id}`.execute(tx)
}

/** The newest first; of one tenant, or of all and the whole platform. */
export async function listRescorings (db: Database, { limit, tenantId }: { readonly limit: number, readonly tenantId?: string }): Promise<Rescoring[]> {
  const { rows } = await sql<{ id: number, cause: RescoringCause, tenant_id: string | null, intel_version: number, changes: number | null, found: number, waiting: number, next_device: string | null, started_at: Date, finished_at: Date | null }>`
    select r.*, (select count(*) from rescoring_device d where d.rescoring_id = r.id) as waiting from rescoring r
    ${tenantId === undefined ? sql`` : sql`where tenant_id = ${tenantId}`} order by id desc limit ${limit}`.execute(db)
  return rows.map((row) => ({
    id: row.id,
    cause: row.cause,
    tenantId: row.tenant_id,
    intelVersion: row.intel_version,
    changes: row.changes,
    found: row.found,
    waiting: row.waiting,
    isFinding: row.next_device !== null,
    startedAt: row.started_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null
  }))
}

async function hasOpen (tx: Tx): Promise<boolean> {
  return (await sql<{ is_open: boolean }>`select exists (select from rescoring where finished_at is null) as is_open`.execute(tx)).rows[0]!.is_open
}

interface Taken { readonly few: readonly string[], readonly many: readonly string[] }

const NOBODY: Taken = { few: [], many: [] }

/** Phones of those with the fewest first: a thousand need not wait behind a fleet. */
async function takeWaiting (tx: Tx, room: number): Promise<Taken> {
  const few: string[] = []
  const many: string[] = []
  const { rows: open } = await sql<{ id: number, is_few: boolean }>`
    select id, next_device is null and found <= ${MAX_HANDED} as is_few from rescoring where finished_at is null order by next_device is not null, found, id`.execute(tx)
  for (const { id, is_few: isFew } of open) {
    const left = room - few.length - many.length
    if (left <= 0) break
    const { rows } = await sql<{ device_id: string, place: number }>`
      update rescoring_device r set handed_at = now() from (
        select device_id from rescoring_device where rescoring_id = ${id} and handed_at is null order by place, device_id limit ${left} for update
      ) next
      where r.device_id = next.device_id
      returning r.device_id, r.place`.execute(tx)
    const ids = isFew ? few : many
    ids.push(...rows.sort((a, b) => a.place - b.place).map((row) => row.device_id))
  }
  return { few, many }
}

/** The next phones of a fleet that is taken whole, when the list gets short. */
async function takeOfFleet (tx: Tx, db: Database): Promise<void> {
  const { rows: [open] } = await sql<FleetRow>`
    select id, intel_version, next_device, tenant_id, rules_version from rescoring r where finished_at is null and next_device is not null
      and (tenant_id is not null or (select count(*) from (select from rescoring_device limit ${MAX_HANDED}) few) < ${MAX_HANDED}) order by id limit 1`.execute(tx)
  if (open === undefined) return
  if (open.tenant_id === null) await takeChunk(tx, open)
  else {
    // Who is judging by the rules before ends first, or the list would miss what he has not committed.
    await waitForJudgements(db)
    await takeTenant(tx, open, open.tenant_id)
  }
}

interface FleetRow { readonly id: number, readonly intel_version: number, readonly next_device: string, readonly tenant_id: string | null, readonly rules_version: number }

async function takeChunk (tx: Tx, open: FleetRow): Promise<void> {
  const { rows: [taken] } = await sql<{ count: number, last: string | null }>`
    with next as (
      select device_id from device_state where device_id > ${open.next_device} and last_report_at is not null order by device_id limit ${FLEET_CHUNK}
    ), listed as (
      insert into rescoring_device (device_id, rescoring_id, intel_version)
      select device_id, ${open.id}::bigint, ${open.intel_version}::bigint from next
      on conflict (device_id) ${STAYS}
    )
    select count(*) as count, max(device_id::text) as last from next`.execute(tx)
  await sql`update rescoring set found = found + ${taken!.count}, next_device = ${taken!.count < FLEET_CHUNK ? null : taken!.last}::uuid where id = ${open.id}`.execute(tx)
}

/** All of a tenant at once: no index has them by their newest telemetry, and with one every report would move an entry. */
async function takeTenant (tx: Tx, { id, rules_version: rulesVersion }: FleetRow, tenantId: string): Promise<void> {
  const { numAffectedRows = 0n } = await sql`
    insert into rescoring_device (device_id, rescoring_id, intel_version, rules_version, place)
    select device_id, ${id}::bigint, 0, ${rulesVersion}::bigint, row_number() over (order by last_report_at desc, device_id)
    from device_state where tenant_id = ${tenantId} and last_report_at is not null
    on conflict (device_id) ${STAYS}`.execute(tx)
  await sql`update rescoring set found = ${Number(numAffectedRows)}, next_device = null where id = ${id}`.execute(tx)
}

async function finish (tx: Tx): Promise<void> {
  await sql`
    update rescoring r set finished_at = now()
    where finished_at is null and next_device is null and not exists (select from rescoring_device d where d.rescoring_id = r.id)`.execute(tx)
}
