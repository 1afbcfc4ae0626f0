import { createHash } from 'node:crypto'
import { InvalidInputError, NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'
import { hasChanged } from './change-counts.js'
import { deleteFeed, lockFeed } from './feed-repository.js'
import { addWholeFeed, openChanges, publishChanges } from './intel-change-repository.js'
import { raiseIntelVersion } from './intel-version.js'
import { type ImportResult, storeFeed, type StoreFeedInput } from './store-feed.js'

export type { ImportResult, StoreFeedInput as ImportFeedInput } from './store-feed.js'
export { MAX_FEED_BYTES } from './feed-file.js'

/** A feed's lasting name. */
export const FEED_NAME_PATTERN = '^[a-z0-9][a-z0-9._-]{0,99}$'

export interface ImportFeedDeps {
  readonly db: Database
  /** Where files are read and stored: a process of its own (feed-imports.ts). Without it, here, and nothing else is done meanwhile. */
  readonly store?: (input: StoreFeedInput) => Promise<ImportResult>
  /** Told after the commit when something changed, so that phones are judged again. */
  readonly onChanged?: () => Promise<void>
}

/**
 * Makes a feed what this file says, wholly or not at all. The same file again changes
 * nothing; entries that the file no longer has are withdrawn.
 * @throws InvalidInputError, UnprocessableError, ConflictError for a file older than what the feed holds
 */
export async function importFeed ({ db, store, onChanged }: ImportFeedDeps, input: StoreFeedInput): Promise<ImportResult> {
  if (!new RegExp(FEED_NAME_PATTERN).test(input.feed)) throw new InvalidInputError([{ path: '/feed', message: `must match ${FEED_NAME_PATTERN}` }])
  const result = store === undefined ? await storeFeed(db, input) : await store(input)
  if (hasChanged(result)) await onChanged?.()
  return result
}

/** Takes a feed and all it said away. @throws NotFoundError */
export async function removeFeed (deps: ImportFeedDeps, { feed, actor }: { readonly feed: string, readonly actor: string }): Promise<void> {
  const entries = await deps.db.transaction().execute(async (tx) => {
    await lockFeed(tx, feed)
    await openChanges(tx)
    await addWholeFeed(tx, feed)
    const entries = await deleteFeed(tx, feed)
    if (entries === undefined) throw new NotFoundError('There is no such feed.')
    if (entries > 0) await publishChanges(tx, await raiseIntelVersion(tx))
    await recordAudit(tx, { tenantId: null, actor, action: 'feed.removed', subject: feed })
    return entries
  })
  if (entries > 0) await deps.onChanged?.()
}

export const checksum = (body: Buffer): string => createHash('sha256').update(body).digest('hex')
