import type { Database } from '../platform/database.js'

/** Our id of the tenant with this Entra id. */
export async function findTenantByEntraId (db: Database, entraTenantId: string): Promise<string | undefined> {
  return (await db.selectFrom('tenant').select('id').where('entra_tenant_id', '=', entraTenantId).executeTakeFirst())?.id
}
