import type { Database } from '../platform/database.js'
import { INDICATOR_TYPES } from './indicators/indicator.js'
import type { IntelEntry } from './intel-view.js'
import { normalizeValue } from './indicators/normalize.js'
import { listFeeds as listStoredFeeds, type Feed } from './feed-repository.js'
import { listIndicatorsByValue } from './indicators/indicator-repository.js'

/** What the feeds say about a value, however it is spelt. */
export async function findIndicators ({ db }: { readonly db: Database }, { value }: { readonly value: string }): Promise<Array<IntelEntry & { readonly firstSeen: string }>> {
  const forms = new Set([value])
  for (const type of INDICATOR_TYPES) {
    const normal = normalizeValue(type, value)
    if (normal !== undefined) forms.add(normal.value)
  }
  return await listIndicatorsByValue(db, [...forms])
}

export async function listFeeds ({ db }: { readonly db: Database }): Promise<Feed[]> {
  return await listStoredFeeds(db)
}
