import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import { phonesWithBuild } from './which-phones.js'

/**
 * How long a build that no phone has stays, should somebody be about to give it to one. Workers
 * do that without asking for an hour (BUILD_LEASE_MS in app-inventories.ts); the rest is for a
 * transaction that takes very long.
 */
export const UNUSED_HOURS = 24

/** Builds looked at in one go; over all goes, each is looked at in turn. */
const LOOK_AT = 2_000
/** Phones whose lists tell which builds need no look at the index: those that many phones have. */
const SAMPLE = 1_000

export interface ExpiredBuilds { readonly deleted: number, readonly unused: number }

/**
 * Removes app builds that no phone has had for a day (docs/decisions/0006-which-phones.md). A
 * build is marked first, and goes only when it is marked for so long and the index still has no
 * phone with it; who gives it to a phone meanwhile takes the mark away before.
 */
export async function expireAppBuilds ({ db }: { readonly db: Database }, { unusedHours = UNUSED_HOURS, lookAt = LOOK_AT } = {}): Promise<ExpiredBuilds> {
  const deleted = await deleteUnused(db, unusedHours)
  const { rows } = await sql<{ id: number }>`select id from app_build where unused_since is null order by looked_at limit ${lookAt}`.execute(db)
  const inUse = await listSampledBuilds(db)
  const suspects = rows.map(({ id }) => id).filter((id) => !inUse.has(id))
  const unused = await keepUnused(db, suspects)
  await sql`
    update app_build set looked_at = now(), unused_since = case when id = any(${unused}::integer[]) then now() end
    where id = any(${rows.map(({ id }) => id)}::integer[]) and unused_since is null`.execute(db)
  return { deleted, unused: unused.length }
}

async function deleteUnused (db: Database, unusedHours: number): Promise<number> {
  const { rows } = await sql<{ id: number }>`select id from app_build where unused_since < now() - make_interval(hours => ${unusedHours})`.execute(db)
  const marked = rows.map(({ id }) => id)
  const unused = await keepUnused(db, marked)
  const used = marked.filter((id) => !unused.includes(id))
  if (used.length > 0) await sql`update app_build set unused_since = null, looked_at = now() where id = any(${used}::integer[])`.execute(db)
  if (unused.length === 0) return 0
  // The mark again: who took it away a moment ago is about to use the build.
  const { numAffectedRows } = await sql`
    delete from app_build where id = any(${unused}::integer[]) and unused_since < now() - make_interval(hours => ${unusedHours})`.execute(db)
  return Number(numAffectedRows ?? 0)
}

/** The builds of some phones anywhere among all: ids of phones are random. */
async function listSampledBuilds (db: Database): Promise<Set<number>> {
  const start = randomUUID()
  const { rows } = await sql<{ build: number }>`
    select distinct unnest(builds) as build from (
      (select builds from device_apps where device_id >= ${start} order by device_id limit ${SAMPLE})
      union all
      (select builds from device_apps where device_id < ${start} order by device_id limit ${SAMPLE})
      limit ${SAMPLE}
    ) sampled`.execute(db)
  return new Set(rows.map(({ build }) => build))
}

/** Those that no phone has, each looked up in the index by itself. A build that was only taken off since the last base is not used. */
async function keepUnused (db: Database, ids: readonly number[]): Promise<number[]> {
  const unused: number[] = []
  for (const id of ids) {
    const { rows } = await sql`select 1 from (${phonesWithBuild({ builds: [id] })}) found limit 1`.execute(db)
    if (rows.length === 0) unused.push(id)
  }
  return unused
}
