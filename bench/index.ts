import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { setTimeout as wait, setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { IndexBuilder } from '../src/intel/index/index-builder.js'
import { CompiledIndex } from '../src/intel/index/compiled-index.js'
import { bytesOf, type IndexParts } from '../src/intel/index/index-parts.js'
import { createIntelCache, type IntelCache } from '../src/intel/index/intel-cache.js'
import { BUILT_IN_GUARD } from '../src/intel/indicators/shared-hosts.js'
import type { IndicatorType } from '../src/intel/indicators/indicator.js'
import type { IntelView } from '../src/intel/intel-view.js'
import { raiseIntelVersion } from '../src/intel/intel-version.js'
import { copyRows } from '../src/platform/copy-rows.js'
import { type Database, openDatabase } from '../src/platform/database.js'
import { createLogger } from '../src/platform/log.js'
import { migrate } from '../src/platform/migrate.js'
import { startBenchPostgres } from './bench-postgres.js'
import { type BenchFindings, type BenchOptions, round } from './benchmark.js'
import { entryOf, FEEDS, makeQuestions, type Value } from './index-questions.js'

/** A small store is known as well by fewer. */
const QUESTIONS = 1_000_000
const QUESTIONS_AN_INDICATOR = 20
const ROUNDS = 5
const LOADS = 3
const NEVER_MS = 3_600_000
/** What a process does meanwhile, at a time. */
const BUSY_MS = 1
const SEED = 20_261_123

/**
 * What an indicator costs in memory, how soon a store is loaded and how often it can be asked a
 * second, beside a plain Map of strings with the same content in the same run.
 */
export async function index ({ indicators, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  const log = createLogger({ level: 'warn' })
  const postgres = await startBenchPostgres({ log })
  try {
    await migrate({ databaseUrl: postgres.url, log })
    const db = openDatabase({ connectionString: postgres.url, maxConnections: 4 })
    try {
      tell(`storing ${indicators} indicators …`)
      await storeIndicators(db, indicators)
      tell('loading …')
      const { view, ...loading } = await measureLoading({ db, databaseUrl: postgres.url, log, maxInPlace: 0 })
      tell('building without a database …')
      const built = measureBuilding(indicators)
      tell('asking …')
      const asked = Math.min(QUESTIONS, indicators * QUESTIONS_AN_INDICATOR)
      const questions = makeQuestions(asked, indicators, SEED)
      const lookupsPerSecond = measureLookups(questions, ({ type, value }) => view.lookup(type, value).length > 0)
      const hosts = questions.filter(({ type }) => type === 'domain')
      const hostLookupsPerSecond = measureLookups(hosts, ({ value }) => view.lookupHost(value).length > 0)
      const urls = questions.filter(({ type }) => type === 'url')
      const urlLookupsPerSecond = measureLookups(urls, ({ value }) => view.lookupUrl(value).length > 0)
      tell('the same with a Map …')
      const { map, bytes } = buildMap(indicators)
      const mapLookupsPerSecond = measureLookups(questions, ({ type, value }) => map.get(type)?.has(value) === true)
      const bytesPerIndicator = built.bytes / indicators
      return {
        seconds: round((performance.now() - startedAt) / 1000),
        config: { indicators, questions: asked, hits: 0.01 },
        results: {
          indicators,
          bytesPerIndicator: round(bytesPerIndicator),
          bytesPerIndicatorWithOwnValidity: round(measureValidity(Math.min(indicators, 100_000))),
          ...loading,
          buildMs: built.ms,
          lookupsPerSecond,
          hostLookupsPerSecond,
          urlLookupsPerSecond
        },
        baselines: { map: { bytesPerIndicator: round(bytes / indicators), lookupsPerSecond: mapLookupsPerSecond } },
        ratios: { memory: round(bytes / built.bytes), lookups: round(lookupsPerSecond / mapLookupsPerSecond) },
        checks: checkAnswers(view, map, questions, indicators)
      }
    } finally {
      await db.destroy()
    }
  } finally {
    await postgres.stop()
  }
}

async function storeIndicators (db: Database, count: number): Promise<void> {
  await db.transaction().execute(async (tx) => {
    for (const name of FEEDS) await tx.insertInto('intel_feed').values({ name, format: 'csv', imported_at: new Date(), sha256: '', entries: 0, skipped: '[]' }).execute()
    await copyRows(tx, 'indicator (feed, type, value, role, threat_class, family, confidence)', entries(count), (one) => (
      [one.feed, one.type, one.value, one.role, one.threatClass, one.family, one.confidence]))
    await raiseIntelVersion(tx)
  })
}

function * entries (count: number): Generator<ReturnType<typeof entryOf>> {
  for (let number = 0; number < count; number++) yield entryOf(number, count)
}

/** From asking for it until it is there, thread and connections included; and what a busy process notices of it. */
async function measureLoading (options: Parameters<typeof createIntelCache>[0]) {
  const cache = await createIntelCache({ ...options, pollMs: NEVER_MS })
  try {
    const times: number[] = []
    for (let load = 0; load < LOADS; load++) times.push(await reload(options.db, cache))
    const pauses: Pause[] = []
    for (let load = 0; load < LOADS; load++) pauses.push(await pauseWhile(cache, async () => { await reload(options.db, cache) }))
    return {
      view: cache.current(),
      loadMs: Math.round(median(times)),
      longestPauseMs: round(Math.max(...pauses.map(({ longestMs }) => longestMs))),
      longestGarbagePauseMs: round(Math.max(...pauses.map(({ garbageMs }) => garbageMs))),
      longestPauseWithoutReloadMs: round((await pauseWhile(cache, async () => { await wait(Math.max(...times)) })).longestMs),
      rssBytes: process.memoryUsage.rss()
    }
  } finally {
    await cache.close()
  }
}

async function reload (db: Database, cache: IntelCache): Promise<number> {
  await db.transaction().execute(raiseIntelVersion)
  const startedAt = performance.now()
  await cache.refresh()
  return performance.now() - startedAt
}

interface Pause {
  /** Between two turns of the event loop, ms. */
  readonly longestMs: number
  /** Of the garbage collector in this thread, ms. */
  readonly garbageMs: number
}

/** Looks up without end, a millisecond at a time, while something happens. */
async function pauseWhile (cache: IntelCache, work: () => Promise<void>): Promise<Pause> {
  const questions = makeQuestions(1_000, 1_000_000, SEED)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const progress = { done: false }
  let garbageMs = 0
  const garbage = new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) garbageMs = Math.max(garbageMs, duration) })
  garbage.observe({ entryTypes: ['gc'] })
  delay.enable()
  const working = work().finally(() => { progress.done = true })
  while (!progress.done) {
    const until = performance.now() + BUSY_MS
    while (performance.now() < until) for (const { type, value } of questions) cache.current().lookup(type, value)
    await turn()
  }
  await working
  delay.disable()
  await turn()
  garbage.disconnect()
  return { longestMs: delay.max / 1e6, garbageMs }
}

