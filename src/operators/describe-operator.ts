import type { Database } from '../platform/database.js'
import type { Operator } from './operator.js'

export interface OperatorView {
  readonly id: string
  readonly kind: string
  readonly name: string
  /** Only of tenants that there are. */
  readonly roles: ReadonlyArray<{ readonly role: string, readonly tenantId: string | null, readonly tenantName: string | null }>
  readonly permissions: readonly string[] | null
  readonly account: { readonly directory: string, readonly subject: string, readonly groupsOmitted: boolean } | null
}

/** Who somebody is here, and where they have which role. */
export async function describeOperator ({ db }: { readonly db: Database }, { id, kind, name, grants, permissions, account }: Operator): Promise<OperatorView> {
  const ids = grants.flatMap(({ tenantId }) => tenantId ?? [])
  const tenants = ids.length === 0 ? [] : await db.selectFrom('tenant').select(['id', 'name']).where('id', 'in', ids).execute()
  const names = new Map(tenants.map((tenant) => [tenant.id, tenant.name]))
  return {
    id,
    kind,
    name,
    roles: grants.filter(({ tenantId }) => tenantId === null || names.has(tenantId))
      .map(({ role, tenantId }) => ({ role, tenantId, tenantName: tenantId === null ? null : names.get(tenantId)! })),
    permissions: permissions === undefined ? null : [...permissions],
    account: account === undefined ? null : { directory: account.directory, subject: account.subject, groupsOmitted: account.groupsOmitted }
  }
}
