import { randomInt, randomUUID } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import { COMMON_APP, createSeedCatalogue, createSeededApps, SIDELOADED_APPS } from '../src/commands/seed-database/seeded-phone.js'
import { CATALOGUE_SEED, seedDatabase } from '../src/commands/seed-database/seed-database.js'
import { listBuildIds } from '../src/devices/app-build-repository.js'
import { encodeCursor } from '../src/devices/cursor.js'
import type { DeviceFilter } from '../src/devices/fleet-repository.js'
import { listDevices } from '../src/devices/list-devices.js'
import { hasBuild, phonesWithBuild, phonesWithOsVersion } from '../src/devices/which-phones.js'
import { createTenant } from '../src/operators/tenants.js'
import { type Database, openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/log.js'
import { migrate } from '../src/platform/migrate.js'
import { Random } from '../src/simulator/fleet/random.js'
import { startBenchPostgres } from './bench-postgres.js'
import { type BenchFindings, type BenchOptions, quantiles, round } from './benchmark.js'

const PAGE = 50
const QUESTIONS = 200
const WARM_UP = 10
/** Phones that come when the indexes are there already, as all do in real life. */
const LATER_SHARE = 0.1
const SMALL_TENANT_SHARE = 0.01
const BASELINE_PHONES = 2_000
const TABLES = ['device', 'device_state', 'device_observable', 'device_apps', 'device_apps_change', 'finding', 'level_change', 'state_change_waiting', 'state_change', 'app_build'] as const

/**
 * What a phone with 150 apps takes in PostgreSQL, and how soon "which phones have …?" is answered,
 * beside one JSON document with all apps a phone and an index on that.
 */
export async function storage ({ phones, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  const log = createLogger({ level: 'warn' })
  const postgres = await startBenchPostgres({ log })
  try {
    await migrate({ databaseUrl: postgres.url, log })
    const tenants = await addTenants(postgres.url)
    const seed = async (tenantId: string, count: number): Promise<number> => {
      tell(`making ${count} phones …`)
      return (await seedDatabase({ databaseUrl: postgres.url, phones: count, tenantId, log })).seconds
    }
    const small = Math.max(1, Math.round(phones * SMALL_TENANT_SHARE))
    const later = Math.max(1, Math.round(phones * LATER_SHARE))
    const first = Math.max(1, phones - small - later)
    const seedSeconds = { first: await seed(tenants.large, first), later: await seed(tenants.large, later) + await seed(tenants.small, small) }

    const db = openDatabase({ connectionString: postgres.url, maxConnections: 2 })
    try {
      const total = first + later + small
      const bytes = await measureBytes(db, total)
      tell('asking …')
      const answers = await measureQuestions(db, tenants)
      tell('looking at every phone, to see whether the answers are right …')
      const checks = await checkAnswers(db, tenants)
      tell('the same with a JSON document a phone …')
      const baseline = await measureBaseline(db, tenants.large, Math.min(phones, BASELINE_PHONES))
      const appBytes = bytes.parts.device_apps!.bytes + bytes.parts.device_apps_change!.bytes + bytes.parts.app_build!.bytes
      return {
        seconds: round((performance.now() - startedAt) / 1000),
        config: { phones: total, apps: 150, page: PAGE, questions: QUESTIONS, smallTenant: small, madeWithIndexes: later + small },
        results: { phones: total, bytesPerPhone: bytes.total, bytes: bytes.parts, ...answers, seedSeconds: { first: round(seedSeconds.first), later: round(seedSeconds.later) } },
        baselines: { jsonb: baseline },
        ratios: { appBytes: round(baseline.bytesPerPhone / appBytes), whichPhonesHaveApp: round(baseline.whichPhonesHaveAppMs.p50 / Math.max(0.01, answers.whichPhonesHaveAppMs.p50)) },
        checks
      }
    } finally {
      await db.destroy()
    }
  } finally {
    await postgres.stop()
  }
}

interface Tenants { readonly large: string, readonly small: string }

/** On a connection that is closed again: nobody but the generator may be connected. */
async function addTenants (databaseUrl: string): Promise<Tenants> {
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 1 })
  const add = async (name: string): Promise<string> => (await createTenant({ db }, { name, entraTenantId: randomUUID(), actor: 'bench' })).tenantId
  try {
    return { large: await add('large'), small: await add('small') }
  } finally {
    await db.destroy()
  }
}

