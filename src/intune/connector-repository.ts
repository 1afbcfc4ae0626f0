import { sql } from 'kysely'
import type { Database, Tx } from '../platform/database.js'

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
  /** Host of the last failure, and until when nobody asks it because it does not answer. */
  readonly failedHost: string | null
  readonly hostPausedUntil: Date | null
  /** Why the last heartbeat failed; null when it did not. */
  readonly heartbeatError: string | null
  /** Days of silence after which Intune ignores us, where it told us. */
  readonly unresponsiveDays: number | null
  /** As Graph shows it; null: never read. */
  readonly partner: {
    readonly state: string | null
    readonly switches: Readonly<Record<string, boolean>> | null
    /** When Intune last heard of us, as Graph says. */
    readonly heartbeatAt: Date | null
    readonly readAt: Date | null
    readonly readError: string | null
  }
}

const NO_FAILURE = sql`last_error = null, last_error_at = null, retry_at = null, attempts = 0, failed_host = null, host_paused_until = null`

/** A tenant's connector; one that was never touched is `not-provisioned`. Undefined: no such tenant. */
export async function findConnector (db: Database, tenantId: string): Promise<ConnectorRow | undefined> {
  const row = await db.selectFrom('tenant as t').leftJoin('intune_connector as c', 'c.tenant_id', 't.id')
    .where('t.id', '=', tenantId)
    .select(['t.id', 't.entra_tenant_id', 'c.state', 'c.provisioned_at', 'c.heartbeat_at', 'c.heartbeat_due_at', 'c.resync_timestamp',
      'c.last_error', 'c.last_error_at', 'c.retry_at', 'c.attempts', 'c.message_errors',
      'c.failed_host', 'c.host_paused_until', 'c.heartbeat_error', 'c.unresponsive_threshold_days',
      'c.partner_state', 'c.partner_switches', 'c.partner_heartbeat_at', 'c.partner_read_at', 'c.partner_read_error'])
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
    failedHost: row.failed_host,
    hostPausedUntil: row.host_paused_until,
    heartbeatError: row.heartbeat_error,
    unresponsiveDays: row.unresponsive_threshold_days,
    partner: {
      state: row.partner_state,
      switches: row.partner_switches as Record<string, boolean> | null,
      heartbeatAt: row.partner_heartbeat_at,
      readAt: row.partner_read_at,
      readError: row.partner_read_error
    }
  }
}

/** The tenant has us as its partner; a first heartbeat is due. */
export async function saveProvisioned (db: Database, tenantId: string, now: Date): Promise<void> {
  await upsert(db, tenantId, sql`state = 'provisioned', provisioned_at = ${now}, heartbeat_due_at = ${now}, heartbeat_error = null, ${NO_FAILURE}`)
}

/** An administrator wants the tenant connected, whatever was decided before. */
export async function saveWishToConnect (db: Database, tenantId: string): Promise<void> {
  await db.updateTable('intune_connector').set({ state: 'not-provisioned' })
    .where('tenant_id', '=', tenantId).where('state', '=', 'deprovisioned').execute()
}

export async function saveDeprovisioned (tx: Tx, tenantId: string): Promise<void> {
  await upsertWithin(tx, tenantId, sql`state = 'deprovisioned', ${NO_FAILURE}`)
}

export interface ConnectorFailure {
  readonly error: string
  readonly now: Date
  readonly retryAt: Date
  /** The tenant must be provisioned again before anything else. */
  readonly lost: boolean
  /** False when its host, not the tenant, is at fault: the pauses do not grow. */
  readonly counts: boolean
  readonly host: string | null
  readonly hostPausedUntil: Date | null
}

/** Something that concerns the whole tenant went wrong: it is left alone until `retryAt`. */
export async function saveConnectorFailure (db: Database, tenantId: string, { error, now, retryAt, lost, counts, host, hostPausedUntil }: ConnectorFailure): Promise<void> {
  // An administrator's decision to disconnect outlives whatever was under way at that moment.
  const state = lost ? sql`case when intune_connector.state = 'deprovisioned' then intune_connector.state else 'failed' end` : sql`intune_connector.state`
  await upsert(db, tenantId, sql`state = ${state}, last_error = ${error}, last_error_at = ${now}, retry_at = ${retryAt},
    attempts = intune_connector.attempts + ${counts ? 1 : 0}, failed_host = ${host}, host_paused_until = ${hostPausedUntil}`)
}

