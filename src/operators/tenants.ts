import { decodeCursor, limitOf, type Page, type PageInput, toPage, UUID_PART } from '../devices/cursor.js'
import { ConflictError } from '../errors.js'
import type { Database } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'

export interface Tenant {
  readonly tenantId: string
  readonly name: string
  readonly entraTenantId: string
  /** ISO 8601. */
  readonly createdAt: string
}

/** @throws ConflictError when the Entra tenant is a customer already */
export async function createTenant ({ db }: { readonly db: Database }, input: { readonly name: string, readonly entraTenantId: string, readonly actor: string }): Promise<Tenant> {
  return await db.transaction().execute(async (tx) => {
    const row = await tx.insertInto('tenant').values({ name: input.name, entra_tenant_id: input.entraTenantId })
      .onConflict((conflict) => conflict.column('entra_tenant_id').doNothing())
      .returning(['id', 'name', 'entra_tenant_id', 'created_at']).executeTakeFirst()
    if (row === undefined) throw new ConflictError('This Entra tenant is a customer already.')
    await recordAudit(tx, { tenantId: row.id, actor: input.actor, action: 'tenant.created', subject: row.id, detail: { name: row.name } })
    return fromRow(row)
  })
}

/** One page of the tenants, in the order of their ids. @throws InvalidInputError for a foreign cursor */
export async function listTenants ({ db }: { readonly db: Database }, input: PageInput = {}): Promise<Page<Tenant>> {
  const limit = limitOf(input)
  const after = decodeCursor(input, UUID_PART)
  let query = db.selectFrom('tenant').select(['id', 'name', 'entra_tenant_id', 'created_at']).orderBy('id').limit(limit + 1)
  if (after !== undefined) query = query.where('id', '>', after[0]!)
  return toPage(await query.execute(), limit, fromRow, ({ id }) => [id])
}

/** Whether there is such a tenant. */
export async function hasTenant ({ db }: { readonly db: Database }, tenantId: string): Promise<boolean> {
  return await db.selectFrom('tenant').select('id').where('id', '=', tenantId).executeTakeFirst() !== undefined
}

function fromRow (row: { id: string, name: string, entra_tenant_id: string, created_at: Date }): Tenant {
  return { tenantId: row.id, name: row.name, entraTenantId: row.entra_tenant_id, createdAt: row.created_at.toISOString() }
}
