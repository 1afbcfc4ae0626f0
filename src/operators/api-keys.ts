import { createHash, randomBytes } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import { decodeCursor, limitOf, type Page, type PageInput, toPage, UUID_PART } from '../devices/cursor.js'
import { ConflictError, type FieldFault, ForbiddenError, InvalidInputError, NotFoundError, UnprocessableError } from '../errors.js'
import type { Database, Tx } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'
import { isPermissionOf, type Role } from './roles.js'

export const API_KEY_PREFIX = 'sp_'
/** 48 of 256 random bits: enough to tell keys apart, of no help in guessing one. */
const SHOWN_LENGTH = API_KEY_PREFIX.length + 8
/** What would let a key of few permissions make itself one of all. */
const NEVER_ALONE: readonly string[] = ['access:manage', 'platform-access:manage']
const DAY_MS = 24 * 60 * 60 * 1000
const MAX_TENANTS = 1_000

export interface CreateApiKeyInput {
  readonly name: string
  readonly role: Role
  /** None for platform-admin, one for every other role. */
  readonly tenantId?: string | undefined
  /** Further tenants in which it has the same role. */
  readonly alsoIn?: readonly string[] | undefined
  /** Only these of the role's permissions; undefined: all. */
  readonly permissions?: readonly string[] | undefined
  readonly expiresAt?: Date | undefined
  /** The latest that it may expire, in days from now. */
  readonly maxDays?: number | undefined
  /** Who makes it, for the audit. */
  readonly actor: string
}

export interface ApiKeyView {
  readonly id: string
  /** How it begins; null for keys from before this was kept. */
  readonly prefix: string | null
  readonly name: string
  readonly role: string
  /** None: the whole platform. Seen from one tenant: that one alone. */
  readonly tenantIds: readonly string[]
  /** It counts in several tenants. */
  readonly shared: boolean
  /** Null: all of its role. */
  readonly permissions: readonly string[] | null
  /** ISO 8601, like all times here. */
  readonly createdAt: string
  readonly expiresAt: string | null
  /** To the minute. */
  readonly lastUsedAt: string | null
  readonly revokedAt: string | null
  /** The id of the key in whose place it came. */
  readonly replaces: string | null
}

type MadeKey = { readonly id: string, readonly key: string, readonly expiresAt: string | null }

export const hashApiKey = (key: string): Buffer => createHash('sha256').update(key).digest()

/** Makes an API key and answers it: the only time it can be read. @throws InvalidInputError, UnprocessableError, NotFoundError */
export async function createApiKey ({ db }: { readonly db: Database }, input: CreateApiKeyInput): Promise<MadeKey> {
  const { role, tenantId, alsoIn = [] } = input
  const tenantIds = tenantId === undefined ? [] : [...new Set([tenantId, ...alsoIn].map((id) => id.toLowerCase()))]
  if ((role === 'platform-admin') !== (tenantIds.length === 0)) {
    throw new UnprocessableError(role === 'platform-admin' ? 'A platform-admin key belongs to no tenant.' : `A key with role ${role} needs a tenant.`)
  }
  const faults = faultsIn(input, tenantIds)
  if (faults.length > 0) throw new InvalidInputError(faults, 'The API key')
  return await db.transaction().execute(async (tx) => {
    const found = tenantIds.length === 0 ? [] : await tx.selectFrom('tenant').select('id').where('id', 'in', tenantIds).execute()
    if (found.length < tenantIds.length) throw new NotFoundError('There is no such tenant.')
    const made = await insertApiKey(tx, { ...input, tenantIds, replaces: null })
    await auditEverywhere(tx, tenantIds, { actor: input.actor, action: 'api-key.created', subject: made.id, detail: { name: input.name, role, ...(input.permissions === undefined ? {} : { permissions: input.permissions }), expiresAt: made.expiresAt } })
    return made
  })
}

/** API keys, the newest first: all, or those that count in one tenant. The keys themselves are not known to us. @throws InvalidInputError for a foreign cursor */
export async function listApiKeys ({ db }: { readonly db: Database }, input: PageInput & { readonly tenantId?: string | undefined } = {}): Promise<Page<ApiKeyView>> {
  const limit = limitOf(input)
  const before = decodeCursor(input, UUID_PART)
  const tenantId = input.tenantId?.toLowerCase()
  const { rows } = await sql<KeyRow>`
    ${SELECT} where ${tenantId === undefined ? sql`true` : countsIn(tenantId)}
      and ${before === undefined ? sql`true` : sql`(k.created_at, k.id) < (select created_at, id from api_key where id = ${before[0]})`}
    order by k.created_at desc, k.id desc limit ${limit + 1}`.execute(db)
  return toPage(rows, limit, (row) => fromRow(row, tenantId), ({ id }) => [id])
}

