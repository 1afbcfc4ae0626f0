import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import { MAX_FEED_BYTES } from '../feed-file.js'
import { PACKING_LIMITS } from '../feed-packing.js'
import { FetchError } from './fetch-error.js'
import { LeaseLostError } from './offer.js'
import type { ClaimedSubscription, Progress } from './subscription-repository.js'

/** An object that a publisher offers piece by piece. */
export interface HeldObject {
  readonly id: string
  /** Sorts as text. */
  readonly modified: string
  /** JSON. */
  readonly object: string
}

export interface ObjectChanges {
  readonly objects: readonly HeldObject[]
  /** `newer`: only where it is not older than what is held; `any`: as the publisher has it now. */
  readonly replace: 'newer' | 'any'
  /** Only these ids stay. */
  readonly keepOnly?: readonly string[]
  readonly progress?: Partial<Pick<Progress, 'addedAfter' | 'fullSyncAt'>>
}

const BATCH = 2_000
/** Of a document: less than a millisecond to put together. */
const PIECE_LENGTH = 1024 * 1024
/** A document that is longer is handed on packed. */
const MAX_PLAIN_BYTES = 16 * 1024 * 1024

/**
 * Adds, replaces and removes objects of a subscription, all at once, while the lease is held.
 * @returns whether anything changed
 * @throws LeaseLostError
 */
export async function applyObjects (db: Database, { feed, leaseId }: ClaimedSubscription, changes: ObjectChanges): Promise<boolean> {
  return await db.transaction().execute(async (tx) => {
    const own = await tx.selectFrom('intel_subscription').select('feed').where('feed', '=', feed).where('lease_id', '=', leaseId).forUpdate().executeTakeFirst()
    if (own === undefined) throw new LeaseLostError()
    let changed = 0
    for (let at = 0; at < changes.objects.length; at += BATCH) changed += await upsertObjects(tx, feed, changes.objects.slice(at, at + BATCH), changes.replace)
    if (changes.keepOnly !== undefined) {
      const { numDeletedRows } = await tx.deleteFrom('intel_subscription_object').where('feed', '=', feed)
        .where(sql<boolean>`object_id <> all(${changes.keepOnly})`).executeTakeFirst()
      changed += Number(numDeletedRows)
    }
    const { addedAfter, fullSyncAt } = changes.progress ?? {}
    await tx.updateTable('intel_subscription').set({
      ...(changed > 0 ? { objects_changed: true } : {}),
      ...(addedAfter === undefined ? {} : { added_after: addedAfter }),
      ...(fullSyncAt === undefined ? {} : { full_sync_at: fullSyncAt }),
      feed
    }).where('feed', '=', feed).execute()
    return changed > 0
  })
}

async function upsertObjects (tx: Tx, feed: string, objects: readonly HeldObject[], replace: ObjectChanges['replace']): Promise<number> {
  const { numAffectedRows } = await sql`
    insert into intel_subscription_object as held (feed, object_id, modified, object)
    select ${feed}, * from unnest(${objects.map(({ id }) => id)}::text[], ${objects.map(({ modified }) => modified)}::text[], ${objects.map(({ object }) => object)}::text[])
    on conflict (feed, object_id) do update set modified = excluded.modified, object = excluded.object
    where held.object is distinct from excluded.object and (${replace === 'any'}::boolean or excluded.modified >= held.modified)`.execute(tx)
  return Number(numAffectedRows ?? 0)
}

/** Versions of all objects held, by id. */
export async function listHeldVersions (db: Database, feed: string): Promise<Map<string, string>> {
  const rows = await db.selectFrom('intel_subscription_object').select(['object_id', 'modified']).where('feed', '=', feed).execute()
  return new Map(rows.map((row) => [row.object_id, row.modified]))
}

/**
 * All objects of a feed as one document, in a lasting order and in pieces, as gzip when it is long. Undefined when there is none and never
 * was: what is empty from the beginning is no fault.
 * @throws FetchError when they are too much for one feed
 */
export async function joinObjects (db: Database, { feed, importedSha256 }: ClaimedSubscription, head: string, tail: string): Promise<Buffer[] | undefined> {
  const { objects, bytes } = await measureObjects(db, feed)
  if (objects === 0 && importedSha256 === null) return undefined
  const whole = bytes + head.length + tail.length
  if (whole > PACKING_LIMITS.unpackedBytes) throw new FetchError('too-large', `all ${objects} objects together are larger than ${PACKING_LIMITS.unpackedBytes} bytes`)
  const document = joinTexts(readObjects(db, feed), head, tail)
  const pieces: Buffer[] = []
  let length = 0
  // zlib works in its own threads.
  for await (const piece of whole <= MAX_PLAIN_BYTES ? document : Readable.from(document).pipe(createGzip({ level: 1, chunkSize: PIECE_LENGTH }))) {
    pieces.push(piece as Buffer)
    length += (piece as Buffer).length
  }
  if (length > MAX_FEED_BYTES) throw new FetchError('too-large', `all ${objects} objects together are larger than ${MAX_FEED_BYTES} bytes when they are packed`)
  return pieces
}

async function * joinTexts (texts: AsyncIterable<string>, head: string, tail: string): AsyncGenerator<Buffer> {
  let [text, separator] = [head, '']
  for await (const one of texts) {
    text += separator + one
    separator = ','
    if (text.length < PIECE_LENGTH) continue
    yield Buffer.from(text)
    text = ''
  }
  yield Buffer.from(text + tail)
}

/** How much all objects are together, in bytes of JSON. */
async function measureObjects (db: Database, feed: string): Promise<{ readonly objects: number, readonly bytes: number }> {
  const { rows: [row] } = await sql<{ objects: number, bytes: number }>`
    select count(*) as objects, coalesce(sum(octet_length(object) + 1), 0)::float8 as bytes from intel_subscription_object where feed = ${feed}`.execute(db)
  return row!
}

async function * readObjects (db: Database, feed: string): AsyncGenerator<string> {
  let after = ''
  for (;;) {
    const rows = await db.selectFrom('intel_subscription_object').select(['object_id', 'object'])
      .where('feed', '=', feed).where('object_id', '>', after).orderBy('object_id').limit(BATCH).execute()
    for (const { object } of rows) yield object
    if (rows.length < BATCH) return
    after = rows.at(-1)!.object_id
  }
}
