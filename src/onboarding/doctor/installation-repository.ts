import { sql } from 'kysely'
import type { Database } from '../../platform/database.js'

/** How old a feed is, and how its subscription goes if it has one. */
export interface FeedAge {
  readonly feed: string
  /** Null: it was never imported. */
  readonly ageSeconds: number | null
  readonly everySeconds: number | null
  /** Of a subscription: since it last succeeded, or since it was made. */
  readonly successAgeSeconds: number | null
  readonly lastError: string | null
}

export async function listFeedAges (db: Database): Promise<FeedAge[]> {
  const { rows } = await sql<FeedAge>`
    select coalesce(f.name, s.feed) as feed, extract(epoch from now() - f.imported_at)::float8 as "ageSeconds", s.every_seconds as "everySeconds",
      extract(epoch from now() - coalesce(s.last_success_at, s.created_at))::float8 as "successAgeSeconds", s.last_error as "lastError"
    from intel_feed f full join intel_subscription s on s.feed = f.name order by 1`.execute(db)
  return rows
}

/** What waits, and how long the oldest of it has waited; seconds, 0 when nothing does. */
export interface WaitingWork {
  readonly unscoredReports: number
  readonly unscoredSeconds: number
  readonly quarantinedReports: number
  readonly syncDevices: number
  readonly syncSeconds: number
  readonly deadLetters: number
}

export async function readWaitingWork (db: Database): Promise<WaitingWork> {
  const { rows: [row] } = await sql<WaitingWork>`
    select (select coalesce(sum(reports), 0)::float8 from unscored_group) as "unscoredReports",
      (select coalesce(extract(epoch from now() - min(received_at)), 0)::float8 from unscored_group) as "unscoredSeconds",
      (select count(*) from quarantined_report) as "quarantinedReports",
      count(*) filter (where o.dead_at is null) as "syncDevices",
      coalesce(extract(epoch from now() - min(o.enqueued_at) filter (where o.dead_at is null)), 0)::float8 as "syncSeconds",
      count(*) filter (where o.dead_at is not null) as "deadLetters"
    from intune_outbox o where not exists (select from intune_connector c where c.tenant_id = o.tenant_id and c.state = 'deprovisioned')`.execute(db)
  return row!
}
