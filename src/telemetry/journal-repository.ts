import { sql } from 'kysely'
import type { Database, Tx } from '../platform/database.js'
import { recordAudit } from '../platform/record-audit.js'
import { dayOf } from './journal-days.js'
import type { StorableReport } from './storable-report.js'

/** A report and whose it is. */
export interface JournalEntry extends StorableReport {
  readonly deviceId: string
  /** The vocabulary it was translated from; null: the agent's own. */
  readonly source: string | null
  /** The trace it is in (W3C traceparent). */
  readonly trace?: string | null | undefined
  /** An operator sent it, and it is to be in the audit of the tenant. */
  readonly sentBy?: SentBy | undefined
}

export interface SentBy {
  readonly tenantId: string
  readonly actor: string
}

/** Reports of a group at most: the journal's number of a report is made of its group's and its line. */
export const MAX_GROUP_REPORTS = 1_000

export interface StoredReport {
  /** False: the device was erased, and nothing was stored. */
  readonly known: boolean
  /** False: this report was in the journal before. */
  readonly stored: boolean
  /** Highest sequence merged for the device; null before its first report is scored. */
  readonly mergedSequence: number | null
  /** The delta's base is not the merged app list, and no other list is on its way. */
  readonly baseMissing: boolean
  /** Sections the device was found to owe. */
  readonly resend: readonly string[]
}

export interface StoredGroup {
  /** Null when nothing new was among them; such a group leaves no trace. */
  readonly groupId: number | null
  /** In the order of the entries. */
  readonly reports: readonly StoredReport[]
}

interface Row {
  readonly known: boolean
  readonly stored: boolean
  readonly merged_sequence: number | null
  readonly base_missing: boolean
  readonly resend: string[] | null
  readonly group_id: number | null
}

/** Stores a group of reports, with what the audit says of them, and tells what became of each: all of it or nothing. */
export async function insertReports (db: Database, entries: readonly JournalEntry[], receivedAt: Date): Promise<StoredGroup> {
  // What phones send, which is nearly all, is one statement.
  if (entries.every(({ sentBy }) => sentBy === undefined)) return await insertGroup(db, entries, receivedAt)
  return await db.transaction().execute(async (tx) => {
    const group = await insertGroup(tx, entries, receivedAt)
    await auditStored(tx, entries.filter((_, index) => group.reports[index]!.stored))
    return group
  })
}

/** One event for all that came from one source by one hand. */
async function auditStored (tx: Tx, entries: readonly JournalEntry[]): Promise<void> {
  const events = new Map<string, { readonly sentBy: SentBy, readonly source: string | null, readonly devices: string[] }>()
  for (const { sentBy, source, deviceId } of entries) {
    if (sentBy === undefined) continue
    const key = JSON.stringify([sentBy.tenantId, sentBy.actor, source])
    const event = events.get(key) ?? { sentBy, source, devices: [] }
    event.devices.push(deviceId)
    events.set(key, event)
  }
  // In the order of the tenants' ids: their chains are locked at the commit in the order of their events.
  for (const [, { sentBy, source, devices }] of [...events].sort(([one], [other]) => one < other ? -1 : 1)) {
    await recordAudit(tx, { ...sentBy, action: 'telemetry.ingested', subject: source, detail: { devices } })
  }
}

/** One statement. */
async function insertGroup (db: Database, entries: readonly JournalEntry[], receivedAt: Date): Promise<StoredGroup> {
  const day = dayOf(receivedAt)
  const column = <T>(pick: (entry: JournalEntry) => T): T[] => entries.map(pick)
  const sources = entries.some(({ source }) => source !== null) ? column(({ source }) => source) : null
  const traces = entries.some(({ trace }) => typeof trace === 'string') ? column(({ trace }) => trace ?? null) : null
  const { rows } = await sql<Row>`
    with input as materialized (
      select * from unnest(${column((one) => one.deviceId)}::uuid[], ${column((one) => one.reportId)}::uuid[], ${column((one) => one.sequence)}::bigint[],
        ${column((one) => one.collectedAt)}::timestamptz[], ${column((one) => one.hasApps)}::boolean[], ${column((one) => one.baseDigest)}::text[])
        with ordinality as i(d, r, s, c, has_apps, b, n)
    ), next_group as materialized (
      select nextval('report_group_id_seq') as id
    ), oldest as materialized (
      select coalesce(min(day), ${day}::date) as day from unscored_group
    ), known as materialized (
      select i.n, d.tenant_id, s.sequence, s.resend, s.apps_digest,
        -- Of the days before, only repeats of what is merged or still waits can be found: all else is new.
        case when i.s <= s.sequence or (select day from oldest) < ${day}::date
          then exists (select from report o where o.device_id = i.d and o.report_id = i.r and o.day < ${day}::date)
          else false end as seen
      from input i
      join device d on d.id = i.d and d.erased_at is null
      left join device_state s on s.device_id = i.d
    ), stored as (
      insert into report (day, device_id, report_id, id, tenant_id, sequence, collected_at, has_apps)
      select ${day}::date, i.d, i.r, g.id * 1000 + i.n - 1, k.tenant_id, i.s, i.c, i.has_apps
      from input i join known k on k.n = i.n and not k.seen cross join next_group g
      -- In one order, so that two who store the same reports do not wait for each other in a circle.
      order by i.d, i.r, i.n
      on conflict (device_id, report_id, day) do nothing
      returning id
    ), lines as materialized (
      select id % 1000 + 1 as n from stored
    ), stored_group as (
      insert into report_group (id, day, received_at, device_ids, sources, traces, body, repeated)
      select g.id, ${day}::date, ${receivedAt}, ${column((one) => one.deviceId)}::uuid[], ${sources}::text[], ${traces}::text[], ${column((one) => one.json).join('\n')},
        (select array_agg((i.n - 1)::smallint) from input i where i.n not in (select n from lines))
      from next_group g where exists (select from stored)
      returning id
    ), waiting as (
      insert into unscored_group (id, day, reports, received_at)
      select g.id, ${day}::date, (select count(*) from stored), ${receivedAt} from stored_group g
    )
    select k.n is not null as known, l.n is not null as stored, k.sequence as merged_sequence, k.resend, (select id from stored_group) as group_id,
      i.b is not null and i.b is distinct from k.apps_digest
        -- What a report on its way leaves behind, nobody knows yet.
        and not exists (select from input o where o.d = i.d and o.n <> i.n and o.has_apps)
        and not exists (
          select from report o join unscored_group u on u.id = o.id / 1000
          where o.device_id = i.d and o.has_apps and o.report_id <> i.r and o.day >= (select day from oldest)
        ) as base_missing
    from input i
    left join known k on k.n = i.n
    left join lines l on l.n = i.n
    order by i.n`.execute(db)

  return {
    groupId: rows[0]?.group_id ?? null,
    reports: rows.map((row) => ({
      known: row.known,
      stored: row.stored,
      mergedSequence: row.merged_sequence,
      baseMissing: row.base_missing,
      resend: row.resend ?? []
    }))
  }
}
