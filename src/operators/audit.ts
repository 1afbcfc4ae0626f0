import type { Database } from '../platform/database.js'
import { decodeCursor, limitOf, NUMBER_PART, type Page, type PageInput, toPage } from '../devices/cursor.js'

export interface AuditItem {
  readonly id: number
  /** ISO 8601. */
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly subject: string | null
  readonly detail: unknown
}

/** A tenant's audit events, or those about the whole platform (`tenantId` null), the last first. */
export async function listAudit ({ db }: { readonly db: Database }, input: PageInput & { readonly tenantId: string | null }): Promise<Page<AuditItem>> {
  const limit = limitOf(input)
  const before = decodeCursor(input, NUMBER_PART)
  let query = db.selectFrom('audit_event').select(['id', 'at', 'actor', 'action', 'subject', 'detail'])
    // Not "is not distinct from", for which PostgreSQL uses no index.
    .where('tenant_id', input.tenantId === null ? 'is' : '=', input.tenantId).orderBy('id', 'desc').limit(limit + 1)
  if (before !== undefined) query = query.where('id', '<', Number(before[0]))
  return toPage(await query.execute(), limit, (row) => ({ ...row, at: row.at.toISOString() }), ({ id }) => [String(id)])
}
