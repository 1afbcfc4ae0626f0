import { createHash, randomBytes } from 'node:crypto'
import { NotFoundError, UnprocessableError } from '../errors.js'
import type { Database } from '../platform/database.js'
import type { Operator, Role } from './roles.js'
import { recordAudit } from './audit.js'

const PREFIX = 'sp_'

export interface CreateApiKeyInput {
  readonly name: string
  readonly role: Role
  /** None for platform-admin, one for every other role. */
  readonly tenantId?: string | undefined
  readonly expiresAt?: Date | undefined
  /** Who makes it, for the audit. */
  readonly actor: string
}

export const hashApiKey = (key: string): Buffer => createHash('sha256').update(key).digest()

/** Makes an API key and answers it: the only time it can be read. @throws UnprocessableError, NotFoundError */
export async function createApiKey ({ db }: { readonly db: Database }, input: CreateApiKeyInput): Promise<{ readonly id: string, readonly key: string }> {
  const { name, role, tenantId, expiresAt, actor } = input
  if ((role === 'platform-admin') !== (tenantId === undefined)) {
    throw new UnprocessableError(role === 'platform-admin' ? 'A platform-admin key belongs to no tenant.' : `A key with role ${role} needs a tenant.`)
  }
  const key = PREFIX + randomBytes(32).toString('base64url')
  return await db.transaction().execute(async (tx) => {
    if (tenantId !== undefined && await tx.selectFrom('tenant').select('id').where('id', '=', tenantId).executeTakeFirst() === undefined) {
      throw new NotFoundError('There is no such tenant.')
    }
    const { id } = await tx.insertInto('api_key')
      .values({ name, role, tenant_id: tenantId ?? null, key_hash: hashApiKey(key), expires_at: expiresAt ?? null })
      .returning('id').executeTakeFirstOrThrow()
    await recordAudit(tx, { tenantId: tenantId ?? null, actor, action: 'api-key.created', subject: id, detail: { name, role } })
    return { id, key }
  })
}

export interface ApiKeyView {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly tenantId: string | null
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

/** All API keys, the newest first. The keys themselves are not known to us. */
export async function listApiKeys ({ db }: { readonly db: Database }): Promise<ApiKeyView[]> {
  const rows = await db.selectFrom('api_key').select(['id', 'name', 'role', 'tenant_id', 'created_at', 'expires_at', 'revoked_at']).orderBy('created_at', 'desc').orderBy('id').execute()
  return rows.map((row) => ({
    id: row.id, name: row.name, role: row.role, tenantId: row.tenant_id, createdAt: row.created_at, expiresAt: row.expires_at, revokedAt: row.revoked_at
  }))
}

/** Ends an API key; every process turns it away within five seconds. Revoking it again changes nothing. @throws NotFoundError */
export async function revokeApiKey ({ db }: { readonly db: Database }, { id, actor }: { readonly id: string, readonly actor: string }): Promise<{ readonly id: string, readonly revokedAt: Date }> {
  return await db.transaction().execute(async (tx) => {
    const key = await tx.selectFrom('api_key').select(['tenant_id', 'name', 'role', 'revoked_at']).where('id', '=', id).forUpdate().executeTakeFirst()
    if (key === undefined) throw new NotFoundError('There is no such API key.')
    if (key.revoked_at !== null) return { id, revokedAt: key.revoked_at }
    const revokedAt = new Date()
    await tx.updateTable('api_key').set({ revoked_at: revokedAt }).where('id', '=', id).execute()
    await recordAudit(tx, { tenantId: key.tenant_id, actor, action: 'api-key.revoked', subject: id, detail: { name: key.name, role: key.role } })
    return { id, revokedAt }
  })
}

/** Whose key this is; undefined when it is unknown, expired or revoked. */
export async function findOperator (db: Database, key: string, now: Date): Promise<Operator | undefined> {
  return (await findKey(db, key, now))?.operator
}

async function findKey (db: Database, key: string, now: Date): Promise<{ readonly operator: Operator, readonly expiresAt: Date | null } | undefined> {
  if (!key.startsWith(PREFIX)) return undefined
  const row = await db.selectFrom('api_key').select(['id', 'name', 'role', 'tenant_id', 'expires_at'])
    .where('key_hash', '=', hashApiKey(key))
    .where('revoked_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
    .executeTakeFirst()
  return row && { operator: { id: row.id, name: row.name, role: row.role as Role, tenantId: row.tenant_id }, expiresAt: row.expires_at }
}

const REMEMBER_MS = 5_000
const REMEMBER_AT_MOST = 1_000

/**
 * `findOperator` that remembers whom it found for `rememberMs` (5 s), so a revoked key is out
 * as soon as that. Keys nobody has are not remembered: guesses must not push real ones out.
 */
export function createOperatorLookup (db: Database, { rememberMs = REMEMBER_MS, now = Date.now } = {}): (key: string) => Promise<Operator | undefined> {
  const known = new Map<string, { readonly operator: Operator, readonly untilMs: number }>()
  return async (key) => {
    const hash = hashApiKey(key).toString('base64')
    const hit = known.get(hash)
    if (hit !== undefined && hit.untilMs > now()) return hit.operator
    const found = await findKey(db, key, new Date(now()))
    if (found === undefined) {
      known.delete(hash)
      return undefined
    }
    if (known.size >= REMEMBER_AT_MOST) known.clear()
    known.set(hash, { operator: found.operator, untilMs: Math.min(now() + rememberMs, found.expiresAt?.getTime() ?? Infinity) })
    return found.operator
  }
}
