import { sql } from 'kysely'
import type { Tx } from '../platform/database.js'

/** Values that are listed one by one; when more have changed, one row stands for everything. */
export const MAX_LISTED_CHANGES = 200_000

/**
 * Opens the list of what this transaction changes: the temporary table `changed`, which the
 * repositories of indicators and vulnerabilities write to.
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
  const { rows: [listed] } = await sql<{ count: number }>`
    select count(*) as count from (select distinct kind, type, value from changed limit ${maxListed + 1}) few`.execute(tx)
  if (listed!.count > maxListed) {
    // What is still to be worked through is part of everything.
    await sql`delete from intel_change`.execute(tx)
    await tx.insertInto('intel_change').values({ intel_version: intelVersion, kind: 'all', type: null, value: null }).execute()
    return
  }
  await sql`insert into intel_change (intel_version, kind, type, value)
    select distinct ${intelVersion}::bigint, kind, type, value from changed`.execute(tx)
  // Nobody works them through: they do not grow for ever.
  const { rows: [waiting] } = await sql<{ count: number }>`select count(*) as count from (select from intel_change limit ${5 * maxListed + 1}) few`.execute(tx)
  if (waiting!.count <= 5 * maxListed) return
  await sql`delete from intel_change`.execute(tx)
  await tx.insertInto('intel_change').values({ intel_version: intelVersion, kind: 'all', type: null, value: null }).execute()
}
