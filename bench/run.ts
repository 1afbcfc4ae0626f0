import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import { type Benchmark, type BenchOptions, type BenchReport, toReport } from './benchmark.js'
import { stopOnSignals } from './interruption.js'

const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  pipeline: async () => (await import('./pipeline.js')).pipeline,
  upgrade: async () => (await import('./upgrade.js')).upgrade,
  soak: async () => (await import('./soak.js')).soak,
  accept: async () => (await import('./accept.js')).accept,
  costs: async () => (await import('./costs.js')).costs,
  fleet: async () => (await import('./fleet.js')).fleet,
  scale: async () => (await import('./scale.js')).scale,
  retro: async () => (await import('./retro.js')).retro,
  assess: async () => (await import('./assess.js')).assessment,
  precision: async () => (await import('./precision.js')).precision,
  preview: async () => (await import('./preview.js')).preview,
  isolation: async () => (await import('./isolation.js')).isolation,
  storage: async () => (await import('./storage.js')).storage,
  feed: async () => (await import('./feed.js')).feed,
  index: async () => (await import('./index.js')).index,
  sync: async () => (await import('./sync.js')).sync,
  upkeep: async () => (await import('./upkeep.js')).upkeep,
  simulator: async () => (await import('./simulator.js')).simulator
}

/** Phones unless asked otherwise; a thousand where nothing is said here. */
const DEFAULT_PHONES: Readonly<Record<string, number>> = { storage: 50_000, isolation: 50_000, fleet: 50_000, retro: 100_000, preview: 100_000, sync: 100_000, simulator: 100_000, upgrade: 20_000 }

/** Seconds unless asked otherwise; ten where nothing is said here. */
const DEFAULT_SECONDS: Readonly<Record<string, number>> = { soak: 1_800, upgrade: 3 }

function positive (text: string): number {
  const number = Number(text)
  if (!(number > 0)) throw new InvalidArgumentError('must be a number above 0')
  return number
}

const command = new Command('npm run bench --')
  .description('measure Sallyport on this machine; exits 1 when something was lost, doubled or wrong, never for being slow')
  .argument('<name>', `one of: ${Object.keys(BENCHMARKS).join(', ')}`)
  .option('--json', 'print one object')
  .option('--seconds <n>', 'how long each load lasts (default: 10; soak: 1800; upgrade: 3)', positive)
  .addOption(new Option('--queue <engine>', 'where the queues live').choices(['postgres', 'redis']).default('postgres'))
  .option('--workers <n>', 'worker processes; `scale` compares several numbers', positive, Math.max(1, availableParallelism() - 1))
  .option('--rate <n>', 'reports a second, instead of as many as possible', positive)
  .option('--phones <n>', 'phones in the fleet (default: 1000; storage, isolation, fleet: 50000; retro, preview, sync, simulator: 100000; upgrade: 20000)', positive)
  .option('--from <revision>', '`upgrade`: the older version (default: the newest that lacks the last three migrations)')
  .option('--indicators <n>', 'indicators in the index', positive, 1_000_000)
  .option('--rows <n>', 'entries of the audit for `upkeep`, and half as many changes of levels', positive, 2_000_000)
  .option('--naive', 'also measure one INSERT and one job a report', false)
  .showHelpAfterError()
  .parse()

const [name = ''] = command.args
const load = BENCHMARKS[name]
if (load === undefined) command.error(`there is no benchmark "${name}"; there are: ${Object.keys(BENCHMARKS).join(', ')}`, { exitCode: 2 })

const { json = false, phones = DEFAULT_PHONES[name] ?? 1_000, seconds = DEFAULT_SECONDS[name] ?? 10, ...options } = command.opts<Omit<BenchOptions, 'tell' | 'phones' | 'seconds'> & { json?: boolean, phones?: number, seconds?: number }>()
const benchmark = await load!()
stopOnSignals()
const report = toReport(name, await benchmark({ ...options, phones, seconds, tell: (message) => process.stderr.write(`${message}\n`) }))
process.stdout.write(json ? JSON.stringify(report) + '\n' : describe(report))
// Streams that are still open must not keep us.
process.exit(Object.values(report.checks).every(Boolean) ? 0 : 1)

function describe (report: BenchReport): string {
  const { machine, config, results, baselines, ratios, checks } = report
  const lines = [`${report.name}: ${report.seconds} s on ${machine.cores} cores, Node ${machine.node}`]
  for (const [title, values] of Object.entries({ config, results, baselines, ratios, checks })) {
    lines.push('', title, ...Object.entries(values).map(([key, value]) => `  ${key.padEnd(28)} ${show(value)}`))
  }
  return lines.join('\n') + '\n'
}

function show (value: unknown): string {
  if (value === null || typeof value !== 'object') return String(value)
  return Object.entries(value).map(([key, one]) => `${key} ${show(one)}`).join('  ')
}
