import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { createAppInventories } from '../src/devices/app-inventories.js'
import { createCoverageSets } from '../src/devices/rules/coverage-sets.js'
import { createTenantRules } from '../src/devices/rules/tenant-rules.js'
import { scoreDevices, scoreGroup, type ScoreDeps } from '../src/devices/score-devices.js'
import { installBundledFeed } from '../src/intel/install-bundled-feed.js'
import { createIntelCache } from '../src/intel/index/intel-cache.js'
import { createTenant } from '../src/operators/tenants.js'
import { type Database, openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/log.js'
import { migrate } from '../src/platform/migrate.js'
import { createFleet } from '../src/simulator/fleet/create-fleet.js'
import { createJournalDays } from '../src/telemetry/journal-days.js'
import { insertReports } from '../src/telemetry/journal-repository.js'
import type { Report } from '../src/telemetry/report.js'
import { toStorableReport } from '../src/telemetry/storable-report.js'
import { startBenchPostgres } from './bench-postgres.js'
import { type BenchFindings, type BenchOptions, round } from './benchmark.js'
import { SEED } from './fleet-load.js'
import { readUsage } from './process-usage.js'
import { makeDataDir } from './started-sallyport.js'

/** Reports of a group, as under load. */
const GROUP = 100
const ROUNDS = 10
/** More than have a page of `device_state` together. */
const PHONES_APART = 10
/** Of a phone, at most. */
const EVENTS_KEPT = 500
/** After all that the fleet has made of itself. */
const LATE_SEQUENCE = 1_000_000

interface Phone { readonly deviceId: string, nextReport (): Report }

/** What one report costs, by its kind; `own`: this process, which does what API and worker do but for HTTP. */
export interface Cost { readonly reports: number, readonly sentBytes: number, readonly store: PartCost, readonly score: PartCost }
export interface PartCost { readonly ownMs: number, readonly postgresMs: number, readonly walBytes: number }

/**
 * What reports cost by their kind: to store them in the journal and to score them, in processor time of this process and of
 * PostgreSQL and in bytes of write-ahead log. A finding costs what its report costs more than a heartbeat.
 */
export async function costs ({ phones, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  const log = createLogger({ level: 'warn' })
  // On a folder that is kept as safe as any: throw-away ones write no whole pages to the log.
  const dataDir = await makeDataDir()
  const postgres = await startBenchPostgres({ dataDir: join(dataDir, 'postgres'), log })
  try {
    await migrate({ databaseUrl: postgres.url, log })
    const db = openDatabase({ connectionString: postgres.url, maxConnections: 2 })
    try {
      await createJournalDays(db, new Date())
      await installBundledFeed({ db, onChanged: async () => {} }, { now: new Date() })
      const intel = await createIntelCache({ db, log })
      try {
        const scoreDeps: ScoreDeps = {
          db, log, sync: { add: async () => {} }, intel, apps: createAppInventories({ db }), rules: createTenantRules(), coverageSets: createCoverageSets({ db })
        }
        const meter = createMeter(db, postgres.pid)
        tell(`${phones} phones introduce themselves …`)
        const fleet = await enrol(db, phones)
        const found: Record<string, Cost> = { first: await measureReports(meter, scoreDeps, fleet.map((one) => [one, one.nextReport()])) }
        tell('and report …')
        const before = await measureJournal(db)
        Object.assign(found, await measureMix(meter, scoreDeps, fleet))
        const after = await measureJournal(db)
        found.heartbeatOnColdPages = await measureColdPages(meter, scoreDeps, fleet)
        const openBefore = await countFindings(db)
        for (const [kind, rooted] of [['opensFinding', true], ['closesFinding', false]] as const) {
          found[kind] = await measureReports(meter, scoreDeps, fleet.map((one) => [one, lateReport(LATE_SEQUENCE + (rooted ? 1 : 2), { integrity: { rooted } })]))
        }
        const openAfter = await countFindings(db)
        Object.assign(found, await measureManyEvents(meter, scoreDeps, fleet))
        tell('and are judged anew …')
        const rejudge = await meter(async () => { await scoreDevices(scoreDeps, fleet.map(({ deviceId }) => deviceId)) }, fleet.length)
        const { rows: [left] } = await sql<{ count: number }>`select (select count(*)::integer from unscored_group) + (select count(*)::integer from quarantined_report) as count`.execute(db)
        return {
          seconds: round((performance.now() - startedAt) / 1000),
          config: { phones, apps: 150, reportsOfAGroup: GROUP, rounds: ROUNDS },
          results: { perReport: found, journalBytesPerReport: Math.round((after.bytes - before.bytes) / (after.reports - before.reports)), rejudgedPhone: rejudge },
          baselines: {},
          ratios: {
            opensFinding: round(total(found.opensFinding!) / total(found.heartbeat!)),
            snapshot: round(total(found.snapshot!) / total(found.heartbeat!))
          },
          checks: { everyReportScored: left!.count === 0, everyFindingOpenedIsClosed: openBefore === openAfter }
        }
      } finally {
        await intel.close()
      }
    } finally {
      await db.destroy()
    }
  } finally {
    await postgres.stop()
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
  }
}

const total = ({ store, score }: Cost): number => store.ownMs + store.postgresMs + score.ownMs + score.postgresMs
const lateReport = (sequence: number, sections: Partial<Report>): Report => ({ reportId: randomUUID(), sequence, collectedAt: new Date().toISOString(), ...sections })

async function enrol (db: Database, count: number): Promise<Phone[]> {
  const { tenantId } = await createTenant({ db }, { name: 'costs', entraTenantId: randomUUID(), actor: 'bench' })
  const phones = createFleet({ phones: count, seed: SEED })
  const rows = await db.insertInto('device').values(phones.map(({ description: { entraDeviceId, platform } }) => ({
    tenant_id: tenantId, entra_device_id: entraDeviceId, platform, public_key: JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x: '' })
  }))).returning('id').execute()
  return phones.map((phone, at) => {
    let isFirst = true
    return {
      deviceId: rows[at]!.id,
      nextReport () {
        if (!isFirst) return phone.nextReport()
        isFirst = false
        return phone.firstReport()
      }
    }
  })
}

