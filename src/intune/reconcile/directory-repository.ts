import { sql, type RawBuilder } from 'kysely'
import { MAX_HEALS } from '../../devices/directory-vocabulary.js'
import { lockStates } from '../../devices/device-repository.js'
import type { Database, Tx } from '../../platform/database.js'
import type { DirectoryEntry } from './graph-rows.js'

/** Whose directory, and which round looks at it. */
export interface DirectoryScope {
  readonly tenantId: string
  readonly tenantNumber: number
  readonly roundId: number
}

/** Entries of a page as rows; a phone that is listed twice counts once, by its newer enrolment. */
export const pageOf = (entries: readonly DirectoryEntry[]): RawBuilder<unknown> => sql`
  select * from jsonb_to_recordset(${JSON.stringify(unique(entries))}::jsonb) as p("entraDeviceId" uuid, "entraObjectId" uuid, "intuneDeviceId" uuid, "userId" uuid,
    platform smallint, "ownerType" smallint, compliance smallint, "threatState" smallint, "deviceName" text, "serialNumber" text, "osVersion" text,
    manufacturer text, model text, "enrolledAt" timestamptz, "checkedInAt" timestamptz)`

function unique (entries: readonly DirectoryEntry[]): DirectoryEntry[] {
  const newest = new Map<string, DirectoryEntry>()
  for (const entry of entries) {
    const other = newest.get(entry.entraDeviceId)
    if (other === undefined || (entry.enrolledAt ?? '') >= (other.enrolledAt ?? '')) newest.set(entry.entraDeviceId, entry)
  }
  return [...newest.values()]
}

/** Writes down what Intune says of phones. Answers those that had vanished and are back, with a device here. */
export async function saveManagedEntries (tx: Tx, scope: DirectoryScope, entries: readonly DirectoryEntry[]): Promise<string[]> {
  const back = await reviveEntries(tx, scope, entries)
  await sql`
    insert into directory_device (tenant_number, entra_device_id, intune_device_id, user_id, seen_round, enrolled_at, checked_in_at, platform, owner_type,
      compliance, threat_state, device_name, serial_number, os_version, manufacturer, model)
    select ${scope.tenantNumber}, p."entraDeviceId", p."intuneDeviceId", p."userId", ${scope.roundId}, p."enrolledAt", p."checkedInAt", p.platform, p."ownerType",
      p.compliance, p."threatState", p."deviceName", p."serialNumber", p."osVersion", p.manufacturer, p.model
    from (${pageOf(entries)}) p order by p."entraDeviceId"
    on conflict (tenant_number, entra_device_id) do update set
      intune_device_id = excluded.intune_device_id, user_id = excluded.user_id, seen_round = excluded.seen_round, enrolled_at = excluded.enrolled_at,
      checked_in_at = excluded.checked_in_at, platform = excluded.platform, owner_type = excluded.owner_type, compliance = excluded.compliance,
      threat_state = excluded.threat_state, device_name = excluded.device_name, serial_number = excluded.serial_number,
      os_version = excluded.os_version, manufacturer = excluded.manufacturer, model = excluded.model, missing_since = null, vanished_at = null`.execute(tx)
  return back
}

/** Writes down what Entra says of phones; what Intune says of them counts more. */
export async function saveEntraEntries (tx: Tx, scope: DirectoryScope, entries: readonly DirectoryEntry[]): Promise<void> {
  await sql`
    insert into directory_device (tenant_number, entra_device_id, entra_object_id, seen_round, platform, device_name, os_version, manufacturer, model)
    select ${scope.tenantNumber}, p."entraDeviceId", p."entraObjectId", ${scope.roundId}, p.platform, p."deviceName", p."osVersion", p.manufacturer, p.model
    from (${pageOf(entries)}) p order by p."entraDeviceId"
    on conflict (tenant_number, entra_device_id) do update set
      entra_object_id = excluded.entra_object_id, removed_from_entra_at = null,
      seen_round = case when directory_device.intune_device_id is null then excluded.seen_round else directory_device.seen_round end,
      missing_since = case when directory_device.intune_device_id is null then null else directory_device.missing_since end,
      vanished_at = case when directory_device.intune_device_id is null then null else directory_device.vanished_at end,
      device_name = coalesce(directory_device.device_name, excluded.device_name), os_version = coalesce(directory_device.os_version, excluded.os_version),
      manufacturer = coalesce(directory_device.manufacturer, excluded.manufacturer), model = coalesce(directory_device.model, excluded.model)`.execute(tx)
}

