import { sql } from 'kysely'
import type { Database } from '../platform/database.js'

const AT_ONCE = 5_000
/** The database's clock may be ahead of those that judge whether an assertion has expired. */
const CLOCK_DIFFERENCE_MINUTES = 60

/** Deletes used assertions that could not be replayed any more anyway, by anybody's clock. Answers how many. */
export async function expireAssertions (db: Database): Promise<number> {
  let total = 0
  for (;;) {
    const { numAffectedRows } = await sql`
      delete from used_assertion where (device_id, jti) in (
        select device_id, jti from used_assertion
        where expires_at < now() - make_interval(mins => ${CLOCK_DIFFERENCE_MINUTES}) order by expires_at limit ${AT_ONCE}
      )`.execute(db)
    const deleted = Number(numAffectedRows ?? 0)
    total += deleted
    if (deleted < AT_ONCE) return total
  }
}
