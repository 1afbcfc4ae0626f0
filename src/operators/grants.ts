import { sql } from 'kysely'
import { decodeCursor, limitOf, type Page, type PageInput, toPage, UUID_PART } from '../devices/cursor.js'
import { ConflictError, type FieldFault, InvalidInputError, NotFoundError } from '../errors.js'
import { GUID } from '../identity/verify-token.js'
import type { Database } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'
import type { Grant } from './operator.js'
import { type Rank, RANKS } from './roles.js'

export interface GrantsDeps {
  readonly db: Database
  /** The provider that operators sign in with, where that is not Entra. */
  readonly issuer?: string | undefined
}

/** Whom a grant is for: one person or app, or all of a group. */
export const HOLDER_KINDS = ['subject', 'group'] as const
export type HolderKind = (typeof HOLDER_KINDS)[number]

export interface StoredGrant {
  readonly id: string
  /** Null: in all tenants, and for platform-admin the platform itself. */
  readonly tenantId: string | null
  readonly role: string
  /** Whose ids they are: an Entra tenant, or another provider's issuer. */
  readonly directory: string
  readonly kind: string
  /** Entra: object id of user, service principal or group; else `sub`, or a group as the token names it. */
  readonly value: string
  readonly label: string
  readonly createdBy: string
  /** ISO 8601. */
  readonly createdAt: string
  readonly expiresAt: string | null
}

export interface AddGrantInput {
  readonly tenantId: string | null
  readonly role: Rank
  /** Left out: the tenant's own Entra tenant, or the one provider there is. */
  readonly directory?: string | undefined
  readonly kind: HolderKind
  readonly value: string
  readonly label: string
  readonly expiresAt?: Date | undefined
  readonly actor: string
}

/** Lets somebody in. @throws InvalidInputError naming every fault, NotFoundError, ConflictError when they have a role there */
export async function addGrant ({ db, issuer }: GrantsDeps, input: AddGrantInput): Promise<StoredGrant> {
  const { role, kind, label, expiresAt, actor } = input
  const tenantId = input.tenantId?.toLowerCase() ?? null
  const tenant = tenantId === null ? undefined : await db.selectFrom('tenant').select('entra_tenant_id').where('id', '=', tenantId).executeTakeFirst()
  if (tenantId !== null && tenant === undefined) throw new NotFoundError('There is no such tenant.')
  const directory = input.directory ?? issuer ?? tenant?.entra_tenant_id
  const faults = faultsIn(input, directory, issuer)
  if (faults.length > 0) throw new InvalidInputError(faults, 'The grant')
  const holder = { directory: issuer === undefined ? directory!.toLowerCase() : directory!, kind, value: issuer === undefined ? input.value.toLowerCase() : input.value }
  return await db.transaction().execute(async (tx) => {
    // What has expired is in nobody's way.
    await tx.deleteFrom('operator_grant').where('directory', '=', holder.directory).where('kind', '=', kind).where('value', '=', holder.value)
      .where('tenant_id', 'is not distinct from', tenantId).where('expires_at', '<=', new Date()).execute()
    const row = await tx.insertInto('operator_grant').values({ tenant_id: tenantId, role, ...holder, label, created_by: actor, expires_at: expiresAt ?? null })
      .onConflict((conflict) => conflict.doNothing()).returning(COLUMNS).executeTakeFirst()
    if (row === undefined) throw new ConflictError('They have a role there already; take that away first.')
    await recordAudit(tx, { tenantId, actor, action: 'operator-grant.created', subject: row.id, detail: { role, ...holder, label, expiresAt: expiresAt?.toISOString() ?? null } })
    return fromRow(row)
  })
}

/** One page of the grants in a tenant, or (`tenantId` null) of those in all. @throws InvalidInputError for a foreign cursor */
export async function listGrants ({ db }: GrantsDeps, input: PageInput & { readonly tenantId: string | null }): Promise<Page<StoredGrant>> {
  const limit = limitOf(input)
  const after = decodeCursor(input, UUID_PART)
  let query = db.selectFrom('operator_grant').select(COLUMNS).where('tenant_id', 'is not distinct from', input.tenantId).orderBy('id').limit(limit + 1)
  if (after !== undefined) query = query.where('id', '>', after[0]!)
  return toPage(await query.execute(), limit, fromRow, ({ id }) => [id])
}

