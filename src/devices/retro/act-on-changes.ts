import { sql } from 'kysely'
import type { IntelView } from '../../intel/intel-view.js'
import type { Database, Tx } from '../../platform/database.js'
import { collectAffected, type IntelChange } from './find-affected.js'
import { waitForJudgements } from './judgement-lock.js'
import { NO_DEVICE } from './rescorings.js'

export interface ActDeps {
  readonly db: Database
  /** Threat intelligence as it is stored now. */
  readonly intel: { refresh (): Promise<IntelView> }
}

/**
 * Finds the phones that the changes since last time may concern and puts them on the list of those to be judged anew. All in one
 * transaction: a process that dies leaves changes that the next one works through. Answers how many are
 * on the list now; undefined: nothing had changed. What is imported meanwhile is for the next call.
 */
export async function actOnChanges ({ db, intel }: ActDeps): Promise<{ readonly found: number | 'all' } | undefined> {
  await addComingOfAge(db)
  const seen = await readPending(db)
  if (seen === undefined) return undefined
  // Whoever is judging by what was known before ends first, or the list would miss what he has not committed. What is
  // imported from here on has judgements of its own to wait for: it is the next round's.
  await waitForJudgements(db)
  const view = await intel.refresh()
  return await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('act on intel changes', 0))`.execute(tx)
    const { reassessed_version: done } = await tx.selectFrom('intel_version').select('reassessed_version').executeTakeFirstOrThrow()
    const upTo = seen.version
    const rows = await tx.deleteFrom('intel_change').where('intel_version', '<=', upTo).where('id', '<=', seen.lastChange).returning(['kind', 'type', 'value']).execute()
    if (rows.length === 0 && done >= upTo) return undefined
    await sql`update intel_version set reassessed_version = greatest(reassessed_version, ${upTo}::bigint)`.execute(tx)
    // A version without a word of what it changed is everything.
    if (rows.length === 0 || rows.some(({ kind }) => kind === 'all')) return await addFleet(tx, upTo)
    return await addFound(tx, upTo, rows as IntelChange[], view)
  })
}

/** What is stored now and not acted on yet. */
async function readPending (db: Database): Promise<{ readonly version: number, readonly lastChange: number } | undefined> {
  const { rows: [row] } = await sql<{ version: number, reassessed_version: number, last_change: number }>`
    select version, reassessed_version, coalesce((select max(id) from intel_change), 0) as last_change from intel_version`.execute(db)
  const { version, reassessed_version: done, last_change: lastChange } = row!
  return done < version || lastChange > 0 ? { version, lastChange } : undefined
}

/** What was imported with a time to come, and is now in force, is like what was just added. */
async function addComingOfAge (db: Database): Promise<void> {
  await sql`
    with seen as (
      update intel_version v set valid_from_seen = now() from (select valid_from_seen as before from intel_version for update) old
      where old.before < now() returning old.before, v.version
    )
    insert into intel_change (intel_version, kind, type, value)
    select distinct seen.version, 'added', i.type, i.value from seen join indicator i on i.valid_from > seen.before and i.valid_from <= now()`.execute(db)
}

async function addFleet (tx: Tx, intelVersion: number): Promise<{ readonly found: 'all' }> {
  // Whoever was on the way through the fleet begins anew with this.
  await sql`update rescoring set next_device = null where finished_at is null and tenant_id is null`.execute(tx)
  await tx.insertInto('rescoring').values({ intel_version: intelVersion, next_device: NO_DEVICE }).execute()
  return { found: 'all' }
}

async function addFound (tx: Tx, intelVersion: number, changes: readonly IntelChange[], view: IntelView): Promise<{ readonly found: number }> {
  await sql`create temporary table affected (device_id uuid primary key) on commit drop`.execute(tx)
  await collectAffected(tx, changes, view)
  const { id } = await tx.insertInto('rescoring').values({ intel_version: intelVersion, changes: changes.length }).returning('id').executeTakeFirstOrThrow()
  const { numAffectedRows = 0n } = await sql`
    insert into rescoring_device (device_id, rescoring_id, intel_version)
    select a.device_id, ${id}::bigint, ${intelVersion}::bigint from affected a join device_state s on s.device_id = a.device_id
    where s.last_report_at is not null order by a.device_id
    on conflict (device_id) do update set rescoring_id = excluded.rescoring_id, intel_version = excluded.intel_version, place = 0, handed_at = null`.execute(tx)
  const found = Number(numAffectedRows)
  await sql`update rescoring set found = ${found}, finished_at = case when ${found} = 0 then now() end where id = ${id}`.execute(tx)
  return { found }
}
