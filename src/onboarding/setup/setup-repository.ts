import { sql } from 'kysely'
import type { Database } from '../../platform/database.js'
import type { RememberedItem } from './plan.js'
import type { SetupWish } from './wish.js'

export interface SetupRow {
  readonly wish: SetupWish | null
  readonly appliedAt: Date | null
  readonly appliedBy: string | null
  readonly lastError: string | null
}

const NO_SETUP: SetupRow = { wish: null, appliedAt: null, appliedBy: null, lastError: null }

export async function findSetup (db: Database, tenantId: string): Promise<SetupRow> {
  const row = await db.selectFrom('intune_setup').select(['wish', 'applied_at', 'applied_by', 'last_error']).where('tenant_id', '=', tenantId).executeTakeFirst()
  return row === undefined ? NO_SETUP : { wish: row.wish as SetupWish | null, appliedAt: row.applied_at, appliedBy: row.applied_by, lastError: row.last_error }
}

/** The right to change a tenant's Intune, for one process at a time. False: another has it. */
export async function lockSetup (db: Database, tenantId: string, leaseMs: number): Promise<boolean> {
  const { rows } = await sql<{ tenant_id: string }>`
    insert into intune_setup (tenant_id, busy_until) values (${tenantId}, now() + make_interval(secs => ${leaseMs / 1000}::double precision))
    on conflict (tenant_id) do update set busy_until = excluded.busy_until
    where intune_setup.busy_until is null or intune_setup.busy_until < now()
    returning tenant_id`.execute(db)
  return rows.length > 0
}

/** Ends the right, and says how it went: `lastError` null means that all was done. */
export async function unlockSetup (db: Database, tenantId: string, outcome: { readonly lastError: string | null, readonly appliedBy: string, readonly at: Date }): Promise<void> {
  await db.updateTable('intune_setup')
    .set({ busy_until: null, last_error: outcome.lastError, ...(outcome.lastError === null ? { applied_at: outcome.at, applied_by: outcome.appliedBy } : {}) })
    .where('tenant_id', '=', tenantId).execute()
}

export async function saveWish (db: Database, tenantId: string, wish: SetupWish | null): Promise<void> {
  await db.updateTable('intune_setup').set({ wish: wish === null ? null : JSON.stringify(wish) }).where('tenant_id', '=', tenantId).execute()
}

export async function listItems (db: Database, tenantId: string): Promise<Array<RememberedItem & { readonly changedAt: Date }>> {
  const rows = await db.selectFrom('intune_setup_item').selectAll().where('tenant_id', '=', tenantId).orderBy('key').execute()
  return rows.map(({ key, graph_id: graphId, made, before, after, changed_at: changedAt }) => ({
    key, graphId, made, before: before as Record<string, unknown>, after: after as Record<string, unknown>, changedAt
  }))
}

/** Remembers an item. Of what was there before our changes, the first knowledge counts. */
export async function saveItem (db: Database, tenantId: string, { key, graphId, made, before, after }: RememberedItem): Promise<void> {
  await sql`
    insert into intune_setup_item (tenant_id, key, graph_id, made, before, after)
    values (${tenantId}, ${key}, ${graphId}, ${made}, ${JSON.stringify(before)}::jsonb, ${JSON.stringify(after)}::jsonb)
    on conflict (tenant_id, key) do update set
      graph_id = coalesce(excluded.graph_id, intune_setup_item.graph_id), made = excluded.made,
      before = excluded.before || intune_setup_item.before, after = intune_setup_item.after || excluded.after, changed_at = now()`.execute(db)
}

/** What is begun anew: nothing of an earlier one of that name counts any more, but for tokens that must end with it. */
export async function beginItem (db: Database, tenantId: string, key: string): Promise<void> {
  await sql`
    insert into intune_setup_item (tenant_id, key, graph_id, made) values (${tenantId}, ${key}, null, true)
    on conflict (tenant_id, key) do update set graph_id = null, made = true, before = '{}',
      after = case when intune_setup_item.after ? 'tokens' then jsonb_build_object('tokens', intune_setup_item.after -> 'tokens') else '{}' end, changed_at = now()`.execute(db)
}

/** Enrolment tokens that an item put into Intune; they end with it. */
export async function addToken (db: Database, tenantId: string, key: string, tokenId: string): Promise<void> {
  await sql`
    update intune_setup_item set after = jsonb_set(after, '{tokens}', coalesce(after -> 'tokens', '[]') || to_jsonb(${tokenId}::text))
    where tenant_id = ${tenantId} and key = ${key}`.execute(db)
}

export async function deleteItem (db: Database, tenantId: string, key: string): Promise<void> {
  await db.deleteFrom('intune_setup_item').where('tenant_id', '=', tenantId).where('key', '=', key).execute()
}

/** Whether this enrolment token lets phones of the tenant in. */
export async function isEnrollmentTokenLive (db: Database, tenantId: string, tokenHash: Buffer): Promise<boolean> {
  const row = await db.selectFrom('enrollment_token').select('id').where('tenant_id', '=', tenantId).where('token_hash', '=', tokenHash).where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', sql<Date>`now()`)]))
    .where((eb) => eb.or([eb('max_uses', 'is', null), eb('uses', '<', eb.ref('max_uses'))])).executeTakeFirst()
  return row !== undefined
}
