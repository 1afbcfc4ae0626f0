import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import { NO_COUNTS, type PartName, type PartOutcome, type RoundCounts, type RoundPosition } from './round.js'

/** What a worker needs to go on with a tenant's round. */
export interface LeasedRound {
  readonly tenantId: string
  readonly tenantNumber: number
  readonly entraTenantId: string
  readonly leaseId: string
  readonly roundId: number
  readonly startedAt: Date
  readonly isFull: boolean
  readonly position: RoundPosition
  readonly parts: Readonly<Partial<Record<PartName, PartOutcome>>>
  readonly counts: RoundCounts
  readonly devicesDelta: string | null
  readonly membersDelta: string | null
  readonly membersDeltaGroups: readonly string[]
  readonly checkedInUntil: Date | null
  readonly deactivateAfterDays: number | null
  readonly failures: number
}

/** Somebody else has the tenant's round now. */
export class LeaseLostError extends Error {}

/**
 * Tenants whose round is due or was left unfinished and that nobody has in hand. A tenant that has
 * never been connected to Intune has nothing to compare.
 */
export async function listDueTenants (db: Database, limit: number): Promise<string[]> {
  // Tenants that were connected since get their row here.
  await sql`
    insert into reconciliation (tenant_id, due_at)
    select c.tenant_id, now() from intune_connector c
    where c.provisioned_at is not null and not exists (select from reconciliation r where r.tenant_id = c.tenant_id)
    on conflict (tenant_id) do nothing`.execute(db)
  const { rows } = await sql<{ tenant_id: string }>`
    select r.tenant_id from reconciliation r left join intune_connector c on c.tenant_id = r.tenant_id
    where r.due_at <= now() and (r.lease_until is null or r.lease_until <= now())
      and (c.state is distinct from 'deprovisioned' or r.full_requested_at is not null)
    order by r.due_at limit ${limit}`.execute(db)
  return rows.map((row) => row.tenant_id)
}

export interface ClaimInput {
  readonly tenantId: string
  readonly leaseId: string
  readonly leaseMs: number
  /** A full round is made when the last is this old. */
  readonly fullEveryMs: number
  /** A round this old is not gone on with: what it has seen is too old to conclude from. */
  readonly roundLimitMs: number
}

/** Takes a tenant's round in hand, a new one if none is open. Undefined: somebody else has it, or it is not due. */
export async function claimRound (db: Database, { tenantId, leaseId, leaseMs, fullEveryMs, roundLimitMs }: ClaimInput): Promise<LeasedRound | undefined> {
  return await db.transaction().execute(async (tx) => {
    const { rows: [leased] } = await sql<LeaseRow>`
      update reconciliation r set lease_id = ${leaseId}, lease_until = now() + ${ms(leaseMs)}
      from tenant t
      where t.id = r.tenant_id and r.tenant_id = ${tenantId} and (r.lease_until is null or r.lease_until <= now()) and r.due_at <= now()
      returning r.*, t.number, t.entra_tenant_id`.execute(tx)
    if (leased === undefined) return undefined
    const open = leased.round_id === null ? undefined : await findOpenRound(tx, leased.round_id, roundLimitMs)
    const round = open ?? await beginRound(tx, leased, fullEveryMs)
    return {
      tenantId,
      tenantNumber: leased.number,
      entraTenantId: leased.entra_tenant_id,
      leaseId,
      roundId: round.id,
      startedAt: round.started_at,
      isFull: round.is_full,
      position: round.position,
      parts: round.parts,
      counts: { ...NO_COUNTS, ...round.counts },
      devicesDelta: leased.devices_delta,
      membersDelta: leased.members_delta,
      membersDeltaGroups: leased.members_delta_groups ?? [],
      checkedInUntil: leased.checked_in_until,
      deactivateAfterDays: leased.deactivate_after_days,
      failures: leased.failures
    }
  })
}

async function findOpenRound (tx: Tx, roundId: number, roundLimitMs: number): Promise<RoundRow | undefined> {
  const { rows: [round] } = await sql<RoundRow & { is_old: boolean }>`
    select *, started_at < now() - ${ms(roundLimitMs)} as is_old from reconciliation_round where id = ${roundId} and finished_at is null`.execute(tx)
  if (round?.is_old !== true) return round
  const outcome: PartOutcome = { state: 'unknown', words: 'The round took too long and was given up; another begins.' }
  await sql`
    update reconciliation_round set finished_at = now(), parts = parts || ${JSON.stringify({ [round.position.part]: outcome })}::jsonb
    where id = ${roundId}`.execute(tx)
  return undefined
}