/** Bytes a phone, all of a table's indexes and its TOAST included. */
async function measureBytes (db: Database, phones: number) {
  const parts: Record<string, { bytes: number, table: number, indexes: Record<string, number> }> = {}
  for (const table of TABLES) {
    const { rows: [whole] } = await sql<{ all: number, table: number }>`select pg_total_relation_size(${table}::regclass) as "all", pg_table_size(${table}::regclass) as "table"`.execute(db)
    const { rows: indexes } = await sql<{ name: string, bytes: number }>`
      select indexrelid::regclass::text as name, pg_relation_size(indexrelid) as bytes from pg_index where indrelid = ${table}::regclass order by 1`.execute(db)
    parts[table] = {
      bytes: round(whole!.all / phones),
      table: round(whole!.table / phones),
      indexes: Object.fromEntries(indexes.map(({ name, bytes }) => [name, round(bytes / phones)]))
    }
  }
  return { total: round(Object.values(parts).reduce((sum, { bytes }) => sum + bytes, 0)), parts }
}

type Question = Omit<DeviceFilter, 'tenantId' | 'limit' | 'cursor'>

async function measureQuestions (db: Database, { large, small }: Tenants) {
  const { android, ios } = createSeedCatalogue(CATALOGUE_SEED)
  const store = [...android.store, ...ios.store]
  const pick = <T>(list: readonly T[]): T => list[randomInt(list.length)]!
  const rare = (): string => `example.outside.app${randomInt(SIDELOADED_APPS)}`
  const ask = async (tenantId: string, make: () => Question): Promise<{ p50: number, p99: number }> => {
    const times: number[] = []
    for (let at = -WARM_UP; at < QUESTIONS; at++) {
      // The first page and pages in the middle.
      const question = { tenantId, limit: PAGE, ...make(), ...(at % 2 === 0 ? {} : { cursor: encodeCursor([randomUUID()]) }) }
      const startedAt = performance.now()
      await listDevices({ db }, question)
      if (at >= 0) times.push(performance.now() - startedAt)
    }
    return quantiles(times)!
  }
  return {
    whichPhonesHaveAppMs: await ask(large, () => ({ app: pick(store)[0]!.app.appId })),
    whichPhonesHaveVersionMs: await ask(large, () => { const { appId, version } = pick(pick(store)).app; return { app: appId, appVersion: version } }),
    commonAppMs: await ask(large, () => ({ app: COMMON_APP })),
    rareAppMs: await ask(large, () => ({ app: rare() })),
    signerMs: await ask(large, () => ({ signer: pick(android.store)[0]!.app.signingCertSha256![0]! })),
    osVersionMs: await ask(large, () => ({ osVersion: pick(['11', '15', '17.7.2', '26.6.1', '9']) })),
    smallTenant: {
      commonAppMs: await ask(small, () => ({ app: COMMON_APP })),
      rareAppMs: await ask(small, () => ({ app: rare() })),
      osVersionMs: await ask(small, () => ({ osVersion: '26.6.1' }))
    }
  }
}

