import { randomUUID } from 'node:crypto'
import { sql, type RawBuilder } from 'kysely'
import type { Database } from '../platform/database.js'
import { isWorthRetrying } from '../platform/database-errors.js'
import type { Health } from '../devices/health.js'

/** A row of the outbox that is in a message. */
export interface ClaimedRow {
  readonly deviceId: string
  readonly entraDeviceId: string
  readonly version: number
  readonly health: Health
  /** Later than that of any message about this phone before. */
  readonly updatedAt: Date
  readonly enqueuedAt: Date
  /** The trace that the change came from (W3C traceparent). */
  readonly trace: string | null
  /** Refusals so far. */
  readonly attempts: number
  /** The phone's place was taken by a newer enrolment of the same Entra device, which speaks for it. */
  readonly superseded: boolean
}

/** What goes to Intune in one piece. Its id is the message's id there, and the claim on its rows here. */
export interface Message {
  readonly id: string
  readonly tenantId: string
  readonly rows: readonly ClaimedRow[]
}

const MAX_RETRIES = 3
/** Of each message, this share is for the rows that are due longest, whatever their rank: nothing starves. */
const OLDEST_SHARE = 4

export interface ClaimInput {
  readonly tenantId: string
  readonly limit: number
  /** Rows that Intune refused before, instead of all others: they travel together and cannot delay the others. */
  readonly refused: boolean
  /** How long nobody else looks after the message without a word from whoever has it. */
  readonly watchMs: number
}

/**
 * Puts due rows of a tenant into a message and gives each its LastUpdateTime: what became worse
 * first and the newest of it first, then other changes, then what is sent once more; a quarter
 * goes to those that are due longest. The state sent is the newest wanted, even if the row was
 * put in for an older one. Waits for no lock.
 */
export async function claimMessage (db: Database, input: ClaimInput): Promise<Message | undefined> {
  const { tenantId, watchMs } = input
  const id = randomUUID()
  const { rows } = await sql<OutboxRow>`
    with ${input.refused ? chooseRefused(input) : chooseByRank(input)},
    claimed as (
      update intune_outbox o set message_id = ${id}::uuid,
        sent_version = greatest(o.version, s.desired_version),
        sent_health = case when s.desired_version > o.version then coalesce(s.desired_health, o.health) else o.health end,
        -- Whatever the clock says, and whoever sent before: also an earlier phone with this Entra id.
        sent_at = greatest(
          date_trunc('milliseconds', clock_timestamp()),
          coalesce(s.last_update_time, (
            select max(b.last_update_time) from device a join device_state b on b.device_id = a.id
            where a.tenant_id = d.tenant_id and a.entra_device_id = d.entra_device_id and a.retired_at is not null
          )) + interval '1 millisecond',
          o.sent_at + interval '1 millisecond')
      from chosen c join device_state s on s.device_id = c.device_id join device d on d.id = c.device_id
      where o.device_id = c.device_id
      returning o.device_id, d.entra_device_id, o.sent_version, o.sent_health, o.sent_at, o.enqueued_at, o.trace, o.attempts, ${isSuperseded} as superseded
    ), message as (
      insert into intune_message (id, tenant_id, watched_until)
      select ${id}::uuid, ${tenantId}::uuid, now() + ${seconds(watchMs)} where exists (select from claimed)
    )
    select * from claimed`.execute(db)
  return rows.length === 0 ? undefined : { id, tenantId, rows: rows.map(fromRow) }
}

/** In the numbers, not as parameters: a plan that does not know them would sort the whole backlog. */
function chooseByRank ({ tenantId, limit }: ClaimInput): RawBuilder<unknown> {
  const oldest = Math.floor(limit / OLDEST_SHARE)
  const due = sql`from intune_outbox o where o.tenant_id = ${tenantId} and not o.refused and o.message_id is null`
  return sql`
    urgent as (
      select o.device_id ${due} order by o.rank, o.place limit ${sql.lit(limit - oldest)} for update of o skip locked
    ), oldest as (
      select o.device_id ${due} and o.device_id not in (select device_id from urgent) order by o.next_attempt_at limit ${sql.lit(oldest)} for update of o skip locked
    ), chosen as (select device_id from urgent union all select device_id from oldest)`
}

const chooseRefused = ({ tenantId, limit }: ClaimInput): RawBuilder<unknown> => sql`
    chosen as (
      select o.device_id from intune_outbox o
      where o.tenant_id = ${tenantId} and o.refused and o.message_id is null and o.next_attempt_at <= now()
      order by o.next_attempt_at limit ${sql.lit(limit)} for update of o skip locked
    )`

