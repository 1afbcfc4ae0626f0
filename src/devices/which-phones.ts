import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../platform/database.js'

/**
 * Which phones have one of some app builds, in the order of their ids, so that the first page of
 * many comes as fast as the only page of few (docs/decisions/0006-which-phones.md).
 *
 * A phone's list is its base without `removed` and with `added`. Both are indexed; what is common
 * is found sooner by looking at one phone after the other than in the index, which answers all
 * phones before the first can be shown.
 */
export interface BuildsFilter {
  readonly builds: readonly number[]
  /** Only this tenant's phones. */
  readonly tenantId?: string | undefined
  /** Only phones with a greater id. */
  readonly after?: string | undefined
}

/** Phones looked at to see how common something is. */
const SAMPLE = 400
/**
 * Looking at phones until a page is full takes 51 / share × 8 µs, the index share × phones × 3.5 µs
 * (measured on 55,000 phones): as long as each other where share² × phones is this.
 */
const BREAK_EVEN = 120
/** Above this share the page is full after some hundred phones. */
const SURELY_COMMON = 0.5
/** So many builds are sooner compared with a list one by one than by a hash table of them. */
const FEW_BUILDS = 16

const NO_PHONE = '00000000-0000-0000-0000-000000000000'

/** Whether one of a few phones after another has such a build, so that a page is soon full. */
export async function isCommon (db: Database, { builds, tenantId, after = NO_PHONE }: BuildsFilter): Promise<boolean> {
  const phones = tenantId === undefined
    ? sql`select device_id as id from device_apps where device_id > ${after} order by device_id limit ${SAMPLE}`
    : sql`select id from device where tenant_id = ${tenantId} and id > ${after} order by id limit ${SAMPLE}`
  const { rows: [row] } = await sql<{ seen: number, having: number, lists: number }>`
    select count(*) as seen, count(*) filter (where ${hasBuild(builds, sql`p.id`)}) as having,
      (select greatest(reltuples, 1)::float8 from pg_class where oid = 'device_apps'::regclass) as lists
    from (${phones}) p`.execute(db)
  const { seen, having, lists } = row!
  return seen < SAMPLE || having / seen >= Math.min(SURELY_COMMON, Math.sqrt(BREAK_EVEN / lists))
}

/** True for a phone that has one of the builds. Looks at this phone alone: no join that would read all lists first. */
export function hasBuild (builds: readonly number[], deviceId: RawBuilder<unknown>): RawBuilder<boolean> {
  const wanted = literal(builds)
  const overlaps = (list: RawBuilder<unknown>): RawBuilder<boolean> =>
    builds.length <= FEW_BUILDS ? sql`${list} && ${wanted}` : sql`exists (select from unnest(${list}) b where b = any(${wanted}))`
  return sql`coalesce((
    select coalesce(${overlaps(sql`has_change.added`)}, false) or (${overlaps(sql`has_base.builds`)} and (has_change.removed is null or not has_change.removed && ${wanted}
      or exists (select from unnest(has_base.builds) b where b = any(${wanted}) and b <> all(has_change.removed))))
    from device_apps has_base left join device_apps_change has_change on has_change.device_id = has_base.device_id
    where has_base.device_id = ${deviceId}), false)`
}

/**
 * A query for the ids of phones with one of the builds, out of the indexes, in the order of the ids. What changed is looked up
 * phone by phone: the planner takes the builds for ten times as common as they are, and would read all changes to join them.
 */
export function phonesWithBuild ({ builds, tenantId, after = NO_PHONE }: BuildsFilter): RawBuilder<{ device_id: string }> {
  const wanted = literal(builds)
  // By a function that runs beside row-level security, which would keep these indexes from being used.
  if (tenantId !== undefined) return sql`select device_id from tenant_phones_with_build(${tenantId}, ${wanted}, ${after}) device_id order by device_id`
  const [base, added] = [sql`array_append(a.builds, -a.tenant_number)`, sql`array_append(n.added, -n.tenant_number)`]
  return sql`
    select a.device_id from device_apps a
    where ${base} && ${wanted} and a.device_id > ${after} and coalesce((
      select c.removed is null or not c.removed && ${wanted} or exists (select from unnest(a.builds) b where b = any(${wanted}) and b <> all(c.removed))
      from device_apps_change c where c.device_id = a.device_id), true)
    union
    select n.device_id from device_apps_change n
    where ${added} && ${wanted} and n.device_id > ${after}
    order by device_id`
}

/**
 * A page of the phones, whosever, that have one of the builds: what a new indicator may concern.
 * Ids rise; the next page comes after the last one's.
 */
export async function listDevicesWithBuilds (db: Database, filter: BuildsFilter & { readonly limit: number }): Promise<string[]> {
  const { builds, tenantId, after = NO_PHONE, limit } = filter
  if (builds.length === 0) return []
  const query = await isCommon(db, filter)
    ? sql<{ device_id: string }>`select a.device_id from device_apps a where a.device_id > ${after} and ${hasBuild(builds, sql`a.device_id`)}
        and ${tenantId === undefined ? sql`true` : sql`a.tenant_number = (select number from tenant where id = ${tenantId})`} order by a.device_id limit ${limit}`
    : sql<{ device_id: string }>`${phonesWithBuild(filter)} limit ${limit}`
  const { rows } = await query.execute(db)
  return rows.map(({ device_id: deviceId }) => deviceId)
}

/** A query for the ids of phones with this version of the OS: as last reported, before that as at enrolment. In the order of the ids. */
export function phonesWithOsVersion ({ tenantId, osVersion, after = NO_PHONE }: { readonly tenantId: string, readonly osVersion: string, readonly after?: string | undefined }): RawBuilder<{ device_id: string }> {
  return sql`
    (select device_id from device_state where tenant_id = ${tenantId} and os_version = ${osVersion} and device_id > ${after} order by device_id)
    union all
    (select p.device_id from device_state p join device e on e.id = p.device_id
    where p.tenant_id = ${tenantId} and p.os_version is null and p.device_id > ${after} and e.os_version = ${osVersion} order by p.device_id)
    order by device_id`
}

// In the text and not as a parameter: the planner then knows how common these builds are, and
// looks values up in a hash table. They are numbers out of the database.
function literal (builds: readonly number[]): RawBuilder<unknown> {
  return sql`${sql.lit(`{${builds.map(Number).join(',')}}`)}::integer[]`
}
