import type { Database } from '../../platform/database.js'
import { storableJson } from '../../platform/storable-json.js'
import type { Check } from './check.js'

/** Keeps the last diagnosis of a tenant. */
export async function saveDiagnosis (db: Database, tenantId: string, { checkedAt, checks }: { readonly checkedAt: Date, readonly checks: readonly Check[] }): Promise<void> {
  const row = { checked_at: checkedAt, checks: storableJson(checks) }
  await db.insertInto('intune_diagnosis').values({ tenant_id: tenantId, ...row }).onConflict((conflict) => conflict.column('tenant_id').doUpdateSet(row)).execute()
}

export async function findDiagnosis (db: Database, tenantId: string): Promise<{ readonly checkedAt: Date, readonly checks: readonly Check[] } | undefined> {
  const row = await db.selectFrom('intune_diagnosis').select(['checked_at', 'checks']).where('tenant_id', '=', tenantId).executeTakeFirst()
  return row && { checkedAt: row.checked_at, checks: row.checks as Check[] }
}
