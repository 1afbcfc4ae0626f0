import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import { type CopyField, copyRows } from '../../platform/copy-rows.js'
import { CHUNK, toCounts, type ChangeCounts } from '../change-counts.js'
import type { IntelEntry } from '../intel-view.js'
import type { Indicator } from './indicator.js'

const COLUMNS = 'type, value, role, threat_class, family, valid_from, valid_until, confidence, port, refs'

/** Rows changed by one import. */
const ANALYZE_AFTER = 20_000
/** Two rows of one feed that say the same thing, whatever they say about it. */
const SAME_CLAIM = sql`(n.type, n.value, n.family, n.role, n.port) = (i.type, i.value, i.family, i.role, i.port)`
const rowsOf = ({ numAffectedRows }: { readonly numAffectedRows?: bigint }): number => Number(numAffectedRows ?? 0)

/**
 * Makes the feed's indicators exactly these, in a few statements whatever their number, and puts
 * what that changes into the table `changed` (intel-change-repository.ts). `version` is the
 * feed's that they come with.
 */
export async function replaceIndicators (tx: Tx, feed: string, version: number, indicators: readonly Indicator[]): Promise<ChangeCounts> {
  await sql`create temporary table incoming (type text, value text, role text, threat_class text, family text,
    valid_from timestamptz, valid_until timestamptz, confidence smallint, port integer, refs text[]) on commit drop`.execute(tx)
  await copyRows(tx, `incoming (${COLUMNS})`, indicators, toFields)
  // Nobody else looks at temporary tables, and without numbers the plan is a guess.
  await sql`analyze incoming`.execute(tx)
  // For joins of millions of rows; what is not needed is not taken.
  await sql`set local work_mem = '96MB'`.execute(tx)
  const withdrawn = await sql`with gone as (
      delete from indicator i where i.feed = ${feed} and not exists (select from incoming n where ${SAME_CLAIM})
      returning type, value
    ) insert into changed select 'withdrawn', type, value from gone`.execute(tx)
  // Not `on conflict do update`, which writes to rows that stay as they are, too. The feed is ours (lockFeed).
  const updated = await sql`with updated as (
      update indicator i set threat_class = n.threat_class, valid_from = n.valid_from, valid_until = n.valid_until,
        confidence = n.confidence, refs = n.refs, changed_version = ${version}::integer
      from incoming n
      where i.feed = ${feed} and ${SAME_CLAIM} and (i.threat_class, i.valid_from, i.valid_until, i.confidence, i.refs)
        is distinct from (n.threat_class, n.valid_from, n.valid_until, n.confidence, n.refs)
      returning i.type, i.value
    ) insert into changed select 'updated', type, value from updated`.execute(tx)
  // In the order of the index, which then grows at its end.
  const added = await sql`with added as (
      insert into indicator (feed, ${sql.raw(COLUMNS)}, since_version, changed_version)
      select ${feed}, ${sql.raw(COLUMNS)}, ${version}::integer, ${version}::integer from incoming n
      where not exists (select from indicator i where i.feed = ${feed} and ${SAME_CLAIM})
      order by type, value
      returning type, value
    ) insert into changed select 'added', type, value from added`.execute(tx)
  await sql`drop table incoming`.execute(tx)
  // The next import must not be planned by what was known before this one; it may come before PostgreSQL looks by itself.
  if (rowsOf(withdrawn) + rowsOf(updated) + rowsOf(added) > ANALYZE_AFTER) await sql`select analyze_indicators()`.execute(tx)
  return toCounts(indicators.length, { added: rowsOf(added), updated: rowsOf(updated) }, rowsOf(withdrawn))
}

/**
 * Every indicator in chunks, so that a big store is never in memory twice. Without those of hosts
 * that an operator guards: what was imported before he did counts no more.
 */
export async function * streamIndicators (db: Database): AsyncGenerator<IntelEntry[]> {
  for (let after = 0; ;) {
    const rows = await db.selectFrom('indicator').selectAll().where('id', '>', after)
      .where(({ not, exists, selectFrom }) => not(exists(selectFrom('guarded_host').select('host').where('guarded', '=', true)
        .where(sql<boolean>`case when type = 'url' then regexp_replace(value, '^https?://(.*)/$', '\\1') when type in ('domain', 'ipv4', 'ipv6') then value end in (host, 'www.' || host, '[' || host || ']')`))))
      .orderBy('id').limit(CHUNK).execute()
    if (rows.length === 0) return
    yield rows.map(toEntry)
    after = rows.at(-1)!.id
  }
}

/** What a feed says about a value, and since when. */
export interface IndicatorClaim extends IntelEntry {
  /** Increases in the order of the list. */
  readonly id: number
  /** ISO 8601: when it was first imported. */
  readonly firstSeen: string
  /** The feed's version in which it came, and that in which it last changed. */
  readonly sinceVersion: number
  readonly changedVersion: number
  /** The feed as it is now. */
  readonly feedVersion: number
  readonly publisherVersion: string | null
  /** ISO 8601. */
  readonly publishedAt: string | null
  readonly importedAt: string
}

/** All claims about one of these values, the oldest first; `after` is an id. */
export async function listIndicatorsByValue (db: Database, values: readonly string[], { after = 0, limit }: { readonly after?: number | undefined, readonly limit: number }): Promise<IndicatorClaim[]> {
  const rows = await db.selectFrom('indicator').innerJoin('intel_feed', 'intel_feed.name', 'indicator.feed').selectAll('indicator')
    .select(['intel_feed.version as feed_version', 'publisher_version', 'published_at', 'imported_at'])
    .where('value', 'in', [...values]).where('indicator.id', '>', after).orderBy('indicator.id').limit(limit).execute()
  return rows.map((row) => ({
    ...toEntry(row),
    id: row.id,
    firstSeen: row.first_seen.toISOString(),
    sinceVersion: row.since_version,
    changedVersion: row.changed_version,
    feedVersion: row.feed_version,
    publisherVersion: row.publisher_version,
    publishedAt: row.published_at?.toISOString() ?? null,
    importedAt: row.imported_at.toISOString()
  }))
}

interface IndicatorRow {
  feed: string, type: string, value: string, role: string, threat_class: string, family: string
  valid_from: Date | null, valid_until: Date | null, confidence: number | null, port: number, refs: string[] | null
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
    ...(row.confidence === null ? {} : { confidence: row.confidence }),
    ...(row.port === 0 ? {} : { port: row.port }),
    ...(row.refs === null ? {} : { references: row.refs })
  }
}

/** In the order of `COLUMNS`. */
function toFields ({ type, value, role, threatClass, family, validFrom, validUntil, confidence, port = 0, references = [] }: Indicator): readonly CopyField[] {
  return [type, value, role, threatClass, family, validFrom, validUntil, confidence, port, references.length === 0 ? null : references]
}