/**
 * Ends an API key; every process turns it away within five seconds. From one tenant, a key that counts in others as
 * well loses this one alone. Revoking it again changes nothing. @throws NotFoundError
 */
export async function revokeApiKey ({ db }: { readonly db: Database }, { id, actor, ...from }: { readonly id: string, readonly tenantId?: string | undefined, readonly actor: string }): Promise<{ readonly id: string, readonly revokedAt: string }> {
  const tenantId = from.tenantId?.toLowerCase()
  return await db.transaction().execute(async (tx) => {
    const key = await lockApiKey(tx, id, tenantId)
    if (key.revoked_at !== null) return { id, revokedAt: key.revoked_at.toISOString() }
    const revokedAt = new Date()
    const detail = { name: key.name, role: key.role }
    if (tenantId !== undefined && key.tenant_ids.length > 1) {
      await leaveTenant(tx, key, tenantId)
      await recordAudit(tx, { tenantId, actor, action: 'api-key.revoked', subject: id, detail: { ...detail, shared: true } })
    } else {
      await tx.updateTable('api_key').set({ revoked_at: revokedAt }).where('id', '=', id).execute()
      await auditEverywhere(tx, key.tenant_ids, { actor, action: 'api-key.revoked', subject: id, detail })
    }
    return { id, revokedAt: revokedAt.toISOString() }
  })
}

/**
 * Makes a key that is allowed the same in the place of another, which counts for `graceSeconds` longer so that nobody is
 * shut out meanwhile. It lives as long as the old one was to. @throws NotFoundError, ConflictError when the old one is over,
 * ForbiddenError from one tenant for a key of several
 */
export async function rotateApiKey ({ db }: { readonly db: Database }, input: { readonly id: string, readonly tenantId?: string | undefined, readonly graceSeconds: number, readonly actor: string }): Promise<MadeKey> {
  const { id, graceSeconds, actor } = input
  const tenantId = input.tenantId?.toLowerCase()
  return await db.transaction().execute(async (tx) => {
    const old = await lockApiKey(tx, id, tenantId)
    const now = Date.now()
    if (tenantId !== undefined && old.tenant_ids.length > 1) throw new ForbiddenError('This key counts in several tenants; only a platform-admin can rotate it.')
    if (old.revoked_at !== null || (old.expires_at !== null && old.expires_at.getTime() <= now)) throw new ConflictError('The key is over already; make a new one.')
    const endsAt = new Date(Math.min(now + graceSeconds * 1000, old.expires_at?.getTime() ?? Infinity))
    await tx.updateTable('api_key').set(graceSeconds === 0 ? { revoked_at: new Date(now) } : { expires_at: endsAt }).where('id', '=', id).execute()
    const made = await insertApiKey(tx, {
      name: old.name,
      role: old.role as Role,
      tenantIds: old.tenant_ids,
      permissions: old.permissions ?? undefined,
      expiresAt: old.expires_at === null ? undefined : new Date(now + old.expires_at.getTime() - old.created_at.getTime()),
      replaces: id
    })
    await auditEverywhere(tx, old.tenant_ids, { actor, action: 'api-key.rotated', subject: made.id, detail: { name: old.name, role: old.role, replaces: id, oldEndsAt: endsAt.toISOString() } })
    return made
  })
}

function faultsIn ({ name, role, permissions, expiresAt, maxDays }: CreateApiKeyInput, tenantIds: readonly string[]): FieldFault[] {
  const faults: FieldFault[] = []
  const add = (path: string, message: string): void => { faults.push({ path, message }) }
  if (name.trim() === '' || name.length > 200) add('/name', 'must be 1 to 200 characters')
  if (tenantIds.length > MAX_TENANTS) add('/tenantIds', `must be at most ${MAX_TENANTS}`)
  for (const [at, permission] of (permissions ?? []).entries()) {
    if (!isPermissionOf(role, permission)) add(`/permissions/${at}`, `is no permission of role ${role}`)
    else if (NEVER_ALONE.includes(permission)) add(`/permissions/${at}`, 'cannot be given to a key of few permissions: it could make itself one of all')
  }
  if (permissions?.length === 0) add('/permissions', 'must name at least one')
  if (expiresAt !== undefined) {
    const days = (expiresAt.getTime() - Date.now()) / DAY_MS
    // NaN fails the first.
    if (!(days > 0)) add('/expiresAt', 'must be a time to come')
    else if (maxDays !== undefined && days > maxDays) add('/expiresAt', `must be within ${maxDays} days`)
  }
  return faults
}

