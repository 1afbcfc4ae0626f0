import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import type { PolicyDocument } from '../../risk/policy/document.js'

/** A version of a tenant's policy. */
export interface PolicyVersion {
  readonly version: number
  readonly author: string
  readonly comment: string | null
  /** ISO 8601. */
  readonly createdAt: string
}

export interface StoredPolicy extends PolicyVersion {
  readonly document: PolicyDocument
  /** As its author wrote it. */
  readonly source: string
}

/** Null for version 0, the built-in policy. */
export async function readPolicyDocumentOf (db: Database | Tx, tenantId: string, version: number): Promise<PolicyDocument | null> {
  if (version === 0) return null
  const row = await db.selectFrom('policy').select('document').where('tenant_id', '=', tenantId).where('version', '=', version).executeTakeFirstOrThrow()
  return row.document as PolicyDocument
}

/** The version in force, locked until the transaction ends. Undefined: there is no such tenant. */
export async function lockPolicyVersion (tx: Tx, tenantId: string): Promise<number | undefined> {
  return (await tx.selectFrom('tenant').select('policy_version').where('id', '=', tenantId).forUpdate().executeTakeFirst())?.policy_version
}

export async function insertPolicy (tx: Tx, tenantId: string, policy: Omit<StoredPolicy, 'createdAt'>): Promise<void> {
  const { version, document, source, author, comment } = policy
  await tx.insertInto('policy').values({ tenant_id: tenantId, version, document: JSON.stringify(document), source, author, comment }).execute()
  await sql`update tenant set policy_version = ${version}, rules_version = rules_version + 1 where id = ${tenantId}`.execute(tx)
}

/** Undefined when there is no such version. */
export async function findPolicy (db: Database, tenantId: string, version: number): Promise<StoredPolicy | undefined> {
  const row = await db.selectFrom('policy').selectAll().where('tenant_id', '=', tenantId).where('version', '=', version).executeTakeFirst()
  return row === undefined ? undefined : { ...toVersion(row), document: row.document as PolicyDocument, source: row.source }
}

/** The newest first, those below `before`. */
export async function listPolicyVersions (db: Database, tenantId: string, { before, limit }: { readonly before?: number | undefined, readonly limit: number }): Promise<PolicyVersion[]> {
  let query = db.selectFrom('policy').select(['version', 'author', 'comment', 'created_at']).where('tenant_id', '=', tenantId).orderBy('version', 'desc').limit(limit)
  if (before !== undefined) query = query.where('version', '<', before)
  return (await query.execute()).map(toVersion)
}

const toVersion = ({ version, author, comment, created_at: createdAt }: { version: number, author: string, comment: string | null, created_at: Date }): PolicyVersion =>
  ({ version, author, comment, createdAt: createdAt.toISOString() })
