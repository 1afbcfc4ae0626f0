import { sql } from 'kysely'
import type { Database, Tx } from '../platform/database.js'
import { storableJson } from '../platform/storable-json.js'
import type { SkippedEntries } from './feeds/index.js'

/** Versions of a feed that are remembered. */
const MAX_VERSIONS = 1_000

export interface Feed {
  readonly name: string
  readonly format: string
  /** ISO 8601: the last import, also one that changed nothing. */
  readonly importedAt: string
  /** Since then. */
  readonly ageSeconds: number
  readonly sha256: string
  readonly entries: number
  /** Unique values by type. */
  readonly byType: Readonly<Record<string, number>>
  readonly skipped: readonly SkippedEntries[]
  /** Shipped with Sallyport and kept up to date by it. */
  readonly bundled: boolean
  /** Rises with each import that changed something. */
  readonly version: number
  /** What the publisher says of it, ISO 8601. */
  readonly publishedAt: string | null
  readonly publisherVersion: string | null
}

/** A feed as an import finds it. */
export interface HeldFeed {
  readonly version: number
  readonly entries: number
  readonly sha256: string
  readonly importedAt: Date
  readonly publishedAt: Date | null
}

/** What an import knows of the file. */
export interface FeedFile {
  readonly format: string
  readonly importedAt: Date
  readonly sha256: string
  readonly entries: number
  readonly publishedAt: Date | null
  readonly publisherVersion: string | null
}

/** One import of a feed at a time; others wait. */
export async function lockFeed (tx: Tx, feed: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${'intel ' + feed}, 0))`.execute(tx)
}

export async function listFeeds (db: Database): Promise<Feed[]> {
  const rows = await db.selectFrom('intel_feed').selectAll().select(sql<number>`extract(epoch from now() - imported_at)::float8`.as('age')).orderBy('name').execute()
  return rows.map((row) => ({
    name: row.name,
    format: row.format,
    importedAt: row.imported_at.toISOString(),
    ageSeconds: Math.max(0, Math.round(row.age)),
    sha256: row.sha256,
    entries: row.entries,
    byType: row.by_type as Record<string, number>,
    skipped: row.skipped as SkippedEntries[],
    bundled: row.bundled,
    version: row.version,
    publishedAt: row.published_at?.toISOString() ?? null,
    publisherVersion: row.publisher_version
  }))
}

export async function findFeedChecksum (db: Database, feed: string): Promise<string | undefined> {
  return (await db.selectFrom('intel_feed').select('sha256').where('name', '=', feed).executeTakeFirst())?.sha256
}

export async function findHeldFeed (db: Database, feed: string): Promise<HeldFeed | undefined> {
  const row = await db.selectFrom('intel_feed').select(['version', 'entries', 'sha256', 'imported_at', 'published_at']).where('name', '=', feed).executeTakeFirst()
  return row && { version: row.version, entries: row.entries, sha256: row.sha256, importedAt: row.imported_at, publishedAt: row.published_at }
}

/** Writes down what the feed now is; `version` stays what it is held at, or starts at 1. */
export async function upsertFeed (tx: Tx, name: string, file: FeedFile, more: { skipped: readonly SkippedEntries[], byType: Readonly<Record<string, number>>, bundled: boolean }): Promise<void> {
  const values = {
    format: file.format,
    imported_at: file.importedAt,
    sha256: file.sha256,
    entries: file.entries,
    published_at: file.publishedAt,
    publisher_version: file.publisherVersion,
    skipped: storableJson(more.skipped),
    by_type: JSON.stringify(more.byType),
    bundled: more.bundled
  }
  await tx.insertInto('intel_feed').values({ name, version: 1, ...values }).onConflict((conflict) => conflict.column('name').doUpdateSet(values)).execute()
}

/** What a version of a feed was and changed. */
export interface FeedVersion extends Omit<FeedFile, 'importedAt' | 'publishedAt'> {
  readonly version: number
  /** ISO 8601. */
  readonly importedAt: string
  /** Null: not known. */
  readonly importedBy: string | null
  readonly publishedAt: string | null
  readonly added: number
  readonly updated: number
  readonly unchanged: number
  readonly withdrawn: number
}

/** Makes this the feed's current version, and forgets the oldest. */
export async function insertFeedVersion (tx: Tx, feed: string, file: FeedFile, { version, importedBy, added, updated, unchanged, withdrawn }: Pick<FeedVersion, 'version' | 'importedBy' | 'added' | 'updated' | 'unchanged' | 'withdrawn'>): Promise<void> {
  await tx.updateTable('intel_feed').set({ version }).where('name', '=', feed).execute()
  await tx.insertInto('intel_feed_version').values({
    feed,
    version,
    sha256: file.sha256,
    format: file.format,
    imported_at: file.importedAt,
    imported_by: importedBy,
    published_at: file.publishedAt,
    publisher_version: file.publisherVersion,
    entries: file.entries,
    added,
    updated,
    unchanged,
    withdrawn
  }).execute()
  await tx.deleteFrom('intel_feed_version').where('feed', '=', feed).where('version', '<=', version - MAX_VERSIONS).execute()
}

/** The newest version of the feed that was this very file. */
export async function findVersionOfFile (db: Database, feed: string, sha256: string): Promise<{ version: number, importedAt: Date } | undefined> {
  const row = await db.selectFrom('intel_feed_version').select(['version', 'imported_at']).where('feed', '=', feed).where('sha256', '=', sha256)
    .orderBy('version', 'desc').limit(1).executeTakeFirst()
  return row && { version: row.version, importedAt: row.imported_at }
}

/** A feed's versions, the last first; `before` is a version. */
export async function listFeedVersions (db: Database, feed: string, { before, limit }: { readonly before?: number | undefined, readonly limit: number }): Promise<FeedVersion[]> {
  let query = db.selectFrom('intel_feed_version').selectAll().where('feed', '=', feed).orderBy('version', 'desc').limit(limit)
  if (before !== undefined) query = query.where('version', '<', before)
  return (await query.execute()).map((row) => ({
    version: row.version,
    sha256: row.sha256,
    format: row.format,
    importedAt: row.imported_at.toISOString(),
    importedBy: row.imported_by,
    publishedAt: row.published_at?.toISOString() ?? null,
    publisherVersion: row.publisher_version,
    added: row.added,
    updated: row.updated,
    unchanged: row.unchanged,
    withdrawn: row.withdrawn,
    entries: row.entries
  }))
}

/** Takes a feed away. @returns how many entries it had, undefined when there is no such feed */
export async function deleteFeed (tx: Tx, feed: string): Promise<number | undefined> {
  return (await tx.deleteFrom('intel_feed').where('name', '=', feed).returning('entries').executeTakeFirst())?.entries
}
