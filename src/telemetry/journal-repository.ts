import { sql } from 'kysely'
import type { Database } from '../platform/database.js'
import type { StorableReport } from './storable-report.js'

/** A report and whose it is. */
export interface JournalEntry extends StorableReport {
  readonly tenantId: string
  readonly deviceId: string
}

export interface StoredReport {
  /** False: this report was in the journal before. */
  readonly stored: boolean
  /** Highest sequence merged for the device; null before its first report is scored. */
  readonly mergedSequence: number | null
  /** The delta's base is neither the merged app list nor one on its way. */
  readonly baseMissing: boolean
  /** Sections the device was found to owe. */
  readonly resend: readonly string[]
}

export interface StoredGroup {
  /** Null when every report was there already; such a group leaves no trace. */
  readonly groupId: number | null
  /** In the order of the entries. */
  readonly reports: readonly StoredReport[]
}

interface Row {
  readonly n: number
  readonly stored: boolean
  readonly merged_sequence: number | null
  readonly base_missing: boolean
  readonly resend: string[] | null
  readonly group_id: number | null
}

/** Stores a group of reports and tells what became of each: one statement, all of it or nothing. */
export async function insertReports (db: Database, entries: readonly JournalEntry[], receivedAt: Date): Promise<StoredGroup> {
  const { rows } = await sql<Row>`
    with input as materialized (
      select * from jsonb_to_recordset(${toJson(entries)}::jsonb)
        as i(n integer, t uuid, d uuid, r uuid, s bigint, c timestamptz, a text, b text, body jsonb)
    ), next_group as materialized (
      select nextval(pg_get_serial_sequence('report_group', 'id')) as id
    ), stored as (
      insert into report (group_id, tenant_id, device_id, report_id, sequence, collected_at, received_at, apps_digest, body)
      select g.id, i.t, i.d, i.r, i.s, i.c, ${receivedAt}, i.a, i.body from input i cross join next_group g order by i.n
      on conflict (device_id, report_id) do nothing
      returning device_id, report_id
    ), stored_group as (
      insert into report_group (id, reports, received_at) overriding system value
      select g.id, count(*), ${receivedAt} from stored cross join next_group g group by g.id
      returning id
    )
    select i.n, w.report_id is not null as stored, s.sequence as merged_sequence, s.resend, (select id from stored_group) as group_id,
      i.b is not null and i.b is distinct from s.apps_digest
        and not exists (select from input o where o.d = i.d and o.n <> i.n and (o.a = i.b or o.b is not null))
        and not exists (
          select from report o join report_group g on g.id = o.group_id
          where o.device_id = i.d and g.scored_at is null and o.report_id <> i.r
            -- A delta that is still to be merged may leave the base behind: nobody knows yet.
            and (o.apps_digest = i.b or o.body -> 'apps' ->> 'mode' = 'delta')
        ) as base_missing
    from input i
    left join stored w on w.device_id = i.d and w.report_id = i.r
    left join device_state s on s.device_id = i.d
    order by i.n`.execute(db)

  const seen = new Set<string>()
  return {
    groupId: rows[0]?.group_id ?? null,
    reports: rows.map((row) => {
      // Twice in one group: the row is one, and the first of them has it.
      const key = `${entries[row.n]!.deviceId} ${entries[row.n]!.reportId}`
      const repeated = seen.has(key)
      seen.add(key)
      return {
        stored: row.stored && !repeated,
        mergedSequence: row.merged_sequence,
        baseMissing: row.base_missing,
        resend: row.resend ?? []
      }
    })
  }
}

// The bodies are JSON text already, so the list is put together as text.
function toJson (entries: readonly JournalEntry[]): string {
  return `[${entries.map((entry, n) => {
    const columns = JSON.stringify({
      n, t: entry.tenantId, d: entry.deviceId, r: entry.reportId, s: entry.sequence, c: entry.collectedAt, a: entry.appsDigest, b: entry.baseDigest
    })
    return `${columns.slice(0, -1)},"body":${entry.json}}`
  }).join(',')}]`
}
