import { sql } from 'kysely'
import { UnprocessableError } from '../errors.js'
import type { Database, Tx } from '../platform/database.js'
import { storableJson } from '../platform/storable-json.js'
import type { Report } from './report.js'

/** A report of the journal that is to be merged. */
export interface JournalReport {
  /** The journal's own number; rises with the order of arrival. */
  readonly id: number
  readonly deviceId: string
  readonly receivedAt: Date
  /** The vocabulary it was translated from; null: the phone's own agent sent it. */
  readonly source: string | null
  /** The trace it is in (W3C traceparent), as long as that has not come to its end. */
  readonly trace?: string | null
  readonly report: Report
}

export interface TakenGroups {
  readonly groupIds: readonly number[]
  readonly reports: readonly JournalReport[]
}

interface GroupRow {
  readonly id: number
  readonly received_at: Date
  readonly device_ids: string[]
  readonly sources: Array<string | null> | null
  readonly traces: Array<string | null> | null
  readonly body: string | null
  readonly repeated: number[] | null
  readonly aside: number[] | null
}

/**
 * Takes a group and the oldest others that wait as well, of those that nobody has in hand, up
 * to so many reports. They are taken for good when the transaction commits. Reports that were
 * set aside are left out.
 */
export async function takeWaitingGroups (tx: Tx, { groupId, maxGroups, maxReports }: { readonly groupId: number, readonly maxGroups: number, readonly maxReports: number }): Promise<TakenGroups> {
  return await take(tx, sql`
    select id from lock_oldest_groups(${maxGroups}, ${maxReports}) as oldest (id)
    union select id from (select id from unscored_group where id = ${groupId} for update skip locked) own`)
}

/** Takes a group; waits for whoever has it in hand. Empty when it is gone or scored already. */
export async function takeGroup (tx: Tx, groupId: number): Promise<TakenGroups> {
  return await take(tx, sql`select id from unscored_group where id = ${groupId} for update`)
}

async function take (tx: Tx, ids: ReturnType<typeof sql>): Promise<TakenGroups> {
  const { rows } = await sql<GroupRow>`
    with taken as (
      -- An array is looked up by the index; joined, all that wait would be read.
      delete from unscored_group where id = any(array(${ids})) returning id, day
    )
    select ${GROUP_COLUMNS} from taken t join report_group g on g.day = t.day and g.id = t.id
    order by g.id`.execute(tx)
  return { groupIds: rows.map(({ id }) => id), reports: rows.flatMap(toReports) }
}

/** The reports of a group that waits, but for those set aside. */
export async function listWaitingReports (db: Database, groupId: number): Promise<JournalReport[]> {
  const { rows } = await sql<GroupRow>`
    select ${GROUP_COLUMNS} from unscored_group t join report_group g on g.day = t.day and g.id = t.id
    where t.id = ${groupId}`.execute(db)
  return rows.flatMap(toReports)
}

interface LineRow {
  readonly id: number
  readonly received_at: Date
  readonly source: string | null
  /** Null or empty: withheld, or erased. */
  readonly line: string | null
}

/** Lines that are read at a time. */
const LINES_AT_ONCE = 500

/**
 * What a device said, as far as the journal still has it and it has been scored: in the order it came. Its own lines alone leave the
 * database: the groups that they are in hold the reports of hundreds of others.
 * @throws UnprocessableError when it is more than `maxBytes`
 */
export async function listScoredReports (db: Database, deviceId: string, { maxBytes }: { readonly maxBytes: number }): Promise<JournalReport[]> {
  const reports: JournalReport[] = []
  let bytes = 0
  for (let after = -1; ;) {
    const { rows } = await sql<LineRow>`
      select r.id, g.received_at, g.sources[r.id % 1000 + 1] as source, split_part(g.body, E'\n', (r.id % 1000 + 1)::integer) as line
      from (select day, id from report where device_id = ${deviceId} and id > ${after} order by id limit ${LINES_AT_ONCE}) r
      join report_group g on g.day = r.day and g.id = r.id / 1000
      order by r.id`.execute(db)
    const last = rows.at(-1)
    if (last === undefined) break
    after = last.id
    const left = await listLeftOut(db, rows.map(({ id }) => id))
    for (const { id, received_at: receivedAt, source, line } of rows) {
      if (line === null || line === '' || left.has(id)) continue
      bytes += line.length
      if (bytes > maxBytes) throw new UnprocessableError(`The phone has sent more than ${Math.floor(maxBytes / 1024 / 1024)} MB of reports that are still kept, too much for one answer: \`sallyport privacy export\` has no such limit.`)
      reports.push({ id, deviceId, receivedAt, source, report: JSON.parse(line) as Report })
    }
  }
  return reports
}

