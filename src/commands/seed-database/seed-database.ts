import { randomInt, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as breathe } from 'node:timers/promises'
import { sql } from 'kysely'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { Logger } from 'pino'
import { insertBuilds } from '../../devices/app-build-repository.js'
import { hashOf, signersOf } from '../../devices/app-inventories.js'
import { judgeDevice, type Judgement, type StoredDevice } from '../../devices/judge-device.js'
import { createCoverageSets, type CoverageSets } from '../../devices/rules/coverage-sets.js'
import { BUILT_IN_RULES } from '../../devices/rules/tenant-rules.js'
import { sequenceStateChanges } from '../../devices/state-change-repository.js'
import { createIntelCache } from '../../intel/index/intel-cache.js'
import type { IntelView } from '../../intel/intel-view.js'
import { type Database, openDatabase } from '../../platform/database.js'
import { withClient } from '../../platform/with-client.js'
import { assess } from '../../risk/assess.js'
import { Random } from '../../simulator/fleet/random.js'
import { type AppInventory, EMPTY_STATE } from '../../telemetry/device-state.js'
import { mergeReport } from '../../telemetry/merge.js'
import type { App } from '../../telemetry/report.js'
import { type AppLists, type Row, TABLES, type TableName, toCopyLine, toRows } from './phone-rows.js'
import { buildsOf, createSeedCatalogue, createSeededApps, createSeededPhone, type SeedCatalogue, type SeededApps, type SeededPhone } from './seeded-phone.js'

export interface SeedDatabaseOptions {
  readonly databaseUrl: string
  readonly phones: number
  readonly tenantId: string
  /** The apps of the catalogue; with the same seed, phones of several calls share them. */
  readonly catalogueSeed?: number
  readonly log: Logger
  /** Told after each chunk. */
  readonly onProgress?: (phones: number) => void
}

export interface SeedDatabaseResult { readonly phones: number, readonly seconds: number, readonly indexesRebuilt: boolean }

export const CATALOGUE_SEED = 20_261_123
/** Phones of one transaction, where not all are one. */
const CHUNK = 1_000
/** Phones made without letting the connection be served: a few milliseconds. */
const BREATH = 20
const BUILDS_AT_ONCE = 1_000
/** Phones with the same apps. To digest 150 apps is most of the work for a phone. */
const PHONES_ALIKE = 8

/**
 * Fills a migrated database with phones as they are after their first report, judged by the
 * intelligence stored and acknowledged by Intune. When nobody else is connected and there is no
 * phone yet, all is one transaction and the indexes are built at the end, which is several times
 * as fast; otherwise each thousand phones are one.
 */
export async function seedDatabase ({ databaseUrl, phones, tenantId, catalogueSeed = CATALOGUE_SEED, log, onProgress }: SeedDatabaseOptions): Promise<SeedDatabaseResult> {
  const startedAt = performance.now()
  const db = openDatabase({ connectionString: databaseUrl, maxConnections: 2, applicationName: 'sallyport seed' })
  try {
    const catalogue = createSeedCatalogue(catalogueSeed)
    const context: Context = {
      catalogue,
      tenantId,
      tenantNumber: (await db.selectFrom('tenant').select('number').where('id', '=', tenantId).executeTakeFirstOrThrow(() => new Error(`there is no tenant ${tenantId}`))).number,
      builds: await storeBuilds(db, buildsOf(catalogue)),
      intel: await readIntel(db, log),
      coverageSets: createCoverageSets({ db }),
      // Other phones each time.
      random: new Random(randomInt(2 ** 32))
    }
    const indexesRebuilt = await withClient({ connectionString: databaseUrl, applicationName: 'sallyport seed' }, async (client) => {
      if (!await isOurs(client)) {
        await copyPhones(client, context, phones, { ownTransactions: true, onProgress })
        return false
      }
      await client.query('begin')
      const definitions = await dropIndexes(client)
      await copyPhones(client, context, phones, { ownTransactions: false, onProgress })
      await client.query("set local maintenance_work_mem = '256MB'")
      for (const definition of definitions) await client.query(definition)
      await client.query('commit')
      return true
    })
    await sequenceStateChanges(db)
    // What the planner knows is from before.
    for (const table of [...Object.keys(TABLES), 'state_change', 'state_feed']) await sql`vacuum (analyze) ${sql.table(table)}`.execute(db)
    return { phones, seconds: (performance.now() - startedAt) / 1000, indexesRebuilt }
  } finally {
    await db.destroy()
  }
}

interface Context {
  readonly catalogue: SeedCatalogue
  readonly tenantId: string
  readonly tenantNumber: number
  readonly builds: ReadonlyMap<App, number>
  readonly intel: IntelView
  readonly coverageSets: CoverageSets
  readonly random: Random
}

async function readIntel (db: Database, log: Logger): Promise<IntelView> {
  const cache = await createIntelCache({ db, log })
  await cache.close()
  return cache.current()
}

