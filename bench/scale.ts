import { availableParallelism } from 'node:os'
import { type AnotherApi, startAnotherApi } from './another-api.js'
import { type BenchFindings, type BenchOptions, round } from './benchmark.js'
import { CONNECTIONS, mapValues, measureBare, MIX, rolesOf, SEED, targetOf, usageOf, WARM_UP_SECONDS } from './fleet-load.js'
import { type Checks, openLedger } from './ledger.js'
import type { LoadApi } from './load-process.js'
import { measureCapacity, type Parts } from './pipeline.js'
import { readIdleSeconds } from './process-usage.js'
import { startRedis } from './redis-server.js'
import { startRemote } from './remote.js'
import { reasonOf } from './scale-reason.js'
import { startSallyport } from './started-sallyport.js'

/** Processes compared. */
const SETUPS = [{ apis: 1, workers: 1 }, { apis: 1, workers: 2 }, { apis: 1, workers: 4 }, { apis: 2, workers: 2 }] as const
type Setup = (typeof SETUPS)[number]

const nameOf = ({ apis, workers }: Setup): string => `api${apis}worker${workers}`

/**
 * What another process brings, and why no more: the whole way under as much load as is taken, where API, PostgreSQL, load and
 * workers share the cores; and the workers alone, from a journal that was filled while they stood still.
 */
export async function scale (options: BenchOptions): Promise<BenchFindings> {
  const bare = await measureBare(options)
  const found = new Map<string, Awaited<ReturnType<typeof measureSetup>>>()
  for (const setup of SETUPS) {
    options.tell(`API processes: ${setup.apis}, worker processes: ${setup.workers}`)
    const one = await measureSetup(options, setup)
    options.tell(`it stops at ${Math.round(one.results.scoredPerSecond)} a second: ${one.results.whyNoMore}`)
    found.set(nameOf(setup), one)
  }
  const one = found.get(nameOf(SETUPS[0]))!.results
  const ratios = [...found].slice(1).flatMap(([name, { results }]) =>
    [[`scored ${name}`, round(results.scoredPerSecond / one.scoredPerSecond)], [`drained ${name}`, round(results.drain.perSecond / one.drain.perSecond)]])
  return {
    seconds: options.seconds,
    config: { queue: options.queue, setups: SETUPS.map(nameOf), phones: options.phones, connections: CONNECTIONS, mix: MIX, fsync: true },
    results: Object.fromEntries([...found].map(([name, { results }]) => [name, results])),
    baselines: { bare: { perSecond: bare } },
    ratios: { bare: round(one.scoredPerSecond / bare), ...Object.fromEntries(ratios) as Record<string, number> },
    checks: Object.fromEntries([...found].flatMap(([name, { checks }]) => Object.entries(checks).map(([check, isSo]) => [`${check} ${name}`, isSo])))
  }
}

/** An installation of its own for each: nothing is warm that was not for the others. */
async function measureSetup (options: BenchOptions, { apis, workers }: Setup) {
  const redis = options.queue === 'redis' ? await startRedis() : undefined
  if (options.queue === 'redis' && redis === undefined) throw new Error('neither redis-server nor valkey-server is installed')
  const moreApis: AnotherApi[] = []
  try {
    const sallyport = await startSallyport({ workers, ...(redis === undefined ? {} : { redisUrl: redis.url }) })
    const load = startRemote<LoadApi>('load-process')
    const ledger = await openLedger(sallyport)
    try {
      while (moreApis.length + 1 < apis) moreApis.push(await startAnotherApi(sallyport, redis?.url))
      return await measureStarted(options, { sallyport, load, ledger, redis, moreApis })
    } finally {
      await Promise.all([load.stop(), ledger.close(), ...moreApis.map(async (api) => await api.stop())])
      await sallyport.stop()
    }
  } finally {
    await redis?.stop()
  }
}

