import type { Grant } from '../operator.js'
import { type Rank, RANKS } from '../roles.js'

/** What a role or group of a token means here. */
export interface RoleMapping {
  /** As the token has it. */
  readonly value: string
  readonly role: Rank
  /** `own`: the customer whose Entra tenant the token is from; `all`: every tenant; else one tenant's id. */
  readonly where: 'own' | 'all' | { readonly tenantId: string }
}

/** Our own names mean themselves, in the customer's own tenant; `platform-admin` the platform. */
export const DEFAULT_ROLE_MAP: readonly RoleMapping[] = RANKS.map((role) => ({ value: role, role, where: role === 'platform-admin' ? 'all' : 'own' }))

/** `Mtd.Admin=admin,8b1…=viewer@*,soc=analyst@<tenant id>`; the configuration has checked its form. */
export function parseRoleMap (text: string): RoleMapping[] {
  return text.split(',').map((entry) => {
    const [, value, role, place] = /^\s*([^=]+?)\s*=\s*([a-z-]+)(?:@(\S+))?\s*$/.exec(entry) ?? []
    if (value === undefined || !RANKS.includes(role as Rank)) throw new Error(`${entry} maps no role`)
    const where = place === '*' || role === 'platform-admin' ? 'all' : place === undefined ? 'own' : { tenantId: place.toLowerCase() }
    return { value, role: role as Rank, where }
  })
}

export interface Origin {
  /** The directory of those who run this installation: only its roles can mean more than its own tenant. */
  readonly isHome: boolean
  /** The tenant that belongs to the directory; undefined: it is no customer. */
  readonly ownTenantId: string | undefined
}

/**
 * What the roles and groups of a token allow. A customer's administrators give roles in their own
 * directory as they like, so what comes from there counts in their own tenant and nowhere else.
 */
export function grantsOf (map: readonly RoleMapping[], values: ReadonlySet<string>, { isHome, ownTenantId }: Origin): Grant[] {
  return map.filter(({ value }) => values.has(value)).flatMap(({ role, where }): Grant[] => {
    if (where === 'own') return ownTenantId === undefined ? [] : [{ role, tenantId: ownTenantId }]
    if (!isHome) return []
    return [{ role, tenantId: where === 'all' ? null : where.tenantId }]
  })
}
