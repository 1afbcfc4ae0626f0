import { sql } from 'kysely'
import { formOfName, patternOfForm } from '../../intel/index/name-forms.js'
import type { IntelView } from '../../intel/intel-view.js'
import type { OsPlatform } from '../../intel/vulnerabilities/vulnerability.js'
import type { Tx } from '../../platform/database.js'
import { isMadeByLot } from '../../risk/facts/names-by-lot.js'
import { phonesWithBuild } from '../which-phones.js'
import { observablesAbout } from './observables.js'

/** A value that a feed added, changed or withdrew. */
export interface IntelChange {
  readonly kind: 'added' | 'updated' | 'withdrawn'
  readonly type: string
  readonly value: string
}

const APP_HASHES = ['sha256', 'sha1', 'md5'] as const
const PLATFORMS: readonly OsPlatform[] = ['android', 'ios', 'ipados']
/** Values in one question. */
const CHUNK = 5_000

/**
 * Collects the phones that changes may concern in the table `affected (device_id)` of this transaction: rather a phone too
 * many than one too few. Each question is answered by an index.
 */
export async function collectAffected (tx: Tx, changes: readonly IntelChange[], intel: IntelView): Promise<void> {
  // The planner takes builds for ten times as common as they are, and would rather read all lists of a large fleet.
  await sql`set local enable_seqscan = off`.execute(tx)
  for (let at = 0; at < changes.length; at += CHUNK) {
    const some = changes.slice(at, at + CHUNK)
    await collectByApp(tx, some)
    await collectByObservable(tx, some)
    await collectByFinding(tx, some)
  }
  await collectBySystem(tx, changes.filter(({ type }) => type === 'vulnerability').map(({ value }) => value), intel)
}

const valuesOf = (changes: readonly IntelChange[], ...types: readonly string[]): string[] =>
  [...new Set(changes.filter(({ type }) => types.includes(type)).map(({ value }) => value))]

async function collectByApp (tx: Tx, changes: readonly IntelChange[]): Promise<void> {
  const appIds = valuesOf(changes, 'app-id')
  const builds = new Set<number>()
  const collect = async (query: ReturnType<typeof sql<{ id: number }>>): Promise<void> => {
    for (const { id } of (await query.execute(tx)).rows) builds.add(id)
  }
  const names = appIds.filter((appId) => !appId.endsWith('.*'))
  if (names.length > 0) await collect(sql`select id from app_build where app_id = any(${names}::text[])`)
  for (const wildcard of appIds.filter((appId) => appId.endsWith('.*'))) {
    await collect(sql`select id from app_build where starts_with(app_id, ${wildcard.slice(0, -1)})`)
  }
  for (const id of await buildsNamedLike(tx, names)) builds.add(id)
  const signers = valuesOf(changes, 'cert-sha256', 'cert-sha1', 'cert-md5')
  if (signers.length > 0) await collect(sql`select id from app_build where signers && ${signers}::text[]`)
  for (const type of APP_HASHES) {
    const hashes = valuesOf(changes, type)
    // Agents write digests in either case; builds keep them as written.
    if (hashes.length > 0) await collect(sql`select id from app_build where app ->> ${sql.lit(type)} = any(${[...hashes, ...hashes.map((hash) => hash.toUpperCase())]}::text[])`)
  }
  if (builds.size === 0) return
  await sql`insert into affected select device_id from (${phonesWithBuild({ builds: [...builds] })}) phones on conflict do nothing`.execute(tx)
}

/** Names made by lot are judged by how many of their form are listed, so one of them concerns all others of its form. */
async function buildsNamedLike (tx: Tx, names: readonly string[]): Promise<number[]> {
  const forms = new Set(names.filter(isMadeByLot).flatMap((name) => formOfName(name) ?? []))
  if (forms.size === 0) return []
  const { rows } = await sql<{ id: number, app_id: string }>`select id, app_id from app_build where app_id ~ any(${[...forms].map(patternOfForm)}::text[])`.execute(tx)
  return rows.filter((row) => isMadeByLot(row.app_id)).map(({ id }) => id)
}

async function collectByObservable (tx: Tx, changes: readonly IntelChange[]): Promise<void> {
  const hashes = [...new Set(changes.flatMap(({ type, value }) => observablesAbout(type, value)))]
  if (hashes.length > 0) await sql`insert into affected select device_id from device_observable where hashes && ${hashes}::integer[] on conflict do nothing`.execute(tx)
}

/** Also phones that do not have any more what was found: their findings rest on it until they are judged. */
async function collectByFinding (tx: Tx, changes: readonly IntelChange[]): Promise<void> {
  const values = [...new Set(changes.filter(({ kind }) => kind !== 'added').map(({ value }) => value))]
  if (values.length === 0) return
  await sql`
    insert into affected
    select device_id from finding where status <> 'resolved' and intel is not null and intel ->> 'indicator' = any(${values}::text[])
    union
    select device_id from finding where status <> 'resolved' and category in ('os', 'app') and subject = any(${values}::text[])
    on conflict do nothing`.execute(tx)
}

/** A fleet has some hundred systems: those on which one of the holes is open. Where the patch level is not known, any may be. */
async function collectBySystem (tx: Tx, cves: readonly string[], intel: IntelView): Promise<void> {
  if (cves.length === 0) return
  const changed = new Set(cves)
  const { rows: systems } = await sql<{ os_version: string, patch_level: string | null }>`
    with recursive system as (
      (select os_version, coalesce(patch_level, '') as patch_level from device_state where os_version is not null order by os_version, coalesce(patch_level, '') limit 1)
      union all
      select next.os_version, next.patch_level from system, lateral (
        select s.os_version, coalesce(s.patch_level, '') as patch_level from device_state s
        where s.os_version is not null and (s.os_version, coalesce(s.patch_level, '')) > (system.os_version, system.patch_level)
        order by s.os_version, coalesce(s.patch_level, '') limit 1
      ) next
    )
    select os_version, nullif(patch_level, '') as patch_level from system`.execute(tx)
  const concerned = systems.flatMap(({ os_version: version, patch_level: patchLevel }) => PLATFORMS
    .filter((platform) => intel.openVulnerabilities({ platform, version, patchLevel: patchLevel ?? (platform === 'android' ? '2000-01-01' : undefined) }).some(({ cve }) => changed.has(cve)))
    .map((platform) => ({ platform, version, patchLevel })))
  for (const { platform, version, patchLevel } of concerned) {
    await sql`
      insert into affected
      select s.device_id from device_state s join device d on d.id = s.device_id
      where s.os_version = ${version} and coalesce(s.patch_level, '') = ${patchLevel ?? ''} and d.platform = ${platform}
      on conflict do nothing`.execute(tx)
  }
}