async function measureStarted (options: BenchOptions, parts: Required<Parts>) {
  const { sallyport, load, ledger, moreApis } = parts
  const target = targetOf(sallyport, moreApis)
  options.tell(`enrolling ${options.phones} phones …`)
  await load.call('enroll', { apiUrl: sallyport.apiUrl, enrollmentToken: sallyport.enrollmentToken, phones: options.phones, seed: SEED })
  await load.call('introduce', target)
  await load.call('drive', { ...target, seconds: WARM_UP_SECONDS })
  await ledger.drained()

  const full = await measureFull(options, parts)
  const drain = await measureDrain(options, parts)
  const checks: Checks = await ledger.check(await load.call('tally', null))
  return { results: { ...full, drain }, checks }
}

/** The whole way at full load: how many a second, who had how much of the processor, and why it was no more. */
async function measureFull (options: BenchOptions, parts: Required<Parts>) {
  const { sallyport, load, redis, moreApis } = parts
  const roles = rolesOf(sallyport, load, redis, moreApis)
  const shares = watchShares(roles)
  const usedBefore = usageOf(roles)
  const idleBefore = readIdleSeconds()
  const startedAt = performance.now()
  const { reports, scoredPerSecond, acceptedPerSecond, rssBytes } = await measureCapacity(options, parts)
  const seconds = (performance.now() - startedAt) / 1000
  const cpuSeconds = mapValues(usageOf(roles), ({ cpuSeconds }, role) => cpuSeconds - (usedBefore[role]?.cpuSeconds ?? 0))
  const idleSeconds = (readIdleSeconds() ?? 0) - (idleBefore ?? 0)
  const { text, ...reason } = reasonOf({ reports, seconds, cores: availableParallelism(), cpuSeconds, idleSeconds, processes: mapValues(roles, (pids) => pids.length) })
  return { scoredPerSecond, acceptedPerSecond, ...reason, workerShares: shares(), rssBytes, whyNoMore: text }
}

/** Each worker's share of what workers do, by processor time; fair is one by their number. */
function watchShares (roles: Readonly<Record<string, readonly number[]>>): () => number[] {
  const each = Object.fromEntries((roles.worker ?? []).map((pid) => [pid, [pid]]))
  const before = usageOf(each)
  return () => {
    const used = Object.entries(usageOf(each)).map(([pid, { cpuSeconds }]) => cpuSeconds - before[pid]!.cpuSeconds)
    const all = Math.max(0.01, used.reduce((sum, one) => sum + one, 0))
    return used.map((one) => round(one / all))
  }
}

/** Fills the journal while the workers stand still; then they have the machine to themselves and PostgreSQL. */
async function measureDrain ({ seconds, tell }: BenchOptions, { sallyport, load, ledger, redis, moreApis }: Required<Parts>) {
  const roles = rolesOf(sallyport, load, redis, moreApis)
  const signal = (name: NodeJS.Signals): void => { for (const pid of roles.worker ?? []) process.kill(pid, name) }
  tell('filling the journal …')
  signal('SIGSTOP')
  try {
    await load.call('drive', { ...targetOf(sallyport, moreApis), seconds })
  } finally {
    signal('SIGCONT')
  }
  tell('and scoring what is in it …')
  const before = await ledger.scored()
  const shares = watchShares(roles)
  const usedBefore = usageOf(roles)
  const startedAtMs = Date.now()
  await ledger.drained()
  const after = await ledger.scored()
  const used = usageOf(roles)
  const reports = after.reports - before.reports
  const drainSeconds = Math.max(0.001, (after.lastAtMs - startedAtMs) / 1000)
  const cores = (role: string): number => round((used[role]!.cpuSeconds - usedBefore[role]!.cpuSeconds) / drainSeconds)
  return { perSecond: round(reports / drainSeconds), reports, workerShares: shares(), coresInUse: { worker: cores('worker'), postgres: cores('postgres') } }
}
