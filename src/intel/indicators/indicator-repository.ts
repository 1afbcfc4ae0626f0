import { sql } from 'kysely'
import type { Database, Tx } from '../../platform/database.js'
import { CHUNK, chunksOf, toCounts, type ChangeCounts } from '../change-counts.js'
import type { IntelEntry } from '../intel-view.js'
import type { Indicator } from './indicator.js'

/** Makes the feed's indicators exactly these, in a few statements whatever their number. `version` is the feed's that they come with. */
export async function replaceIndicators (tx: Tx, feed: string, version: number, indicators: readonly Indicator[]): Promise<ChangeCounts> {
  await sql`create temporary table incoming (type text, value text, role text, threat_class text, family text,
    valid_from timestamptz, valid_until timestamptz, confidence smallint, port integer, refs text[]) on commit drop`.execute(tx)
  for (const chunk of chunksOf(indicators)) {
    await sql`insert into incoming
      select * from jsonb_to_recordset(${JSON.stringify(chunk.map(toIncoming))}::jsonb)
        as x (type text, value text, role text, threat_class text, family text, valid_from timestamptz, valid_until timestamptz, confidence smallint, port integer, refs text[])`.execute(tx)
  }
  // Nobody else looks at temporary tables, and without numbers the plan is a guess.
  await sql`analyze incoming`.execute(tx)
  const withdrawn = await sql`delete from indicator i where i.feed = ${feed} and not exists (
    select from incoming n where (n.type, n.value, n.family, n.role, n.port) = (i.type, i.value, i.family, i.role, i.port))`.execute(tx)
  const { rows: [counts] } = await sql<{ added: number, updated: number }>`
    with upserted as (
      insert into indicator as i (feed, type, value, role, threat_class, family, valid_from, valid_until, confidence, port, refs, since_version, changed_version)
      select ${feed}, type, value, role, threat_class, family, valid_from, valid_until, confidence, port, refs, ${version}::integer, ${version}::integer from incoming
      on conflict (feed, type, value, family, role, port) do update
        set threat_class = excluded.threat_class, valid_from = excluded.valid_from, valid_until = excluded.valid_until,
          confidence = excluded.confidence, refs = excluded.refs, changed_version = excluded.changed_version
        where (i.threat_class, i.valid_from, i.valid_until, i.confidence, i.refs)
          is distinct from (excluded.threat_class, excluded.valid_from, excluded.valid_until, excluded.confidence, excluded.refs)
      returning (xmax = 0) as is_new
    )
    select count(*) filter (where is_new) as added, count(*) filter (where not is_new) as updated from upserted`.execute(tx)
  await sql`drop table incoming`.execute(tx)
  return toCounts(indicators.length, counts!, Number(withdrawn.numAffectedRows ?? 0))
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

export async function listIndicatorsByValue (db: Database, values: readonly string[]): Promise<Array<IntelEntry & { firstSeen: string }>> {
  const rows = await db.selectFrom('indicator').selectAll().where('value', 'in', [...values]).orderBy('feed').orderBy('id').execute()
  return rows.map((row) => ({ ...toEntry(row), firstSeen: row.first_seen.toISOString() }))
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

function toIncoming ({ type, value, role, threatClass, family, validFrom, validUntil, confidence, port = 0, references = [] }: Indicator): Record<string, unknown> {
  return { type, value, role, threat_class: threatClass, family, valid_from: validFrom, valid_until: validUntil, confidence, port, refs: references.length === 0 ? null : references }
}
