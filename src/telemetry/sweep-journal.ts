import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import type { Producer } from '../platform/queue-names.js'

/** Groups handed on at once; the rest comes with the next sweep. */
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
  { olderThanSeconds }: { readonly olderThanSeconds: number }
): Promise<{ readonly groups: number }> {
  const { rows } = await sql<{ id: number }>`
    select id from unscored_group
    where received_at < now() - make_interval(secs => ${olderThanSeconds}::double precision)
      -- A clock that ran ahead wrote it: nobody can say how old it is.
      or received_at > now() + make_interval(secs => ${AHEAD_SECONDS})
    order by received_at limit ${MAX_GROUPS}`.execute(db)
  await score.add(rows.map(({ id }) => ({ groupId: id })))
  return { groups: rows.length }
}