/** Takes a grant away, wherever it is if no place is named; whoever has no other is out within five seconds. @throws NotFoundError */
export async function removeGrant ({ db }: GrantsDeps, { tenantId, id, actor }: { readonly tenantId?: string | null, readonly id: string, readonly actor: string }): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const query = tx.deleteFrom('operator_grant').where('id', '=', id).returning(COLUMNS)
    const row = await (tenantId === undefined ? query : query.where('tenant_id', 'is not distinct from', tenantId)).executeTakeFirst()
    if (row === undefined) throw new NotFoundError('There is no such grant.')
    const { role, directory, kind, value, label } = row
    await recordAudit(tx, { tenantId: row.tenant_id, actor, action: 'operator-grant.removed', subject: id, detail: { role, directory, kind, value, label } })
  })
}

/** What is stored for somebody: for them, and for the groups that they are in. */
export async function findGrants (db: Database, { directory, subject, groups }: { readonly directory: string, readonly subject: string, readonly groups: readonly string[] }): Promise<Grant[]> {
  const rows = await db.selectFrom('operator_grant').select(['tenant_id', 'role'])
    .where('directory', '=', directory)
    .where((where) => where.or([
      where('kind', '=', 'subject').and('value', '=', subject),
      ...(groups.length === 0 ? [] : [where('kind', '=', 'group').and('value', 'in', groups)])
    ]))
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', new Date())]))
    .execute()
  return rows.map(({ tenant_id: tenantId, role }) => ({ tenantId, role: role as Rank }))
}

/** Whether anybody of this directory was let in. */
export async function hasGrantsFrom (db: Database, directory: string): Promise<boolean> {
  const { rows: [row] } = await sql<{ found: boolean }>`select exists (select from operator_grant where directory = ${directory}) as found`.execute(db)
  return row!.found
}

function faultsIn ({ tenantId, role, kind, value, label, expiresAt }: AddGrantInput, directory: string | undefined, issuer: string | undefined): FieldFault[] {
  const faults: FieldFault[] = []
  const add = (path: string, message: string): void => { faults.push({ path, message }) }
  if (!RANKS.includes(role)) add('/role', `must be one of ${RANKS.join(', ')}`)
  else if (role === 'platform-admin' && tenantId !== null) add('/role', 'platform-admin is about the platform and no tenant')
  if (!HOLDER_KINDS.includes(kind)) add('/kind', `must be one of ${HOLDER_KINDS.join(', ')}`)
  if (directory === undefined) add('/directory', 'must be named: the Entra tenant of whom is let in')
  else if (issuer === undefined ? !GUID.test(directory.toLowerCase()) : directory !== issuer) add('/directory', issuer === undefined ? 'must be the id of an Entra tenant' : `must be the provider that operators sign in with, ${issuer}`)
  if (issuer === undefined ? !GUID.test(value.toLowerCase()) : value === '' || value.length > 255) add('/value', issuer === undefined ? 'must be an object id (GUID) of Entra' : 'must be 1 to 255 characters')
  if (label.trim() === '' || label.length > 200) add('/label', 'must be 1 to 200 characters')
  if (expiresAt !== undefined && !(expiresAt.getTime() > Date.now())) add('/expiresAt', 'must be a time to come')
  return faults
}

const COLUMNS = ['id', 'tenant_id', 'role', 'directory', 'kind', 'value', 'label', 'created_by', 'created_at', 'expires_at'] as const

function fromRow (row: { id: string, tenant_id: string | null, role: string, directory: string, kind: string, value: string, label: string, created_by: string, created_at: Date, expires_at: Date | null }): StoredGrant {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    role: row.role,
    directory: row.directory,
    kind: row.kind,
    value: row.value,
    label: row.label,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null
  }
}
