import { NotFoundError } from '../errors.js'
import type { Database } from '../platform/database.js'
import { INDICATOR_TYPES } from './indicators/indicator.js'
import { normalizeValue } from './indicators/normalize.js'
import { type Feed, findHeldFeed, type FeedVersion, listFeeds as listStoredFeeds, listFeedVersions as listStoredVersions } from './feed-repository.js'
import { type IndicatorClaim, listIndicatorsByValue } from './indicators/indicator-repository.js'

interface Deps { readonly db: Database }

/** What the feeds say about a value, however it is spelt, the oldest claim first; `after` is a claim's id. */
export async function findIndicators ({ db }: Deps, { value, after, limit }: { readonly value: string, readonly after?: number | undefined, readonly limit: number }): Promise<IndicatorClaim[]> {
  const forms = new Set([value])
  for (const type of INDICATOR_TYPES) {
    const normal = normalizeValue(type, value)
    if (normal !== undefined) forms.add(normal.value)
  }
  return await listIndicatorsByValue(db, [...forms], { after, limit })
}

export async function listFeeds ({ db }: Deps): Promise<Feed[]> {
  return await listStoredFeeds(db)
}

/** A feed's versions, the last first; `before` is a version. @throws NotFoundError */
export async function listFeedVersions ({ db }: Deps, { feed, before, limit }: { readonly feed: string, readonly before?: number | undefined, readonly limit: number }): Promise<FeedVersion[]> {
  if (await findHeldFeed(db, feed) === undefined) throw new NotFoundError('There is no such feed.')
  return await listStoredVersions(db, feed, { before, limit })
}
