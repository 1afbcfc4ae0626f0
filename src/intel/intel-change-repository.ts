import { sql } from 'kysely'
import type { Tx } from '../platform/database.js'

/** Values that are listed one by one; when more have changed, one row stands for everything. */
export const MAX_LISTED_CHANGES = 200_000

/**
 * Opens the list of what this transaction changes: the temporary table `changed`, which the
 * repositories of indicators and vulnerabilities write to. A row of kind 'all' says that something
 * changed which has no value, so that everything is to be looked at.
 */
export async function openChanges (tx: Tx): Promise<void> {
  await sql`create temporary table changed (kind text, type text, value text) on commit drop`.execute(tx)
}

/** Puts all that a feed says into the list, as withdrawn. */
export async function addWholeFeed (tx: Tx, feed: string): Promise<void> {
  await sql`insert into changed
    select 'withdrawn', type, value from indicator where feed = ${feed}
    union all
    select 'withdrawn', 'vulnerability', cve from vulnerability where feed = ${feed}
    union all
    select 'withdrawn', 'app-id', app_id from vulnerability where feed = ${feed} and app_id is not null`.execute(tx)
}

/** Hands the list over to whoever re-checks phones: each value once for each kind of change. */
export async function publishChanges (tx: Tx, intelVersion: number, maxListed = MAX_LISTED_CHANGES): Promise<void> {
  const { rows: [listed] } = await sql<{ count: number, is_all: boolean }>`
    select count(*) as count, exists (select from changed where kind = 'all') as is_all
    from (select distinct kind, type, value from changed limit ${maxListed + 1}) few`.execute(tx)
  const isListed = listed!.count > 0 && listed!.count <= maxListed && !listed!.is_all
  if (isListed) {
    await sql`insert into intel_change (intel_version, kind, type, value)
      select distinct ${intelVersion}::bigint, kind, type, value from changed`.execute(tx)
  }
  // Where nobody works them through they do not grow for ever.
  if (isListed && await countWaiting(tx, 5 * maxListed) <= 5 * maxListed) return
  // What is still to be worked through is part of everything.
  await sql`delete from intel_change`.execute(tx)
  await tx.insertInto('intel_change').values({ intel_version: intelVersion, kind: 'all', type: null, value: null }).execute()
}

async function countWaiting (tx: Tx, most: number): Promise<number> {
  return (await sql<{ count: number }>`select count(*) as count from (select from intel_change limit ${most + 1}) few`.execute(tx)).rows[0]!.count
}
