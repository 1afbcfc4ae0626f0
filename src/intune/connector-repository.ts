import { sql } from 'kysely'
import type { Database } from '../platform/database.js'

export type ConnectorState = 'not-provisioned' | 'provisioned' | 'deprovisioned' | 'failed'

export interface ConnectorRow {
  readonly tenantId: string
  readonly entraTenantId: string
  readonly state: ConnectorState
  readonly provisionedAt: Date | null
  readonly heartbeatAt: Date | null
  readonly heartbeatDueAt: Date | null
  readonly resyncTimestamp: Date | null
  readonly lastError: string | null
  readonly lastErrorAt: Date | null
  /** The tenant is left alone until then. */
  readonly retryAt: Date | null
  readonly attempts: number
  readonly messageErrors: readonly unknown[]
  /** As Graph shows it; null: never read. */
  readonly partner: {
    readonly state: string | null
    readonly switches: Readonly<Record<string, boolean>> | null
    /** When Intune last heard of us, as Graph says. */
    readonly heartbeatAt: Date | null
    readonly unresponsiveThresholdDays: number | null
    readonly readAt: Date | null
    readonly readError: string | null
  }
}

/** A tenant's connector; one that was never touched is `not-provisioned`. Undefined: no such tenant. */
export async function findConnector (db: Database, tenantId: string): Promise<ConnectorRow | undefined> {
  const row = await db.selectFrom('tenant as t').leftJoin('intune_connector as c', 'c.tenant_id', 't.id')
    .where('t.id', '=', tenantId)
    .select(['t.id', 't.entra_tenant_id', 'c.state', 'c.provisioned_at', 'c.heartbeat_at', 'c.heartbeat_due_at', 'c.resync_timestamp',
      'c.last_error', 'c.last_error_at', 'c.retry_at', 'c.attempts', 'c.message_errors',
      'c.partner_state', 'c.partner_switches', 'c.partner_heartbeat_at', 'c.unresponsive_threshold_days', 'c.partner_read_at', 'c.partner_read_error'])
    .executeTakeFirst()
  return row && {
    tenantId: row.id,
    entraTenantId: row.entra_tenant_id,
    state: (row.state ?? 'not-provisioned') as ConnectorState,
    provisionedAt: row.provisioned_at,
    heartbeatAt: row.heartbeat_at,
    heartbeatDueAt: row.heartbeat_due_at,
    resyncTimestamp: row.resync_timestamp,
    lastError: row.last_error,
    lastErrorAt: row.last_error_at,
    retryAt: row.retry_at,
    attempts: row.attempts ?? 0,
    messageErrors: Array.isArray(row.message_errors) ? row.message_errors : [],
    partner: {
      state: row.partner_state,
      switches: row.partner_switches as Record<string, boolean> | null,
      heartbeatAt: row.partner_heartbeat_at,
      unresponsiveThresholdDays: row.unresponsive_threshold_days,
      readAt: row.partner_read_at,
      readError: row.partner_read_error
    }
  }
}

/** The tenant has us as its partner; a first heartbeat is due. */
export async function saveProvisioned (db: Database, tenantId: string, now: Date): Promise<void> {
  await upsert(db, tenantId, sql`state = 'provisioned', provisioned_at = ${now}, heartbeat_due_at = ${now}, last_error = null, last_error_at = null, retry_at = null, attempts = 0`)
}

/** An administrator wants the tenant connected, whatever was decided before. */
export async function saveWishToConnect (db: Database, tenantId: string): Promise<void> {
  await db.updateTable('intune_connector').set({ state: 'not-provisioned' })
    .where('tenant_id', '=', tenantId).where('state', '=', 'deprovisioned').execute()
}

export async function saveDeprovisioned (db: Database, tenantId: string): Promise<void> {
  await upsert(db, tenantId, sql`state = 'deprovisioned', last_error = null, last_error_at = null, retry_at = null, attempts = 0`)
}

