import { randomUUID } from 'node:crypto'
import { type Selectable, sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import type { SecretKind } from '../../platform/reseal-secrets.js'
import type { Schema } from '../../platform/schema.js'
import { storableJson } from '../../platform/storable-json.js'
import type { ThreatClass } from '../indicators/indicator.js'
import { secretContext, STALE_INTERVALS, type SubscriptionDefinition, type SubscriptionKind } from './subscription.js'

/** How far a subscription is, so that what is held is not fetched again. */
export interface Progress {
  readonly etag: string | null
  readonly lastModified: string | null
  readonly contentSha256: string | null
  readonly importedSha256: string | null
  readonly addedAfter: string | null
  readonly fullSyncAt: Date | null
}

/** A subscription that is this caller's until its lease ends. */
export interface ClaimedSubscription extends SubscriptionDefinition, Progress {
  readonly leaseId: string
  readonly credentials: Buffer | null
  readonly fullRequested: boolean
  readonly objectsChanged: boolean
  readonly failures: number
}

export interface StoredSubscription extends SubscriptionDefinition, Progress {
  readonly credentialsKind: string | null
  readonly createdAt: Date
  readonly nextRunAt: Date
  readonly running: boolean
  readonly lastAttemptAt: Date | null
  readonly lastSuccessAt: Date | null
  readonly lastChangeAt: Date | null
  readonly lastError: string | null
  readonly lastErrorAt: Date | null
  readonly failures: number
  readonly lastResult: unknown
  readonly ageSeconds: number | null
  readonly stale: boolean
}

/** Since when nothing came: its last success, before the first one its beginning. */
const SINCE = sql`coalesce(last_success_at, created_at)`
const IS_STALE = sql<boolean>`now() - ${SINCE} > make_interval(secs => every_seconds * ${STALE_INTERVALS}::integer)`

/** Stores a subscription in place of any other of its feed: it begins from the beginning, at once. @returns whether there was none */
export async function replaceSubscription (tx: Tx, definition: SubscriptionDefinition, credentials: { readonly kind: string, readonly sealed: Buffer } | undefined): Promise<boolean> {
  const existed = await deleteSubscription(tx, definition.feed)
  await tx.insertInto('intel_subscription').values({
    feed: definition.feed,
    kind: definition.kind,
    url: definition.url,
    format: definition.format,
    threat_class: definition.threatClass,
    every_seconds: definition.everySeconds,
    checksum_url: definition.checksumUrl,
    signature_url: definition.signatureUrl,
    signature_key: definition.signatureKey,
    taxii_collection: definition.taxiiCollection,
    allow_http: definition.allowHttp,
    allow_private: definition.allowPrivate,
    credentials: credentials?.sealed ?? null,
    credentials_kind: credentials?.kind ?? null
  }).execute()
  return !existed
}

/** @returns whether there was one */
export async function deleteSubscription (tx: Tx, feed: string): Promise<boolean> {
  return await tx.deleteFrom('intel_subscription').where('feed', '=', feed).returning('feed').executeTakeFirst() !== undefined
}

/** All subscriptions, or that of one feed. */
export async function listSubscriptions (db: Database, feed?: string): Promise<StoredSubscription[]> {
  let query = db.selectFrom('intel_subscription').selectAll()
    .select([
      sql<boolean>`coalesce(lease_until > now(), false)`.as('running'),
      sql<number | null>`extract(epoch from now() - last_success_at)::float8`.as('age_seconds'),
      IS_STALE.as('stale')
    ]).orderBy('feed')
  if (feed !== undefined) query = query.where('feed', '=', feed)
  return (await query.execute()).map((row) => ({
    ...definitionOf(row),
    ...progressOf(row),
    credentialsKind: row.credentials_kind,
    createdAt: row.created_at,
    nextRunAt: row.next_run_at,
    running: row.running,
    lastAttemptAt: row.last_attempt_at,
    lastSuccessAt: row.last_success_at,
    lastChangeAt: row.last_change_at,
    lastError: row.last_error,
    lastErrorAt: row.last_error_at,
    failures: row.failures,
    lastResult: row.last_result,
    ageSeconds: row.age_seconds,
    stale: row.stale
  }))
}

/** Makes it due now. @returns whether there is one */
export async function makeDue (tx: Tx, feed: string, { full }: { readonly full: boolean }): Promise<boolean> {
  const row = await tx.updateTable('intel_subscription')
    .set({ next_run_at: sql<Date>`now()`, ...(full ? { full_requested: true } : {}) })
    .where('feed', '=', feed).returning('feed').executeTakeFirst()
  return row !== undefined
}

/**
 * Takes what is longest due, or the one of `feed` even if it is not due; what another process
 * has in hand is left alone until its lease ends.
 */
export async function claimSubscription (db: Database, { leaseMs, feed }: { readonly leaseMs: number, readonly feed?: string | undefined }): Promise<ClaimedSubscription | undefined> {
  const leaseId = randomUUID()
  const { rows: [row] } = await sql<Selectable<Schema['intel_subscription']>>`
    update intel_subscription set lease_id = ${leaseId}, lease_until = now() + make_interval(secs => ${leaseMs / 1000}::double precision), last_attempt_at = now()
    where feed = (
      select feed from intel_subscription
      where (lease_until is null or lease_until <= now()) and ${feed === undefined ? sql`next_run_at <= now()` : sql`feed = ${feed}`}
      order by next_run_at limit 1 for update skip locked
    )
    returning *`.execute(db)
  return row && {
    ...definitionOf(row),
    ...progressOf(row),
    leaseId,
    credentials: row.credentials,
    fullRequested: row.full_requested,
    objectsChanged: row.objects_changed,
    failures: row.failures
  }
}

/** Keeps the lease. @returns false when it is lost: another one has it, or the subscription is gone */
export async function renewLease (db: Database, { feed, leaseId }: ClaimedSubscription, leaseMs: number): Promise<boolean> {
  const row = await db.updateTable('intel_subscription').set({ lease_until: sql<Date>`now() + make_interval(secs => ${leaseMs / 1000}::double precision)` })
    .where('feed', '=', feed).where('lease_id', '=', leaseId).returning('feed').executeTakeFirst()
  return row !== undefined
}

/** Gives it back undone: it stays due. */
export async function releaseLease (db: Database, { feed, leaseId }: ClaimedSubscription): Promise<void> {
  await db.updateTable('intel_subscription').set({ lease_id: null, lease_until: null }).where('feed', '=', feed).where('lease_id', '=', leaseId).execute()
}

export interface RunSuccess {
  readonly progress: Partial<Progress>
  /** What the import answered; undefined: nothing was to be imported. */
  readonly result: object | undefined
  readonly changed: boolean
  readonly nextInMs: number
}

/** Writes down a success and gives the lease back. @returns false when the lease was lost */
export async function saveSuccess (db: Database, { feed, leaseId, fullRequested }: ClaimedSubscription, { progress, result, changed, nextInMs }: RunSuccess): Promise<boolean> {
  const row = await db.updateTable('intel_subscription').set({
    lease_id: null,
    lease_until: null,
    // Asked for while this run was under way: that one comes next.
    next_run_at: sql<Date>`case when full_requested and not ${fullRequested}::boolean then now() else now() + make_interval(secs => ${nextInMs / 1000}::double precision) end`,
    full_requested: sql<boolean>`full_requested and not ${fullRequested}::boolean`,
    last_success_at: sql<Date>`now()`,
    last_error: null,
    last_error_at: null,
    failures: 0,
    stale_warned: false,
    objects_changed: false,
    ...(changed ? { last_change_at: sql<Date>`now()` } : {}),
    ...(result === undefined ? {} : { last_result: storableJson(result) }),
    ...columnsOf(progress)
  }).where('feed', '=', feed).where('lease_id', '=', leaseId).returning('feed').executeTakeFirst()
  return row !== undefined
}

/** Writes down a failure and gives the lease back; what is held stays. @returns false when the lease was lost */
export async function saveFailure (db: Database, { feed, leaseId }: ClaimedSubscription, { error, nextInMs }: { readonly error: string, readonly nextInMs: number }): Promise<boolean> {
  const row = await db.updateTable('intel_subscription').set({
    lease_id: null,
    lease_until: null,
    next_run_at: sql<Date>`now() + make_interval(secs => ${nextInMs / 1000}::double precision)`,
    last_error: error,
    last_error_at: sql<Date>`now()`,
    failures: sql<number>`failures + 1`
  }).where('feed', '=', feed).where('lease_id', '=', leaseId).returning('feed').executeTakeFirst()
  return row !== undefined
}

/** Subscriptions that have become stale; each is named once, until it succeeds again. */
export async function takeStaleWarnings (db: Database): Promise<Array<{ readonly feed: string, readonly ageSeconds: number, readonly lastError: string | null }>> {
  const { rows } = await sql<{ feed: string, ageSeconds: number, lastError: string | null }>`
    update intel_subscription set stale_warned = true where not stale_warned and ${IS_STALE}
    returning feed, extract(epoch from now() - ${SINCE})::float8 as "ageSeconds", last_error as "lastError"`.execute(db)
  return rows
}

/** Passwords and tokens of subscriptions. */
export const subscriptionSecrets: SecretKind = {
  name: 'subscriptions',
  async list (db, { after = '', limit }) {
    const rows = await db.selectFrom('intel_subscription').select(['feed', 'url', 'credentials']).where('credentials', 'is not', null).where('feed', '>', after).orderBy('feed').limit(limit).execute()
    return rows.map(({ feed, url, credentials }) => ({ key: feed, sealed: credentials!, context: secretContext({ feed, url }) }))
  },
  async replace (db, { key, sealed }, instead) {
    const { numUpdatedRows } = await db.updateTable('intel_subscription').set({ credentials: instead }).where('feed', '=', key).where('credentials', '=', sealed).executeTakeFirst()
    return numUpdatedRows > 0n
  }
}

function definitionOf (row: Selectable<Schema['intel_subscription']>): SubscriptionDefinition {
  return {
    feed: row.feed,
    kind: row.kind as SubscriptionKind,
    url: row.url,
    format: row.format,
    threatClass: row.threat_class as ThreatClass | null,
    everySeconds: row.every_seconds,
    checksumUrl: row.checksum_url,
    signatureUrl: row.signature_url,
    signatureKey: row.signature_key,
    taxiiCollection: row.taxii_collection,
    allowHttp: row.allow_http,
    allowPrivate: row.allow_private
  }
}

const progressOf = (row: Selectable<Schema['intel_subscription']>): Progress => ({
  etag: row.etag,
  lastModified: row.last_modified,
  contentSha256: row.content_sha256,
  importedSha256: row.imported_sha256,
  addedAfter: row.added_after,
  fullSyncAt: row.full_sync_at
})

function columnsOf (progress: Partial<Progress>) {
  const columns = {
    etag: progress.etag,
    last_modified: progress.lastModified,
    content_sha256: progress.contentSha256,
    imported_sha256: progress.importedSha256,
    added_after: progress.addedAfter,
    full_sync_at: progress.fullSyncAt
  }
  // Left out: it stays as it was. Null: it is forgotten.
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined))
}
