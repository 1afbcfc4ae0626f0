import { rm } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { createAccessTokens, LONGEST_TOKEN_SECONDS } from '../src/devices/access-tokens.js'
import { createSigningKeys } from '../src/devices/signing-keys.js'
import { type Database, openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/log.js'
import { createSecretBox } from '../src/platform/secret-box.js'
import { type BenchFindings, type BenchOptions, quantiles, round } from './benchmark.js'
import { type Cost, costs } from './costs.js'
import { fillFolder } from './filled-folder.js'
import { CONNECTIONS, mapValues, perSecond, rolesOf, usageOf } from './fleet-load.js'
import { openLedger, type Ledger } from './ledger.js'
import type { LoadApi } from './load-process.js'
import { fitCost, type Phase, predictWal, type Prediction } from './predict.js'
import { startRedis } from './redis-server.js'
import { type Remote, startRemote } from './remote.js'
import { makeDataDir, type StartedSallyport, startSallyport } from './started-sallyport.js'

/** Phones whose costs are measured first, in one process. */
const COSTS_PHONES = 500
const TOKENS_AT_ONCE = 5_000
/** A fleet that is new to an installation makes work by itself; the longest that it is waited for, and how often is looked. */
const REST_LIMIT_MS = 20 * 60_000
const REST_LOOK_MS = 500
/** Seconds between two looks at the tables. */
const LOOK_SECONDS = 10
/** Of what is taken at most: the phase from which, with that at most, the third is predicted. */
const SLOW_SHARE = 0.15
const MIDDLE_SHARE = 0.5
const TABLES = ['device_state', 'report_group', 'unscored_group', 'report'] as const

/**
 * Many phones that report that they are there: as many reports as are taken, then few, then half. Prints what the sums of
 * docs/capacity.md say of the third beside what it took, and what becomes of tables, log and memory meanwhile.
 */
export async function fleet (options: BenchOptions): Promise<BenchFindings> {
  const { phones, workers, seconds, tell } = options
  const startedAt = performance.now()
  tell('what a report costs …')
  const { perReport, journalBytesPerReport } = (await costs({ ...options, phones: Math.min(COSTS_PHONES, phones) })).results as unknown as { perReport: Record<string, Cost>, journalBytesPerReport: number }
  const redis = options.queue === 'redis' ? await startRedis() : undefined
  if (options.queue === 'redis' && redis === undefined) throw new Error('neither redis-server nor valkey-server is installed')
  const dataDir = await makeDataDir()
  try {
    await fillFolder(dataDir, { phones, workers, tell })
    const sallyport = await startSallyport({ workers, filled: dataDir, env: { ACCESS_TOKEN_SECONDS: String(LONGEST_TOKEN_SECONDS) }, ...(redis === undefined ? {} : { redisUrl: redis.url }) })
    const db = openDatabase({ connectionString: sallyport.databaseUrl, maxConnections: 2, applicationName: 'bench' })
    const load = startRemote<LoadApi>('load-process')
    const ledger = await openLedger(sallyport)
    try {
      await adoptPhones(db, sallyport, load, tell)
      const roles = rolesOf(sallyport, load, redis)
      const timeline: Look[] = []
      const run = async (name: string, ratePerSecond?: number): Promise<Phase & { readonly acceptMs: unknown }> => await runPhase({ db, sallyport, load, ledger, roles, timeline, tell }, { name, seconds, ...(ratePerSecond === undefined ? {} : { ratePerSecond }) })
      const unrestSeconds = await untilAtRest(db, sallyport, tell)
      await run('warm-up', 100)
      const full = await run('full', options.rate)
      const slow = await run('slow', full.perSecond * SLOW_SHARE)
      const middle = await run('middle', full.perSecond * MIDDLE_SHARE)
      const heartbeat = { hot: walOf(perReport.heartbeat!), cold: walOf(perReport.heartbeatOnColdPages!) }
      const predictions: Record<string, Prediction> = {
        ...Object.fromEntries((['api', 'worker', 'postgres'] as const).map((role) => [`${role}Ms`, fitCost([full, slow], middle, role)])),
        walBytes: predictWal(heartbeat, { ...middle, pages: await pagesOf(db) })
      }
      tell(['', '| a report at half load | predicted | measured | measured by predicted |', '| --- | --- | --- | --- |',
        ...Object.entries(predictions).map(([name, { predicted, measured, ratio }]) => `| ${name} | ${predicted} | ${measured} | ${ratio} |`), ''].join('\n'))
      const { intuneEqualsOurs: _, ...checks } = await ledger.check(await load.call('tally', null))
      const [first, last] = [timeline[0]!, timeline.at(-1)!]
      return {
        seconds: round((performance.now() - startedAt) / 1000),
        config: { phones, workers, queue: options.queue, secondsOfAPhase: seconds, report: 'heartbeats', costsPhones: Math.min(COSTS_PHONES, phones) },
        results: {
          predictions, unrestSeconds, heartbeatWalBytes: heartbeat, journalBytesOfMix: journalBytesPerReport,
          phases: Object.fromEntries(Object.entries({ full, slow, middle })),
          tables: { first: first.tables, last: last.tables }, rssMb: { first: first.rssMb, last: last.rssMb }, timeline
        },
        baselines: {},
        ratios: mapValues(predictions, ({ ratio }) => ratio),
        checks
      }
    } finally {
      await Promise.all([load.stop(), ledger.close(), db.destroy()])
      await sallyport.stop()
    }
  } finally {
    await redis?.stop()
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
  }
}

const walOf = ({ store, score }: Cost): number => store.walBytes + score.walBytes

/** Made-up phones have no keys: their tokens are made with the installation's. */
async function adoptPhones (db: Database, { secretsKey, tenantId }: StartedSallyport, load: Remote<LoadApi>, tell: BenchOptions['tell']): Promise<void> {
  tell('tokens for the phones …')
  const keys = await createSigningKeys({ db, secrets: createSecretBox(secretsKey), log: createLogger({ level: 'warn' }) })
  try {
    const tokens = createAccessTokens({ keys, lifetimeSeconds: LONGEST_TOKEN_SECONDS })
    // They take turns in this order. In that of their rows, neighbours on a page would report together, as no fleet does.
    const rows = await db.selectFrom('device as d').innerJoin('device_state as s', 's.device_id', 'd.id').select(['d.id', 's.sequence', 'd.credentials_version']).where('d.tenant_id', '=', tenantId)
      .orderBy(sql`hashtext(d.id::text)`).execute()
    for (let at = 0; at < rows.length; at += TOKENS_AT_ONCE) {
      const phones = await Promise.all(rows.slice(at, at + TOKENS_AT_ONCE).map(async ({ id, sequence, credentials_version: credentialsVersion }) =>
        ({ deviceId: id, sequence: Number(sequence), accessToken: (await tokens.issue({ deviceId: id, tenantId, credentialsVersion }, Date.now())).accessToken })))
      await load.call('adoptKnown', { phones })
    }
  } finally {
    keys.close()
  }
}

/** Until every phone was judged once and told to Intune, and what Intune and Entra say of them was read once. @returns how long it took */
async function untilAtRest (db: Database, { tenantId }: StartedSallyport, tell: BenchOptions['tell']): Promise<number> {
  tell('judging, telling and comparing the phones once …')
  const startedAt = performance.now()
  for (;;) {
    const { rows: [row] } = await sql<{ rest: boolean }>`
      select not exists (select from rescoring_device) and not exists (select from intune_outbox) and not exists (select from device_state where due_at <= now())
        and exists (select from reconciliation_round where tenant_id = ${tenantId} and finished_at is not null) as rest`.execute(db)
    const passedMs = performance.now() - startedAt
    if (row!.rest) return round(passedMs / 1000)
    if (passedMs > REST_LIMIT_MS) throw new Error(`a new fleet is not at rest after ${REST_LIMIT_MS / 60_000} minutes`)
    await wait(REST_LOOK_MS)
  }
}

interface Look {
  readonly phase: string
  readonly seconds: number
  readonly acceptedPerSecond: number
  readonly acceptMs: { readonly p50: number, readonly p99: number } | null
  readonly unscoredGroups: number
  readonly walMb: number
  readonly rssMb: Readonly<Record<string, number>>
  /** Since the server started: rows changed, how many of them on their page and without their indexes, dead rows now, vacuums, megabytes with indexes. */
  readonly tables: Readonly<Record<string, { readonly changed: number, readonly hot: number, readonly dead: number, readonly vacuums: number, readonly heapMb: number, readonly indexMb: number }>>
}

interface Parts {
  readonly db: Database
  readonly sallyport: StartedSallyport
  readonly load: Remote<LoadApi>
  readonly ledger: Ledger
  readonly roles: Readonly<Record<string, readonly number[]>>
  readonly timeline: Look[]
  readonly tell: BenchOptions['tell']
}

async function runPhase ({ db, sallyport, load, ledger, roles, timeline, tell }: Parts, { name, seconds, ratePerSecond }: { readonly name: string, readonly seconds: number, readonly ratePerSecond?: number }) {
  tell(`${name}: ${ratePerSecond === undefined ? 'as many as are taken' : `${Math.round(ratePerSecond)} a second`}`)
  // Pages that the phase before has written are written whole again, as after any checkpoint.
  await sql`checkpoint`.execute(db)
  const before = { used: usageOf(roles), wal: await walAt(db), groups: await countGroups(db), scored: await ledger.scored() }
  const startedAt = performance.now()
  const latencies: number[] = []
  let accepted = 0
  let drove = 0
  while ((performance.now() - startedAt) / 1000 < seconds) {
    const drive = await load.call('drive', { apiUrl: sallyport.apiUrl, connections: CONNECTIONS, seconds: Math.min(LOOK_SECONDS, seconds), ...(ratePerSecond === undefined ? {} : { ratePerSecond }) })
    accepted += drive.accepted
    drove += drive.seconds
    for (const one of drive.latenciesMs) latencies.push(one)
    const look: Look = {
      phase: name, seconds: round((performance.now() - startedAt) / 1000), acceptedPerSecond: perSecond(drive), acceptMs: quantiles(drive.latenciesMs), unscoredGroups: await ledger.unscored(),
      walMb: round((await walAt(db) - before.wal) / 1024 / 1024), rssMb: mapValues(usageOf(roles), ({ bytes }) => Math.round(bytes / 1024 / 1024)), tables: await lookAtTables(db)
    }
    timeline.push(look)
    tell(JSON.stringify(look))
  }
  await ledger.drained()
  const used = usageOf(roles)
  const reports = (await ledger.scored()).reports - before.scored.reports
  return {
    reports,
    groups: await countGroups(db) - before.groups,
    walBytes: await walAt(db) - before.wal,
    perSecond: round(accepted / drove),
    cpuMs: mapValues(used, ({ cpuSeconds }, role) => (cpuSeconds - before.used[role]!.cpuSeconds) * 1000),
    acceptMs: quantiles(latencies)
  }
}

const walAt = async (db: Database): Promise<number> => Number((await sql<{ at: string }>`select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as at`.execute(db)).rows[0]!.at)
const countGroups = async (db: Database): Promise<number> => (await sql<{ count: number }>`select count(*)::integer as count from report_group`.execute(db)).rows[0]!.count
/** Of the states of phones and what is changed with them. */
const pagesOf = async (db: Database): Promise<number> => (await sql<{ pages: number }>`select (pg_relation_size('device_state') / 8192)::integer as pages`.execute(db)).rows[0]!.pages

/** Tables that are split count with all their parts. */
async function lookAtTables (db: Database): Promise<Look['tables']> {
  const { rows } = await sql<{ name: string, changed: number, hot: number, dead: number, vacuums: number, heap: number, indexes: number }>`
    select t.name, sum(s.n_tup_upd)::float8 as changed, sum(s.n_tup_hot_upd)::float8 as hot, sum(s.n_dead_tup)::float8 as dead, sum(s.autovacuum_count)::float8 as vacuums,
      sum(pg_table_size(s.relid))::float8 as heap, sum(pg_indexes_size(s.relid))::float8 as indexes
    from unnest(${sql.val([...TABLES])}::text[]) t (name)
    join pg_stat_user_tables s on s.relid = t.name::regclass or s.relid in (select relid from pg_partition_tree(t.name::regclass))
    group by t.name`.execute(db)
  const mb = (bytes: number): number => round(bytes / 1024 / 1024)
  return Object.fromEntries(rows.map(({ name, changed, hot, dead, vacuums, heap, indexes }) => [name, { changed, hot, dead, vacuums, heapMb: mb(heap), indexMb: mb(indexes) }]))
}
