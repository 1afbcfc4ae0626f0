import { type BenchFindings, type BenchOptions, quantiles, round } from './benchmark.js'
import { CONNECTIONS, mapValues, MIX, perSecond, prepareFleet, rolesOf, usageOf } from './fleet-load.js'
import { type Ledger, openLedger } from './ledger.js'
import type { LoadApi } from './load-process.js'
import { measureReportToIntune, type Probe } from './probe-intune.js'
import { startRedis } from './redis-server.js'
import { type Remote, startRemote } from './remote.js'
import { type StartedSallyport, startSallyport } from './started-sallyport.js'

const PROBES = 5
const PROBES_PER_SECOND = 1
const CALIBRATION_SECONDS = 5
/** Rows of the timeline at most. */
const ROWS = 60
const MIN_ROW_SECONDS = 6
/** Before this, caches fill and heaps find their size. */
const MEMORY_SECONDS = 600
/** Of the last third over the third before. */
const GROWTH_SHARE = 0.1
const GROWTH_BYTES = 24 * 1024 * 1024

interface Row {
  /** From the beginning of the soak to the end of the row. */
  readonly seconds: number
  readonly acceptedPerSecond: number
  readonly acceptMs: { readonly p50: number, readonly p99: number } | null
  readonly reportToIntuneMs: { readonly p50: number, readonly p99: number } | null
  readonly rssMb: Readonly<Record<string, number>>
  readonly unscoredGroups: number
  readonly refused: Readonly<Record<string, number>>
}

/** Half of what this machine can take, for a long time: whether memory and latency stay what they are. */
export async function soak (options: BenchOptions): Promise<BenchFindings> {
  const redis = options.queue === 'redis' ? await startRedis() : undefined
  if (options.queue === 'redis' && redis === undefined) throw new Error('neither redis-server nor valkey-server is installed')
  try {
    const sallyport = await startSallyport({ workers: options.workers, env: { ACCESS_TOKEN_SECONDS: '86400' }, ...(redis === undefined ? {} : { redisUrl: redis.url }) })
    const load = startRemote<LoadApi>('load-process')
    const ledger = await openLedger(sallyport)
    try {
      const probes = await prepareFleet(options, sallyport, load, PROBES)
      const rate = options.rate ?? await calibrate(options, sallyport, load, ledger)
      const timeline = await endure(options, { sallyport, load, ledger, probes, rate, roles: rolesOf(sallyport, load, redis) })
      await ledger.drained()
      const checks = await ledger.check(await load.call('tally', null))
      const growth = growthOf(timeline)
      return {
        seconds: options.seconds,
        config: { queue: options.queue, workers: options.workers, rate, phones: options.phones, mix: MIX, fsync: true },
        results: {
          acceptMs: { first: timeline[0]!.acceptMs, last: timeline.at(-1)!.acceptMs },
          reportToIntuneMs: { first: timeline[0]!.reportToIntuneMs, last: timeline.at(-1)!.reportToIntuneMs },
          rssMb: { first: timeline[0]!.rssMb, last: timeline.at(-1)!.rssMb },
          growthMb: growth,
          timeline
        },
        baselines: {},
        ratios: {},
        checks: { ...checks, ...(options.seconds < MEMORY_SECONDS ? {} : { memoryFlat: isFlat(timeline, growth) }) }
      }
    } finally {
      await Promise.all([load.stop(), ledger.close()])
      await sallyport.stop()
    }
  } finally {
    await redis?.stop()
  }
}

/** Half of what is taken and scored a second, the draining counted. */
async function calibrate ({ seconds, tell }: BenchOptions, { apiUrl }: StartedSallyport, load: Remote<LoadApi>, ledger: Ledger): Promise<number> {
  tell('how much it can take …')
  await ledger.drained()
  const startedAt = performance.now()
  const { accepted } = await load.call('drive', { apiUrl, connections: CONNECTIONS, seconds: Math.min(CALIBRATION_SECONDS, seconds) })
  await ledger.drained()
  return Math.max(1, Math.round(accepted / ((performance.now() - startedAt) / 1000) / 2))
}

interface Endured {
  readonly sallyport: StartedSallyport
  readonly load: Remote<LoadApi>
  readonly ledger: Ledger
  readonly probes: readonly Probe[]
  readonly rate: number
  readonly roles: Readonly<Record<string, readonly number[]>>
}

async function endure ({ seconds, tell }: BenchOptions, { sallyport, load, ledger, probes, rate, roles }: Endured): Promise<Row[]> {
  const timeline: Row[] = []
  const rowSeconds = Math.max(MIN_ROW_SECONDS, seconds / ROWS)
  const startedAt = performance.now()
  tell(`${rate} reports a second for ${seconds} s; a row every ${round(rowSeconds)} s`)
  while ((performance.now() - startedAt) / 1000 < seconds) {
    const probing = measureReportToIntune(probes, { seconds: rowSeconds, perSecond: PROBES_PER_SECOND })
    const drive = await load.call('drive', { apiUrl: sallyport.apiUrl, connections: CONNECTIONS, seconds: rowSeconds, ratePerSecond: rate })
    const row: Row = {
      seconds: Math.round((performance.now() - startedAt) / 1000),
      acceptedPerSecond: perSecond(drive),
      acceptMs: quantiles(drive.latenciesMs),
      reportToIntuneMs: quantiles(await probing),
      rssMb: mapValues(usageOf(roles), ({ bytes }) => Math.round(bytes / 1024 / 1024)),
      unscoredGroups: await ledger.unscored(),
      refused: drive.refused
    }
    timeline.push(row)
    tell(JSON.stringify(row))
  }
  return timeline
}

/** Of API and workers, in MB: the median of the last third less that of the third before. */
function growthOf (timeline: readonly Row[]): Record<string, number> {
  const third = Math.max(1, Math.floor(timeline.length / 3))
  const medianOf = (rows: readonly Row[], role: string): number => rows.map(({ rssMb }) => rssMb[role] ?? 0).sort((a, b) => a - b)[rows.length >> 1] ?? 0
  return Object.fromEntries(['api', 'worker'].map((role) => [role, medianOf(timeline.slice(-third), role) - medianOf(timeline.slice(-2 * third, -third), role)]))
}

function isFlat (timeline: readonly Row[], growth: Readonly<Record<string, number>>): boolean {
  return Object.entries(growth).every(([role, mb]) => mb * 1024 * 1024 <= Math.max(GROWTH_BYTES, GROWTH_SHARE * (timeline[0]!.rssMb[role] ?? 0) * 1024 * 1024))
}
