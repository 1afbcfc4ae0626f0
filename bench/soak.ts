import { type BenchFindings, type BenchOptions, quantiles, round } from './benchmark.js'
import { CONNECTIONS, mapValues, MIX, perSecond, prepareFleet, rolesOf, usageOf } from './fleet-load.js'
import { type Ledger, openLedger } from './ledger.js'
import type { LoadApi } from './load-process.js'
import { judgeMemory, type MemoryVerdict } from './memory-verdict.js'
import { measureReportToIntune, type Probe } from './probe-intune.js'
import { watchProcessors } from './processor-share.js'
import { startRedis } from './redis-server.js'
import { type Remote, startRemote } from './remote.js'
import { type StartedSallyport, startSallyport } from './started-sallyport.js'

const PROBES = 5
const PROBES_PER_SECOND = 1
const CALIBRATION_SECONDS = 10
/** Of the processors. */
const HALF = 0.5
/** Rows of the timeline at most. */
const ROWS = 60
const MIN_ROW_SECONDS = 6
/** Shorter ones print the verdict on memory, and do not fail by it. */
const VERDICT_SECONDS = 600
/** Whose memory is judged: PostgreSQL fills its buffers, the simulator and the load keep what they were told. */
const JUDGED = ['api', 'worker'] as const
/** Groups of reports that may wait at the end of a row, some seconds' worth. */
const MOST_WAITING = 200
/** How often memory is looked at. */
const LOOK_MS = 2_000

interface Row {
  /** From the beginning of the soak to the end of the row. */
  readonly seconds: number
  readonly acceptedPerSecond: number
  readonly acceptMs: { readonly p50: number, readonly p99: number } | null
  readonly reportToIntuneMs: { readonly p50: number, readonly p99: number } | null
  readonly rssMb: Readonly<Record<string, number>>
  /** The least of the row, of what is no file and not shared: what is left when garbage is collected. */
  readonly floorMb: Readonly<Record<string, number>>
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
      const { timeline, missedProbes } = await endure(options, { sallyport, load, ledger, probes, rate, roles: rolesOf(sallyport, load, redis) })
      await ledger.drained()
      const checks = await ledger.check(await load.call('tally', null))
      const memory = Object.fromEntries(JUDGED.map((role) => [role, judgeMemory(timeline.map(({ seconds, floorMb }) => ({ seconds, mb: floorMb[role] ?? 0 })))]))
      for (const [role, { text }] of Object.entries(memory)) options.tell(`memory of ${role}: ${text}`)
      const latency = drift(timeline)
      options.tell(`latency: ${latency.text}`)
      return {
        seconds: options.seconds,
        config: { queue: options.queue, workers: options.workers, rate, phones: options.phones, mix: MIX, fsync: true },
        results: {
          acceptMs: { first: timeline[0]!.acceptMs, last: timeline.at(-1)!.acceptMs },
          reportToIntuneMs: { first: timeline[0]!.reportToIntuneMs, last: timeline.at(-1)!.reportToIntuneMs },
          rssMb: { first: timeline[0]!.rssMb, last: timeline.at(-1)!.rssMb },
          memory: mapValues(memory, ({ text }) => text),
          latency: latency.text,
          timeline
        },
        baselines: {},
        ratios: latency.ratios,
        checks: { ...checks, workersKeepUp: keepsUp(timeline), everyProbeArrived: missedProbes === 0, ...(options.seconds < VERDICT_SECONDS ? {} : { memoryDoesNotGrow: doesNotGrow(memory) }) }
      }
    } finally {
      await Promise.all([load.stop(), ledger.close()])
      await sallyport.stop()
    }
  } finally {
    await redis?.stop()
  }
}

/**
 * Half of what is taken and scored a second, the draining counted; less, where that keeps the processors more than half busy:
 * what comes in a burst is cheaper, because many changes of a phone are one for Intune.
 */
async function calibrate ({ seconds, tell }: BenchOptions, { apiUrl }: StartedSallyport, load: Remote<LoadApi>, ledger: Ledger): Promise<number> {
  tell('how much it can take …')
  const target = { apiUrl, connections: CONNECTIONS, seconds: Math.min(CALIBRATION_SECONDS, seconds) }
  await ledger.drained()
  const startedAt = performance.now()
  const { accepted } = await load.call('drive', target)
  await ledger.drained()
  const half = accepted / ((performance.now() - startedAt) / 1000) / 2
  tell(`how busy it is with ${Math.round(half)} a second …`)
  const busy = watchProcessors()
  await load.call('drive', { ...target, ratePerSecond: half })
  const share = busy()
  await ledger.drained()
  tell(`${Math.round(share * 100)}%`)
  return Math.max(1, Math.round(half * Math.min(1, HALF / share)))
}