const kindOf = ({ apps, events }: Report): string => apps?.mode === 'snapshot' ? 'snapshot' : apps !== undefined ? 'appUpdate' : events !== undefined ? 'events' : 'heartbeat'

/** Every phone's next reports, each kind by itself; a phone's own are in order, for there is one a round. */
async function measureMix (meter: Meter, deps: ScoreDeps, fleet: readonly Phone[]): Promise<Record<string, Cost>> {
  const parts = new Map<string, Cost[]>()
  for (let at = 0; at < ROUNDS; at++) {
    const byKind = new Map<string, Array<readonly [Phone, Report]>>()
    for (const phone of fleet) {
      const report = phone.nextReport()
      const kind = kindOf(report)
      byKind.set(kind, [...byKind.get(kind) ?? [], [phone, report]])
    }
    for (const [kind, reports] of byKind) parts.set(kind, [...parts.get(kind) ?? [], await measureReports(meter, deps, reports)])
  }
  return Object.fromEntries([...parts].map(([kind, costs]) => [kind, mean(costs)]))
}

/** Phones that have told of as many events as are kept: what a report costs that has none, one that changes something else, and one with another event. */
async function measureManyEvents (meter: Meter, deps: ScoreDeps, fleet: readonly Phone[]): Promise<Record<string, Cost>> {
  let sequence = LATE_SEQUENCE + 2
  const events = (count: number): Partial<Report> => ({
    events: Array.from({ length: count }, (_, at) => ({ eventId: randomUUID(), type: 'dns-query' as const, at: new Date().toISOString(), host: `host-${at % 40}.example.net`, appId: `com.example.app${at % 20}` }))
  })
  const measure = async (sections: Partial<Report>): Promise<Cost> => {
    sequence++
    return await measureReports(meter, deps, fleet.map((one) => [one, lateReport(sequence, sections)]))
  }
  for (let told = 0; told < EVENTS_KEPT; told += EVENTS_KEPT / 10) await measure(events(EVENTS_KEPT / 10))
  return { heartbeatOfManyEvents: await measure({}), changeOfManyEvents: await measure({ config: { passcodeSet: false } }), eventOfManyEvents: await measure(events(1)) }
}

