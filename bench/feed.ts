import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { seedDatabase } from '../src/commands/seed-database/seed-database.js'
import { createAppInventories } from '../src/devices/app-inventories.js'
import { createCoverageSets } from '../src/devices/rules/coverage-sets.js'
import { createTenantRules } from '../src/devices/rules/tenant-rules.js'
import { scoreDevices } from '../src/devices/score-devices.js'
import { insertStateChanges, listStateChanges, type NewStateChange, sequenceStateChanges } from '../src/devices/state-change-repository.js'
import { createIntelCache } from '../src/intel/index/intel-cache.js'
import { createTenant } from '../src/operators/tenants.js'
import { type Database, openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/log.js'
import { migrate } from '../src/platform/migrate.js'
import { assess, type AssessInput } from '../src/risk/assess.js'
import type { Assessment } from '../src/risk/assessment.js'
import { startBenchPostgres } from './bench-postgres.js'
import { type BenchFindings, type BenchOptions, quantiles, round } from './benchmark.js'

/** Phones of one transaction, as of one that scores. */
const BATCH = 500
const ROUNDS = 8
const PAGE = 500

/**
 * What the feed of state changes costs where it hurts: in the transaction that scores, when every
 * phone of it changes its level, which is the worst case; and how fast it is sequenced and read.
 */
export async function feed ({ phones, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  const log = createLogger({ level: 'warn' })
  const postgres = await startBenchPostgres({ log })
  try {
    await migrate({ databaseUrl: postgres.url, log })
    const db = openDatabase({ connectionString: postgres.url, maxConnections: 3 })
    try {
      const { tenantId } = await createTenant({ db }, { name: 'feed', entraTenantId: randomUUID(), actor: 'bench' })
      tell(`making ${phones} phones …`)
      await seedDatabase({ databaseUrl: postgres.url, phones, tenantId, log })
      tell('changing the level of every one of some phones, several times …')
      const scoring = await measureScoring(db)
      const waiting = await countWaiting(db)
      const insert = await measureInsert(db)
      tell('sequencing and reading …')
      const at = performance.now()
      const sequenced = await sequenceStateChanges(db)
      const sequenceSeconds = (performance.now() - at) / 1000
      const idle = await measure(50, async () => { await sequenceStateChanges(db) })
      const read = await readAll(db, tenantId)
      const versions = await wrongOrders(db)
      return {
        seconds: round((performance.now() - startedAt) / 1000),
        config: { phones, batch: BATCH, rounds: ROUNDS, page: PAGE },
        results: {
          insertMs: quantiles(insert)!,
          insertMicrosecondsPerChange: round(quantiles(insert)!.p50 * 1000 / BATCH),
          sequencedPerSecond: Math.round(sequenced / sequenceSeconds),
          nothingNewMs: quantiles(idle)!,
          pageMs: quantiles(read.times)!
        },
        baselines: { scoreMs: quantiles(scoring.times)! },
        ratios: { insertOfScoring: round(quantiles(insert)!.p50 / quantiles(scoring.times)!.p50) },
        checks: {
          everyChangeOnce: waiting === scoring.changes && read.changes === scoring.before + scoring.changes + insert.length * BATCH,
          gapFree: read.gapFree,
          inOrder: versions === 0
        }
      }
    } finally {
      await db.destroy()
    }
  } finally {
    await postgres.stop()
  }
}

const sequencedOf = async (db: Database): Promise<number> => (await sql<{ count: number }>`select count(*) as count from state_change`.execute(db)).rows[0]!.count
const countWaiting = async (db: Database): Promise<number> => (await sql<{ count: number }>`select count(*) as count from state_change_waiting`.execute(db)).rows[0]!.count

async function measure (times: number, work: () => Promise<void>): Promise<number[]> {
  const taken: number[] = []
  for (let n = 0; n < times; n++) {
    const at = performance.now()
    await work()
    taken.push(performance.now() - at)
  }
  return taken
}

const listIds = async (db: Database): Promise<string[]> => (await db.selectFrom('device').select('id').orderBy('id').limit(BATCH).execute()).map(({ id }) => id)

/** Whole score transactions over phones that all change. */
async function measureScoring (db: Database): Promise<{ readonly times: number[], readonly before: number, readonly changes: number }> {
  const intel = await createIntelCache({ db, log: createLogger({ level: 'warn' }) })
  const ids = await listIds(db)
  let isHigh = false
  const alternating = (input: AssessInput): Assessment => ({ ...assess(input), level: isHigh ? 'high' : 'low' })
  const deps = {
    db, log: createLogger({ level: 'warn' }), sync: { add: async () => {} }, intel: { current: () => intel.current() }, assess: alternating,
    apps: createAppInventories({ db }), rules: createTenantRules(), coverageSets: createCoverageSets({ db })
  }
  try {
    // The first reads what later ones find in memory, and does not change those that are at this level already.
    await scoreDevices(deps, ids)
    await sequenceStateChanges(db)
    const before = await sequencedOf(db)
    const times = await measure(ROUNDS, async () => {
      isHigh = !isHigh
      await scoreDevices(deps, ids)
    })
    return { times, before, changes: ROUNDS * ids.length }
  } finally {
    await intel.close()
  }
}

/** The one statement that the feed adds to such a transaction. */
async function measureInsert (db: Database): Promise<number[]> {
  const { rows } = await sql<{ device_id: string, desired_version: number }>`select device_id, desired_version from device_state where device_id = any(${await listIds(db)}::uuid[])`.execute(db)
  let version = 0
  return await db.transaction().execute(async (tx) => await measure(ROUNDS, async () => {
    version++
    await insertStateChanges(tx, rows.map((row): NewStateChange => ({
      deviceId: row.device_id, version: row.desired_version + version, level: 'high', previousLevel: 'low', reportingState: 'activated', previousReportingState: 'activated',
      health: 'highSeverity', previousHealth: 'lowSeverity', score: 90, reasons: [{ detection: 'dev-rooted', severity: 'high', subject: '/system/xbin/su' }]
    })), new Date())
  }))
}

async function readAll (db: Database, tenantId: string): Promise<{ readonly times: number[], readonly changes: number, readonly gapFree: boolean }> {
  const times: number[] = []
  let after = 0
  let gapFree = true
  for (;;) {
    const at = performance.now()
    const page = await listStateChanges(db, { tenantId, after, limit: PAGE })
    times.push(performance.now() - at)
    if (page.length === 0) return { times, changes: after, gapFree }
    gapFree &&= page.every(({ position }, index) => position === after + index + 1)
    after = page.at(-1)!.position
  }
}

/** Changes of a phone whose version is lower than that of the change before. */
async function wrongOrders (db: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from (select version < lag(version) over (partition by device_id order by position) as is_wrong from state_change) c where is_wrong`.execute(db)
  return rows[0]!.count
}