/** Messages get through again. */
export async function clearConnectorFailure (db: Database, tenantId: string): Promise<void> {
  await sql`update intune_connector set ${NO_FAILURE} where tenant_id = ${tenantId}`.execute(db)
}

/** Connectors whose heartbeat is due, but for those that this caller has under way; each is this caller's for `leaseMs`. */
export async function claimDueHeartbeats (
  db: Database, { limit, leaseMs, except = [] }: { readonly limit: number, readonly leaseMs: number, readonly except?: readonly string[] }
): Promise<Array<{ tenantId: string, entraTenantId: string }>> {
  const { rows } = await sql<{ tenant_id: string, entra_tenant_id: string }>`
    update intune_connector c set heartbeat_due_at = now() + make_interval(secs => ${leaseMs / 1000}::double precision)
    from tenant t
    where t.id = c.tenant_id and c.tenant_id in (
      select tenant_id from intune_connector where state = 'provisioned' and heartbeat_due_at <= now() and tenant_id <> all(${except}::uuid[])
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
    .set({
      heartbeat_at: at, heartbeat_due_at: nextAt, heartbeat_error: null, heartbeat_alarm_at: null,
      ...(messageErrors.length === 0 ? {} : { message_errors: JSON.stringify(messageErrors) })
    })
    .where('tenant_id', '=', tenantId).execute()
}

/** `lost`: the tenant must be provisioned again, which the next sync does. */
export async function saveHeartbeatFailure (db: Database, tenantId: string, { error, now, lost }: { readonly error: string, readonly now: Date, readonly lost: boolean }): Promise<void> {
  await db.updateTable('intune_connector')
    .set({
      heartbeat_error: error,
      ...(lost ? { state: sql<string>`case when state = 'provisioned' then 'failed' else state end`, last_error: error, last_error_at: now } : {})
    })
    .where('tenant_id', '=', tenantId).execute()
}

export interface SilentConnector {
  readonly tenantId: string
  readonly silentHours: number
  /** Hours of silence after which Intune ignores us. */
  readonly limitHours: number
  readonly error: string | null
}

/** The least that can be set in Intune: an alarm that is right for it is right for all. */
export const DEFAULT_UNRESPONSIVE_DAYS = 1

/** A connector that Intune should hear of, and has not for more than half of what it puts up with. */
export const isSilentTooLong = (defaultDays: number): ReturnType<typeof sql<boolean>> => sql<boolean>`(
  c.state in ('provisioned', 'failed') and coalesce(c.heartbeat_at, c.provisioned_at) < now() - make_interval(hours => coalesce(c.unresponsive_threshold_days, ${defaultDays}::integer) * 12))`

/** Those that are silent too long and were not told of for an hour, by any process. */
export async function claimHeartbeatAlarms (db: Database, { defaultDays, repeatMs }: { readonly defaultDays: number, readonly repeatMs: number }): Promise<SilentConnector[]> {
  const { rows } = await sql<{ tenant_id: string, silent_hours: number, limit_hours: number, error: string | null }>`
    update intune_connector c set heartbeat_alarm_at = now() where c.tenant_id in (
      select c.tenant_id from intune_connector c
      where ${isSilentTooLong(defaultDays)} and (c.heartbeat_alarm_at is null or c.heartbeat_alarm_at < now() - make_interval(secs => ${repeatMs / 1000}::double precision))
      order by c.tenant_id for update skip locked
    )
    returning c.tenant_id, extract(epoch from now() - coalesce(c.heartbeat_at, c.provisioned_at))::float8 / 3600 as silent_hours,
      coalesce(c.unresponsive_threshold_days, ${defaultDays}::integer) * 24 as limit_hours, coalesce(c.heartbeat_error, c.last_error) as error`.execute(db)
  return rows.map((row) => ({ tenantId: row.tenant_id, silentHours: row.silent_hours, limitHours: row.limit_hours, error: row.error }))
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
  await db.transaction().execute(async (tx) => await upsertWithin(tx, tenantId, change))
}

async function upsertWithin (tx: Tx, tenantId: string, change: ReturnType<typeof sql>): Promise<void> {
  await tx.insertInto('intune_connector').values({ tenant_id: tenantId }).onConflict((conflict) => conflict.doNothing()).execute()
  await sql`update intune_connector set ${change} where tenant_id = ${tenantId}`.execute(tx)
}
