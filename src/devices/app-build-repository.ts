import { sql } from 'kysely'
import type { Database, Tx } from '../platform/database.js'
import type { App } from '../telemetry/report.js'

/** A phone's list as it is stored. */
export interface StoredApps {
  readonly deviceId: string
  readonly digest: string
  readonly builds: readonly number[]
  /** By app id; null when the phone told nothing of its own. */
  readonly own: Readonly<Record<string, Partial<App>>> | null
}

export interface StoredBuild { readonly id: number, readonly app: App }

/** A build by the SHA-256 (hex) of its canonical JSON. */
export interface NewBuild { readonly hash: string, readonly app: App }

export async function listDeviceApps (tx: Tx, deviceIds: readonly string[]): Promise<StoredApps[]> {
  const { rows } = await sql<{ device_id: string, digest: string, builds: number[], own: StoredApps['own'] }>`
    select device_id, digest, builds, own from device_apps where device_id = any(${deviceIds}::uuid[])`.execute(tx)
  return rows.map(({ device_id: deviceId, digest, builds, own }) => ({ deviceId, digest, builds, own }))
}

export async function listBuilds (db: Database, ids: readonly number[]): Promise<StoredBuild[]> {
  const { rows } = await sql<StoredBuild>`select id, app from app_build where id = any(${ids}::integer[])`.execute(db)
  return rows
}

/** Stores those that are new, and answers the ids of all by hash. */
export async function insertBuilds (db: Database, builds: readonly NewBuild[]): Promise<Map<string, number>> {
  const list = JSON.stringify(builds.map(({ hash, app }) => ({ hash, app })))
  // In one order, so that two who store the same builds do not wait for each other in a circle.
  await sql`
    insert into app_build (hash, app_id, app)
    select decode(i.hash, 'hex'), i.app ->> 'appId', i.app from jsonb_to_recordset(${list}::jsonb) as i(hash text, app jsonb)
    where not exists (select from app_build b where b.hash = decode(i.hash, 'hex'))
    order by i.hash
    on conflict (hash) do nothing`.execute(db)
  const { rows } = await sql<{ id: number, hash: string }>`
    select id, encode(hash, 'hex') as hash from app_build
    where hash in (select decode(h, 'hex') from unnest(${builds.map(({ hash }) => hash)}::text[]) h)`.execute(db)
  return new Map(rows.map(({ id, hash }) => [hash, id]))
}

export async function upsertDeviceApps (tx: Tx, lists: ReadonlyArray<StoredApps & { readonly tenantId: string }>): Promise<void> {
  const list = JSON.stringify(lists.map(({ deviceId, tenantId, digest, builds, own }) => ({ d: deviceId, t: tenantId, g: digest, b: builds, o: own })))
  await sql`
    insert into device_apps (device_id, tenant_id, digest, builds, own)
    select i.d, i.t, i.g, i.b, i.o from jsonb_to_recordset(${list}::jsonb) as i(d uuid, t uuid, g text, b integer[], o jsonb)
    order by i.d
    on conflict (device_id) do update set digest = excluded.digest, builds = excluded.builds, own = excluded.own`.execute(tx)
}
