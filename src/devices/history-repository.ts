import { sql } from 'kysely'
import type { Database } from '../platform/database.js'

/** The moment from which on the history of judgements is whole; undefined: all of it is kept. To be read after the history itself. */
export async function readKeptFrom (db: Database): Promise<Date | undefined> {
  return (await db.selectFrom('history_cut').select('kept_from').executeTakeFirst())?.kept_from
}

/** A stretch of history that goes, half-open. */
export interface HistoryCut {
  /** Null: from the beginning. */
  readonly from: Date | null
  readonly to: Date
  /** Nothing older than is to be kept is left after it. */
  readonly isLast: boolean
}

/**
 * Says that history is kept from a later moment on, at most as far as `changes` changes of levels from where the last cut ended, and so that
 * a cut that was interrupted is done again. Undefined: nothing is to be cut.
 */
export async function advanceHistoryCut (db: Database, { retentionDays, changes }: { readonly retentionDays: number, readonly changes: number }): Promise<HistoryCut | undefined> {
  const { rows: [row] } = await sql<{ cut_to: Date | null, kept_from: Date, is_last: boolean }>`
    with bound as (
      select now() - make_interval(days => ${retentionDays}) as last, (select cut_to from history_cut) as cut_to
    ), wanted as (
      select last, cut_to, (select at from level_change where at >= coalesce(cut_to, '-infinity') and at < last order by at offset ${changes} limit 1) as at from bound
    ), next as (
      -- More phones may have changed at one moment than are to go at once: then all of these do.
      select last, least(last, case when at <= cut_to then (select min(l.at) from level_change l where l.at > cut_to and l.at < last) else at end) as at, cut_to from wanted
    )
    insert into history_cut (kept_from)
    select at from next where at > coalesce(cut_to, '-infinity')
    on conflict (only_row) do update set kept_from = greatest(history_cut.kept_from, excluded.kept_from)
    returning cut_to, kept_from, kept_from >= (select last from bound) as is_last`.execute(db)
  return row && { from: row.cut_to, to: row.kept_from, isLast: row.is_last }
}

/** Notes that a cut is done. */
export async function finishHistoryCut (db: Database, { to }: HistoryCut): Promise<void> {
  await db.updateTable('history_cut').set({ cut_to: to }).execute()
}

/**
 * Deletes changes of levels that were over before the cut's end, of phones of which one fell into it. The last one of a phone stays, and
 * the last that changed the level: they say what held from the end of the cut on. Rows that somebody erases just now are left to them.
 */
export async function deleteLevelChanges (db: Database, { from, to }: HistoryCut): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    with phone as (
      select distinct device_id from level_change where at >= coalesce(${from}::timestamptz, '-infinity') and at < ${to}
    )
    delete from level_change where id in (
      select l.id from phone p join level_change l on l.device_id = p.device_id
      where l.at < ${to}
        and exists (select from level_change n where n.device_id = l.device_id and n.at < ${to} and (n.at, n.id) > (l.at, l.id))
        and (l.from_level is not distinct from l.to_level
          or exists (select from level_change n where n.device_id = l.device_id and n.at < ${to} and (n.at, n.id) > (l.at, l.id) and n.from_level is distinct from n.to_level))
      for update of l skip locked
    )`.execute(db)
  return Number(numAffectedRows)
}

/** Deletes some findings that were resolved before a moment, with how they once read and their mention in changes that stay. Answers how many; fewer than the limit: all. */
export async function deleteResolvedFindings (db: Database, { before, limit }: { readonly before: Date, readonly limit: number }): Promise<number> {
  const { rows: [row] } = await sql<{ gone: number }>`
    with gone as (
      delete from finding where id in (
        select id from finding where status = 'resolved' and resolved_at < ${before} order by resolved_at limit ${limit} for update skip locked
      ) returning id, device_id
    ), versions as (
      delete from finding_version v using gone g where v.finding_id = g.id
    ), mentions as (
      update level_change l set findings = (
        select coalesce(jsonb_agg(f.behind order by f.place), '[]') from jsonb_array_elements(l.findings) with ordinality f (behind, place)
        where f.behind ->> 'findingId' not in (select id::text from gone)
      )
      from (select device_id, array_agg(id::text) as ids from gone group by device_id) g
      where l.device_id = g.device_id and l.at < ${before}
        and exists (select from jsonb_array_elements(l.findings) f where f ->> 'findingId' = any(g.ids))
    )
    select count(*) as gone from gone`.execute(db)
  return row!.gone
}

/** Deletes some words of findings that had ceased to hold before a moment. Answers how many; fewer than the limit: all. */
export async function deleteFindingVersions (db: Database, { before, limit }: { readonly before: Date, readonly limit: number }): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from finding_version where (finding_id, since) in (
      select finding_id, since from finding_version where until < ${before} order by until limit ${limit} for update skip locked
    )`.execute(db)
  return Number(numAffectedRows)
}

/** Deletes suppressions that had ended a day before a moment: what they suppressed has been judged anew by then. */
export async function deleteEndedSuppressions (db: Database, { before, limit }: { readonly before: Date, readonly limit: number }): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from suppression where id in (
      select id from suppression where least(expires_at, revoked_at) < ${before}::timestamptz - interval '1 day' limit ${limit} for update skip locked
    )`.execute(db)
  return Number(numAffectedRows)
}
