import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { decodeCursor, limitOf, type Page, type PageInput, toPage, UUID_PART } from '../devices/cursor.js'
import { hashEnrollmentToken } from '../devices/enroll-device.js'
import { InvalidInputError, NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'

const PREFIX = 'set_'
const LAST_TIME_MS = Date.UTC(9999, 11, 31, 23, 59, 59)

export interface EnrollmentToken {
  readonly id: string
  readonly label: string
  readonly platform: string | null
  readonly maxUses: number | null
  readonly uses: number
  /** ISO 8601. */
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly revokedAt: string | null
}

export interface CreateEnrollmentTokenInput {
  readonly tenantId: string
  readonly label: string
  readonly platform?: 'android' | 'ios' | 'ipados' | undefined
  readonly maxUses?: number | undefined
  readonly expiresAt?: Date | undefined
  readonly actor: string
}

/** Makes a token and answers it: the only time it can be read. @throws NotFoundError for an unknown tenant, InvalidInputError */
export async function createEnrollmentToken ({ db }: { readonly db: Database }, input: CreateEnrollmentTokenInput): Promise<EnrollmentToken & { readonly token: string }> {
  const { tenantId, label, platform, maxUses, expiresAt, actor } = input
  // A leap second is a time, but no Date; NaN fails the comparison, too. In UTC a time may lie beyond 9999.
  if (expiresAt !== undefined && !(expiresAt.getTime() > Date.now() && expiresAt.getTime() <= LAST_TIME_MS)) {
    throw new InvalidInputError([{ path: '/expiresAt', message: 'must be a time to come, in or before the year 9999' }])
  }
  const token = PREFIX + randomBytes(32).toString('base64url')
  return await db.transaction().execute(async (tx) => {
    if (await tx.selectFrom('tenant').select('id').where('id', '=', tenantId).executeTakeFirst() === undefined) throw new NotFoundError('There is no such tenant.')
    const row = await tx.insertInto('enrollment_token').values({
      tenant_id: tenantId,
      token_hash: hashEnrollmentToken(token),
      label,
      platform: platform ?? null,
      max_uses: maxUses ?? null,
      expires_at: expiresAt ?? null
    }).returning(COLUMNS).executeTakeFirstOrThrow()
    await recordAudit(tx, { tenantId, actor, action: 'enrollment-token.created', subject: row.id, detail: { label } })
    return { ...fromRow(row), token }
  })
}

/** One page of a tenant's tokens, the oldest first. @throws InvalidInputError for a foreign cursor */
export async function listEnrollmentTokens ({ db }: { readonly db: Database }, input: PageInput & { readonly tenantId: string }): Promise<Page<EnrollmentToken>> {
  const limit = limitOf(input)
  const after = decodeCursor(input, UUID_PART)
  let query = db.selectFrom('enrollment_token').select(COLUMNS).where('tenant_id', '=', input.tenantId).orderBy('created_at').orderBy('id').limit(limit + 1)
  if (after !== undefined) {
    // The row itself knows its time to the microsecond, which a cursor would lose.
    query = query.where(sql<boolean>`(created_at, id) > (select created_at, id from enrollment_token where id = ${after[0]})`)
  }
  return toPage(await query.execute(), limit, fromRow, ({ id }) => [id])
}

/** Phones that enrolled with it stay; nobody enrols with it any more. @throws NotFoundError */
export async function revokeEnrollmentToken ({ db }: { readonly db: Database }, input: { readonly tenantId: string, readonly id: string, readonly actor: string }): Promise<void> {
  const { tenantId, id, actor } = input
  await db.transaction().execute(async (tx) => {
    const row = await tx.updateTable('enrollment_token').set((set) => ({ revoked_at: set.fn.coalesce('revoked_at', set.val(new Date())) }))
      .where('tenant_id', '=', tenantId).where('id', '=', id).returning('id').executeTakeFirst()
    if (row === undefined) throw new NotFoundError('There is no such enrolment token.')
    await recordAudit(tx, { tenantId, actor, action: 'enrollment-token.revoked', subject: id })
  })
}

const COLUMNS = ['id', 'label', 'platform', 'max_uses', 'uses', 'created_at', 'expires_at', 'revoked_at'] as const

interface TokenRow { id: string, label: string, platform: string | null, max_uses: number | null, uses: number, created_at: Date, expires_at: Date | null, revoked_at: Date | null }

function fromRow (row: TokenRow): EnrollmentToken {
  return {
    id: row.id,
    label: row.label,
    platform: row.platform,
    maxUses: row.max_uses,
    uses: row.uses,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null
  }
}
