import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'
import { DEVICES_PER_JOB, JUDGE_PRIORITY, toJobs } from './judge-jobs.js'

/** Handed on at once, and of those that are many at one instant in hand at most. */
const MAX_DEVICES = 10_000
/** More phones due at one instant are a date that came: a patch level grew too old, a directory was read. */
const MANY = DEVICES_PER_JOB
/** They count as handed on for so long; if nobody has judged them by then, they are due again. */
const LEASE_SECONDS = 60
/** Whoever asks for a judgement adds a job for it, which is done long before. */
const FORGOTTEN_AFTER_SECONDS = 10

export interface DueDeps {
  readonly db: Database
  readonly score: Producer<'score'>
}

/** Has the sweep find a phone that is to be judged anew, should the job that is added for it get lost or not be added at all. */
export async function makeDue (db: Database, deviceId: string): Promise<void> {
  await sql`update device_state set due_at = least(due_at, now() + make_interval(secs => ${FORGOTTEN_AFTER_SECONDS})) where device_id = ${deviceId}`.execute(db)
}

/**
 * Has devices judged anew whose judgement changes by itself about now: an event's lifetime ended, or silence became too
 * long. Where many are due at the same instant, they go behind reports and behind phones that fresh intelligence
 * concerns, and only as many as `waitingJobs` (jobs of such kinds that wait) leave room for: what waits longer than its
 * lease would be handed on twice. The oldest and the newest are looked at, so that a fleet hides neither.
 */
export async function rescoreDueDevices ({ db, score }: DueDeps, { waitingJobs = 0 }: { readonly waitingJobs?: number } = {}): Promise<{ readonly devices: number }> {
  const room = Math.max(0, MAX_DEVICES - waitingJobs * DEVICES_PER_JOB)
  const { rows } = await sql<{ device_id: string, is_many: boolean }>`
    with oldest as (
      select device_id, due_at from device_state where due_at <= now() order by due_at limit ${MAX_DEVICES / 2} for update skip locked
    ), newest as (
      select device_id, due_at from device_state where due_at <= now() order by due_at desc limit ${MAX_DEVICES / 2} for update skip locked
    ), due as (
      select * from oldest union select * from newest
    ), counted as (
      select device_id, due_at, count(*) over (partition by due_at) > ${MANY} as is_many from due
    ), taken as (
      (select device_id, is_many from counted where not is_many)
      union all
      (select device_id, is_many from counted where is_many order by due_at limit ${room})
    )
    update device_state s set due_at = now() + make_interval(secs => ${LEASE_SECONDS})
    from taken where s.device_id = taken.device_id
    returning s.device_id, taken.is_many`.execute(db)
  const idsOf = (isMany: boolean): string[] => rows.filter((row) => row.is_many === isMany).map((row) => row.device_id)
  await score.add(toJobs(idsOf(false)))
  await score.add(toJobs(idsOf(true)), { priority: JUDGE_PRIORITY.due })
  return { devices: rows.length }
}