/** Makes two messages of one, in the order given; undefined when somebody else has the message by now. */
export async function splitMessage (db: Database, message: Message, parts: ReadonlyArray<readonly ClaimedRow[]>, watchMs: number): Promise<Message[] | undefined> {
  const messages = parts.map((rows) => ({ id: randomUUID(), tenantId: message.tenantId, rows }))
  return await retrying(async () => await db.transaction().execute(async (tx) => {
    const { numDeletedRows } = await tx.deleteFrom('intune_message').where('id', '=', message.id).executeTakeFirst()
    if (numDeletedRows === 0n) return undefined
    for (const { id, tenantId, rows } of messages) {
      await sql`insert into intune_message (id, tenant_id, watched_until) values (${id}, ${tenantId}, now() + ${seconds(watchMs)})`.execute(tx)
      await sql`with locked as (${lockOutbox(rows)}) update intune_outbox o set message_id = ${id}::uuid from locked where o.device_id = locked.device_id and o.message_id = ${message.id}`.execute(tx)
    }
    // What is in none of them is free again.
    await sql`update intune_outbox set message_id = null where tenant_id = ${message.tenantId} and message_id = ${message.id}`.execute(tx)
    return messages
  }))
}

/** Messages whose holder has been silent for too long become this caller's, with their rows. */
export async function adoptMessages (db: Database, { tenantId, watchMs }: Pick<ClaimInput, 'tenantId' | 'watchMs'>): Promise<Message[]> {
  const { rows: adopted } = await sql<{ id: string }>`
    update intune_message set watched_until = now() + ${seconds(watchMs)} where id in (
      select id from intune_message where tenant_id = ${tenantId} and watched_until <= now() order by id for update skip locked
    ) returning id`.execute(db)
  const messages: Message[] = []
  for (const { id } of adopted) {
    const { rows } = await sql<OutboxRow>`
      select o.device_id, d.entra_device_id, o.sent_version, o.sent_health, o.sent_at, o.enqueued_at, o.trace, o.attempts, ${isSuperseded} as superseded
      from intune_outbox o join device d on d.id = o.device_id where o.tenant_id = ${tenantId} and o.message_id = ${id}`.execute(db)
    messages.push({ id, tenantId, rows: rows.map(fromRow) })
  }
  return messages
}

/** A word from whoever has these messages in hand. */
export async function watchMessages (db: Database, ids: readonly string[], watchMs: number): Promise<void> {
  if (ids.length === 0) return
  await sql`update intune_message set watched_until = now() + ${seconds(watchMs)} where id in (select id from intune_message where id = any(${ids}::uuid[]) order by id for update)`.execute(db)
}

/** Others may take these messages over at once. */
export async function leaveMessages (db: Database, ids: readonly string[]): Promise<void> {
  await watchMessages(db, ids, 0)
}

/** True while rows are due that nobody has in hand. */
export async function hasDueRows (db: Database, tenantId: string): Promise<boolean> {
  const { rows } = await sql<{ due: boolean }>`select ${existsDue(sql`${tenantId}::uuid`)} as due`.execute(db)
  return rows[0]!.due
}

/** Intune has what the message says: notes it and takes the rows out; a row with a newer state stays and is due. Answers whether there is one. */
export async function acknowledgeMessage (db: Database, message: Message, now: Date): Promise<{ readonly isLeft: boolean }> {
  const { id, rows } = message
  await retrying(async () => await sql`
    with locked as (${lockStates(rows)})
    update device_state s set reported_health = o.sent_health, reported_version = o.sent_version, last_update_time = o.sent_at, acknowledged_at = ${now}, last_sync_error = null
    from locked join intune_outbox o on o.device_id = locked.device_id
    where s.device_id = locked.device_id and o.message_id = ${id} and s.reported_version <= o.sent_version`.execute(db))
  // After the states, and seen anew: one that was scored meanwhile has a newer version now.
  const { numAffectedRows } = await retrying(async () => await sql`
    with locked as (${lockOutbox(rows)}),
    gone as (
      delete from intune_outbox o using locked where o.device_id = locked.device_id and o.message_id = ${id} and o.version <= o.sent_version returning o.device_id
    )
    delete from intune_message where id = ${id} and (select count(*) from gone) = ${rows.length}`.execute(db))
  const isLeft = Number(numAffectedRows ?? 0) === 0
  if (isLeft) await freeMessage(db, message)
  return { isLeft }
}