async function beginRound (tx: Tx, leased: LeaseRow, fullEveryMs: number): Promise<RoundRow> {
  const position: RoundPosition = { part: 'connector' }
  const { rows: [round] } = await sql<RoundRow>`
    insert into reconciliation_round (tenant_id, is_full, requested, position)
    values (${leased.tenant_id}, ${leased.full_requested_at !== null} or ${leased.full_at}::timestamptz is null or ${leased.full_at}::timestamptz <= now() - ${ms(fullEveryMs)},
      ${leased.full_requested_at !== null}, ${JSON.stringify(position)})
    returning *`.execute(tx)
  await sql`update reconciliation set round_id = ${round!.id}, full_requested_at = null where tenant_id = ${leased.tenant_id}`.execute(tx)
  return round!
}

/** Keeps the place of a round together with what was done up to there. @throws LeaseLostError, and nothing is kept */
export async function saveProgress (tx: Tx, { tenantId, leaseId, roundId }: LeasedRound, progress: { readonly position: RoundPosition, readonly counts: RoundCounts, readonly parts: Readonly<Partial<Record<PartName, PartOutcome>>> }, leaseMs: number): Promise<void> {
  const { rows } = await sql`
    update reconciliation set lease_until = now() + ${ms(leaseMs)} where tenant_id = ${tenantId} and lease_id = ${leaseId} and lease_until > now()
    returning tenant_id`.execute(tx)
  if (rows.length === 0) throw new LeaseLostError(`the lease of the round of tenant ${tenantId} has lapsed`)
  await tx.updateTable('reconciliation_round')
    .set({ position: JSON.stringify(progress.position), counts: JSON.stringify(progress.counts), parts: JSON.stringify(progress.parts) })
    .where('id', '=', roundId).execute()
}

/** What a part leaves behind for the next round. */
export interface Markers {
  readonly devicesDelta?: string | null
  readonly membersDelta?: string | null
  readonly membersDeltaGroups?: readonly string[]
  readonly checkedInUntil?: Date
  readonly fullAt?: Date
}

export async function saveMarkers (tx: Tx, tenantId: string, { devicesDelta, membersDelta, membersDeltaGroups, checkedInUntil, fullAt }: Markers): Promise<void> {
  const set = {
    ...(devicesDelta === undefined ? {} : { devices_delta: devicesDelta }),
    ...(membersDelta === undefined ? {} : { members_delta: membersDelta }),
    ...(membersDeltaGroups === undefined ? {} : { members_delta_groups: [...membersDeltaGroups] }),
    ...(checkedInUntil === undefined ? {} : { checked_in_until: checkedInUntil }),
    ...(fullAt === undefined ? {} : { full_at: fullAt })
  }
  if (Object.keys(set).length > 0) await tx.updateTable('reconciliation').set(set).where('tenant_id', '=', tenantId).execute()
}

/** Puts the round down unfinished, to be gone on with after `delayMs`. */
export async function pauseRound (db: Database, { tenantId, leaseId }: Pick<LeasedRound, 'tenantId' | 'leaseId'>, delayMs: number): Promise<void> {
  await sql`
    update reconciliation set lease_id = null, lease_until = null, due_at = now() + ${ms(delayMs)}
    where tenant_id = ${tenantId} and lease_id = ${leaseId}`.execute(db)
}

const KEPT_ROUNDS = 50

export interface FinishInput {
  readonly counts: RoundCounts
  readonly parts: Readonly<Partial<Record<PartName, PartOutcome>>>
  readonly nextInMs: number
  readonly failures: number
}

/** Ends the round and says when the next begins; a wish that came meanwhile is due at once. @throws LeaseLostError */
export async function finishRound (db: Database, { tenantId, leaseId, roundId }: LeasedRound, { counts, parts, nextInMs, failures }: FinishInput): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql`
      update reconciliation set lease_id = null, lease_until = null, round_id = null, failures = ${failures},
        due_at = case when full_requested_at is null then now() + ${ms(nextInMs)} else now() end
      where tenant_id = ${tenantId} and lease_id = ${leaseId} returning tenant_id`.execute(tx)
    if (rows.length === 0) throw new LeaseLostError(`the lease of the round of tenant ${tenantId} has lapsed`)
    await tx.updateTable('reconciliation_round')
      .set({ finished_at: sql<Date>`now()`, counts: JSON.stringify(counts), parts: JSON.stringify(parts) }).where('id', '=', roundId).execute()
    await sql`
      delete from reconciliation_round where tenant_id = ${tenantId} and id <= (
        select id from reconciliation_round where tenant_id = ${tenantId} order by id desc offset ${KEPT_ROUNDS} limit 1)`.execute(tx)
  })
}