async function storeBuilds (db: Database, apps: readonly App[]): Promise<Map<App, number>> {
  const ids = new Map<App, number>()
  for (let at = 0; at < apps.length; at += BUILDS_AT_ONCE) {
    const hashes = new Map(apps.slice(at, at + BUILDS_AT_ONCE).map((app) => [hashOf(app), app]))
    const stored = await insertBuilds(db, [...hashes].map(([hash, app]) => ({ hash, app, signers: signersOf(app) })))
    for (const [hash, app] of hashes) ids.set(app, stored.get(hash)!)
  }
  return ids
}

/** No phone yet, and nobody who would wait for the tables or miss their indexes. */
async function isOurs (client: pg.Client): Promise<boolean> {
  const { rows: [row] } = await client.query<{ ours: boolean }>(`
    select not exists (select from device) and not exists (
      select from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and application_name <> 'sallyport seed'
    ) as ours`)
  return row!.ours
}

/** Drops the indexes that no constraint needs. Answers how to make them again. */
async function dropIndexes (client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string, definition: string }>(`
    select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
    from pg_index i where i.indrelid = any($1::regclass[]) and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`, [Object.keys(TABLES)])
  for (const { name } of rows) await client.query(`drop index ${name}`)
  return rows.map(({ definition }) => definition)
}

async function copyPhones (client: pg.Client, context: Context, phones: number, { ownTransactions, onProgress }: { readonly ownTransactions: boolean, readonly onProgress: SeedDatabaseOptions['onProgress'] }): Promise<void> {
  let next = makeChunk(context, Math.min(CHUNK, phones))
  for (let done = 0; done < phones;) {
    const rows = await next
    const count = rows.device.length
    // The next are made while these are written.
    next = makeChunk(context, Math.min(CHUNK, phones - done - count))
    if (ownTransactions) await client.query('begin')
    for (const [table, columns] of Object.entries(TABLES)) {
      const lines = rows[table as TableName]
      if (lines.length > 0) await pipeline(Readable.from(lines), client.query(copyFrom(`copy ${table} (${columns.join(', ')}) from stdin`)))
    }
    if (ownTransactions) await client.query('commit')
    done += count
    onProgress?.(done)
  }
}

type Lines = Record<TableName, string[]>

/** Lines of COPY, several phones' in each. */
async function makeChunk (context: Context, phones: number): Promise<Lines> {
  const lines: Lines = { device: [], device_state: [], device_observable: [], device_apps: [], device_apps_change: [], finding: [], level_change: [], state_change_waiting: [] }
  let list = makeList(context)
  for (let at = 0; at < phones; at++) {
    if (at % PHONES_ALIKE === 0) list = makeList(context)
    const rows = await makePhone(context, list)
    for (const [table, some] of Object.entries(rows) as Array<[TableName, Row[]]>) if (some.length > 0) lines[table].push(some.map(toCopyLine).join(''))
    if (at % BREATH === 0) await breathe()
  }
  return lines
}

interface List { readonly seeded: SeededApps, readonly inventory: AppInventory }

function makeList ({ catalogue, random }: Context): List {
  const seeded = createSeededApps(catalogue, random)
  const report = { reportId: '', sequence: 0, collectedAt: '', apps: { mode: 'snapshot' as const, items: [...seeded.apps] } }
  return { seeded, inventory: mergeReport(EMPTY_STATE, { report, receivedAt: new Date(0) }).state.apps! }
}

async function makePhone (context: Context, list: List): Promise<Record<TableName, Row[]>> {
  const phone = createSeededPhone(list.seeded, context.random, Date.now())
  const at = new Date(phone.receivedAt.getTime() + 50)
  const judgement = judge(context, phone, list.inventory, at)
  const [coverageId] = await context.coverageSets.idsOf([{ sections: judgement.coverage, undecided: judgement.undecided }])
  return toRows(phone, judgement, { ...listsOf(context, phone, list.seeded), coverageId: coverageId! }, at)
}

function judge ({ tenantId, intel }: Context, { platform, receivedAt, report }: SeededPhone, apps: AppInventory, now: Date): Judgement {
  const device: StoredDevice = {
    deviceId: randomUUID(),
    tenantId,
    platform,
    attributes: { ownership: null, tags: [], entraGroups: [] },
    // As if the apps had been merged with the rest.
    state: { ...EMPTY_STATE, apps, origins: { apps: { sequence: report.sequence, collectedAt: report.collectedAt } } },
    olderEvents: [],
    resend: [],
    reportingState: 'pending',
    level: null,
    levelSince: null,
    lastReportAt: null,
    desiredHealth: null,
    desiredVersion: 0,
    dueAt: null,
    judgedBy: null,
    changesAt: null,
    coverageId: null,
    policyVersion: null,
    findings: []
  }
  // Never undefined: a report has come.
  return judgeDevice(device, [{ id: 0, deviceId: device.deviceId, receivedAt, source: null, report }], { assess, intel, rules: BUILT_IN_RULES, now })!
}

function listsOf ({ tenantNumber, builds }: Context, { before }: SeededPhone, { apps }: SeededApps): AppLists {
  const idOf = (app: App): number => builds.get(app)!
  return {
    tenantNumber,
    base: apps.map((app) => idOf(before.get(app) ?? app)),
    added: [...before.keys()].map(idOf),
    removed: [...before.values()].map(idOf)
  }
}