interface Endured {
  readonly sallyport: StartedSallyport
  readonly load: Remote<LoadApi>
  readonly ledger: Ledger
  readonly probes: readonly Probe[]
  readonly rate: number
  readonly roles: Readonly<Record<string, readonly number[]>>
}

async function endure ({ seconds, tell }: BenchOptions, { sallyport, load, ledger, probes, rate, roles }: Endured): Promise<{ readonly timeline: readonly Row[], readonly missedProbes: number }> {
  const timeline: Row[] = []
  const rowSeconds = Math.max(MIN_ROW_SECONDS, seconds / ROWS)
  const startedAt = performance.now()
  tell(`${rate} reports a second for ${seconds} s; a row every ${round(rowSeconds)} s`)
  // Beside the rows: a probe that takes long must not keep the load waiting.
  const times: number[] = []
  let missedProbes = 0
  const onMissed = (error: Error): void => {
    missedProbes++
    tell(error.message)
  }
  const probing = measureReportToIntune(probes, { seconds, perSecond: PROBES_PER_SECOND, times, onMissed })
  while ((performance.now() - startedAt) / 1000 < seconds) {
    const floor = watchMemory(roles)
    const drive = await load.call('drive', { apiUrl: sallyport.apiUrl, connections: CONNECTIONS, seconds: rowSeconds, ratePerSecond: rate })
    const row: Row = {
      seconds: Math.round((performance.now() - startedAt) / 1000),
      acceptedPerSecond: perSecond(drive),
      acceptMs: quantiles(drive.latenciesMs),
      reportToIntuneMs: quantiles(times.splice(0)),
      rssMb: mapValues(usageOf(roles), ({ bytes }) => Math.round(bytes / 1024 / 1024)),
      floorMb: floor(),
      unscoredGroups: await ledger.unscored(),
      refused: drive.refused
    }
    timeline.push(row)
    tell(JSON.stringify(row))
  }
  await probing
  return { timeline, missedProbes }
}

/** Looks until it is asked what the least was. */
function watchMemory (roles: Endured['roles']): () => Record<string, number> {
  let least: Record<string, number> = {}
  const look = (): void => { least = mapValues(usageOf(roles), ({ ownBytes }, role) => Math.min(least[role] ?? Infinity, round(ownBytes / 1024 / 1024))) }
  const timer = setInterval(look, LOOK_MS)
  return () => {
    clearInterval(timer)
    look()
    return least
  }
}

const doesNotGrow = (memory: Readonly<Record<string, MemoryVerdict>>): boolean => Object.values(memory).every(({ word }) => word !== 'grows')

/** Groups that wait are worked off within a moment, and not more and more of them in the end. */
function keepsUp (timeline: readonly Row[]): boolean {
  const last = timeline.slice(-Math.max(1, Math.floor(timeline.length / 3))).map(({ unscoredGroups }) => unscoredGroups).sort((a, b) => a - b)
  return last[last.length >> 1]! <= MOST_WAITING
}

/** Of the last third of the rows by the first third: how much slower it became. */
function drift (timeline: readonly Row[]): { readonly ratios: Record<string, number>, readonly text: string } {
  const third = Math.max(1, Math.floor(timeline.length / 3))
  const medianOf = (rows: readonly Row[], pick: (row: Row) => number | undefined): number => rows.flatMap((row) => pick(row) ?? []).sort((a, b) => a - b)[rows.length >> 1] ?? NaN
  const picks = { acceptP50: (row: Row) => row.acceptMs?.p50, acceptP99: (row: Row) => row.acceptMs?.p99, reportToIntuneP50: (row: Row) => row.reportToIntuneMs?.p50 }
  const found = mapValues(picks, (pick) => ({ first: medianOf(timeline.slice(0, third), pick), last: medianOf(timeline.slice(-third), pick) }))
  return {
    ratios: mapValues(found, ({ first, last }) => round(last / first)),
    text: Object.entries(found).map(([name, { first, last }]) => `${name} ${first} ms in the first third, ${last} in the last`).join('; ')
  }
}
