import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { Database } from '../platform/database.js'
import { API_KEY_PREFIX, hashApiKey } from './api-keys.js'
import type { Operator } from './operator.js'
import type { Permission, Role } from './roles.js'

/** Whose key this is; undefined when it is unknown, expired or revoked. */
export async function findOperator (db: Database, key: string, now: Date): Promise<Operator | undefined> {
  return (await findKey(db, key, now))?.operator
}

async function findKey (db: Database, key: string, now: Date): Promise<{ readonly operator: Operator, readonly expiresAt: Date | null } | undefined> {
  if (!key.startsWith(API_KEY_PREFIX)) return undefined
  const row = await db.selectFrom('api_key')
    .select(['id', 'name', 'role', 'tenant_id', 'permissions', 'expires_at', sql<string[]>`array(select t.tenant_id from api_key_tenant t where t.api_key_id = api_key.id)`.as('more_tenant_ids')])
    .where('key_hash', '=', hashApiKey(key))
    .where('revoked_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
    .executeTakeFirst()
  if (row === undefined) return undefined
  const operator: Operator = {
    id: row.id,
    kind: 'api-key',
    name: `${row.name.replace(/[<>]/g, ' ')} <${row.id}>`,
    label: row.name,
    grants: [row.tenant_id, ...row.more_tenant_ids].map((tenantId) => ({ role: row.role as Role, tenantId })),
    ...(row.permissions === null ? {} : { permissions: new Set(row.permissions as Permission[]) }),
    session: row.id
  }
  return { operator, expiresAt: row.expires_at }
}

/** So soon is a key out that is revoked, and a grant that is taken away. */
export const REMEMBER_MS = 5_000
const REMEMBER_AT_MOST = 1_000

/**
 * `findOperator` that remembers whom it found for `rememberMs` (5 s), so a revoked key is out
 * as soon as that. Keys nobody has are not remembered: guesses must not push real ones out.
 */
export function createOperatorLookup (db: Database, { rememberMs = REMEMBER_MS, now = Date.now } = {}): (key: string) => Promise<Operator | undefined> {
  const known = new LRUCache<string, { readonly operator: Operator, readonly untilMs: number }>({ max: REMEMBER_AT_MOST })
  return async (key) => {
    const hash = hashApiKey(key).toString('base64')
    const hit = known.get(hash)
    if (hit !== undefined && hit.untilMs > now()) return hit.operator
    const found = await findKey(db, key, new Date(now()))
    if (found === undefined) {
      known.delete(hash)
      return undefined
    }
    known.set(hash, { operator: found.operator, untilMs: Math.min(now() + rememberMs, found.expiresAt?.getTime() ?? Infinity) })
    return found.operator
  }
}
