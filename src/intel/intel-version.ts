import type { Database, Tx } from '../platform/database.js'

export async function raiseIntelVersion (tx: Tx): Promise<void> {
  await tx.updateTable('intel_version').set((set) => ({ version: set('version', '+', 1) })).execute()
}

export async function readIntelVersion (db: Database): Promise<number> {
  return (await db.selectFrom('intel_version').select('version').executeTakeFirstOrThrow()).version
}