async function measureReports (meter: Meter, deps: ScoreDeps, reports: ReadonlyArray<readonly [Phone, Report]>): Promise<Cost> {
  const entries = reports.map(([{ deviceId }, report]) => ({ deviceId, source: null, ...toStorableReport(report) }))
  const groups: number[] = []
  const store = await meter(async () => {
    for (let at = 0; at < entries.length; at += GROUP) groups.push((await insertReports(deps.db, entries.slice(at, at + GROUP), new Date())).groupId!)
  }, reports.length)
  const score = await meter(async () => { for (const group of groups) await scoreGroup(deps, group) }, reports.length)
  return { reports: reports.length, sentBytes: Math.round(entries.reduce((sum, { json }) => sum + Buffer.byteLength(json), 0) / entries.length), store, score }
}

type Meter = (work: () => Promise<void>, count: number) => Promise<PartCost>

/** What some work takes, shared out among so many. */
function createMeter (db: Database, postgresPid: number): Meter {
  const look = async (): Promise<{ own: number, postgres: number, wal: number }> => {
    const { rows: [wal] } = await sql<{ at: string }>`select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as at`.execute(db)
    const { user, system } = process.cpuUsage()
    return { own: (user + system) / 1000, postgres: (readUsage(postgresPid, new Set())?.cpuSeconds ?? 0) * 1000, wal: Number(wal!.at) }
  }
  return async (work, count) => {
    const before = await look()
    await work()
    const after = await look()
    return { ownMs: fine((after.own - before.own) / count), postgresMs: fine((after.postgres - before.postgres) / count), walBytes: Math.round((after.wal - before.wal) / count) }
  }
}

/** Microseconds: hundredths of a millisecond are too coarse for one report. */
const fine = (ms: number): number => Math.round(ms * 1000) / 1000

function mean (costs: readonly Cost[]): Cost {
  const reports = costs.reduce((sum, one) => sum + one.reports, 0)
  const weigh = (pick: (cost: Cost) => number): number => costs.reduce((sum, one) => sum + pick(one) * one.reports, 0) / reports
  const part = (name: 'store' | 'score'): PartCost => ({ ownMs: fine(weigh((one) => one[name].ownMs)), postgresMs: fine(weigh((one) => one[name].postgresMs)), walBytes: Math.round(weigh((one) => one[name].walBytes)) })
  return { reports, sentBytes: Math.round(weigh((one) => one.sentBytes)), store: part('store'), score: part('score') }
}

/**
 * Of phones that share no page with each other, right after a checkpoint: PostgreSQL then writes each page that it changes whole. So it is in
 * a fleet of which only few report between two checkpoints.
 */
async function measureColdPages (meter: Meter, deps: ScoreDeps, fleet: readonly Phone[]): Promise<Cost> {
  await sql`checkpoint`.execute(deps.db)
  return await measureReports(meter, deps, fleet.filter((_, at) => at % PHONES_APART === 0).map((phone) => [phone, lateReport(LATE_SEQUENCE, { config: { passcodeSet: true } })]))
}

const countFindings = async (db: Database): Promise<number> => (await sql<{ count: number }>`select count(*)::integer as count from finding where status = 'open'`.execute(db)).rows[0]!.count

/** What the journal holds, indexes included. */
async function measureJournal (db: Database): Promise<{ readonly bytes: number, readonly reports: number }> {
  const { rows: [row] } = await sql<{ bytes: number, reports: number }>`
    select (select sum(pg_total_relation_size(relid)) from (select relid from pg_partition_tree('report') union all select relid from pg_partition_tree('report_group')) parts)::float8 as bytes,
      (select count(*) from report)::float8 as reports`.execute(db)
  return row!
}
