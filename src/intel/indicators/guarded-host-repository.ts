import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import type { GuardOverride } from './shared-hosts.js'

/** An operator's decision about a host. */
export interface GuardedHostChange extends GuardOverride {
  readonly reason: string
  readonly changedBy: string
  /** ISO 8601. */
  readonly changedAt: string
}

export async function listGuardChanges (db: Database): Promise<GuardedHostChange[]> {
  const rows = await db.selectFrom('guarded_host').selectAll().orderBy('host').execute()
  return rows.map(({ host, guarded, reason, changed_by: changedBy, changed_at: changedAt }) => ({ host, guarded, reason, changedBy, changedAt: changedAt.toISOString() }))
}

/** Keeps others from changing the list until this transaction ends. */
export async function lockGuardedHosts (tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('guarded hosts', 0))`.execute(tx)
}

export async function upsertGuardChange (tx: Tx, { host, guarded, reason, changedBy }: Omit<GuardedHostChange, 'changedAt'>): Promise<void> {
  await tx.insertInto('guarded_host').values({ host, guarded, reason, changed_by: changedBy })
    .onConflict((conflict) => conflict.column('host').doUpdateSet({ guarded, reason, changed_by: changedBy, changed_at: sql<Date>`now()` }))
    .execute()
}

export async function deleteGuardChange (tx: Tx, host: string): Promise<void> {
  await tx.deleteFrom('guarded_host').where('host', '=', host).execute()
}

/**
 * Puts the indicators that a host's guard touches into the table `changed`
 * (intel-change-repository.ts), so that phones which rest on them are judged again.
 */
export async function addIndicatorsOfHost (tx: Tx, host: string, kind: 'added' | 'withdrawn'): Promise<number> {
  const roots = [host, `www.${host}`].flatMap((name) => ['http', 'https'].map((scheme) => `${scheme}://${name.includes(':') ? `[${name}]` : name}/`))
  const { numAffectedRows } = await sql`insert into changed select distinct ${kind}, type, value from indicator
    where (type in ('domain', 'ipv4', 'ipv6') and value in (${host}, ${`www.${host}`})) or (type = 'url' and value = any(${roots}))`.execute(tx)
  return Number(numAffectedRows ?? 0)
}
