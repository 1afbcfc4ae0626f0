import { sql } from 'kysely'
import type { Database, Tx } from '../platform/database.js'
import type { App } from '../telemetry/report.js'

/** A phone's list as it is stored: a base, and what has changed since (docs/decisions/0006-which-phones.md). */
export interface StoredApps {
  readonly deviceId: string
  readonly base: readonly number[]
  readonly added: readonly number[]
  readonly removed: readonly number[]
  /** By app id; null when the phone told nothing of its own. */
  readonly own: OwnMembers | null
}

export type OwnMembers = Readonly<Record<string, Partial<App>>>

export interface StoredBuild { readonly id: number, readonly app: App }

/** A build by the SHA-256 (hex) of its canonical JSON. */
export interface NewBuild {
  readonly hash: string
  readonly app: App
  /** Fingerprints of its certificates, lower-case hex. */
  readonly signers: readonly string[]
}

export async function listDeviceApps (db: Database, deviceIds: readonly string[]): Promise<StoredApps[]> {
  const { rows } = await sql<{ device_id: string, builds: number[], added: number[] | null, removed: number[] | null, own: OwnMembers | null }>`
    select a.device_id, a.builds, c.added, c.removed, c.own
    from device_apps a left join device_apps_change c on c.device_id = a.device_id
    where a.device_id = any(${deviceIds}::uuid[])`.execute(db)
  return rows.map(({ device_id: deviceId, builds, added, removed, own }) => ({ deviceId, base: builds, added: added ?? [], removed: removed ?? [], own }))
}

export async function listBuilds (db: Database, ids: readonly number[]): Promise<StoredBuild[]> {
  const { rows } = await sql<StoredBuild>`select id, app from app_build where id = any(${ids}::integer[])`.execute(db)
  return rows
}

/** Those of the builds that are there and not on their way out. */
export async function listLastingBuilds (db: Database, ids: readonly number[]): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`select id from app_build where id = any(${ids}::integer[]) and unused_since is null`.execute(db)
  return rows.map(({ id }) => id)
}

/** Stores those that are new, keeps those that were on their way out, and answers the ids of all by hash. */
export async function insertBuilds (db: Database, builds: readonly NewBuild[]): Promise<Map<string, number>> {
  const list = JSON.stringify(builds.map(({ hash, app, signers }) => ({ hash, app, signers })))
  // In one order, so that two who store the same builds do not wait for each other in a circle.
  await sql`
    insert into app_build (hash, app_id, app, signers)
    select decode(i.hash, 'hex'), i.app ->> 'appId', i.app, i.signers from jsonb_to_recordset(${list}::jsonb) as i(hash text, app jsonb, signers text[])
    where not exists (select from app_build b where b.hash = decode(i.hash, 'hex') and b.unused_since is null)
    order by i.hash
    on conflict (hash) do update set unused_since = null`.execute(db)
  const { rows } = await sql<{ id: number, hash: string }>`
    select id, encode(hash, 'hex') as hash from app_build
    where hash in (select decode(h, 'hex') from unnest(${builds.map(({ hash }) => hash)}::text[]) h)`.execute(db)
  return new Map(rows.map(({ id, hash }) => [hash, id]))
}

export interface BaseList { readonly deviceId: string, readonly tenantId: string, readonly builds: readonly number[] }

/** Writes whole lists: every entry of the index anew. */
export async function upsertDeviceApps (tx: Tx, lists: readonly BaseList[]): Promise<void> {
  const list = JSON.stringify(lists.map(({ deviceId, tenantId, builds }) => ({ d: deviceId, t: tenantId, b: builds })))
  await sql`
    insert into device_apps (device_id, tenant_number, builds)
    select i.d, t.number, i.b from jsonb_to_recordset(${list}::jsonb) as i(d uuid, t uuid, b integer[]) join tenant t on t.id = i.t
    order by i.d
    on conflict (device_id) do update set builds = excluded.builds`.execute(tx)
}

export interface ListChange extends Omit<StoredApps, 'base'> { readonly tenantId: string }

/** Writes what has changed since the lists' bases. */
export async function upsertAppChanges (tx: Tx, changes: readonly ListChange[]): Promise<void> {
  const list = JSON.stringify(changes.map(({ deviceId, tenantId, added, removed, own }) => ({ d: deviceId, t: tenantId, a: added, r: removed, o: own })))
  await sql`
    insert into device_apps_change (device_id, tenant_number, added, removed, own)
    select i.d, t.number, i.a, i.r, i.o from jsonb_to_recordset(${list}::jsonb) as i(d uuid, t uuid, a integer[], r integer[], o jsonb) join tenant t on t.id = i.t
    order by i.d
    on conflict (device_id) do update set added = excluded.added, removed = excluded.removed, own = excluded.own`.execute(tx)
}

export async function deleteAppChanges (tx: Tx, deviceIds: readonly string[]): Promise<void> {
  await sql`delete from device_apps_change where device_id = any(${deviceIds}::uuid[])`.execute(tx)
}

/** What an app build must be; what is undefined does not matter. */
export interface BuildFilter {
  readonly appId?: string | undefined
  readonly version?: string | undefined
  /** Fingerprint of a certificate, lower-case hex. */
  readonly signer?: string | undefined
}

/** Ids of the builds that are all of this. */
export async function listBuildIds (db: Database, { appId, version, signer }: BuildFilter): Promise<number[]> {
  const conditions = [
    ...(appId === undefined ? [] : [sql`app_id = ${appId}`]),
    ...(version === undefined ? [] : [sql`app ->> 'version' = ${version}`]),
    ...(signer === undefined ? [] : [sql`signers @> array[${signer}]`])
  ]
  const { rows } = await sql<{ id: number }>`select id from app_build where ${conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `)}`.execute(db)
  return rows.map(({ id }) => id)
}
