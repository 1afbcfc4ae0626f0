import { availableParallelism, totalmem } from 'node:os'

/** Options that every benchmark understands; each ignores those that do not concern it. */
export interface BenchOptions {
  readonly seconds: number
  readonly queue: 'postgres' | 'redis'
  readonly workers: number
  /** Reports a second instead of as many as possible. */
  readonly rate?: number
  /** Also measure one INSERT and one job a report. */
  readonly naive: boolean
  /** Entries of a large table. */
  readonly rows: number
  readonly phones: number
  readonly indicators: number
  /** Revision of the older version; by default one that lacks the newest migrations. */
  readonly from?: string
  /** Told what happens, for people who wait. */
  readonly tell: (message: string) => void
}

/** What a benchmark found; names are the contract's ("Benchmarks"). */
export interface BenchFindings {
  readonly seconds: number
  readonly config: Readonly<Record<string, unknown>>
  readonly results: Readonly<Record<string, unknown>>
  readonly baselines: Readonly<Record<string, unknown>>
  readonly ratios: Readonly<Record<string, number>>
  /** A false one makes the command fail: something was lost, doubled or wrong. */
  readonly checks: Readonly<Record<string, boolean>>
}

export interface BenchReport extends BenchFindings {
  readonly name: string
  readonly machine: { readonly cores: number, readonly memoryBytes: number, readonly node: string }
}

export type Benchmark = (options: BenchOptions) => Promise<BenchFindings>

/** The object that `--json` prints. */
export function toReport (name: string, { seconds, config, results, baselines, ratios, checks }: BenchFindings): BenchReport {
  const machine = { cores: availableParallelism(), memoryBytes: totalmem(), node: process.version }
  return { name, seconds, machine, config, results, baselines, ratios, checks }
}

/** Percentiles of measured times, in the unit they have. */
export function quantiles (values: readonly number[]): { readonly p50: number, readonly p99: number } | null {
  if (values.length === 0) return null
  const sorted = Float64Array.from(values).sort()
  const at = (share: number): number => round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!)
  return { p50: at(0.5), p99: at(0.99) }
}

/** Two decimals are more than a measurement here is good for. */
export const round = (value: number): number => Math.round(value * 100) / 100
