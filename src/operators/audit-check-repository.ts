import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import type { ChainFault, ChainPlace } from './audit-chain.js'

/** How far a chain has been verified by the upkeep. */
export interface AuditCheck {
  readonly chain: string
  /** The last entry that was seen, in turn. */
  readonly seen: ChainPlace
  /** Where the walk from the first entry has come; null: none is under way. */
  readonly whole: ChainPlace | null
  readonly wholeFaults: readonly ChainFault[]
  /** When such a walk last ended. */
  readonly wholeAt: Date | null
  readonly faults: readonly ChainFault[]
}

/** Chains that are new get their row. */
export async function insertAuditChecks (db: Database, chains: readonly string[]): Promise<void> {
  if (chains.length === 0) return
  await sql`insert into audit_check (chain) select unnest(${chains}::uuid[]) on conflict do nothing`.execute(db)
}

/** All of them, the one first whose last whole walk is longest ago. */
export async function listAuditChecks (db: Database): Promise<AuditCheck[]> {
  const rows = await db.selectFrom('audit_check').selectAll().orderBy('whole_at', (order) => order.asc().nullsFirst()).orderBy('chain').execute()
  return rows.map((row) => ({
    chain: row.chain,
    seen: { number: row.number, hash: row.hash },
    whole: row.whole_number === null ? null : { number: row.whole_number, hash: row.whole_hash! },
    wholeFaults: row.whole_faults as ChainFault[],
    wholeAt: row.whole_at,
    faults: row.faults as ChainFault[]
  }))
}

export async function saveAuditSeen (db: Database, chain: string, { seen, faults }: Pick<AuditCheck, 'seen' | 'faults'>): Promise<void> {
  await db.updateTable('audit_check').set({ number: seen.number, hash: seen.hash, faults: JSON.stringify(faults), fault_count: faults.length }).where('chain', '=', chain).execute()
}

/** All chains were looked at just now. */
export async function saveAuditChecked (db: Database): Promise<void> {
  await db.updateTable('audit_check').set({ checked_at: sql<Date>`now()` }).execute()
}

export async function saveWholeWalk (db: Database, chain: string, { whole, wholeFaults }: { readonly whole: ChainPlace, readonly wholeFaults: readonly ChainFault[] }): Promise<void> {
  await db.updateTable('audit_check').set({ whole_number: whole.number, whole_hash: whole.hash, whole_faults: JSON.stringify(wholeFaults) }).where('chain', '=', chain).execute()
}

/** What it found takes the place of what was known. */
export async function finishWholeWalk (db: Database, chain: string, faults: readonly ChainFault[]): Promise<void> {
  await db.updateTable('audit_check').set({
    whole_number: null, whole_hash: null, whole_faults: '[]', whole_at: sql<Date>`now()`, faults: JSON.stringify(faults), fault_count: faults.length
  }).where('chain', '=', chain).execute()
}

/** The hash that is written at a place of a chain; undefined: there is no such entry. */
export async function findLinkHash (db: Database, { chain, number }: { readonly chain: string, readonly number: number }): Promise<Buffer | undefined> {
  return (await db.selectFrom('audit_link').select('hash').where('chain', '=', chain).where('number', '=', number).executeTakeFirst())?.hash
}