export interface ConnectorFailure {
  readonly error: string
  readonly now: Date
  readonly retryAt: Date
  /** The tenant must be provisioned again before anything else. */
  readonly lost: boolean
}

/** Something that concerns the whole tenant went wrong: it is left alone until `retryAt`. */
export async function saveConnectorFailure (db: Database, tenantId: string, { error, now, retryAt, lost }: ConnectorFailure): Promise<void> {
  // An administrator's decision to disconnect outlives whatever was under way at that moment.
  const state = lost ? sql`case when intune_connector.state = 'deprovisioned' then intune_connector.state else 'failed' end` : sql`intune_connector.state`
  await upsert(db, tenantId, sql`state = ${state}, last_error = ${error}, last_error_at = ${now}, retry_at = ${retryAt}, attempts = intune_connector.attempts + 1`)
}

/** Messages get through again. */
export async function clearConnectorFailure (db: Database, tenantId: string): Promise<void> {
  await db.updateTable('intune_connector').set({ last_error: null, last_error_at: null, retry_at: null, attempts: 0 })
    .where('tenant_id', '=', tenantId).execute()
}

/** Connectors whose heartbeat is due; each is this caller's for `leaseMs`. */
export async function claimDueHeartbeats (db: Database, { limit, leaseMs }: { readonly limit: number, readonly leaseMs: number }): Promise<Array<{ tenantId: string, entraTenantId: string }>> {
  const { rows } = await sql<{ tenant_id: string, entra_tenant_id: string }>`
    update intune_connector c set heartbeat_due_at = now() + make_interval(secs => ${leaseMs / 1000}::double precision)
    from tenant t
    where t.id = c.tenant_id and c.tenant_id in (
      select tenant_id from intune_connector where state = 'provisioned' and heartbeat_due_at <= now()
      order by heartbeat_due_at limit ${limit} for update skip locked
    )
    returning c.tenant_id, t.entra_tenant_id`.execute(db)
  return rows.map((row) => ({ tenantId: row.tenant_id, entraTenantId: row.entra_tenant_id }))
}

export interface HeartbeatOutcome {
  readonly at: Date
  readonly nextAt: Date
  /** Kept only when there is any: the last complaints stay readable. */
  readonly messageErrors: readonly unknown[]
}

export async function saveHeartbeat (db: Database, tenantId: string, { at, nextAt, messageErrors }: HeartbeatOutcome): Promise<void> {
  await db.updateTable('intune_connector')
    .set({ heartbeat_at: at, heartbeat_due_at: nextAt, ...(messageErrors.length === 0 ? {} : { message_errors: JSON.stringify(messageErrors) }) })
    .where('tenant_id', '=', tenantId).execute()
}

export async function saveHeartbeatFailure (db: Database, tenantId: string, { error, now, lost }: { readonly error: string, readonly now: Date, readonly lost: boolean }): Promise<void> {
  await db.updateTable('intune_connector')
    .set({ last_error: error, last_error_at: now, ...(lost ? { state: sql<string>`case when state = 'provisioned' then 'failed' else state end` } : {}) })
    .where('tenant_id', '=', tenantId).execute()
}

/** Remembers up to where Intune asked for everything again; false when that was known already. */
export async function saveResyncTimestamp (db: Database, tenantId: string, since: Date): Promise<boolean> {
  const row = await db.updateTable('intune_connector').set({ resync_timestamp: since })
    .where('tenant_id', '=', tenantId)
    .where((eb) => eb('resync_timestamp', 'is distinct from', since))
    .returning('tenant_id').executeTakeFirst()
  return row !== undefined
}

async function upsert (db: Database, tenantId: string, change: ReturnType<typeof sql>): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx.insertInto('intune_connector').values({ tenant_id: tenantId }).onConflict((conflict) => conflict.doNothing()).execute()
    await sql`update intune_connector set ${change} where tenant_id = ${tenantId}`.execute(tx)
  })
}
