import type { Database } from '../platform/database.js'

export type ConsentOutcome = 'granted' | 'denied' | 'wrong-tenant' | 'unproven'
/** Which of our Entra apps is consented to: the one that tells levels, or the one that sets Intune up. */
export type ConsentApp = 'partner' | 'setup'

export interface ConsentRequest {
  /** Null: of a customer that is not there yet; then there is a name. */
  readonly tenantId: string | null
  readonly tenantName: string | null
  /** The Entra tenant that a new customer must turn out to be; null: any that is none yet. */
  readonly entraTenantId: string | null
  readonly app: ConsentApp
  readonly createdBy: string
}

export async function insertConsentRequest (db: Database, stateHash: Buffer, request: ConsentRequest & { readonly expiresAt: Date }): Promise<void> {
  await db.insertInto('consent_request').values({
    state_hash: stateHash, tenant_id: request.tenantId, tenant_name: request.tenantName, entra_tenant_id: request.entraTenantId, app: request.app, created_by: request.createdBy, expires_at: request.expiresAt
  }).execute()
}

/** Uses a state up: of all that come with it, one gets the request. Undefined: unknown, used or expired. */
export async function takeConsentRequest (db: Database, stateHash: Buffer, now: Date): Promise<ConsentRequest | undefined> {
  const row = await db.updateTable('consent_request').set({ used_at: now })
    .where('state_hash', '=', stateHash).where('used_at', 'is', null).where('expires_at', '>', now)
    .returning(['tenant_id', 'tenant_name', 'entra_tenant_id', 'app', 'created_by']).executeTakeFirst()
  return row && { tenantId: row.tenant_id, tenantName: row.tenant_name, entraTenantId: row.entra_tenant_id, app: row.app as ConsentApp, createdBy: row.created_by }
}

/** What became of it. A new customer's request belongs to the customer from now on. */
export async function saveConsentOutcome (db: Database, stateHash: Buffer, { outcome, detail, tenantId }: { readonly outcome: ConsentOutcome, readonly detail: string | null, readonly tenantId: string | null }): Promise<void> {
  await db.updateTable('consent_request').set({ outcome, detail, ...(tenantId === null ? {} : { tenant_id: tenantId }) }).where('state_hash', '=', stateHash).execute()
}

/** Whether an Entra tenant belongs to a customer. */
export async function isCustomer (db: Database, entraTenantId: string): Promise<boolean> {
  return await db.selectFrom('tenant').select('id').where('entra_tenant_id', '=', entraTenantId).executeTakeFirst() !== undefined
}

export interface LastConsent {
  readonly outcome: ConsentOutcome | null
  readonly detail: string | null
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly usedAt: Date | null
}

/** The last link that was made for a tenant's consent to the app that tells levels. */
export async function findLastConsent (db: Database, tenantId: string): Promise<LastConsent | undefined> {
  const row = await db.selectFrom('consent_request').select(['outcome', 'detail', 'created_at', 'expires_at', 'used_at'])
    .where('tenant_id', '=', tenantId).where('app', '=', 'partner').orderBy('created_at', 'desc').limit(1).executeTakeFirst()
  return row && { outcome: row.outcome as ConsentOutcome | null, detail: row.detail, createdAt: row.created_at, expiresAt: row.expires_at, usedAt: row.used_at }
}
