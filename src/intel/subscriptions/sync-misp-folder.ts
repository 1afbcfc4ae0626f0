import { FetchError } from './fetch-error.js'
import type { FetchDeps, Offer } from './offer.js'
import { readPiece } from './read-piece.js'
import { applyObjects, type HeldObject, joinObjects, listHeldVersions } from './subscription-object-repository.js'

const MAX_MANIFEST_BYTES = 8 * 1024 * 1024
const MAX_EVENT_BYTES = 8 * 1024 * 1024
const MAX_EVENTS = 20_000
/** Events asked for at once. */
const AT_ONCE = 4
/** What is fetched is kept after so many events: a run that ends early has not been for nothing. */
const KEEP_AFTER = 40

/**
 * A folder of MISP events (`manifest.json` beside one file an event): events that are new or
 * newer than what is held are fetched, those that the manifest has no more go.
 * @throws FetchError, LeaseLostError
 */
export async function syncMispFolder ({ db, fetcher, subscription, isHeld, signal }: FetchDeps): Promise<Offer> {
  const { feed, url, fullRequested, objectsChanged } = subscription
  const mayBeOld = isHeld && !fullRequested && !objectsChanged
  const manifest = await fetcher.fetch({ url, maxBytes: MAX_MANIFEST_BYTES, ...(mayBeOld ? { etag: subscription.etag, lastModified: subscription.lastModified } : {}) })
  if (manifest.status === 304) return { body: undefined, progress: {} }
  const offered = await readPiece('misp-manifest', manifest.body)
  if (offered.size > MAX_EVENTS) throw new FetchError('too-large', `the MISP feed has more than ${MAX_EVENTS} events`)

  const held = fullRequested ? new Map<string, string>() : await listHeldVersions(db, feed)
  const wanted = [...offered].filter(([id, modified]) => held.get(id) !== modified)
  let changed = false
  for (let at = 0; at < wanted.length; at += KEEP_AFTER) {
    const events = await fetchAll(wanted.slice(at, at + KEEP_AFTER))
    signal.throwIfAborted()
    changed = await applyObjects(db, subscription, { objects: events, replace: 'any' }) || changed
  }
  changed = await applyObjects(db, subscription, { objects: [], replace: 'any', keepOnly: [...offered.keys()] }) || changed

  const isSame = mayBeOld && !changed
  return {
    body: isSame ? undefined : await joinObjects(db, subscription, '{"response":[', ']}'),
    progress: { etag: manifest.headers.etag ?? null, lastModified: manifest.headers['last-modified'] ?? null }
  }

  async function fetchAll (events: ReadonlyArray<readonly [string, string]>): Promise<HeldObject[]> {
    const waiting = [...events]
    const fetched: HeldObject[] = []
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [id, modified] = next
        const file = new URL(`${id}.json`, url)
        // Some servers want their key in every address.
        file.search = new URL(url).search
        const answer = await fetcher.fetch({ url: file.href, maxBytes: MAX_EVENT_BYTES }).catch((error: unknown) => {
          waiting.length = 0
          throw error
        })
        fetched.push({ id, modified, object: await readPiece('misp-event', answer.body, `the file of event ${id}`) })
      }
    }))
    return fetched
  }
}