async function insertApiKey (tx: Tx, { name, role, tenantIds, permissions, expiresAt, replaces }: Pick<CreateApiKeyInput, 'name' | 'role' | 'permissions' | 'expiresAt'> & { readonly tenantIds: readonly string[], readonly replaces: string | null }): Promise<MadeKey> {
  const key = API_KEY_PREFIX + randomBytes(32).toString('base64url')
  const [first = null, ...more] = tenantIds
  const { id } = await tx.insertInto('api_key').values({
    name,
    role,
    tenant_id: first,
    key_hash: hashApiKey(key),
    prefix: key.slice(0, SHOWN_LENGTH),
    permissions: permissions === undefined ? null : [...new Set(permissions)],
    expires_at: expiresAt ?? null,
    replaces
  }).returning('id').executeTakeFirstOrThrow()
  if (more.length > 0) await tx.insertInto('api_key_tenant').values(more.map((tenantId) => ({ api_key_id: id, tenant_id: tenantId }))).execute()
  return { id, key, expiresAt: expiresAt?.toISOString() ?? null }
}

async function lockApiKey (tx: Tx, id: string, tenantId: string | undefined): Promise<KeyRow> {
  const { rows: [key] } = await sql<KeyRow>`${SELECT} where k.id = ${id} and ${tenantId === undefined ? sql`true` : countsIn(tenantId)} for update of k`.execute(tx)
  if (key === undefined) throw new NotFoundError('There is no such API key.')
  return key
}

/** Another tenant becomes its first where that one is left. */
async function leaveTenant (tx: Tx, key: KeyRow, tenantId: string): Promise<void> {
  const stays = key.tenant_ids.filter((id) => id !== tenantId)
  await tx.updateTable('api_key').set({ tenant_id: stays[0]! }).where('id', '=', key.id).execute()
  await tx.deleteFrom('api_key_tenant').where('api_key_id', '=', key.id).where('tenant_id', 'in', [tenantId, stays[0]!]).execute()
}

/** Each tenant's administrators read of it; without tenants it is the platform's. */
async function auditEverywhere (tx: Tx, tenantIds: readonly string[], event: Omit<Parameters<typeof recordAudit>[1], 'tenantId'>): Promise<void> {
  // In one order for everybody: each tenant's chain is locked at the commit, in the order of its events.
  for (const tenantId of tenantIds.length === 0 ? [null] : [...tenantIds].sort()) await recordAudit(tx, { ...event, tenantId })
}

interface KeyRow {
  id: string, prefix: string | null, name: string, role: string, tenant_ids: string[], permissions: string[] | null
  created_at: Date, expires_at: Date | null, last_used_at: Date | null, revoked_at: Date | null, replaces: string | null
}

const SELECT = sql`
  select k.id, k.prefix, k.name, k.role, k.permissions, k.created_at, k.expires_at, k.last_used_at, k.revoked_at, k.replaces,
    array_remove(array[k.tenant_id] || array(select t.tenant_id from api_key_tenant t where t.api_key_id = k.id order by t.tenant_id), null) as tenant_ids
  from api_key k`
const countsIn = (tenantId: string): RawBuilder<unknown> =>
  sql`(k.tenant_id = ${tenantId} or exists (select from api_key_tenant t where t.api_key_id = k.id and t.tenant_id = ${tenantId}))`

function fromRow (row: KeyRow, seenFrom: string | undefined): ApiKeyView {
  return {
    id: row.id,
    prefix: row.prefix,
    name: row.name,
    role: row.role,
    tenantIds: seenFrom === undefined ? row.tenant_ids : [seenFrom],
    shared: row.tenant_ids.length > 1,
    permissions: row.permissions,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
    replaces: row.replaces
  }
}
