import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../platform/database.js'

export interface ExpiredCredentials {
  readonly apiKeys: number
  readonly enrollmentTokens: number
  readonly grants: number
  readonly consentLinks: number
}

/** In one statement; the rest goes in the next run. */
const BATCH = 5_000

/**
 * Deletes what let somebody in and ended so many days ago: keys, enrolment tokens, grants and links for consent. Who made them, for whom and when is in the audit.
 * The last link of each app of a tenant stays: it says whether there is consent.
 */
export async function expireCredentials (db: Database, { retentionDays }: { readonly retentionDays: number }): Promise<ExpiredCredentials> {
  const before = sql`now() - make_interval(days => ${retentionDays})`
  return {
    apiKeys: await deleteSome(db, 'api_key', 'id', sql`least(expires_at, revoked_at) < ${before}`),
    // Used up: as old as it is, for nobody wrote down when that was.
    enrollmentTokens: await deleteSome(db, 'enrollment_token', 'id', sql`least(expires_at, revoked_at, case when uses >= max_uses then created_at end) < ${before}`),
    grants: await deleteSome(db, 'operator_grant', 'id', sql`expires_at < ${before}`),
    consentLinks: await deleteSome(db, 'consent_request', 'state_hash', sql`expires_at < ${before} and (
      r.tenant_id is null or exists (select from consent_request n where n.tenant_id = r.tenant_id and n.app = r.app and n.created_at > r.created_at))`)
  }
}

async function deleteSome (db: Database, table: 'api_key' | 'enrollment_token' | 'operator_grant' | 'consent_request', key: string, where: RawBuilder<unknown>): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from ${sql.table(table)} where ${sql.ref(key)} in (select ${sql.ref(key)} from ${sql.table(table)} r where ${where} limit ${BATCH})`.execute(db)
  return Number(numAffectedRows)
}
