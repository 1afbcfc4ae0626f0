import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'

/** Jobs that wait after a sweep at most; the rest comes with the next. */
const MAX_GROUPS = 500
/** More than clocks that are kept in step differ by. */
const AHEAD_SECONDS = 60

/**
 * Hands on groups of the journal that were committed longer than `olderThanSeconds` ago and
 * are not scored, the oldest first: their jobs were lost. One that has a job after all is
 * scored once and found done by the other.
 */
export async function sweepJournal (
  { db, score }: { readonly db: Database, readonly score: Producer<'score'> },
  { olderThanSeconds, waitingJobs }: { readonly olderThanSeconds: number, readonly waitingJobs: number }
): Promise<{ readonly groups: number }> {
  // Ages are by the clocks of several processes: where one is wrong, groups whose jobs wait look forgotten, and would get another job
  // with each sweep. Each job takes the oldest groups along, so where enough of them wait, nothing is forgotten for long.
  const room = MAX_GROUPS - waitingJobs
  if (room <= 0) return { groups: 0 }
  const { rows } = await sql<{ id: number }>`
    select id from unscored_group
    where received_at < now() - make_interval(secs => ${olderThanSeconds}::double precision)
      -- A clock that ran ahead wrote it: nobody can say how old it is.
      or received_at > now() + make_interval(secs => ${AHEAD_SECONDS})
    order by received_at limit ${room}`.execute(db)
  await score.add(rows.map(({ id }) => ({ groupId: id })))
  return { groups: rows.length }
}
