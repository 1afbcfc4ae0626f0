import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../platform/package-root.js'
import { checksum, importFeed, type ImportFeedDeps } from './import-feed.js'
import { findFeedChecksum } from './feed-repository.js'

/** Name of the feed that ships with Sallyport. */
export const BUNDLED_FEED = 'sallyport-starter'

/** Brings the starter feed in when it is missing or another than this version's. @returns whether it did */
export async function installBundledFeed (deps: ImportFeedDeps, { now }: { readonly now: Date }): Promise<boolean> {
  const body = await readFile(join(packageRoot, 'src/intel/bundled/starter.yaml'))
  if (await findFeedChecksum(deps.db, BUNDLED_FEED) === checksum(body)) return false
  // An older Sallyport brings its own back.
  await importFeed(deps, { feed: BUNDLED_FEED, format: 'starter', body, bundled: true, importedBy: 'Sallyport', allowOlder: true, now })
  return true
}