/** A full round is wanted, now. */
export async function requestRound (db: Database, tenantId: string): Promise<void> {
  await sql`
    insert into reconciliation (tenant_id, due_at, full_requested_at) values (${tenantId}, now(), now())
    on conflict (tenant_id) do update set due_at = now(), full_requested_at = now()`.execute(db)
}

/** Our connector as Graph shows it. */
export interface PartnerConnector {
  /** `mobileThreatPartnerTenantState`. */
  readonly state: string
  readonly switches: Readonly<Record<string, boolean>>
  readonly unresponsiveThresholdDays: number | null
  readonly heartbeatAt: Date | null
}

/** `connector` undefined: it is not there. */
export async function savePartnerConnector (tx: Tx, tenantId: string, connector: PartnerConnector | undefined): Promise<void> {
  await tx.insertInto('intune_connector').values({ tenant_id: tenantId }).onConflict((conflict) => conflict.doNothing()).execute()
  await tx.updateTable('intune_connector').set({
    partner_state: connector?.state ?? null,
    partner_switches: connector === undefined ? null : JSON.stringify(connector.switches),
    partner_heartbeat_at: connector?.heartbeatAt ?? null,
    partner_read_at: sql<Date>`now()`,
    partner_read_error: null,
    // The heartbeat's alarm goes by the last threshold that was known.
    ...(connector === undefined ? {} : { unresponsive_threshold_days: connector.unresponsiveThresholdDays })
  }).where('tenant_id', '=', tenantId).execute()
}

export async function savePartnerReadError (db: Database, tenantId: string, error: string): Promise<void> {
  await db.updateTable('intune_connector').set({ partner_read_error: error }).where('tenant_id', '=', tenantId).execute()
}

export interface RoundSummary {
  readonly id: number
  readonly startedAt: Date
  readonly finishedAt: Date | null
  readonly isFull: boolean
  readonly requested: boolean
  readonly part: PartName
  readonly parts: Readonly<Partial<Record<PartName, PartOutcome>>>
  readonly counts: RoundCounts
}

export interface ReconciliationRow {
  readonly dueAt: Date
  readonly isRunning: boolean
  readonly fullAt: Date | null
  readonly deactivateAfterDays: number | null
}

export async function findReconciliation (db: Database, tenantId: string): Promise<ReconciliationRow | undefined> {
  const row = await db.selectFrom('reconciliation').select(['due_at', 'lease_until', 'full_at', 'deactivate_after_days'])
    .where('tenant_id', '=', tenantId).executeTakeFirst()
  return row && {
    dueAt: row.due_at,
    isRunning: row.lease_until !== null && row.lease_until > new Date(),
    fullAt: row.full_at,
    deactivateAfterDays: row.deactivate_after_days
  }
}

/** A tenant's rounds, the last first. */
export async function listRounds (db: Database, tenantId: string, limit: number): Promise<RoundSummary[]> {
  const { rows } = await sql<RoundRow>`select * from reconciliation_round where tenant_id = ${tenantId} order by id desc limit ${limit}`.execute(db)
  return rows.map((row) => ({
    id: row.id,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    isFull: row.is_full,
    requested: row.requested,
    part: row.position.part,
    parts: row.parts,
    counts: { ...NO_COUNTS, ...row.counts }
  }))
}

export async function saveDeactivateAfterDays (tx: Tx, tenantId: string, days: number | null): Promise<void> {
  await sql`
    insert into reconciliation (tenant_id, deactivate_after_days) values (${tenantId}, ${days})
    on conflict (tenant_id) do update set deactivate_after_days = excluded.deactivate_after_days`.execute(tx)
}

const ms = (milliseconds: number) => sql`make_interval(secs => ${milliseconds / 1000}::double precision)`

interface LeaseRow {
  tenant_id: string, number: number, entra_tenant_id: string, round_id: number | null, full_requested_at: Date | null, full_at: Date | null
  devices_delta: string | null, members_delta: string | null, members_delta_groups: string[] | null, checked_in_until: Date | null
  deactivate_after_days: number | null, failures: number
}

interface RoundRow {
  id: number, started_at: Date, finished_at: Date | null, is_full: boolean, requested: boolean, position: RoundPosition
  parts: Partial<Record<PartName, PartOutcome>>, counts: Partial<RoundCounts>
}
