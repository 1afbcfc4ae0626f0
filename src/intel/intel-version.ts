import type { Database, Tx } from '../platform/database.js'

/** @returns the new version; others that raise it wait until this transaction ends */
export async function raiseIntelVersion (tx: Tx): Promise<number> {
  return (await tx.updateTable('intel_version').set((set) => ({ version: set('version', '+', 1) })).returning('version').executeTakeFirstOrThrow()).version
}

export async function readIntelVersion (db: Database): Promise<number> {
  return (await db.selectFrom('intel_version').select('version').executeTakeFirstOrThrow()).version
}
