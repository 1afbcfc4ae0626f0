import { type BenchFindings, type BenchOptions, round } from './benchmark.js'
import { CONNECTIONS, measureBare, MIX, rolesOf, SEED, usageOf, WARM_UP_SECONDS } from './fleet-load.js'
import { type Checks, openLedger } from './ledger.js'
import type { LoadApi } from './load-process.js'
import { measureCapacity, type Parts } from './pipeline.js'
import { startRedis } from './redis-server.js'
import { startRemote } from './remote.js'
import { startSallyport } from './started-sallyport.js'

/** Worker processes compared. */
const WORKERS = [1, 2, 4] as const

/**
 * What another worker process brings: the whole way under as much load as is taken, where API, PostgreSQL, load and
 * workers share the cores; and the workers alone, from a journal that was filled while they stood still.
 */
export async function scale (options: BenchOptions): Promise<BenchFindings> {
  const bare = await measureBare(options)
  const found = new Map<number, Awaited<ReturnType<typeof measureWorkers>>>()
  for (const workers of WORKERS) {
    options.tell(`with ${workers} worker process${workers === 1 ? '' : 'es'}:`)
    found.set(workers, await measureWorkers(options, workers))
  }
  const one = found.get(1)!.results
  const ratios = [...found].flatMap(([workers, { results }]) => workers === 1
    ? []
    : [[`scored${workers}`, round(results.scoredPerSecond / one.scoredPerSecond)], [`drained${workers}`, round(results.drainedPerSecond / one.drainedPerSecond)]])
  return {
    seconds: options.seconds,
    config: { queue: options.queue, workers: WORKERS, phones: options.phones, connections: CONNECTIONS, mix: MIX, fsync: true },
    results: { byWorkers: Object.fromEntries([...found].map(([workers, { results }]) => [workers, results])) },
    baselines: { bare: { perSecond: bare } },
    ratios: { bare: round(one.scoredPerSecond / bare), ...Object.fromEntries(ratios) as Record<string, number> },
    checks: Object.fromEntries([...found].flatMap(([workers, { checks }]) => Object.entries(checks).map(([name, isSo]) => [`${name}${workers}`, isSo])))
  }
}

/** An installation of its own for each number: nothing is warm that was not for the others. */
async function measureWorkers (options: BenchOptions, workers: number) {
  const redis = options.queue === 'redis' ? await startRedis() : undefined
  if (options.queue === 'redis' && redis === undefined) throw new Error('neither redis-server nor valkey-server is installed')
  try {
    const sallyport = await startSallyport({ workers, ...(redis === undefined ? {} : { redisUrl: redis.url }) })
    const load = startRemote<LoadApi>('load-process')
    const ledger = await openLedger(sallyport)
    try {
      return await measureStarted(options, { sallyport, load, ledger, redis })
    } finally {
      await Promise.all([load.stop(), ledger.close()])
      await sallyport.stop()
    }
  } finally {
    await redis?.stop()
  }
}

async function measureStarted (options: BenchOptions, parts: Parts) {
  const { sallyport: { apiUrl, enrollmentToken }, load, ledger } = parts
  options.tell(`enrolling ${options.phones} phones …`)
  await load.call('enroll', { apiUrl, enrollmentToken, phones: options.phones, seed: SEED })
  await load.call('introduce', { apiUrl, connections: CONNECTIONS })
  await load.call('drive', { apiUrl, connections: CONNECTIONS, seconds: WARM_UP_SECONDS })
  await ledger.drained()

  const { scoredPerSecond, acceptedPerSecond, cpuSecondsPer1000Reports, rssBytes } = await measureCapacity(options, parts)
  const drain = await measureDrain(options, parts)
  const checks: Checks = await ledger.check(await load.call('tally', null))
  return { results: { scoredPerSecond, acceptedPerSecond, cpuSecondsPer1000Reports, rssBytes, ...drain }, checks }
}

/** Fills the journal while the workers stand still; then they have the machine to themselves and PostgreSQL. */
async function measureDrain ({ seconds, tell }: BenchOptions, { sallyport, load, ledger, redis }: Parts) {
  const roles = rolesOf(sallyport, load, redis)
  const workers = roles.worker ?? []
  const each = Object.fromEntries(workers.map((pid) => [pid, [pid]]))
  const signal = (name: NodeJS.Signals): void => { for (const pid of workers) process.kill(pid, name) }
  tell('filling the journal …')
  signal('SIGSTOP')
  try {
    await load.call('drive', { apiUrl: sallyport.apiUrl, connections: CONNECTIONS, seconds })
  } finally {
    signal('SIGCONT')
  }
  tell('and scoring what is in it …')
  const before = await ledger.scored()
  const used = { all: usageOf(roles), each: usageOf(each) }
  const startedAtMs = Date.now()
  await ledger.drained()
  const after = await ledger.scored()
  const usedAfter = { all: usageOf(roles), each: usageOf(each) }
  const reports = after.reports - before.reports
  const drainSeconds = Math.max(0.001, (after.lastAtMs - startedAtMs) / 1000)
  const shares = workers.map((pid) => usedAfter.each[pid]!.cpuSeconds - used.each[pid]!.cpuSeconds)
  const cores = (role: string): number => round((usedAfter.all[role]!.cpuSeconds - used.all[role]!.cpuSeconds) / drainSeconds)
  return {
    drainedPerSecond: round(reports / drainSeconds),
    drainedReports: reports,
    /** Processor seconds of the worker that had the least to do, by those of the one that had the most. */
    leastToMost: round(Math.min(...shares) / Math.max(0.01, ...shares)),
    coresInUse: { worker: cores('worker'), postgres: cores('postgres') }
  }
}