/** Takes rows out without a word to Intune: another row speaks for the same phone. */
export async function dropRows (db: Database, message: Message, rows: readonly ClaimedRow[]): Promise<void> {
  if (rows.length === 0) return
  await retrying(async () => await sql`
    with locked as (${lockOutbox(rows)})
    delete from intune_outbox o using locked where o.device_id = locked.device_id and o.message_id = ${message.id} and o.version <= o.sent_version`.execute(db))
}

/** Ends the message: its rows are due again as they were. `error`: why, for who looks at the phones. */
export async function freeMessage (db: Database, { id, rows }: Message, error?: string): Promise<void> {
  if (error !== undefined) await noteError(db, rows, error)
  await retrying(async () => await sql`
    with locked as (${lockOutbox(rows)}),
    freed as (
      update intune_outbox o set message_id = null ${error === undefined ? sql`` : sql`, last_error = ${error}`} from locked where o.device_id = locked.device_id and o.message_id = ${id}
    )
    delete from intune_message where id = ${id}`.execute(db))
}

export interface RefusedRows {
  readonly rows: readonly ClaimedRow[]
  readonly error: string
  /** Milliseconds until each row, in order, is tried again. */
  readonly delaysMs: readonly number[]
  /** False when Intune did not refuse these phones but did not get round to them. */
  readonly counts: boolean
  /** A row refused so often, or for so long, is given up. */
  readonly giveUp: { readonly refusals: number, readonly hours: number }
}

/**
 * Notes why rows of a message did not get through and when they are tried again; one that was
 * refused too often becomes a dead letter. A row that changed meanwhile is due. Answers how many were given up.
 */
export async function refuseRows (db: Database, message: Message, { rows, error, delaysMs, counts, giveUp }: RefusedRows): Promise<{ readonly dead: number }> {
  if (rows.length === 0) return { dead: 0 }
  await noteError(db, rows, error)
  const list = JSON.stringify(rows.map(({ deviceId }, index) => ({ deviceId, delayMs: delaysMs[index] ?? 0 })))
  const { rows: dead } = await retrying(async () => await sql`
    with locked as (${lockOutbox(rows)}),
    refused as (
      update intune_outbox o set
        message_id = null,
        last_error = ${error},
        refused = o.refused or o.version <= o.sent_version,
        attempts = case when o.version > o.sent_version then o.attempts else o.attempts + ${counts ? 1 : 0} end,
        refused_since = case when o.version > o.sent_version then null else coalesce(o.refused_since, ${counts ? sql`clock_timestamp()` : sql`null`}) end,
        dead_at = case when ${isGivenUp(counts, giveUp)} then date_trunc('milliseconds', clock_timestamp()) end,
        next_attempt_at = case
          when o.version > o.sent_version then o.next_attempt_at
          when ${isGivenUp(counts, giveUp)} then 'infinity'
          else clock_timestamp() + make_interval(secs => i."delayMs" / 1000) end
      from locked join jsonb_to_recordset(${list}::jsonb) as i("deviceId" uuid, "delayMs" double precision) on i."deviceId" = locked.device_id
      where o.device_id = locked.device_id and o.message_id = ${message.id}
      returning o.dead_at
    )
    select from refused where dead_at is not null`.execute(db))
  return { dead: dead.length }
}

const isGivenUp = (counts: boolean, { refusals, hours }: RefusedRows['giveUp']): RawBuilder<boolean> => counts
  ? sql`(o.version <= o.sent_version and (o.attempts + 1 >= ${refusals}::integer or o.refused_since <= clock_timestamp() - make_interval(secs => ${hours * 3600}::double precision)))`
  : sql`false`

/**
 * Puts phones of a tenant into the outbox once more, with the state that is wanted now: all,
 * those named, or those that Intune was told something about since a moment; the dangerous ones
 * go first. What was given up is tried again. Answers how many.
 */
