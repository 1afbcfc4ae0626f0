import { type Selectable, sql } from 'kysely'
import { decodeCursor, limitOf, type Page, type PageInput, TIME_PART, toPage, UUID_PART } from '../devices/cursor.js'
import type { Database, Tx } from '../platform/database.js'
import type { Schema } from '../platform/schema.js'
import { storableJson } from '../platform/storable-json.js'
import type { NewSignal } from './destination.js'

type Row = Selectable<Schema['signal']>

/** Something to be told that was not told yet. */
export interface WaitingSignal extends NewSignal {
  /** Attempts that failed. */
  readonly attempts: number
}

/** Puts signals in line; one that is there is not put in again. */
export async function insertSignals (tx: Tx, destinationId: string, signals: readonly NewSignal[]): Promise<void> {
  if (signals.length === 0) return
  await tx.insertInto('signal')
    .values(signals.map(({ id, deviceId, type, body, at }) => ({ id, destination_id: destinationId, device_id: deviceId, type, body: JSON.stringify(body), at })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** How many wait for a destination, counted up to a limit. */
export async function countWaiting (db: Database, destinationId: string, limit: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*) as n from (select from signal where destination_id = ${destinationId} and dead_at is null limit ${limit}) counted`.execute(db)
  return rows[0]!.n
}

/** What is due, in order. Nothing of a phone of which something earlier waits for its next attempt: no change overtakes another. */
export async function listDue (db: Database, destinationId: string, limit: number): Promise<WaitingSignal[]> {
  const line = await db.selectFrom('signal').select(['id', 'device_id', sql<boolean>`next_attempt_at <= now()`.as('due')])
    .where('destination_id', '=', destinationId).where('dead_at', 'is', null).orderBy('sequence').execute()
  const blocked = new Set<string>()
  const ids: string[] = []
  for (const { id, device_id: deviceId, due } of line) {
    if (deviceId !== null && blocked.has(deviceId)) continue
    if (due) ids.push(id)
    else if (deviceId !== null) blocked.add(deviceId)
    if (ids.length === limit) break
  }
  if (ids.length === 0) return []
  const rows = await db.selectFrom('signal').selectAll().where('id', 'in', ids).where('dead_at', 'is', null).orderBy('sequence').execute()
  return rows.map(toWaiting)
}

/** What waits for a destination, in order, due or not. */
export async function listWaiting (db: Database, destinationId: string, limit: number): Promise<WaitingSignal[]> {
  const rows = await db.selectFrom('signal').selectAll().where('destination_id', '=', destinationId).where('dead_at', 'is', null).orderBy('sequence').limit(limit).execute()
  return rows.map(toWaiting)
}

/** Forgets what was told. @returns how many there were */
export async function deleteSignals (db: Database, destinationId: string, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0
  const { numDeletedRows } = await db.deleteFrom('signal').where('destination_id', '=', destinationId).where('id', 'in', ids).executeTakeFirst()
  return Number(numDeletedRows)
}

/** Drops all that waits, or all that waits about one phone. */
export async function deleteWaiting (tx: Tx, destinationId: string, deviceId?: string): Promise<void> {
  let query = tx.deleteFrom('signal').where('destination_id', '=', destinationId).where('dead_at', 'is', null)
  if (deviceId !== undefined) query = query.where('device_id', '=', deviceId)
  await query.execute()
}

/** An attempt that failed; `retryInMs` undefined: it is not tried again. */
export interface FailedAttempt {
  readonly id: string
  readonly error: string
  readonly retryInMs: number | undefined
}

/** @returns the ids of those that were waiting for this destination */
export async function saveFailedAttempts (db: Database, destinationId: string, failed: readonly FailedAttempt[]): Promise<ReadonlySet<string>> {
  if (failed.length === 0) return new Set()
  const { rows } = await sql<{ id: string }>`
    update signal s set attempts = s.attempts + 1, last_error = i.error,
      next_attempt_at = now() + make_interval(secs => coalesce(i."retryInMs", 0) / 1000.0),
      dead_at = case when i."retryInMs" is null then now() end
    from jsonb_to_recordset(${storableJson(failed)}::jsonb) as i(id uuid, error text, "retryInMs" float8)
    where s.id = i.id and s.destination_id = ${destinationId} and s.dead_at is null
    returning s.id`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

/** Makes all that waits due now. */
export async function hurryWaiting (db: Database, destinationId: string): Promise<void> {
  await db.updateTable('signal').set({ next_attempt_at: sql<Date>`now()` }).where('destination_id', '=', destinationId).where('dead_at', 'is', null).where('next_attempt_at', '>', sql<Date>`now()`).execute()
}

/** Sets aside all that waits for a destination, for an operator to see. */
export async function buryWaiting (tx: Tx, destinationId: string, reason: string): Promise<void> {
  await tx.updateTable('signal').set({ dead_at: sql<Date>`now()`, last_error: reason }).where('destination_id', '=', destinationId).where('dead_at', 'is', null).execute()
}

/** What could not be told. Times in ISO 8601. */
export interface DeadLetter {
  readonly id: string
  readonly type: string
  readonly deviceId: string | null
  readonly at: string
  readonly attempts: number
  readonly error: string | null
  readonly deadAt: string
  readonly body: unknown
}

/** The last first. @throws InvalidInputError for a cursor that is none */
export async function pageDeadLetters (db: Database, destinationId: string, input: PageInput): Promise<Page<DeadLetter>> {
  const limit = limitOf(input)
  const before = decodeCursor(input, TIME_PART, UUID_PART)
  let query = db.selectFrom('signal').selectAll()
    // Whole milliseconds, as the cursor has them.
    .select(sql<Date>`date_trunc('milliseconds', dead_at)`.as('dead_ms'))
    .where('destination_id', '=', destinationId).where('dead_at', 'is not', null)
    .orderBy('dead_ms', 'desc').orderBy('id', 'desc').limit(limit + 1)
  if (before !== undefined) query = query.where(sql<boolean>`(date_trunc('milliseconds', dead_at), id) < (${before[0]!}::timestamptz, ${before[1]!}::uuid)`)
  return toPage(await query.execute(), limit, (row) => ({
    id: row.id, type: row.type, deviceId: row.device_id, at: row.at.toISOString(), attempts: row.attempts, error: row.last_error, deadAt: row.dead_ms.toISOString(), body: row.body
  }), (row) => [row.dead_ms.toISOString(), row.id])
}

/** Puts dead letters back in line, all or these. @returns how many */
export async function reviveDeadLetters (tx: Tx, destinationId: string, ids: readonly string[] | undefined): Promise<number> {
  let query = tx.updateTable('signal').set({ dead_at: null, attempts: 0, next_attempt_at: sql<Date>`now()` }).where('destination_id', '=', destinationId).where('dead_at', 'is not', null)
  if (ids !== undefined) query = query.where('id', 'in', ids)
  return Number((await query.executeTakeFirst()).numUpdatedRows)
}

/** Deletes dead letters that are too old, and the oldest where there are too many. @returns how many */
export async function expireDeadLetters (db: Database, { days, keep }: { readonly days: number, readonly keep: number }): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from signal where id in (
      select id from (
        select id, dead_at, row_number() over (partition by destination_id order by dead_at desc) as place from signal where dead_at is not null
      ) dead where dead_at < now() - make_interval(days => ${days}) or place > ${keep}
    )`.execute(db)
  return Number(numAffectedRows ?? 0)
}

function toWaiting (row: Row): WaitingSignal {
  return { id: row.id, deviceId: row.device_id, type: row.type, body: row.body as object, at: row.at, attempts: row.attempts }
}
