import { sql } from 'kysely'
import type { Database } from '../../src/platform/database.js'
import type { Report } from '../../src/telemetry/report.js'

export interface Journalled {
  readonly id: number
  readonly deviceId: string
  readonly reportId: string
  readonly receivedAt: Date
  readonly source: string | null
  /** Null when it is not kept. */
  readonly body: Report | null
}

/** What is in the journal, in the order it came. */
export async function readJournal (db: Database): Promise<Journalled[]> {
  const { rows } = await sql<Journalled>`
    select r.id, r.device_id as "deviceId", r.report_id as "reportId", g.received_at as "receivedAt", g.sources[r.id % 1000 + 1] as source,
      split_part(g.body, E'\\n', (r.id % 1000 + 1)::integer)::json as body
    from report r join report_group g on g.day = r.day and g.id = r.id / 1000
    order by r.id`.execute(db)
  return rows
}

/** Groups that wait to be scored. */
export async function waitingGroups (db: Database): Promise<number[]> {
  return (await db.selectFrom('unscored_group').select('id').orderBy('id').execute()).map(({ id }) => id)
}
