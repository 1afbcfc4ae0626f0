import { randomInt } from 'node:crypto'
import type { FleetResult } from '../simulator/fleet/fleet-tally.js'
import { type FleetOptions, runFleet } from '../simulator/fleet/run-fleet.js'

/** Numbers that a run takes; `most` keeps timers within what Node can time. */
const NUMBERS = {
  phones: { least: 1, most: 1_000_000, fallback: 100 },
  rate: { least: 0, most: 100_000, fallback: 10 },
  seconds: { least: 0, most: 604_800, fallback: 60 },
  speed: { least: 0.01, most: 100_000, fallback: 1 },
  drainSeconds: { least: 0, most: 604_800, fallback: 60 }
} as const

type NumberName = keyof typeof NUMBERS

interface RunOptions extends Partial<Readonly<Record<NumberName, number>>> {
  readonly api?: string
  readonly enrollmentToken?: string
  readonly seed?: number
  readonly ledger?: string
}

interface Options extends RunOptions {
  readonly seedDatabase?: number
  readonly tenant?: string
  readonly dataDir?: string
  readonly json?: boolean
}

const RUN_OPTIONS = ['api', 'enrollmentToken', 'phones', 'rate', 'seconds', 'seed', 'speed', 'ledger', 'drainSeconds'] as const
const SEED_OPTIONS = ['tenant', 'dataDir'] as const

/**
 * `sallyport simulate fleet`: made-up phones that enrol and report at a running Sallyport, or with
 * `--seed-database` rows as such phones leave them. Ends with 1 when a report was left over,
 * refused, or taken twice. @throws naming every fault of the options
 */
export async function runSimulateFleet (options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const { seedDatabase, json } = options
  if (seedDatabase !== undefined) {
    refuse(options, RUN_OPTIONS, 'cannot go with --seed-database')
    const { tenant, dataDir } = options
    const { runSeedDatabase } = await import('./simulate-fleet-database.js')
    await runSeedDatabase({ seedDatabase, ...(tenant === undefined ? {} : { tenant }), ...(dataDir === undefined ? {} : { dataDir }), ...(json === undefined ? {} : { json }) }, env)
    return
  }
  refuse(options, SEED_OPTIONS, 'goes with --seed-database only')
  const run = toFleetOptions(options)
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, onSignal)
  try {
    const result = await runFleet(json === true ? run : { ...run, onProgress: tellProgress }, stop.signal)
    process.stdout.write(json === true ? `${JSON.stringify(result)}\n` : describeResult(result))
    if (!isClean(result)) process.exitCode = 1
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal)
  }
}

function refuse (options: Options, names: ReadonlyArray<keyof Options>, why: string): void {
  const faults = names.filter((name) => options[name] !== undefined).map((name) => `${flagOf(name)} ${why}`)
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

/** With what was left out. @throws naming every fault */
export function toFleetOptions (options: RunOptions): FleetOptions {
  const { api = '', enrollmentToken = '', seed = randomInt(2 ** 31), ledger } = options
  const numbers = Object.fromEntries(Object.entries(NUMBERS).map(([name, { fallback }]) => [name, options[name as NumberName] ?? fallback])) as Record<NumberName, number>
  const faults = [
    ...(isHttpUrl(api) ? [] : ['--api must be the http or https address of a running Sallyport']),
    ...(enrollmentToken === '' ? ['--enrollment-token must be a token that lets phones enrol'] : []),
    ...Object.entries(NUMBERS).filter(([name, { least, most }]) => !(numbers[name as NumberName] >= least && numbers[name as NumberName] <= most))
      .map(([name, { least, most }]) => `${flagOf(name)} must be a number from ${least} to ${most}`),
    ...(Number.isInteger(numbers.phones) ? [] : ['--phones must be whole']),
    ...(Number.isInteger(seed) && seed < 2 ** 32 ? [] : ['--seed must be a whole number below 4294967296'])
  ]
  if (faults.length > 0) throw new Error(faults.join('\n'))
  return { ...numbers, api: api.replace(/\/+$/, ''), enrollmentToken, seed, ...(ledger === undefined ? {} : { ledger }) }
}

/** Everything was acknowledged, and once. */
export const isClean = ({ leftOver, refused, repeated, recognised }: FleetResult): boolean =>
  leftOver === 0 && Object.keys(refused).length === 0 && recognised === repeated

const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

function isHttpUrl (text: string): boolean {
  return URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)
}

const tellProgress: FleetOptions['onProgress'] = ({ phase, phones, due, acknowledged, backlog }) => {
  process.stderr.write(`${phase}: ${phones} phones, ${due} reports due, ${acknowledged} acknowledged, ${backlog} waiting\n`)
}

function describeResult (result: FleetResult): string {
  const { latencyMs } = result
  const counts = (all: Readonly<Record<string, number>>): string => Object.keys(all).length === 0 ? 'none' : Object.entries(all).map(([name, count]) => `${name}: ${count}`).join(', ')
  const ms = (value: number): string => `${value.toFixed(1)} ms`
  return [
    `${result.phones} phones (seed ${result.seed}) in ${result.seconds.toFixed(1)} s`,
    `  due              ${result.due}`,
    `  accepted         ${result.accepted}`,
    `  duplicate        ${result.duplicate}`,
    `  stale            ${result.stale}`,
    `  refused          ${counts(result.refused)}`,
    ...Object.entries(result.refusals).map(([status, detail]) => `    ${status}: ${detail}`),
    `  tried again      ${counts(result.retried)}`,
    `  repeated         ${result.repeated}, recognised ${result.recognised}`,
    `  asked for again  ${counts(result.resend)}`,
    `  latency          ${latencyMs === null ? 'nothing was due' : `p50 ${ms(latencyMs.p50)}, p90 ${ms(latencyMs.p90)}, p99 ${ms(latencyMs.p99)}, max ${ms(latencyMs.max)}`}`,
    `  largest backlog  ${result.largestBacklog}`,
    `  left over        ${result.leftOver}`,
    ''
  ].join('\n')
}
