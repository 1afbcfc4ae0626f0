import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'

const KEY = sql`hashtextextended('judgements', 0)`

/**
 * Held by each transaction that judges phones, from before it looks which intelligence is stored until it has
 * committed. With it, a phone either is judged by what was just imported, or is in the tables when
 * somebody looks for the phones that the import concerns.
 */
export async function holdJudgementLock (tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(${KEY})`.execute(tx)
}

/** Resolves when all that were judging at the call have committed; who begins later sees what is stored now. */
export async function waitForJudgements (db: Database): Promise<void> {
  await db.transaction().execute(async (tx) => await sql`select pg_advisory_xact_lock(${KEY})`.execute(tx))
}