/** Of these reports those that wait to be scored, or were set aside. */
async function listLeftOut (db: Database, ids: readonly number[]): Promise<ReadonlySet<number>> {
  const { rows } = await sql<{ id: number }>`
    select id from unnest(${ids}::bigint[]) as r(id)
    where exists (select from unscored_group u where u.id = r.id / 1000) or exists (select from quarantined_report q where q.id = r.id)`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

/** Whether the journal holds all that a device ever said: no day before its enrolment has expired, and no body was withheld. */
export async function isWhole (db: Database, { deviceId, enrolledAt }: { readonly deviceId: string, readonly enrolledAt: Date }): Promise<boolean> {
  const { rows: [row] } = await sql<{ whole: boolean }>`
    select coalesce((select min(day) from report_group) <= ${enrolledAt.toISOString().slice(0, 10)}::date, false) and not exists (
      select from report r join report_group g on g.day = r.day and g.id = r.id / 1000 where r.device_id = ${deviceId} and g.body is null
    ) as whole`.execute(db)
  return row!.whole
}

/** The group is done. */
export async function deleteWaitingGroup (db: Database, groupId: number): Promise<void> {
  await db.deleteFrom('unscored_group').where('id', '=', groupId).execute()
}

/** Takes the bodies of groups out: they are not to be kept once they are scored. */
export async function withholdBodies (db: Database, groupIds: readonly number[]): Promise<void> {
  await sql`update report_group set body = null where id = any(${groupIds}::bigint[])`.execute(db)
}

/** Takes what a device said out of the journal, line by line, so that what others said stays. */
export async function eraseReports (db: Database, deviceId: string): Promise<void> {
  // A function, for whoever erases one tenant's phone may not read groups, which hold others' reports, too.
  await sql`select erase_device_reports(${deviceId})`.execute(db)
}

/** Sets reports aside, each with its reason and with what is needed to try it again. */
export async function insertQuarantined (db: Database, failures: ReadonlyArray<{ readonly reportId: number, readonly error: string }>, now: Date): Promise<void> {
  await sql`
    with failure as materialized (
      select "reportId" as id, string_agg(error, '; ') as error
      from jsonb_to_recordset(${storableJson(failures)}::jsonb) as i("reportId" bigint, error text) group by "reportId"
    ), known as (
      -- Tried again in vain; its day may have left the journal.
      update quarantined_report q set error = f.error, quarantined_at = ${now} from failure f where q.id = f.id returning q.id
    )
    insert into quarantined_report (id, tenant_id, device_id, report_id, received_at, body, source, error, quarantined_at)
    select f.id, d.tenant_id, d.id, (line.body ->> 'reportId')::uuid, g.received_at, line.body::text, g.sources[f.id % 1000 + 1], f.error, ${now}
    from failure f
    join report_group g on g.id = f.id / 1000
    join device d on d.id = g.device_ids[f.id % 1000 + 1]
    cross join lateral (select split_part(g.body, E'\n', (f.id % 1000 + 1)::integer)::jsonb as body) line
    where not exists (select from known k where k.id = f.id)
    on conflict (id) do update set error = excluded.error, quarantined_at = excluded.quarantined_at`.execute(db)
}

/** A report of a tenant that was set aside, and when. */
export async function findQuarantined (db: Database, { tenantId, id }: { readonly tenantId: string, readonly id: number }): Promise<{ readonly quarantinedAt: Date, readonly report: JournalReport } | undefined> {
  const row = await db.selectFrom('quarantined_report').where('id', '=', id).where('tenant_id', '=', tenantId)
    .select(['id', 'device_id', 'received_at', 'source', 'body', 'quarantined_at']).executeTakeFirst()
  if (row === undefined) return undefined
  const report = { id, deviceId: row.device_id, receivedAt: row.received_at, source: row.source, report: JSON.parse(row.body) as Report }
  return { quarantinedAt: row.quarantined_at, report }
}

/** Takes a report off the list, unless it was set aside anew since. */
export async function deleteQuarantined (db: Database, { id, quarantinedAt }: { readonly id: number, readonly quarantinedAt: Date }): Promise<void> {
  await db.deleteFrom('quarantined_report').where('id', '=', id).where('quarantined_at', '=', quarantinedAt).execute()
}

/** Deletes some reports that were set aside for so long that nobody will try them again. */
export async function deleteOldQuarantined (db: Database, { retentionDays, limit }: { readonly retentionDays: number, readonly limit: number }): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from quarantined_report where id in (
      select id from quarantined_report where quarantined_at < now() - make_interval(days => ${retentionDays}) order by id limit ${limit} for update skip locked
    )`.execute(db)
  return Number(numAffectedRows)
}

const GROUP_COLUMNS = sql`g.id, g.received_at, g.device_ids, g.sources, g.traces, g.body, g.repeated,
  (select array_agg((q.id % 1000)::integer) from quarantined_report q where q.id >= g.id * 1000 and q.id < (g.id + 1) * 1000) as aside`

function toReports ({ id, received_at: receivedAt, device_ids: deviceIds, sources, traces, body, repeated, aside }: GroupRow): JournalReport[] {
  const left = new Set([...repeated ?? [], ...aside ?? []])
  // A report a line, none with a line break inside: together they are one list.
  const reports = JSON.parse(`[${(body ?? '').replaceAll('\n', ',')}]`) as Report[]
  return reports.flatMap((report, n) => left.has(n) ? [] : [{ id: id * 1000 + n, deviceId: deviceIds[n]!, receivedAt, source: sources?.[n] ?? null, ...(traces === null ? {} : { trace: traces[n] ?? null }), report }])
}
