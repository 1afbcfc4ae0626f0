import { sql } from 'kysely'
import type { Database } from '../platform/database.js'

/** Days made ahead, so that nobody who writes has to make one. */
const DAYS_AHEAD = 3

/** The journal's day of a moment: UTC, ISO 8601. */
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10)

/** Makes the journal's tables for a day and some after it. What is there stays. */
export async function createJournalDays (db: Database, from: Date, daysAhead = DAYS_AHEAD): Promise<void> {
  for (let ahead = 0; ahead <= daysAhead; ahead++) {
    await sql`select create_journal_day(${dayOf(from)}::date + ${ahead}::integer)`.execute(db)
  }
}

/**
 * Drops the journal's days that ended more than `retentionDays` ago. A day with a group that
 * is still to be scored stays. Answers the days that are gone.
 */
export async function dropJournalDays (db: Database, { retentionDays, now = new Date() }: { readonly retentionDays: number, readonly now?: Date }): Promise<string[]> {
  const { rows } = await sql<{ day: string }>`
    select to_date(right(c.relname, 8), 'YYYYMMDD')::text as day
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'report'::regclass
      and to_date(right(c.relname, 8), 'YYYYMMDD') < ${dayOf(now)}::date - ${retentionDays}::integer
    order by day`.execute(db)
  const dropped: string[] = []
  for (const { day } of rows) if (await dropDay(db, day)) dropped.push(day)
  return dropped
}

async function dropDay (db: Database, day: string): Promise<boolean> {
  const { rows: [row] } = await sql<{ dropped: boolean }>`select drop_journal_day(${day}) as dropped`.execute(db)
  return row!.dropped
}
