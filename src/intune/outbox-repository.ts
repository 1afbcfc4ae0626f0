import { sql, type RawBuilder } from 'kysely'
import type { Database } from '../platform/database.js'
import { isWorthRetrying } from '../platform/database-errors.js'
import type { Health } from '../devices/health.js'

/** A row of the outbox that this worker has in hand. */
export interface ClaimedRow {
  readonly deviceId: string
  readonly entraDeviceId: string
  readonly version: number
  readonly health: Health
  /** Later than that of any message about this phone before. */
  readonly updatedAt: Date
  readonly enqueuedAt: Date
  /** Failed tries so far. */
  readonly attempts: number
  /** The phone's place was taken by a newer enrolment of the same Entra device, which speaks for it. */
  readonly superseded: boolean
  /** Marks the claim: whoever claims the row after this one has lapsed holds another. */
  readonly claim: string
}

const MAX_RETRIES = 3

/**
 * Takes due rows of a tenant in hand for `leaseMs` and gives each its LastUpdateTime. The
 * state sent is the newest wanted, even if the row was put in for an older one.
 *
 * Waits for no lock, so that it cannot stand in a circle with those who score: a phone that
 * is being scored right now is left out (see hasDueRows).
 */
export async function claimDueRows (
  db: Database,
  { tenantId, limit, leaseMs }: { readonly tenantId: string, readonly limit: number, readonly leaseMs: number }
): Promise<ClaimedRow[]> {
  const { rows } = await sql<OutboxRow>`
    with due as (
      select o.device_id from intune_outbox o join device_state s on s.device_id = o.device_id
      where o.tenant_id = ${tenantId} and o.next_attempt_at <= now() and (o.claimed_until is null or o.claimed_until <= now())
      order by o.next_attempt_at
      limit ${limit}
      for update of s, o skip locked
    ), claimed as (
      update intune_outbox o set claimed_until = clock_timestamp() + make_interval(secs => ${leaseMs / 1000}::double precision)
      from due where o.device_id = due.device_id
      returning o.device_id, o.version, o.health, o.enqueued_at, o.attempts, o.claimed_until
    ), stamped as (
      update device_state s
      set last_update_time = greatest(date_trunc('milliseconds', clock_timestamp()), s.last_update_time + interval '1 millisecond')
      from claimed c where s.device_id = c.device_id
      returning s.device_id, s.last_update_time, s.desired_version, s.desired_health
    )
    select c.device_id, d.entra_device_id, c.enqueued_at, c.attempts, c.claimed_until::text as claim, s.last_update_time,
      greatest(c.version, s.desired_version) as version,
      case when s.desired_version > c.version then coalesce(s.desired_health, c.health) else c.health end as health,
      d.retired_at is not null and exists (
        select from device other where other.tenant_id = d.tenant_id and other.entra_device_id = d.entra_device_id
          and other.retired_at is null and other.id <> d.id
      ) as superseded
    from claimed c join stamped s on s.device_id = c.device_id join device d on d.id = c.device_id`.execute(db)
  return rows.map(fromRow)
}

/** True while rows are due that nobody has in hand. */
export async function hasDueRows (db: Database, tenantId: string): Promise<boolean> {
  const { rows } = await sql<{ due: boolean }>`
    select exists (
      select from intune_outbox o where o.tenant_id = ${tenantId} and o.next_attempt_at <= now() and (o.claimed_until is null or o.claimed_until <= now())
    ) as due`.execute(db)
  return rows[0]!.due
}

/** Intune has these states: notes it and takes the rows out; a row with a newer state stays and is due. */
export async function acknowledgeRows (db: Database, rows: readonly ClaimedRow[], now: Date): Promise<void> {
  if (rows.length === 0) return
  const list = toList(rows)
  await retrying(async () => await sql`
    with locked as (${lockStates(rows)})
    update device_state s set reported_health = i.health, reported_version = i.version, acknowledged_at = ${now}, last_sync_error = null
    from jsonb_to_recordset(${list}::jsonb) as i("deviceId" uuid, version bigint, health text) join locked on locked.device_id = i."deviceId"
    where s.device_id = i."deviceId" and s.reported_version <= i.version`.execute(db))
  await dropRows(db, rows)
}

/** Takes rows out without a word to Intune: another row speaks for the same phone. */
export async function dropRows (db: Database, rows: readonly ClaimedRow[]): Promise<void> {
  if (rows.length === 0) return
  const { numAffectedRows } = await retrying(async () => await sql`
    with locked as (${lockOutbox(rows)})
    delete from intune_outbox o using locked, jsonb_to_recordset(${toList(rows)}::jsonb) as i("deviceId" uuid, version bigint)
    where o.device_id = locked.device_id and o.device_id = i."deviceId" and o.version <= i.version`.execute(db))
  if (Number(numAffectedRows ?? 0) < rows.length) await releaseRows(db, rows)
}

/** Ends this worker's claims without any other change. */
export async function releaseRows (db: Database, rows: readonly ClaimedRow[]): Promise<void> {
  if (rows.length === 0) return
  await retrying(async () => await sql`
    with locked as (${lockOutbox(rows)})
    update intune_outbox o set claimed_until = null
    from locked, jsonb_to_recordset(${toList(rows)}::jsonb) as i("deviceId" uuid, claim timestamptz)
    where o.device_id = locked.device_id and o.device_id = i."deviceId" and o.claimed_until = i.claim`.execute(db))
}

