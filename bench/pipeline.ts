import type { DriveResult } from '../src/simulator/fleet/drive-fleet.js'
import type { AnotherApi } from './another-api.js'
import { type BenchFindings, type BenchOptions, quantiles, round } from './benchmark.js'
import { type Checks, openLedger, type Ledger } from './ledger.js'
import { CONNECTIONS, mapValues, measureBare, MIX, perSecond, prepareFleet, REPEAT_SHARE, rolesOf, targetOf, usageOf } from './fleet-load.js'
import type { LoadApi } from './load-process.js'
import type { NaiveApi } from './naive-server.js'
import { measureReportToIntune } from './probe-intune.js'
import { startRedis, type StartedRedis } from './redis-server.js'
import { type Remote, startRemote } from './remote.js'
import { type StartedSallyport, startSallyport } from './started-sallyport.js'

const PROBES = 10
const PROBES_PER_SECOND = 10
/** Load under which the way to Intune is measured (architecture, "Numbers to reach"). */
const BACKGROUND_RATE = 500

/**
 * The whole way of a report: how many a second, how fast the acknowledgement, how soon Intune
 * knows, and what Fastify alone does with the same reports. API, workers, PostgreSQL,
 * simulator and load are processes of their own.
 */
export async function pipeline (options: BenchOptions): Promise<BenchFindings> {
  const bare = await measureBare(options)
  const redis = options.queue === 'redis' ? await startRedis() : undefined
  if (options.queue === 'redis' && redis === undefined) throw new Error('neither redis-server nor valkey-server is installed')
  try {
    const sallyport = await startSallyport({ workers: options.workers, ...(redis === undefined ? {} : { redisUrl: redis.url }) })
    try {
      const { results, checks, naive } = await measureSallyport(options, sallyport, redis)
      return {
        seconds: options.seconds,
        config: {
          queue: options.queue, workers: options.workers, rate: options.rate ?? null, phones: options.phones, connections: CONNECTIONS,
          mix: MIX, fsync: true
        },
        results,
        baselines: { bare: { perSecond: bare }, ...(naive === undefined ? {} : { naive: { perSecond: naive } }) },
        ratios: { bare: round(results.scoredPerSecond / bare), ...(naive === undefined ? {} : { naive: round(results.scoredPerSecond / naive) }) },
        checks: { ...checks }
      }
    } finally {
      await sallyport.stop()
    }
  } finally {
    await redis?.stop()
  }
}

async function measureSallyport (options: BenchOptions, sallyport: StartedSallyport, redis: StartedRedis | undefined) {
  const { tell } = options
  const load = startRemote<LoadApi>('load-process')
  const ledger = await openLedger(sallyport)
  try {
    const probes = await prepareFleet(options, sallyport, load, PROBES)
    await ledger.drained()

    const capacity = await measureCapacity(options, { sallyport, load, ledger, redis })
    const { acceptedPerSecond } = capacity
    tell('at half of that …')
    const half = await load.call('drive', { apiUrl: sallyport.apiUrl, connections: CONNECTIONS, seconds: options.seconds, ratePerSecond: acceptedPerSecond / 2 })
    await ledger.drained()

    tell('from report to Intune …')
    const background = load.call('drive', { apiUrl: sallyport.apiUrl, connections: CONNECTIONS, seconds: options.seconds, ratePerSecond: BACKGROUND_RATE })
    const reportToIntuneMs = await measureReportToIntune(probes, { seconds: options.seconds, perSecond: PROBES_PER_SECOND })
    await background
    await ledger.drained()

    const naive = options.naive ? await measureNaive(options, { sallyport, load, ledger, redis }) : undefined
    const checks: Checks = await ledger.check(await load.call('tally', null))
    return {
      results: {
        ...capacity,
        acceptMs: quantiles(half.latenciesMs),
        acceptMsAt: { perSecond: perSecond(half) },
        reportToIntuneMs: quantiles(reportToIntuneMs),
        reportToIntuneAt: { perSecond: BACKGROUND_RATE, probes: reportToIntuneMs.length }
      },
      naive,
      checks: { ...checks, everyRepeatRecognised: capacity.repeats.sent === capacity.repeats.recognised }
    }
  } finally {
    await Promise.all([load.stop(), ledger.close()])
  }
}

export interface Parts { readonly sallyport: StartedSallyport, readonly load: Remote<LoadApi>, readonly ledger: Ledger, readonly redis: StartedRedis | undefined, readonly moreApis?: readonly AnotherApi[] }

/** As many reports as are taken (or `--rate`), until the last of them is scored. */
export async function measureCapacity ({ seconds, rate, tell }: BenchOptions, { sallyport, load, ledger, redis, moreApis = [] }: Parts) {
  tell('as many as possible …')
  const roles = rolesOf(sallyport, load, redis, moreApis)
  const before = await ledger.scored()
  const usedBefore = usageOf(roles)
  const startedAtMs = Date.now()
  const drive = await load.call('drive', {
    ...targetOf(sallyport, moreApis), seconds, repeatShare: REPEAT_SHARE, ...(rate === undefined ? {} : { ratePerSecond: rate })
  })
  const endedAtMs = Date.now()
  await ledger.drained()
  const usedAfter = usageOf(roles)
  const after = await ledger.scored()
  const scored = after.reports - before.reports
  return {
    reports: scored,
    acceptedPerSecond: perSecond(drive),
    scoredPerSecond: scoredPerSecond(before.reports, after, startedAtMs, drive),
    drainSeconds: round(Math.max(0, after.lastAtMs - endedAtMs) / 1000),
    acceptMsAtCapacity: quantiles(drive.latenciesMs),
    refused: drive.refused,
    repeats: { sent: drive.repeated, recognised: drive.recognised },
    cpuSecondsPer1000Reports: mapValues(usedAfter, (after, role) => round((after.cpuSeconds - (usedBefore[role]?.cpuSeconds ?? 0)) / scored * 1000)),
    rssBytes: mapValues(usedAfter, ({ bytes }) => bytes)
  }
}

/** The same phones, workers and database behind one INSERT and one job a report. Answers what was scored a second. */
async function measureNaive ({ seconds, tell }: BenchOptions, { sallyport, load, ledger, redis }: Parts): Promise<number> {
  tell('one INSERT and one job a report …')
  const server = startRemote<NaiveApi>('naive-server')
  try {
    const { url } = await server.call('start', { databaseUrl: sallyport.databaseUrl, secretsKey: sallyport.secretsKey, ...(redis === undefined ? {} : { redisUrl: redis.url }) })
    const before = await ledger.scored()
    const startedAtMs = Date.now()
    const drive = await load.call('drive', { apiUrl: url, connections: CONNECTIONS, seconds })
    await ledger.drained()
    const after = await ledger.scored()
    return scoredPerSecond(before.reports, after, startedAtMs, drive)
  } finally {
    await server.stop()
  }
}

/** Until the last of them was scored, however long that took after the load had ended. */
const scoredPerSecond = (before: number, after: { readonly reports: number, readonly lastAtMs: number }, startedAtMs: number, drive: DriveResult): number =>
  round((after.reports - before) / Math.max(drive.seconds, (after.lastAtMs - startedAtMs) / 1000))
