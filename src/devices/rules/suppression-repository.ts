import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import type { Suppression, SuppressionReason } from '../../risk/suppression.js'

/** A suppression in force, and whom it means. */
export interface ScopedSuppression extends Suppression {
  /** Null: not only one phone. */
  readonly deviceId: string | null
  /** Null: not only one group of the policy. */
  readonly group: string | null
}

/** A suppression as operators see it. Times are ISO 8601. */
export interface StoredSuppression extends ScopedSuppression {
  readonly reason: SuppressionReason
  readonly comment: string
  readonly owner: string
  readonly createdBy: string
  readonly createdAt: string
  readonly status: 'active' | 'expired' | 'revoked'
  readonly revokedAt: string | null
  readonly revokedBy: string | null
}

export interface NewSuppression {
  readonly detection: string | null
  readonly subject: string | null
  readonly deviceId: string | null
  readonly group: string | null
  readonly reason: SuppressionReason
  readonly comment: string
  readonly owner: string
  readonly expiresAt: Date
}

export async function listActiveSuppressions (db: Database | Tx, tenantId: string): Promise<ScopedSuppression[]> {
  const rows = await db.selectFrom('suppression').select(['id', 'detection', 'subject', 'device_id', 'group_name', 'expires_at'])
    .where('tenant_id', '=', tenantId).where('revoked_at', 'is', null).where('expires_at', '>', sql<Date>`now()`).orderBy('id').execute()
  return rows.map((row) => ({
    id: row.id, detection: row.detection, subject: row.subject, deviceId: row.device_id, group: row.group_name, expiresAt: row.expires_at.toISOString()
  }))
}

export async function insertSuppression (tx: Tx, tenantId: string, createdBy: string, one: NewSuppression): Promise<string> {
  const { id } = await tx.insertInto('suppression').values({
    tenant_id: tenantId, detection: one.detection, subject: one.subject, device_id: one.deviceId, group_name: one.group,
    reason: one.reason, comment: one.comment, owner: one.owner, created_by: createdBy, expires_at: one.expiresAt
  }).returning('id').executeTakeFirstOrThrow()
  await raiseRulesVersion(tx, tenantId)
  return id
}

/** Undefined when there is none in force with this id. */
export async function revokeSuppression (tx: Tx, tenantId: string, id: string, revokedBy: string): Promise<StoredSuppression | undefined> {
  const row = await tx.updateTable('suppression').set({ revoked_at: sql<Date>`now()`, revoked_by: revokedBy })
    .where('tenant_id', '=', tenantId).where('id', '=', id).where('revoked_at', 'is', null).where('expires_at', '>', sql<Date>`now()`)
    .returningAll().executeTakeFirst()
  if (row === undefined) return undefined
  await raiseRulesVersion(tx, tenantId)
  return toSuppression(row)
}

/** The newest first, those made before `before`; those that are over only when asked for. */
export async function listSuppressions (db: Database, tenantId: string, { before, limit, all }: {
  readonly before?: readonly [createdAt: string, id: string] | undefined, readonly limit: number, readonly all: boolean
}): Promise<StoredSuppression[]> {
  const { rows } = await sql<SuppressionRow>`
    select * from suppression where tenant_id = ${tenantId}
      ${all ? sql`` : sql`and revoked_at is null and expires_at > now()`}
      ${before === undefined ? sql`` : sql`and (created_at, id) < (${before[0]}::timestamptz, ${before[1]}::uuid)`}
    order by created_at desc, id desc limit ${limit}`.execute(db)
  return rows.map(toSuppression)
}

export async function findSuppressionById (db: Database, tenantId: string, id: string): Promise<StoredSuppression | undefined> {
  const row = await db.selectFrom('suppression').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : toSuppression(row)
}

async function raiseRulesVersion (tx: Tx, tenantId: string): Promise<void> {
  await sql`update tenant set rules_version = rules_version + 1 where id = ${tenantId}`.execute(tx)
}

interface SuppressionRow {
  id: string, detection: string | null, subject: string | null, device_id: string | null, group_name: string | null, reason: string, comment: string
  owner: string, created_by: string, created_at: Date, expires_at: Date, revoked_at: Date | null, revoked_by: string | null
}

function toSuppression (row: SuppressionRow): StoredSuppression {
  return {
    id: row.id,
    detection: row.detection,
    subject: row.subject,
    deviceId: row.device_id,
    group: row.group_name,
    reason: row.reason as SuppressionReason,
    comment: row.comment,
    owner: row.owner,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    status: row.revoked_at !== null ? 'revoked' : row.expires_at.getTime() <= Date.now() ? 'expired' : 'active',
    revokedAt: row.revoked_at?.toISOString() ?? null,
    revokedBy: row.revoked_by
  }
}