/** Compiling alone, from values that are there. */
function measureBuilding (count: number): { readonly ms: number, readonly bytes: number } {
  const all = [...entries(count)]
  const startedAt = performance.now()
  const parts = build(all)
  return { ms: Math.round(performance.now() - startedAt), bytes: bytesOf(parts) }
}

function build (all: Iterable<ReturnType<typeof entryOf>>): IndexParts {
  const builder = new IndexBuilder()
  for (const one of all) builder.add(one)
  return builder.finish()
}

/** The worst for memory: a feed that bounds each of its indicators by times that no other has. */
function measureValidity (count: number): number {
  const from = Date.UTC(2026, 0, 1)
  const bounded = Array.from({ length: count }, (_, number) => ({
    ...entryOf(number, count), validFrom: new Date(from + number * 1_009).toISOString(), validUntil: new Date(from + number * 2_003 + 86_400_000).toISOString()
  }))
  const parts = build(bounded)
  return new CompiledIndex(parts, BUILT_IN_GUARD).size === count ? bytesOf(parts) / count : NaN
}

/** A second of processor time, for one core: who else runs on the machine does not count. */
function measureLookups (questions: readonly Value[], ask: (question: Value) => boolean): number {
  const rates: number[] = []
  let hits = 0
  for (let at = -1; at < ROUNDS; at++) {
    const before = process.cpuUsage()
    for (let question = 0; question < questions.length; question++) if (ask(questions[question]!)) hits++
    const { user, system } = process.cpuUsage(before)
    if (at >= 0) rates.push(questions.length / (user + system) * 1e6)
  }
  if (hits === 0) throw new Error('nothing was found')
  return Math.round(median(rates))
}

function buildMap (count: number): { readonly map: ReadonlyMap<IndicatorType, ReadonlyMap<string, number>>, readonly bytes: number } {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const before = process.memoryUsage().heapUsed
  const map = new Map<IndicatorType, Map<string, number>>()
  for (let number = 0; number < count; number++) {
    const { type, value } = entryOf(number, count)
    let values = map.get(type)
    if (values === undefined) map.set(type, values = new Map())
    // As a driver makes them: texts of their own, in one piece.
    values.set(Buffer.from(value).toString('latin1'), number)
  }
  collect()
  return { map, bytes: process.memoryUsage().heapUsed - before }
}

function checkAnswers (view: IntelView, map: ReadonlyMap<IndicatorType, ReadonlyMap<string, number>>, questions: readonly Value[], count: number): Record<string, boolean> {
  let wrong = 0
  let wrongEntries = 0
  let hits = 0
  for (const { type, value } of questions) {
    const found = view.lookup(type, value)
    const number = map.get(type)?.get(value)
    if ((found.length > 0) !== (number !== undefined)) wrong++
    if (number === undefined) continue
    hits++
    const { feed, family, role, threatClass, confidence } = entryOf(number, count)
    const [entry] = found
    if (found.length !== 1 || entry!.feed !== feed || entry!.family !== family || entry!.role !== role || entry!.threatClass !== threatClass || entry!.confidence !== confidence ||
      entry!.type !== type || entry!.value !== value) wrongEntries++
  }
  return { answersEqualTheMaps: wrong === 0, everyEntryIsRight: wrongEntries === 0, somethingWasFound: hits > questions.length / 200 }
}

function median (values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