/** Every page of some answers, beside what a look at each phone says; and whether the indexes are used. */
async function checkAnswers (db: Database, { large, small }: Tenants): Promise<Record<string, boolean>> {
  const { android } = createSeedCatalogue(CATALOGUE_SEED)
  const unpopular = android.store.at(-1)![0]!.app
  const [rare, popular] = [await listBuildIds(db, { appId: 'example.outside.app7' }), await listBuildIds(db, { appId: COMMON_APP, version: '5.1' })]
  const same = async (tenantId: string, question: Question, condition: RawBuilder<unknown>, pages: number): Promise<boolean> => {
    const found: string[] = []
    let cursor: string | undefined
    for (let page = 0; page < pages; page++) {
      const { items, nextCursor } = await listDevices({ db }, { tenantId, limit: 500, ...question, cursor })
      found.push(...items.map(({ deviceId }) => deviceId))
      if (nextCursor === null) break
      cursor = nextCursor
    }
    // By the order of the tables alone, so that no index that may be wrong is asked.
    const rows = await db.transaction().execute(async (tx) => {
      await sql`set local enable_indexscan = off`.execute(tx)
      await sql`set local enable_bitmapscan = off`.execute(tx)
      return (await sql<{ id: string }>`
        select d.id from device d join device_state s on s.device_id = d.id join device_apps a on a.device_id = d.id left join device_apps_change c on c.device_id = d.id
        where d.tenant_id = ${tenantId} and (${condition}) order by d.id limit ${500 * pages}`.execute(tx)).rows
    })
    return JSON.stringify(found) === JSON.stringify(rows.map(({ id }) => id))
  }
  const has = (builds: readonly number[]): RawBuilder<unknown> => {
    const list = sql`${builds}::integer[]`
    return sql`c.added && ${list} or exists (select unnest(a.builds) intersect select unnest(${list}) except select unnest(c.removed))`
  }
  const unpopularBuilds = await listBuildIds(db, { appId: unpopular.appId })
  return {
    rareAppIsRight: await same(large, { app: 'example.outside.app7' }, has(rare), 20),
    unpopularAppIsRight: await same(large, { app: unpopular.appId }, has(unpopularBuilds), 20),
    signerIsRight: await same(large, { signer: unpopular.signingCertSha256![0]! }, has(unpopularBuilds), 20),
    versionOfCommonAppIsRight: await same(large, { app: COMMON_APP, appVersion: '5.1' }, has(popular), 4),
    smallTenantIsRight: await same(small, { app: COMMON_APP, appVersion: '5.1' }, has(popular), 20),
    osVersionIsRight: await same(large, { osVersion: '17.7.2' }, sql`s.state #>> '{os,version}' = '17.7.2'`, 4),
    appIndexIsUsed: (await explain(db, phonesWithBuild({ builds: rare, tenantId: large }))).includes('device_apps_builds_idx'),
    changesIndexIsUsed: (await explain(db, phonesWithBuild({ builds: rare, tenantId: large }))).includes('device_apps_change_added_idx'),
    osVersionIndexIsUsed: (await explain(db, sql`${phonesWithOsVersion({ tenantId: large, osVersion: '15' })} limit ${PAGE}`)).includes('device_state_os_version_idx'),
    oneByOneReadsOnlyThePage: !/(Seq Scan|Hash Join)/.test(await explain(db, sql`select p.id from device p where p.tenant_id = ${large} and ${hasBuild(popular, sql`p.id`)} order by p.id limit ${PAGE}`))
  }
}

async function explain (db: Database, query: RawBuilder<unknown>): Promise<string> {
  const { rows } = await sql<{ 'QUERY PLAN': string }>`explain ${query}`.execute(db)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

/** A phone's apps as one document, with the index that PostgreSQL offers for it. */
async function measureBaseline (db: Database, tenantId: string, phones: number) {
  await sql`create table apps_as_json (device_id uuid primary key, tenant_id uuid not null, apps jsonb not null)`.execute(db)
  const catalogue = createSeedCatalogue(CATALOGUE_SEED)
  const random = new Random(CATALOGUE_SEED)
  for (let at = 0; at < phones; at++) {
    await sql`insert into apps_as_json values (${randomUUID()}, ${tenantId}, ${JSON.stringify(createSeededApps(catalogue, random).apps)})`.execute(db)
  }
  await sql`create index apps_as_json_idx on apps_as_json using gin (apps jsonb_path_ops)`.execute(db)
  await sql`vacuum analyze apps_as_json`.execute(db)
  const { rows: [size] } = await sql<{ bytes: number }>`select pg_total_relation_size('apps_as_json') as bytes`.execute(db)
  const times: number[] = []
  const store = [...catalogue.android.store, ...catalogue.ios.store]
  for (let at = -WARM_UP; at < QUESTIONS; at++) {
    const wanted = JSON.stringify([{ appId: store[randomInt(store.length)]![0]!.app.appId }])
    const startedAt = performance.now()
    await sql`select device_id from apps_as_json where tenant_id = ${tenantId} and apps @> ${wanted}::jsonb order by device_id limit ${PAGE + 1}`.execute(db)
    if (at >= 0) times.push(performance.now() - startedAt)
  }
  return { phones, bytesPerPhone: round(size!.bytes / phones), whichPhonesHaveAppMs: quantiles(times)! }
}
