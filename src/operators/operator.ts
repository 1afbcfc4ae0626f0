import { hasPermission, type Permission, type Role, scopeOf } from './roles.js'

/** A role in a place. */
export interface Grant {
  readonly role: Role
  /** Null: in all tenants, and for platform-admin the platform itself. */
  readonly tenantId: string | null
}

/** Who operates: a person or an app that signed in with a provider, or an API key's holder. */
export interface Operator {
  /** The API key's id, or one made of what the provider calls them. Names may repeat. */
  readonly id: string
  readonly kind: 'api-key' | 'user' | 'app'
  /** What the audit log calls them. Ends with their id, so that nobody is taken for another, whatever a key was called. */
  readonly name: string
  /** What an API key was called by whoever made it; others' are their names. */
  readonly label: string
  /** One after the other may repeat a tenant; what any of them allows is allowed. */
  readonly grants: readonly Grant[]
  /** Only these, of what the roles allow; undefined: all. */
  readonly permissions?: ReadonlySet<Permission>
  /** One token, or one API key. */
  readonly session: string
  /** Who that is elsewhere; undefined for API keys. */
  readonly account?: {
    /** Entra tenant, or issuer of another provider. */
    readonly directory: string
    /** `oid` or `sub`. */
    readonly subject: string
    /** The app that the token was given to. */
    readonly clientId: string | null
    /** The token leaves groups out, because there are too many (Entra: more than 200). */
    readonly groupsOmitted: boolean
  }
}

/** `foreign`: nothing is theirs there, so it looks as if it were not there. */
export type Entry = 'allowed' | 'forbidden' | 'foreign'

/** Whether an operator may do this, in this tenant where the permission is about one. */
export function mayEnter ({ grants, permissions }: Operator, permission: Permission, tenantId: string | undefined): Entry {
  const scope = scopeOf(permission)
  if (scope === 'self') return 'allowed'
  const there = scope === 'platform' ? grants.filter((grant) => grant.tenantId === null) : grants.filter((grant) => grant.tenantId === null || grant.tenantId === tenantId)
  if (scope === 'tenant' && there.length === 0) return 'foreign'
  const hasIt = there.some(({ role }) => hasPermission(role, permission)) && permissions?.has(permission) !== false
  return hasIt ? 'allowed' : 'forbidden'
}

/** The tenant that an operator works for, if it is one of theirs: only its rows are shown (docs/decisions/0025-row-level-security.md). */
export function tenantEntered ({ grants }: Operator, tenantId: string | undefined): string | undefined {
  const asked = tenantId?.toLowerCase()
  return grants.some((grant) => grant.tenantId === null || grant.tenantId === asked) ? asked : undefined
}

/** Whether the operator gets into every tenant there is. */
export const isEverywhere = ({ grants }: Operator): boolean => grants.some(({ tenantId }) => tenantId === null)
