import type { ClientBase } from 'pg'
import type { Database } from './database.js'
import { storableJson } from './storable-json.js'

export interface AuditInput {
  /** Null: about the whole platform. */
  readonly tenantId: string | null
  readonly actor: string
  /** Noun and past participle: `enrollment-token.created`. */
  readonly action: string
  readonly subject?: string | null
  readonly detail?: Readonly<Record<string, unknown>>
}

/**
 * Writes down who did what; in the transaction that does it. What is done elsewhere (another service) is written down before,
 * and what became of it afterwards: nothing is done without a line.
 */
export async function recordAudit (db: Database, { tenantId, actor, action, subject, detail = {} }: AuditInput): Promise<void> {
  await db.insertInto('audit_event').values({ tenant_id: tenantId, actor, action, subject: subject ?? null, detail: storableJson(detail) }).execute()
}

/** The same on a connection that Kysely does not have. */
export async function recordAuditOn (client: Pick<ClientBase, 'query'>, { tenantId, actor, action, subject, detail = {} }: AuditInput): Promise<void> {
  await client.query('insert into audit_event (tenant_id, actor, action, subject, detail) values ($1, $2, $3, $4, $5)', [tenantId, actor, action, subject ?? null, JSON.stringify(detail)])
}
