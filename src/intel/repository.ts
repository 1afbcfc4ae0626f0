import { sql } from 'kysely'
import type { Database, Tx } from '../platform/database.js'
import type { Indicator, IntelEntry, Vulnerability } from './indicator.js'
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

export interface ChangeCounts {
  readonly added: number
  readonly updated: number
  readonly unchanged: number
  readonly withdrawn: number
}

/** Rows of one statement: a feed of millions is never one parameter. */
const CHUNK = 10_000

/** Makes the feed's indicators exactly these, in a few statements whatever their number. */
export async function replaceIndicators (tx: Tx, feed: string, indicators: readonly Indicator[]): Promise<ChangeCounts> {
  await sql`create temporary table incoming (type text, value text, role text, threat_class text, family text,
    valid_from timestamptz, valid_until timestamptz, confidence smallint) on commit drop`.execute(tx)
  for (const chunk of chunksOf(indicators)) {
    await sql`insert into incoming
      select * from jsonb_to_recordset(${JSON.stringify(chunk.map(toIncoming))}::jsonb)
        as x (type text, value text, role text, threat_class text, family text, valid_from timestamptz, valid_until timestamptz, confidence smallint)`.execute(tx)
  }
  // Nobody else looks at temporary tables, and without numbers the plan is a guess.
  await sql`analyze incoming`.execute(tx)
  const withdrawn = await sql`delete from indicator i where i.feed = ${feed} and not exists (
    select from incoming n where (n.type, n.value, n.family, n.role) = (i.type, i.value, i.family, i.role))`.execute(tx)
  const { rows: [counts] } = await sql<{ added: number, updated: number }>`
    with upserted as (
      insert into indicator as i (feed, type, value, role, threat_class, family, valid_from, valid_until, confidence)
      select ${feed}, type, value, role, threat_class, family, valid_from, valid_until, confidence from incoming
      on conflict (feed, type, value, family, role) do update
        set threat_class = excluded.threat_class, valid_from = excluded.valid_from, valid_until = excluded.valid_until, confidence = excluded.confidence
        where (i.threat_class, i.valid_from, i.valid_until, i.confidence)
          is distinct from (excluded.threat_class, excluded.valid_from, excluded.valid_until, excluded.confidence)
      returning (xmax = 0) as is_new
    )
    select count(*) filter (where is_new) as added, count(*) filter (where not is_new) as updated from upserted`.execute(tx)
  await sql`drop table incoming`.execute(tx)
  return toCounts(indicators.length, counts!, Number(withdrawn.numAffectedRows ?? 0))
}

/** Makes the feed's vulnerabilities exactly these. */
export async function replaceVulnerabilities (tx: Tx, feed: string, vulnerabilities: readonly Vulnerability[]): Promise<ChangeCounts> {
  await sql`create temporary table incoming (platform text, cve text, severity text, exploited boolean,
    kev_date_added date, kev_due_date date, fixed_in text[], part text) on commit drop`.execute(tx)
  for (const chunk of chunksOf(vulnerabilities)) {
    await sql`insert into incoming
      select platform, cve, severity, exploited, "kevDateAdded", "kevDueDate", array(select jsonb_array_elements_text("fixedIn")), part
      from jsonb_to_recordset(${JSON.stringify(chunk)}::jsonb)
        as x (platform text, cve text, severity text, exploited boolean, "kevDateAdded" date, "kevDueDate" date, "fixedIn" jsonb, part text)`.execute(tx)
  }
  const withdrawn = await sql`delete from vulnerability v where v.feed = ${feed} and not exists (
    select from incoming n where (n.platform, n.cve) = (v.platform, v.cve))`.execute(tx)
  const { rows: [counts] } = await sql<{ added: number, updated: number }>`
    with upserted as (
      insert into vulnerability as v (feed, platform, cve, severity, exploited, kev_date_added, kev_due_date, fixed_in, part)
      select ${feed}, platform, cve, severity, exploited, kev_date_added, kev_due_date, fixed_in, part from incoming
      on conflict (feed, platform, cve) do update
        set severity = excluded.severity, exploited = excluded.exploited, kev_date_added = excluded.kev_date_added,
          kev_due_date = excluded.kev_due_date, fixed_in = excluded.fixed_in, part = excluded.part
        where (v.severity, v.exploited, v.kev_date_added, v.kev_due_date, v.fixed_in, v.part)
          is distinct from (excluded.severity, excluded.exploited, excluded.kev_date_added, excluded.kev_due_date, excluded.fixed_in, excluded.part)
      returning (xmax = 0) as is_new
    )
    select count(*) filter (where is_new) as added, count(*) filter (where not is_new) as updated from upserted`.execute(tx)
  await sql`drop table incoming`.execute(tx)
  return toCounts(vulnerabilities.length, counts!, Number(withdrawn.numAffectedRows ?? 0))
}

