import { createHash } from 'node:crypto'
import type { FetchDeps, Offer } from './offer.js'
import { applyObjects, joinObjects } from './subscription-object-repository.js'
import { findCollection, readPages } from './taxii-client.js'

/** TAXII does not tell what was deleted: once a day all is fetched, and what is missing goes. */
const FULL_SYNC_MS = 24 * 3_600_000

/**
 * A TAXII 2.1 collection: what was added since the last time, put to what is held. The feed is
 * made of all objects held.
 * @throws FetchError, LeaseLostError
 */
export async function syncCollection ({ db, fetcher, subscription, isHeld, signal }: FetchDeps): Promise<Offer> {
  const { feed, url, taxiiCollection, addedAfter, fullSyncAt, fullRequested } = subscription
  const collection = await findCollection(fetcher, url, taxiiCollection)
  const isFull = fullRequested || addedAfter === null || fullSyncAt === null || Date.now() - fullSyncAt.getTime() > FULL_SYNC_MS
  const replace = isFull ? 'any' : 'newer'
  const ids = new Set<string>()
  let [known, changed] = [addedAfter, false]
  // Each page is kept when it has come. How far we are is only written down with the last one: what a failure leaves is fetched again.
  for await (const page of readPages(fetcher, collection, isFull ? null : addedAfter)) {
    signal.throwIfAborted()
    known = page.addedAfter
    if (isFull) for (const { id } of page.objects) ids.add(id)
    if (page.objects.length > 0) changed = await applyObjects(db, subscription, { objects: page.objects.map(({ id, modified, json }) => ({ id, modified, object: json })), replace }) || changed
  }
  const progress = { addedAfter: known, ...(isFull ? { fullSyncAt: new Date() } : {}) }
  changed = await applyObjects(db, subscription, { objects: [], replace, ...(isFull ? { keepOnly: [...ids] } : {}), progress }) || changed
  const isSame = isHeld && !changed && !fullRequested && !subscription.objectsChanged
  return { body: isSame ? undefined : await joinObjects(db, subscription, `{"type":"bundle","id":"bundle--${bundleIdOf(feed)}","objects":[`, ']}'), progress }
}

/** The same for the same feed, so that the same objects are the same file. */
function bundleIdOf (feed: string): string {
  const bytes = createHash('sha256').update(`sallyport ${feed}`).digest().subarray(0, 16)
  // RFC 9562, version 8: an id of our own making.
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