export async function enqueueDevicesAgain (
  db: Database, { tenantId, since, deviceIds }: { readonly tenantId: string, readonly since?: Date, readonly deviceIds?: readonly string[] }
): Promise<number> {
  const { numAffectedRows } = await sql`
    insert into intune_outbox (device_id, tenant_id, version, health, rank, place)
    select s.device_id, s.tenant_id, s.desired_version, s.desired_health, 2,
      (3 - health_severity(s.desired_health)) * 10000000000000000 + (extract(epoch from now()) * 1000)::bigint
    from device_state s
    where s.tenant_id = ${tenantId} and s.desired_health is not null
      ${since === undefined ? sql`` : sql`and s.last_update_time >= ${since}`}
      ${deviceIds === undefined ? sql`` : sql`and s.device_id = any(${deviceIds}::uuid[])`}
    order by s.device_id
    on conflict (device_id) do update set next_attempt_at = least(intune_outbox.next_attempt_at, now()), dead_at = null,
      attempts = case when intune_outbox.dead_at is null then intune_outbox.attempts else 0 end,
      refused_since = case when intune_outbox.dead_at is null then intune_outbox.refused_since end`.execute(db)
  return Number(numAffectedRows ?? 0)
}

export interface Backlog {
  /** Dead letters not counted. */
  readonly waiting: number
  readonly oldestAt: Date | null
  /** Rows that were refused at least once and are tried again. */
  readonly failing: number
  readonly dead: number
}

export async function readBacklog (db: Database, tenantId: string): Promise<Backlog> {
  const { rows } = await sql<{ waiting: number, oldest_at: Date | null, failing: number, dead: number }>`
    select count(*) filter (where dead_at is null) as waiting, min(enqueued_at) filter (where dead_at is null) as oldest_at,
      count(*) filter (where refused and dead_at is null) as failing, count(dead_at) as dead
    from intune_outbox where tenant_id = ${tenantId}`.execute(db)
  const { waiting, oldest_at: oldestAt, failing, dead } = rows[0]!
  return { waiting, oldestAt, failing, dead }
}

/** Tenants whose sync has something to do and may do it: due rows, messages left behind, or a lost connection to set up again. */
export async function listTenantsToSync (db: Database): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select t.id from tenant t left join intune_connector c on c.tenant_id = t.id
    where c.state is distinct from 'deprovisioned' and (c.retry_at is null or c.retry_at <= now()) and (
      c.state = 'failed'
      or ${existsDue(sql`t.id`)}
      or exists (select from intune_message m where m.tenant_id = t.id and m.watched_until <= now())
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

async function noteError (db: Database, rows: readonly ClaimedRow[], error: string): Promise<void> {
  await retrying(async () => await sql`
    with locked as (${lockStates(rows)})
    update device_state s set last_sync_error = ${error} from locked where s.device_id = locked.device_id and s.last_sync_error is distinct from ${error}`.execute(db))
}

interface OutboxRow {
  device_id: string, entra_device_id: string, sent_version: number, sent_health: string, sent_at: Date
  enqueued_at: Date, trace: string | null, attempts: number, superseded: boolean
}

/**
 * A row that may be put into a message. What was not refused is due whatever the clock says, so that a database
 * whose clock was set back holds nothing up.
 */
const existsDue = (tenantId: RawBuilder<unknown>): RawBuilder<boolean> => sql`(
  exists (select from intune_outbox o where o.tenant_id = ${tenantId} and not o.refused and o.message_id is null)
  or exists (select from intune_outbox o where o.tenant_id = ${tenantId} and o.refused and o.message_id is null and o.next_attempt_at <= now()))`

const isSuperseded = sql<boolean>`(d.retired_at is not null and exists (
        select from device other where other.tenant_id = d.tenant_id and other.entra_device_id = d.entra_device_id
          and other.retired_at is null and other.id <> d.id
      ))`

const seconds = (ms: number): RawBuilder<unknown> => sql`make_interval(secs => ${ms / 1000}::double precision)`

/** Locks in the order that those who score lock in as well, so that nobody stands in a circle with them. */
const lockStates = (rows: readonly ClaimedRow[]): RawBuilder<unknown> =>
  sql`select s.device_id from device_state s where s.device_id = any(${idsOf(rows)}::uuid[]) order by s.device_id for update`

const lockOutbox = (rows: readonly ClaimedRow[]): RawBuilder<unknown> =>
  sql`select o.device_id from intune_outbox o where o.device_id = any(${idsOf(rows)}::uuid[]) order by o.device_id for update`

const idsOf = (rows: readonly ClaimedRow[]): string[] => rows.map(({ deviceId }) => deviceId)

const fromRow = (row: OutboxRow): ClaimedRow => ({
  deviceId: row.device_id,
  entraDeviceId: row.entra_device_id,
  version: row.sent_version,
  health: row.sent_health as Health,
  updatedAt: row.sent_at,
  enqueuedAt: row.enqueued_at,
  trace: row.trace,
  attempts: row.attempts,
  superseded: row.superseded
})
