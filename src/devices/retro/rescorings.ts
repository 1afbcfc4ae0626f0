import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import type { Producer } from '../../platform/queue-names.js'

/** Judging phones anew, as far as it is. */
export interface Rescoring {
  readonly id: number
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

const DEVICES_PER_JOB = 200
/** Phones in jobs at once: enough to keep workers busy, few enough that fresh reports never wait behind many. */
const MAX_HANDED = 2_000
/** If nobody has judged them by then, they are handed on again. */
const LEASE_SECONDS = 60
/** Of the whole fleet, put on the list at once. */
const FLEET_CHUNK = 5_000
/** Behind everything that reports bring. */
const PRIORITY = 10

/** Hands phones on the list to the scorers, as many as may be in hand. Answers how many. */
export async function handOnRescorings ({ db, score }: { readonly db: Database, readonly score: Producer<'score'> }): Promise<number> {
  const ids = await db.transaction().execute(async (tx) => {
    if (!await hasOpen(tx)) return []
    await sql`select pg_advisory_xact_lock(hashtextextended('hand on rescorings', 0))`.execute(tx)
    await takeOfFleet(tx)
    await sql`update rescoring_device set handed_at = null where handed_at < now() - make_interval(secs => ${LEASE_SECONDS})`.execute(tx)
    const { rows: [handed] } = await sql<{ count: number }>`select count(*) as count from rescoring_device where handed_at is not null`.execute(tx)
    const ids = await takeWaiting(tx, MAX_HANDED - handed!.count)
    await finish(tx)
    return ids
  })
  const jobs = Array.from({ length: Math.ceil(ids.length / DEVICES_PER_JOB) }, (_, index) => ({ deviceIds: ids.slice(index * DEVICES_PER_JOB, (index + 1) * DEVICES_PER_JOB) }))
  await score.add(jobs, { priority: PRIORITY })
  return ids.length
}

/** Takes phones off the list that were judged by this version of the intelligence. In the transaction that judges them. */
export async function takeOffList (tx: Tx, deviceIds: readonly string[], intelVersion: number): Promise<void> {
  await sql`delete from rescoring_device where device_id = any(${deviceIds}::uuid[]) and intel_version <= ${intelVersion}`.execute(tx)
}

/** The newest first. */
export async function listRescorings (db: Database, { limit }: { readonly limit: number }): Promise<Rescoring[]> {
  const { rows } = await sql<{ id: number, intel_version: number, changes: number | null, found: number, waiting: number, next_device: string | null, started_at: Date, finished_at: Date | null }>`
    select r.*, (select count(*) from rescoring_device d where d.rescoring_id = r.id) as waiting from rescoring r order by id desc limit ${limit}`.execute(db)
  return rows.map((row) => ({
    id: row.id,
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

/** Phones of those with the fewest first: a thousand need not wait behind a fleet. */
async function takeWaiting (tx: Tx, room: number): Promise<string[]> {
  const ids: string[] = []
  const { rows: open } = await sql<{ id: number }>`select id from rescoring where finished_at is null order by next_device is not null, found, id`.execute(tx)
  for (const { id } of open) {
    if (ids.length >= room) break
    const { rows } = await sql<{ device_id: string }>`
      update rescoring_device r set handed_at = now() from (
        select device_id from rescoring_device where rescoring_id = ${id} and handed_at is null order by device_id limit ${room - ids.length} for update
      ) next
      where r.device_id = next.device_id
      returning r.device_id`.execute(tx)
    ids.push(...rows.map((row) => row.device_id))
  }
  return ids
}

/** The next phones of a fleet that is taken whole, when the list gets short. */
async function takeOfFleet (tx: Tx): Promise<void> {
  const { rows: [open] } = await sql<{ id: number, intel_version: number, next_device: string }>`
    select id, intel_version, next_device from rescoring r where finished_at is null and next_device is not null
      and (select count(*) from (select from rescoring_device limit ${MAX_HANDED}) few) < ${MAX_HANDED} order by id limit 1`.execute(tx)
  if (open === undefined) return
  const { rows: [taken] } = await sql<{ count: number, last: string | null }>`
    with next as (
      select device_id from device_state where device_id > ${open.next_device} and last_report_at is not null order by device_id limit ${FLEET_CHUNK}
    ), listed as (
      insert into rescoring_device (device_id, rescoring_id, intel_version)
      select device_id, ${open.id}::bigint, ${open.intel_version}::bigint from next
      on conflict (device_id) do update set rescoring_id = excluded.rescoring_id, intel_version = excluded.intel_version, handed_at = null
    )
    select count(*) as count, max(device_id::text) as last from next`.execute(tx)
  await sql`update rescoring set found = found + ${taken!.count}, next_device = ${taken!.count < FLEET_CHUNK ? null : taken!.last}::uuid where id = ${open.id}`.execute(tx)
}

async function finish (tx: Tx): Promise<void> {
  await sql`
    update rescoring r set finished_at = now()
    where finished_at is null and next_device is null and not exists (select from rescoring_device d where d.rescoring_id = r.id)`.execute(tx)
}
