import { randomUUID } from 'node:crypto'
import { type Selectable, sql } from 'kysely'
import type { Database, Tx } from '../platform/database.js'
import type { SecretKind } from '../platform/reseal-secrets.js'
import type { Schema } from '../platform/schema.js'
import { type Destination, type DestinationKind, type DestinationStatus, secretContext, type SettingsOf, type Stream } from './destination.js'
import { hurryWaiting } from './signal-repository.js'

type Row = Selectable<Schema['signal_destination']>

/** How a destination does, for operators. */
export interface StoredDestination {
  readonly destination: Destination
  readonly createdAt: Date
  readonly delivered: number
  /** Signals made and not yet told. */
  readonly waiting: number
  readonly oldestWaitingSince: Date | null
  readonly dead: number
  /** Changes that the feed no longer had when their turn came. */
  readonly missed: number
  readonly retryAt: Date
  readonly lastSuccessAt: Date | null
  readonly lastError: string | null
  readonly lastErrorAt: Date | null
}

export interface NewDestination<K extends DestinationKind> {
  readonly id: string
  readonly tenantId: string
  readonly kind: K
  readonly name: string
  readonly receiver: string | null
  readonly url: string | null
  readonly settings: SettingsOf[K]
  readonly secret: Buffer | null
  /** Where it begins in the tenant's feed. */
  readonly position: number
}

export async function insertDestination<K extends DestinationKind> (tx: Tx, one: NewDestination<K>): Promise<void> {
  await tx.insertInto('signal_destination').values({
    id: one.id, tenant_id: one.tenantId, kind: one.kind, name: one.name, receiver: one.receiver, url: one.url,
    settings: JSON.stringify(one.settings), secret: one.secret, position: one.position
  }).execute()
}

/** Secrets that webhooks are signed with, and authorizations of other destinations. */
export const destinationSecrets: SecretKind = {
  name: 'signal destinations',
  async list (db, { after, limit }) {
    let query = db.selectFrom('signal_destination').select(['id', 'kind', 'url', 'secret']).where('secret', 'is not', null).orderBy('id').limit(limit)
    if (after !== undefined) query = query.where('id', '>', after)
    return (await query.execute()).map(({ id, kind, url, secret }) => ({ key: id, sealed: secret!, context: secretContext({ id, kind: kind as DestinationKind, url }) }))
  },
  async replace (db, { key, sealed }, instead) {
    const { numUpdatedRows } = await db.updateTable('signal_destination').set({ secret: instead }).where('id', '=', key).where('secret', '=', sealed).executeTakeFirst()
    return numUpdatedRows > 0n
  }
}

/** So that two cannot both be the last one allowed. */
export async function lockDestinations (tx: Tx, tenantId: string): Promise<void> {
  await sql`select from tenant where id = ${tenantId} for update`.execute(tx)
}

export async function countDestinations (db: Database, tenantId: string, receiver?: string): Promise<number> {
  let query = db.selectFrom('signal_destination').select(({ fn }) => fn.countAll<number>().as('n')).where('tenant_id', '=', tenantId)
  if (receiver !== undefined) query = query.where('receiver', '=', receiver)
  return (await query.executeTakeFirstOrThrow()).n
}

/** A tenant's destinations, the oldest first; `id`: that one only. */
export async function listDestinations (db: Database, tenantId: string, id?: string): Promise<StoredDestination[]> {
  const { rows } = await sql<Row & { waiting: number, oldest: Date | null, dead: number }>`
    select d.*, s.* from signal_destination d, lateral (
      select count(*) filter (where dead_at is null) as waiting, min(at) filter (where dead_at is null) as oldest, count(*) filter (where dead_at is not null) as dead
      from signal where destination_id = d.id
    ) s where d.tenant_id = ${tenantId} ${id === undefined ? sql`` : sql`and d.id = ${id}`} order by d.created_at, d.id`.execute(db)
  return rows.map((row) => ({
    destination: toDestination(row),
    createdAt: row.created_at,
    delivered: row.delivered,
    waiting: row.waiting,
    oldestWaitingSince: row.oldest,
    dead: row.dead,
    missed: row.missed,
    retryAt: row.retry_at,
    lastSuccessAt: row.last_success_at,
    lastError: row.last_error,
    lastErrorAt: row.last_error_at
  }))
}

/** Locks one of a tenant's destinations. */
export async function lockDestination (tx: Tx, tenantId: string, id: string): Promise<Destination | undefined> {
  const row = await tx.selectFrom('signal_destination').selectAll().where('tenant_id', '=', tenantId).where('id', '=', id).forUpdate().executeTakeFirst()
  return row && toDestination(row)
}

/** A receiver's streams, the oldest first; `id`: that one only. */
export async function listStreams (db: Database, tenantId: string, receiver: string, id?: string): Promise<Stream[]> {
  let query = db.selectFrom('signal_destination').selectAll()
    .where('tenant_id', '=', tenantId).where('kind', '=', 'ssf').where('receiver', '=', receiver).orderBy('created_at').orderBy('id')
  if (id !== undefined) query = query.where('id', '=', id)
  return (await query.execute()).map((row) => toDestination(row) as Stream)
}

/** What of a destination can be changed. */
export interface DestinationChanges {
  readonly name?: string
  readonly url?: string | null
  readonly settings?: SettingsOf[DestinationKind]
  readonly secret?: Buffer | null
}