export interface FailedRows {
  readonly rows: readonly ClaimedRow[]
  readonly error: string
  /** Milliseconds until each row, in order, is tried again. */
  readonly delaysMs: readonly number[]
  /** Whether this counts as a failed try of these rows; it does not when the whole tenant cannot be served. */
  readonly counts: boolean
}

/** Notes why rows did not get through and when they are tried again. A row that changed meanwhile stays due. */
export async function failRows (db: Database, { rows, error, delaysMs, counts }: FailedRows): Promise<void> {
  if (rows.length === 0) return
  await retrying(async () => await sql`
    with locked as (${lockStates(rows)})
    update device_state s set last_sync_error = ${error} from locked where s.device_id = locked.device_id`.execute(db))
  const list = JSON.stringify(rows.map(({ deviceId, version, claim }, index) => ({ deviceId, version, claim, delayMs: delaysMs[index] ?? 0 })))
  await retrying(async () => await sql`
    with locked as (${lockOutbox(rows)})
    update intune_outbox o set
      last_error = ${error},
      attempts = o.attempts + ${counts ? 1 : 0},
      next_attempt_at = clock_timestamp() + make_interval(secs => i."delayMs" / 1000),
      claimed_until = null
    from locked, jsonb_to_recordset(${list}::jsonb) as i("deviceId" uuid, version bigint, claim timestamptz, "delayMs" double precision)
    where o.device_id = locked.device_id and o.device_id = i."deviceId" and o.claimed_until = i.claim and o.version <= i.version`.execute(db))
  await releaseRows(db, rows)
}

/**
 * Puts phones of a tenant into the outbox once more, with the state that is wanted now:
 * all, those that Intune was told something about since a moment, or those named. Answers how many.
 */
export async function enqueueDevicesAgain (db: Database, { tenantId, since, deviceIds }: { readonly tenantId: string, readonly since?: Date, readonly deviceIds?: readonly string[] }): Promise<number> {
  const { numAffectedRows } = await sql`
    insert into intune_outbox (device_id, tenant_id, version, health)
    select s.device_id, s.tenant_id, s.desired_version, s.desired_health from device_state s
    where s.tenant_id = ${tenantId} and s.desired_health is not null
      ${since === undefined ? sql`` : sql`and s.last_update_time >= ${since}`}
      ${deviceIds === undefined ? sql`` : sql`and s.device_id = any(${deviceIds}::uuid[])`}
    order by s.device_id
    on conflict (device_id) do update set next_attempt_at = now()`.execute(db)
  return Number(numAffectedRows ?? 0)
}

export interface Backlog {
  readonly waiting: number
  readonly oldestAt: Date | null
  /** Rows that failed at least once. */
  readonly failing: number
}

export async function readBacklog (db: Database, tenantId: string): Promise<Backlog> {
  const { rows } = await sql<{ waiting: number, oldest_at: Date | null, failing: number }>`
    select count(*) as waiting, min(enqueued_at) as oldest_at, count(*) filter (where attempts > 0) as failing
    from intune_outbox where tenant_id = ${tenantId}`.execute(db)
  const { waiting, oldest_at: oldestAt, failing } = rows[0]!
  return { waiting, oldestAt, failing }
}

/** Tenants whose sync has something to do and may do it: due rows, or a lost connection to set up again. */
export async function listTenantsToSync (db: Database): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select t.id from tenant t left join intune_connector c on c.tenant_id = t.id
    where c.state is distinct from 'deprovisioned' and (c.retry_at is null or c.retry_at <= now()) and (
      c.state = 'failed'
      or exists (select from intune_outbox o where o.tenant_id = t.id and o.next_attempt_at <= now() and (o.claimed_until is null or o.claimed_until <= now()))
    )`.execute(db)
  return rows.map(({ id }) => id)
}

/** A statement that lost against another one in a deadlock is simply asked again. */
async function retrying<T> (run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (attempt > MAX_RETRIES || !isWorthRetrying(error)) throw error
    }
  }
}

interface OutboxRow {
  device_id: string, entra_device_id: string, version: number, health: string, last_update_time: Date
  enqueued_at: Date, attempts: number, superseded: boolean, claim: string
}

/** Locks in the order that those who score lock in as well, so that nobody stands in a circle with them. */
const lockStates = (rows: readonly ClaimedRow[]): RawBuilder<unknown> =>
  sql`select s.device_id from device_state s where s.device_id = any(${idsOf(rows)}::uuid[]) order by s.device_id for update`

const lockOutbox = (rows: readonly ClaimedRow[]): RawBuilder<unknown> =>
  sql`select o.device_id from intune_outbox o where o.device_id = any(${idsOf(rows)}::uuid[]) order by o.device_id for update`

const idsOf = (rows: readonly ClaimedRow[]): string[] => rows.map(({ deviceId }) => deviceId)

const toList = (rows: readonly ClaimedRow[]): string =>
  JSON.stringify(rows.map(({ deviceId, version, health, claim }) => ({ deviceId, version, health, claim })))

const fromRow = (row: OutboxRow): ClaimedRow => ({
  deviceId: row.device_id,
  entraDeviceId: row.entra_device_id,
  version: row.version,
  health: row.health as Health,
  updatedAt: row.last_update_time,
  enqueuedAt: row.enqueued_at,
  attempts: row.attempts,
  superseded: row.superseded,
  claim: row.claim
})
