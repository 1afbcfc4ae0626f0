import { type BenchFindings, type BenchOptions, quantiles, round } from './benchmark.js'
import { CONNECTIONS, mapValues, measureBare, MIX, perSecond, REPEAT_SHARE, rolesOf, SEED, usageOf, WARM_UP_SECONDS } from './fleet-load.js'
import { type Ledger, openLedger } from './ledger.js'
import type { LoadApi } from './load-process.js'
import { startRedis } from './redis-server.js'
import { startRemote } from './remote.js'
import { type StartedSallyport, startSallyport } from './started-sallyport.js'

/**
 * The way in alone: reports acknowledged, which means committed, while the workers stand still.
 * Afterwards they go on, and nothing may be missing.
 */
export async function accept (options: BenchOptions): Promise<BenchFindings> {
  const bare = await measureBare(options)
  const redis = options.queue === 'redis' ? await startRedis() : undefined
  if (options.queue === 'redis' && redis === undefined) throw new Error('neither redis-server nor valkey-server is installed')
  try {
    const sallyport = await startSallyport({ workers: options.workers, ...(redis === undefined ? {} : { redisUrl: redis.url }) })
    const ledger = await openLedger(sallyport)
    try {
      const { results, checks } = await measureAccepting(options, sallyport, ledger)
      return {
        seconds: options.seconds,
        config: { queue: options.queue, workers: 'stopped', rate: options.rate ?? null, phones: options.phones, connections: CONNECTIONS, mix: MIX, fsync: true },
        results,
        baselines: { bare: { perSecond: bare } },
        ratios: { bare: round(results.acceptedPerSecond / bare) },
        checks: { ...checks }
      }
    } finally {
      await ledger.close()
      await sallyport.stop()
    }
  } finally {
    await redis?.stop()
  }
}

async function measureAccepting ({ phones, seconds, rate, tell }: BenchOptions, sallyport: StartedSallyport, ledger: Ledger) {
  const { apiUrl, enrollmentToken } = sallyport
  const load = startRemote<LoadApi>('load-process')
  const roles = rolesOf(sallyport, load, undefined)
  const signalWorkers = (signal: NodeJS.Signals): void => { for (const pid of roles.worker ?? []) process.kill(pid, signal) }
  const target = { apiUrl, connections: CONNECTIONS }
  try {
    tell(`enrolling ${phones} phones …`)
    await load.call('enroll', { apiUrl, enrollmentToken, phones, seed: SEED })
    await load.call('introduce', target)
    await load.call('drive', { ...target, seconds: WARM_UP_SECONDS })
    await ledger.drained()

    tell('as many as possible …')
    signalWorkers('SIGSTOP')
    const usedBefore = usageOf(roles)
    const full = await load.call('drive', { ...target, seconds, repeatShare: REPEAT_SHARE, ...(rate === undefined ? {} : { ratePerSecond: rate }) })
    const usedAfter = usageOf(roles)
    tell('at half of that …')
    const half = await load.call('drive', { ...target, seconds, ratePerSecond: perSecond(full) / 2 })
    signalWorkers('SIGCONT')
    tell('scoring what has come in …')
    await ledger.drained()
    return {
      results: {
        acceptedPerSecond: perSecond(full),
        acceptMs: quantiles(half.latenciesMs),
        acceptMsAt: { perSecond: perSecond(half) },
        acceptMsAtCapacity: quantiles(full.latenciesMs),
        refused: full.refused,
        cpuSecondsPer1000Reports: mapValues(usedAfter, ({ cpuSeconds }, role) => round((cpuSeconds - (usedBefore[role]?.cpuSeconds ?? 0)) / full.accepted * 1000)),
        rssBytes: mapValues(usedAfter, ({ bytes }) => bytes)
      },
      checks: { ...await ledger.check(await load.call('tally', null)), everyRepeatRecognised: full.repeated === full.recognised }
    }
  } finally {
    signalWorkers('SIGCONT')
    await load.stop()
  }
}
