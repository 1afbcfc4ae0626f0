/** What was used while reports were sent until the last of them was scored. */
export interface ScaleMeasure {
  readonly reports: number
  readonly seconds: number
  /** Of the machine. */
  readonly cores: number
  /** Processor seconds of all processes of a kind together: api, worker, postgres, load and others. */
  readonly cpuSeconds: Readonly<Record<string, number>>
  /** Processor seconds that nobody used, of all cores together. */
  readonly idleSeconds: number
  readonly processes: Readonly<Record<string, number>>
}

export interface ScaleReason {
  readonly perSecond: number
  /** Processor seconds for 1,000 reports, by kind. */
  readonly per1000: Readonly<Record<string, number>>
  /** Of what our processes used. */
  readonly share: Readonly<Record<string, number>>
  /** Of all cores: nobody's, and other programs'. */
  readonly idleShare: number
  readonly elsewhereShare: number
  /** Reports a second if our processes had all cores all the time. */
  readonly ceiling: number
  /** The same if API and workers cost nothing: what PostgreSQL and the load leave at most. */
  readonly ceilingOfPostgresAndLoad: number
  readonly text: string
}

/** Less than this share of the machine idle, and the processor is what there is no more of. */
const BUSY_BELOW = 0.1
/** Cores that a process with one thread for its work has at most, and a little less. */
const ONE_CORE = 0.85
const SINGLE_THREADED = ['api', 'worker', 'load']

/** Where it stops, and why, from what was measured alone. */
export function reasonOf ({ reports, seconds, cores, cpuSeconds, idleSeconds, processes }: ScaleMeasure): ScaleReason {
  const all = Object.values(cpuSeconds).reduce((sum, one) => sum + one, 0)
  const capacity = cores * seconds
  const idleShare = Math.min(1, idleSeconds / capacity)
  const elsewhereShare = Math.max(0, 1 - idleShare - all / capacity)
  const perReport = all / Math.max(1, reports)
  const fixed = ((cpuSeconds.postgres ?? 0) + (cpuSeconds.load ?? 0)) / Math.max(1, reports)
  const perSecond = reports / seconds
  const ceiling = cores / perReport
  const numbers = {
    perSecond: round(perSecond),
    per1000: map(cpuSeconds, (one) => round(one / Math.max(1, reports) * 1000)),
    share: map(cpuSeconds, (one) => round(one / all)),
    idleShare: round(idleShare),
    elsewhereShare: round(elsewhereShare),
    ceiling: round(ceiling),
    ceilingOfPostgresAndLoad: round(cores / fixed)
  }
  const full = SINGLE_THREADED.filter((kind) => (cpuSeconds[kind] ?? 0) / seconds / Math.max(1, processes[kind] ?? 1) >= ONE_CORE)
  const parts = Object.entries(numbers.per1000).filter(([, one]) => one > 0).map(([kind, one]) => `${kind} ${one}`).join(', ')
  const used = `1,000 reports take ${round(perReport * 1000)} processor seconds (${parts}), so ${cores} cores end at ${Math.round(ceiling)} a second and ${Math.round(perSecond)} were reached; ` +
    `PostgreSQL and the load alone take ${percent(fixed / perReport)} of it: with an API and workers that cost nothing it would end at ${Math.round(cores / fixed)}`
  const elsewhere = elsewhereShare > BUSY_BELOW ? `; other programs had ${percent(elsewhereShare)} of the machine, so a quiet one does more` : ''
  const why = idleShare < BUSY_BELOW
    ? `the processor: ${percent(idleShare)} of it idle`
    : full.length > 0
      ? `${full.map((kind) => `each ${kind} process has the one core it can use`).join(', and ')}, while ${percent(idleShare)} of the machine is idle: another process would help`
      : `not the processor, of which ${percent(idleShare)} is idle, nor a process: waiting for the disk or for each other`
  return { ...numbers, text: `${why}. ${used}${elsewhere}` }
}

const round = (value: number): number => Math.round(value * 100) / 100
const percent = (share: number): string => `${Math.round(share * 100)}%`
const map = (record: Readonly<Record<string, number>>, change: (value: number) => number): Record<string, number> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