/** Entra told that these are gone; where Intune does not know the phone either, that is to be confirmed. */
export async function saveEntraRemovals (tx: Tx, { tenantNumber }: DirectoryScope, objectIds: readonly string[]): Promise<void> {
  if (objectIds.length === 0) return
  await sql`
    update directory_device set removed_from_entra_at = coalesce(removed_from_entra_at, now()),
      missing_since = case when intune_device_id is null then coalesce(missing_since, now()) else missing_since end
    where tenant_number = ${tenantNumber} and entra_object_id = any(${objectIds}::uuid[])`.execute(tx)
}

async function reviveEntries (tx: Tx, { tenantId, tenantNumber }: DirectoryScope, entries: readonly DirectoryEntry[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select d.id from directory_device x join device d on d.tenant_id = ${tenantId} and d.entra_device_id = x.entra_device_id and d.retired_at is null
    where x.tenant_number = ${tenantNumber} and x.vanished_at is not null and x.entra_device_id = any(${entries.map(({ entraDeviceId }) => entraDeviceId)}::uuid[])`.execute(tx)
  const ids = rows.map(({ id }) => id)
  await auditDevices(tx, tenantId, 'device.reappeared', ids)
  return ids
}

/**
 * Copies what only the directory knows onto enrolled phones; those whose policy may be another with it are judged anew:
 * where no group of the policy goes by ownership, nobody.
 */
export async function describeDevices (tx: Tx, { tenantId }: DirectoryScope, entries: readonly DirectoryEntry[]): Promise<void> {
  const told = sql`
    select d.id, coalesce(p."intuneDeviceId", d.intune_device_id) as intune_device_id, coalesce(d.serial_number, p."serialNumber") as serial_number,
      case p."ownerType" when 1 then 'corporate' when 2 then 'personal' end as ownership
    from (${pageOf(entries)}) p join device d on d.tenant_id = ${tenantId} and d.entra_device_id = p."entraDeviceId"
    where d.retired_at is null and d.erased_at is null`
  const isNews = sql`(d.intune_device_id is distinct from t.intune_device_id or d.serial_number is distinct from t.serial_number or d.directory_ownership is distinct from t.ownership)`
  const { rows } = await sql<{ id: string, rejudge: boolean }>`
    select d.id, ${await goesByOwnership(tx, tenantId)} and d.ownership is null and d.directory_ownership is distinct from t.ownership as rejudge
    from (${told}) t join device d on d.id = t.id where ${isNews} order by d.id`.execute(tx)
  if (rows.length === 0) return
  await judgeSoon(tx, rows.filter(({ rejudge }) => rejudge).map(({ id }) => id))
  await sql`
    update device d set intune_device_id = t.intune_device_id, serial_number = t.serial_number, directory_ownership = t.ownership
    from (${told}) t where d.id = t.id and d.erased_at is null and d.id = any(${rows.map(({ id }) => id)}::uuid[])`.execute(tx)
}

/** Whether ownership decides by what policy a phone is judged. Whoever puts another policy in force waits until this is committed, and then has all phones judged. */
async function goesByOwnership (tx: Tx, tenantId: string): Promise<boolean> {
  const { rows: [row] } = await sql<{ goes: boolean }>`
    select coalesce(jsonb_path_exists(p.document, '$.groups[*].match.ownership'), false) as goes
    from tenant t left join policy p on p.tenant_id = t.id and p.version = t.policy_version where t.id = ${tenantId} for share of t`.execute(tx)
  return row?.goes === true
}

/**
 * Makes phones due to be judged; the sweep hands them on, also when this process dies. Locks states
 * before devices, as everybody does.
 */
export async function judgeSoon (tx: Tx, deviceIds: readonly string[]): Promise<void> {
  if (deviceIds.length === 0) return
  await lockStates(tx, deviceIds)
  await sql`update device_state set due_at = least(due_at, now()) where device_id = any(${deviceIds}::uuid[]) and last_report_at is not null`.execute(tx)
}

export interface Predecessor {
  readonly deviceId: string
  /** The Entra device id under which the same piece of hardware is enrolled now. */
  readonly successor: string
}

/**
 * Phones whose piece of hardware has enrolled anew at Intune under another Entra id: the same
 * serial number, platform and maker, an enrolment newer than theirs, and nothing heard since.
 */
export async function listPredecessorsOf (db: Database, { tenantId, tenantNumber }: DirectoryScope, entries: readonly DirectoryEntry[]): Promise<Predecessor[]> {
  const { rows } = await sql<{ id: string, successor: string }>`
    select distinct on (d.id) d.id, p."entraDeviceId" as successor
    from (${pageOf(entries)}) p
    join device d on d.tenant_id = ${tenantId} and d.serial_number = p."serialNumber" and d.entra_device_id <> p."entraDeviceId"
    left join device_state s on s.device_id = d.id
    left join directory_device x on x.tenant_number = ${tenantNumber} and x.entra_device_id = d.entra_device_id
    where d.retired_at is null and d.revoked_at is null and d.erased_at is null
      and (d.platform = 'android') = (p.platform = 0) and coalesce(lower(d.manufacturer) = lower(p.manufacturer), true)
      and p."enrolledAt" > greatest(d.enrolled_at, s.last_report_at, x.enrolled_at)
    order by d.id, p."enrolledAt" desc`.execute(db)
  return rows.map((row) => ({ deviceId: row.id, successor: row.successor }))
}

/** Not in Intune's whole list of this round, or not in Entra's: to be asked for one by one. Answers how many. */
export async function markMissing (tx: Tx, { tenantNumber, roundId }: DirectoryScope, where: 'intune' | 'entra'): Promise<number> {
  const { numAffectedRows } = await sql`
    update directory_device set missing_since = now()
    where tenant_number = ${tenantNumber} and seen_round < ${roundId} and missing_since is null and vanished_at is null
      and ${where === 'intune' ? sql`intune_device_id is not null` : sql`intune_device_id is null`}`.execute(tx)
  return Number(numAffectedRows ?? 0)
}

export interface LookUp {
  readonly entraDeviceId: string
  /** Only Entra knew it. */
  readonly isEntraOnly: boolean
  /** It was missing in an earlier round already. */
  readonly isConfirmation: boolean
}

/** Missing phones, in the order of their ids. */
export async function listMissing (db: Database, { tenantNumber }: DirectoryScope, { after, limit, before }: { readonly after: string | undefined, readonly limit: number, readonly before: Date }): Promise<LookUp[]> {
  const { rows } = await sql<{ entra_device_id: string, is_entra_only: boolean, is_confirmation: boolean }>`
    select entra_device_id, intune_device_id is null as is_entra_only, missing_since < ${before} as is_confirmation from directory_device
    where tenant_number = ${tenantNumber} and missing_since is not null and vanished_at is null ${after === undefined ? sql`` : sql`and entra_device_id > ${after}`}
    order by entra_device_id limit ${limit}`.execute(db)
  return rows.map((row) => ({ entraDeviceId: row.entra_device_id, isEntraOnly: row.is_entra_only, isConfirmation: row.is_confirmation }))
}

/** Phones enrolled here of which Intune has not been heard, the last enrolled first. */
export async function listUnlisted (db: Database, { tenantId, tenantNumber }: DirectoryScope, limit: number): Promise<string[]> {
  const { rows } = await sql<{ entra_device_id: string }>`
    select d.entra_device_id from device d left join directory_device x on x.tenant_number = ${tenantNumber} and x.entra_device_id = d.entra_device_id
    where d.tenant_id = ${tenantId} and d.retired_at is null and d.revoked_at is null and d.erased_at is null and x.intune_device_id is null
    order by d.enrolled_at desc limit ${limit}`.execute(db)
  return rows.map((row) => row.entra_device_id)
}

/** Entra knows these all the same. */
export async function saveStillThere (tx: Tx, { tenantNumber }: DirectoryScope, entraDeviceIds: readonly string[]): Promise<void> {
  await sql`
    update directory_device set missing_since = null, removed_from_entra_at = null
    where tenant_number = ${tenantNumber} and entra_device_id = any(${entraDeviceIds}::uuid[])`.execute(tx)
}

/** These are confirmed to be gone: marked where a device here is concerned, forgotten otherwise. Answers the devices. */
export async function saveVanished (tx: Tx, { tenantId, tenantNumber }: DirectoryScope, entraDeviceIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    update directory_device x set vanished_at = now(), pending_id = null, drift_since = null
    from device d
    where x.tenant_number = ${tenantNumber} and x.entra_device_id = any(${entraDeviceIds}::uuid[]) and x.vanished_at is null
      and d.tenant_id = ${tenantId} and d.entra_device_id = x.entra_device_id and d.retired_at is null
    returning d.id`.execute(tx)
  await sql`
    delete from directory_device where tenant_number = ${tenantNumber} and entra_device_id = any(${entraDeviceIds}::uuid[]) and vanished_at is null`.execute(tx)
  const ids = rows.map(({ id }) => id)
  await auditDevices(tx, tenantId, 'device.vanished', ids)
  return ids
}

/** Phones that vanished so long ago that the tenant's rule ends them. */
export async function listLongVanished (tx: Tx, { tenantId, tenantNumber }: DirectoryScope, { days, limit }: { readonly days: number, readonly limit: number }): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select d.id from directory_device x join device d on d.tenant_id = ${tenantId} and d.entra_device_id = x.entra_device_id and d.retired_at is null and d.revoked_at is null
    where x.tenant_number = ${tenantNumber} and x.missing_since is not null and x.vanished_at <= now() - make_interval(days => ${days})
    order by d.id limit ${limit}`.execute(tx)
  return rows.map(({ id }) => id)
}

/** Forgets vanished phones that have no live device here any more. */
export async function forgetVanished (tx: Tx, { tenantId, tenantNumber }: DirectoryScope): Promise<void> {
  await sql`
    delete from directory_device x where x.tenant_number = ${tenantNumber} and x.missing_since is not null and x.vanished_at is not null and not exists (
      select from device d where d.tenant_id = ${tenantId} and d.entra_device_id = x.entra_device_id and d.retired_at is null)`.execute(tx)
}

export interface Chunk {
  /** Where the next chunk begins; undefined: this was the last. */
  readonly next: string | undefined
}

const CHUNK = 5_000

/** Decides for some thousand phones of the directory whether they are expected here, and have not enrolled. */
export async function settlePending (db: Database, { tenantId, tenantNumber }: DirectoryScope, after: string | undefined): Promise<Chunk> {
  const { rows } = await sql<{ last: string | null, rows: number }>`
    with chunk as (
      select x.entra_device_id, x.vanished_at is null and not exists (
          select from device d where d.tenant_id = ${tenantId} and d.entra_device_id = x.entra_device_id and d.retired_at is null
        ) and exists (
          select from directory_member m join directory_group g on g.number = m.group_number
          where g.tenant_id = ${tenantId} and m.member_id in (x.user_id, x.entra_object_id)
        ) as expected
      from directory_device x where x.tenant_number = ${tenantNumber} ${after === undefined ? sql`` : sql`and x.entra_device_id > ${after}`}
      order by x.entra_device_id limit ${CHUNK}
    ), changed as (
      update directory_device x set pending_id = case when c.expected then gen_random_uuid() end
      from chunk c where x.tenant_number = ${tenantNumber} and x.entra_device_id = c.entra_device_id and (x.pending_id is not null) <> c.expected
    )
    select (select entra_device_id from chunk order by entra_device_id desc limit 1) as last, (select count(*) from chunk) as rows`.execute(db)
  const { last, rows: read } = rows[0]!
  return { next: read < CHUNK ? undefined : last ?? undefined }
}

/** Writes down the chosen groups of some thousand enrolled phones; those whose groups changed are judged anew. */
export async function settleGroups (tx: Tx, { tenantId, tenantNumber }: DirectoryScope, after: string | undefined): Promise<Chunk> {
  const { rows } = await sql<{ last: string | null, rows: number, changed: Array<{ id: string, groups: number[] | null }> | null }>`
    with chunk as (
      select d.id, d.directory_groups as before, d.erased_at, (
        select array_agg(distinct m.group_number order by m.group_number) from directory_member m join directory_group g on g.number = m.group_number
        where g.tenant_id = ${tenantId} and m.member_id in (x.user_id, x.entra_object_id)) as groups
      from device d left join directory_device x on x.tenant_number = ${tenantNumber} and x.entra_device_id = d.entra_device_id
      where d.tenant_id = ${tenantId} ${after === undefined ? sql`` : sql`and d.id > ${after}`}
      order by d.id limit ${CHUNK}
    )
    select (select id from chunk order by id desc limit 1) as last, (select count(*) from chunk) as rows,
      (select jsonb_agg(jsonb_build_object('id', id, 'groups', groups)) from chunk where before is distinct from groups and erased_at is null) as changed`.execute(tx)
  const { last, rows: read, changed } = rows[0]!
  if (changed !== null) {
    await judgeSoon(tx, changed.map(({ id }) => id))
    await sql`
      update device d set directory_groups = case when jsonb_typeof(c.groups) = 'array' then array(select g::integer from jsonb_array_elements_text(c.groups) g) end
      from jsonb_to_recordset(${JSON.stringify(changed)}::jsonb) as c(id uuid, groups jsonb) where d.id = c.id and d.erased_at is null`.execute(tx)
  }
  return { next: read < CHUNK ? undefined : last ?? undefined }
}

/** Phones of the directory that are expected here, and those first heard of since a moment. */
export async function countEntries (db: Database, { tenantNumber }: DirectoryScope, since: Date): Promise<{ readonly pending: number, readonly new: number }> {
  const { rows } = await sql<{ pending: number, new: number }>`
    select count(*) filter (where pending_id is not null) as pending, count(*) filter (where first_seen_at >= ${since}) as new
    from directory_device where tenant_number = ${tenantNumber}`.execute(db)
  return rows[0]!
}

async function auditDevices (tx: Tx, tenantId: string, action: string, deviceIds: readonly string[]): Promise<void> {
  if (deviceIds.length === 0) return
  await sql`
    insert into audit_event (tenant_id, actor, action, subject, detail)
    select ${tenantId}, 'reconciliation', ${action}, id, '{}' from unnest(${deviceIds}::text[]) id`.execute(tx)
}

/** Phones of a tenant's directory, and those that want looking at. `stuck`: Intune keeps another state, however often it is told. */
export async function countDirectory (db: Database, tenantId: string): Promise<{ readonly phones: number, readonly pending: number, readonly missing: number, readonly vanished: number, readonly drifting: number, readonly stuck: number }> {
  const { rows } = await sql<{ phones: number, pending: number, missing: number, vanished: number, drifting: number, stuck: number }>`
    select count(*) as phones, count(*) filter (where pending_id is not null) as pending,
      count(*) filter (where missing_since is not null and vanished_at is null) as missing, count(*) filter (where vanished_at is not null) as vanished,
      count(*) filter (where drift_since is not null) as drifting, count(*) filter (where drift_since is not null and heals >= ${MAX_HEALS}) as stuck
    from directory_device where tenant_number = (select number from tenant where id = ${tenantId})`.execute(db)
  return rows[0]!
}

/** Phones about which Intune keeps another state, however often it is told. */
export async function countStuck (db: Database, tenantId: string): Promise<number> {
  const { rows } = await sql<{ stuck: number }>`
    select count(*) as stuck from directory_device
    where tenant_number = (select number from tenant where id = ${tenantId}) and drift_since is not null and heals >= ${MAX_HEALS}`.execute(db)
  return rows[0]!.stuck
}
