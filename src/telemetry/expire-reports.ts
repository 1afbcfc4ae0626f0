import { sql } from 'kysely'
import type { Database } from '../platform/database.js'

const GROUPS_AT_ONCE = 200

/**
 * Deletes raw reports that were scored more than `retentionDays` ago, a few groups at a time
 * so that no lock is held for long. Reports that were set aside stay until somebody has
 * dealt with them. Answers how many groups are gone.
 */
export async function expireReports (db: Database, { retentionDays }: { readonly retentionDays: number }): Promise<{ readonly groups: number }> {
  let groups = 0
  let after = 0
  for (;;) {
    // In the order of ids, which is that of arrival: the first young chunk ends the search.
    const { rows } = await sql<{ last: number | null, old: boolean | null, deleted: number }>`
      with chunk as (
        select id, received_at, scored_at from report_group where id > ${after} order by id limit ${GROUPS_AT_ONCE}
      ), expired as (
        select c.id, exists (select from report r join quarantined_report q on q.report_id = r.id where r.group_id = c.id) as kept
        from chunk c where c.scored_at < now() - make_interval(days => ${retentionDays}::integer)
      ), reports as (
        delete from report r using expired e
        where r.group_id = e.id and e.kept and not exists (select from quarantined_report q where q.report_id = r.id)
      ), gone as (
        delete from report_group g using expired e where g.id = e.id and not e.kept returning g.id
      )
      select (select max(id) from chunk) as last,
        (select max(received_at) < now() - make_interval(days => ${retentionDays}::integer) from chunk) as old,
        (select count(*) from gone) as deleted`.execute(db)
    const { last, old, deleted } = rows[0]!
    groups += deleted
    if (last === null || old !== true) return { groups }
    after = last
  }
}