/** Changes a locked destination; it is tried at once, whatever went wrong before. */
export async function updateDestination (tx: Tx, id: string, { settings, ...changes }: DestinationChanges): Promise<void> {
  await tx.updateTable('signal_destination')
    .set({ ...changes, ...(settings === undefined ? {} : { settings: JSON.stringify(settings) }), retry_at: sql<Date>`now()`, failures: 0, failing_since: null })
    .where('id', '=', id).execute()
  await hurryWaiting(tx, id)
}

/** Sets the status of a locked destination; `position` where it goes on from another place in the feed. */
export async function updateStatus (tx: Tx, id: string, { status, reason, position }: { readonly status: DestinationStatus, readonly reason: string | null, readonly position?: number }): Promise<void> {
  await tx.updateTable('signal_destination')
    .set({ status, status_reason: reason, retry_at: sql<Date>`now()`, failures: 0, failing_since: null, ...(position === undefined ? {} : { position }) })
    .where('id', '=', id).execute()
}

/** @returns whether there was one */
export async function deleteDestination (tx: Tx, tenantId: string, id: string): Promise<Destination | undefined> {
  const row = await tx.deleteFrom('signal_destination').where('tenant_id', '=', tenantId).where('id', '=', id).returningAll().executeTakeFirst()
  return row && toDestination(row)
}

/** Notes a request for verification, unless the last one was less than so many seconds ago. @returns seconds to wait, 0 when it was noted */
export async function noteVerification (tx: Tx, id: string, minSeconds: number): Promise<number> {
  const { rows: [row] } = await sql<{ wait: number }>`
    select greatest(0, ceil(extract(epoch from verified_at + make_interval(secs => ${minSeconds}::double precision) - now())))::integer as wait from signal_destination where id = ${id}`.execute(tx)
  const wait = row?.wait ?? 0
  if (wait === 0) await tx.updateTable('signal_destination').set({ verified_at: sql<Date>`now()` }).where('id', '=', id).execute()
  return wait
}

export interface ClaimedDestination {
  readonly destination: Destination
  readonly leaseId: string
}

/**
 * Takes a destination that has something to be told: due signals, or changes in the feed. What
 * another process has in hand is left alone until its lease ends. Those that do well come
 * first, so that the failing ones take nothing from them; `onlyHealthy`: no others.
 */
export async function claimDestination (db: Database, { leaseMs, onlyHealthy }: { readonly leaseMs: number, readonly onlyHealthy: boolean }): Promise<ClaimedDestination | undefined> {
  const leaseId = randomUUID()
  const { rows: [row] } = await sql<Row>`
    update signal_destination set lease_id = ${leaseId}, lease_until = now() + make_interval(secs => ${leaseMs / 1000}::double precision)
    where id = (
      select d.id from signal_destination d join tenant t on t.id = d.tenant_id
      where d.status = 'enabled' and d.url is not null and (d.lease_until is null or d.lease_until <= now()) and d.retry_at <= now()
        and (${!onlyHealthy}::boolean or d.failures = 0)
        and (
          exists (select from state_feed f where f.tenant_number = t.number and f.position > d.position)
          or exists (select from signal s where s.destination_id = d.id and s.dead_at is null and s.next_attempt_at <= now())
        )
      order by d.failures > 0, d.retry_at limit 1 for update of d skip locked
    )
    returning *`.execute(db)
  return row && { destination: toDestination(row), leaseId }
}

/** What a run leaves behind. */
export interface RunResult {
  readonly delivered: number
  /** Why nothing could be told, when nothing could. */
  readonly failure: { readonly error: string, readonly retryInMs: number } | undefined
  /** Something else to know, though the receiver answers. */
  readonly note?: string
}

/** Gives a destination back with what became of it. The times are the database's. */
export async function releaseDestination (db: Database, { destination: { id }, leaseId }: ClaimedDestination, { delivered, failure, note }: RunResult): Promise<void> {
  const error = failure?.error ?? note
  await sql`
    update signal_destination set lease_id = null, lease_until = null,
      delivered = delivered + ${delivered}::bigint,
      last_success_at = case when ${delivered > 0}::boolean then now() else last_success_at end,
      failures = case when ${failure !== undefined}::boolean then failures + 1 when ${delivered > 0}::boolean then 0 else failures end,
      failing_since = case when ${failure !== undefined}::boolean then coalesce(case when ${delivered > 0}::boolean then null else failing_since end, now()) when ${delivered > 0}::boolean then null else failing_since end,
      -- After all others that are due as well.
      retry_at = now() + make_interval(secs => ${(failure?.retryInMs ?? 0) / 1000}::double precision),
      last_error = coalesce(${error ?? null}, last_error),
      last_error_at = case when ${error !== undefined}::boolean then now() else last_error_at end
    where id = ${id} and lease_id = ${leaseId}`.execute(db)
}

/** Of a stream that is polled: so many were acknowledged. */
export async function noteReceived (db: Database, id: string, delivered: number): Promise<void> {
  if (delivered === 0) return
  await db.updateTable('signal_destination').set(({ eb }) => ({ delivered: eb('delivered', '+', delivered), last_success_at: sql<Date>`now()` })).where('id', '=', id).execute()
}

function toDestination (row: Row): Destination {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    kind: row.kind,
    name: row.name,
    receiver: row.receiver,
    url: row.url,
    settings: row.settings,
    secret: row.secret,
    status: row.status,
    statusReason: row.status_reason,
    position: row.position,
    failures: row.failures,
    failingSince: row.failing_since
  } as Destination
}
