import { sql } from 'kysely'
import type { Database, Tx } from '../platform/database.js'
import type { SkippedEntries } from './feeds/index.js'

export interface Feed {
  readonly name: string
  readonly format: string
  /** ISO 8601. */
  readonly importedAt: string
  readonly sha256: string
  readonly entries: number
  readonly skipped: readonly SkippedEntries[]
  /** Shipped with Sallyport and kept up to date by it. */
  readonly bundled: boolean
}

/** One import of a feed at a time; others wait. */
export async function lockFeed (tx: Tx, feed: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${'intel ' + feed}, 0))`.execute(tx)
}

export async function listFeeds (db: Database): Promise<Feed[]> {
  const rows = await db.selectFrom('intel_feed').selectAll().orderBy('name').execute()
  return rows.map((row) => ({
    name: row.name,
    format: row.format,
    importedAt: row.imported_at.toISOString(),
    sha256: row.sha256,
    entries: row.entries,
    skipped: row.skipped as SkippedEntries[],
    bundled: row.bundled
  }))
}

export async function findFeedChecksum (db: Database, feed: string): Promise<string | undefined> {
  return (await db.selectFrom('intel_feed').select('sha256').where('name', '=', feed).executeTakeFirst())?.sha256
}

export async function upsertFeed (tx: Tx, feed: { name: string, format: string, importedAt: Date, sha256: string, entries: number, skipped: readonly SkippedEntries[], bundled: boolean }): Promise<void> {
  const values = { format: feed.format, imported_at: feed.importedAt, sha256: feed.sha256, entries: feed.entries, skipped: JSON.stringify(feed.skipped), bundled: feed.bundled }
  await tx.insertInto('intel_feed').values({ name: feed.name, ...values }).onConflict((conflict) => conflict.column('name').doUpdateSet(values)).execute()
}

/** Takes a feed away. @returns how many entries it had, undefined when there is no such feed */
export async function deleteFeed (tx: Tx, feed: string): Promise<number | undefined> {
  return (await tx.deleteFrom('intel_feed').where('name', '=', feed).returning('entries').executeTakeFirst())?.entries
}

/** How many entries a feed holds, undefined when there is no such feed. */
export async function countEntries (db: Database, feed: string): Promise<number | undefined> {
  return (await db.selectFrom('intel_feed').select('entries').where('name', '=', feed).executeTakeFirst())?.entries
}