/** Takes a feed away. @returns how many entries it had, undefined when there is no such feed */
export async function deleteFeed (tx: Tx, feed: string): Promise<number | undefined> {
  return (await tx.deleteFrom('intel_feed').where('name', '=', feed).returning('entries').executeTakeFirst())?.entries
}

/** How many entries a feed holds, undefined when there is no such feed. */
export async function countEntries (db: Database, feed: string): Promise<number | undefined> {
  return (await db.selectFrom('intel_feed').select('entries').where('name', '=', feed).executeTakeFirst())?.entries
}

export async function raiseIntelVersion (tx: Tx): Promise<void> {
  await tx.updateTable('intel_version').set((set) => ({ version: set('version', '+', 1) })).execute()
}

export async function readIntelVersion (db: Database): Promise<number> {
  return (await db.selectFrom('intel_version').select('version').executeTakeFirstOrThrow()).version
}

/** Every indicator in chunks, so that a big store is never in memory twice. */
export async function * streamIndicators (db: Database): AsyncGenerator<IntelEntry[]> {
  for (let after = 0; ;) {
    const rows = await db.selectFrom('indicator').selectAll().where('id', '>', after).orderBy('id').limit(CHUNK).execute()
    if (rows.length === 0) return
    yield rows.map(toEntry)
    after = rows.at(-1)!.id
  }
}

export async function listVulnerabilities (db: Database): Promise<Vulnerability[]> {
  // What a customer imported comes before what Sallyport brought along.
  const rows = await db.selectFrom('vulnerability').innerJoin('intel_feed', 'intel_feed.name', 'vulnerability.feed')
    .selectAll('vulnerability').orderBy('cve').orderBy('bundled').orderBy('feed').execute()
  return rows.map((row) => ({
    cve: row.cve,
    platform: row.platform as Vulnerability['platform'],
    severity: row.severity as Vulnerability['severity'],
    exploited: row.exploited,
    kevDateAdded: row.kev_date_added,
    kevDueDate: row.kev_due_date,
    fixedIn: row.fixed_in,
    part: row.part as Vulnerability['part']
  }))
}

export async function listIndicatorsByValue (db: Database, values: readonly string[]): Promise<Array<IntelEntry & { firstSeen: string }>> {
  const rows = await db.selectFrom('indicator').selectAll().where('value', 'in', [...values]).orderBy('feed').orderBy('id').execute()
  return rows.map((row) => ({ ...toEntry(row), firstSeen: row.first_seen.toISOString() }))
}

interface IndicatorRow {
  feed: string, type: string, value: string, role: string, threat_class: string, family: string
  valid_from: Date | null, valid_until: Date | null, confidence: number | null
}

function toEntry (row: IndicatorRow): IntelEntry {
  return {
    feed: row.feed,
    type: row.type as IntelEntry['type'],
    value: row.value,
    role: row.role as IntelEntry['role'],
    threatClass: row.threat_class as IntelEntry['threatClass'],
    family: row.family,
    ...(row.valid_from === null ? {} : { validFrom: row.valid_from.toISOString() }),
    ...(row.valid_until === null ? {} : { validUntil: row.valid_until.toISOString() }),
    ...(row.confidence === null ? {} : { confidence: row.confidence })
  }
}

function * chunksOf<T> (items: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += CHUNK) yield items.slice(from, from + CHUNK)
}

function toIncoming ({ type, value, role, threatClass, family, validFrom, validUntil, confidence }: Indicator): Record<string, unknown> {
  return { type, value, role, threat_class: threatClass, family, valid_from: validFrom, valid_until: validUntil, confidence }
}

function toCounts (total: number, { added, updated }: { added: number, updated: number }, withdrawn: number): ChangeCounts {
  return { added, updated, unchanged: total - added - updated, withdrawn }
}
