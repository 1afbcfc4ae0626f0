import { connectionsOf } from '../src/platform/connections.js'

/**
 * What a fleet needs, from what was measured: every figure of docs/capacity.md is made here, so the numbers have one home. Pure, and linear
 * in the number of phones but for what is rounded up to whole processes.
 */

/** Measured; each with the command that repeats it. */
export const MEASURED = {
  /** Processor milliseconds of one report of the usual mix (`bench pipeline`: two cores, Node 20, PostgreSQL 18 with fsync, nothing else running). */
  reportMs: { api: 0.24, worker: 0.41, postgres: 0.25 },
  /**
   * What a group of reports that are committed and scored together costs beside, its job in PostgreSQL included: 4,000 reports at 100 a second from
   * `simulate fleet` (2.3 in a group) took 1.8, 3.3 and 4.8 ms each where large groups take 0.75, 1.36 and 1.12 (`bench pipeline` on that machine, which takes three times the processor seconds).
   */
  groupMs: { api: 0.8, worker: 1.5, postgres: 2.9 },
  /** Of one API process (journal.ts). */
  groupsPerSecond: 50,
  /** Of Redis, with the queues there (`bench pipeline --queue redis`). */
  redisReportMs: 0.01,
  /**
   * Bytes of a report as an agent sends it, without compression; in the journal with its indexes; of write-ahead log, and
   * when each page is written whole, with `wal_compression` (`bench costs`, kinds by their share).
   */
  reportBytes: { sent: 3_730, journal: 1_430, wal: 3_550, walOnColdPages: 12_100 },
  /** Bytes of PostgreSQL for a phone with 150 apps, indexes included, its findings, levels and a change in the feed among them (`bench storage`). */
  phoneBytes: 3_929,
  /** Processor milliseconds to tell Intune one phone's level: worker and PostgreSQL together (`bench sync`: 1.2 to 1.5 s for 10,000). */
  pushMs: 0.135,
  /** Processor milliseconds to judge a phone anew of which nothing was said: worker and PostgreSQL (`bench costs`). */
  rejudgeMs: { worker: 0.28, postgres: 0.1 },
  /** Of it the row of its state, which each report changes, and the indexes on it (`bench storage`). */
  stateBytes: { heap: 1_397, indexes: 133 },
  /** Of an indicator in memory, in each process (`bench index`). */
  indicatorBytes: 22.4,
  /** Of a job that waits in Redis 7.0 (Valkey 8.0: 700). */
  redisJobBytes: 780,
  /** Most that a process held (`bench pipeline`, `bench index`): an API; a worker with a million indicators. */
  processBytes: { api: 178e6, worker: 256e6 }
} as const

/** How a fleet behaves, and how much of a machine one dares to use. Choices, not measurements. */
export interface Assumptions {
  readonly phones: number
  /** Of one phone: hourly by default. */
  readonly reportsPerDay: number
  /** The busiest hour by the average one. */
  readonly peak: number
  /** Changes of its level that Intune must be told of. */
  readonly changesPerDay: number
  /** Days that the journal keeps what was said (REPORT_RETENTION_DAYS). */
  readonly retentionDays: number
  /** Share of the processor's time that is planned with; the rest is for failures, imports and garbage. */
  readonly usage: number
}

export const USUAL: Omit<Assumptions, 'phones'> = { reportsPerDay: 24, peak: 3, changesPerDay: 0.1, retentionDays: 30, usage: 0.6 }

/**
 * How PostgreSQL clears dead rows: begins at 2% (migrations/0022), and pauses 2 ms whenever it has collected points, for a page that it
 * reads and for one that it changes (defaults of PostgreSQL 17 and 18; the limit is of migrations/0028).
 */
export const VACUUM = { beginsAt: 0.02, costLimit: 1_000, usualCostLimit: 200, pauseMs: 2, read: 2, changed: 20, pageBytes: 8_192 } as const
/** Messages a second for one tenant (INTUNE_WRITE_LIMIT in 20 s), and phones in one. */
const INTUNE = { messagesPerSecond: 5, phonesOfAMessage: 500 } as const
/** Days of the journal that are made ahead, and today; each is a part of two tables. */
const DAYS_BESIDE = 4
const INDICATORS = 1e6

export interface Needs {
  readonly phones: number
  readonly reportsPerSecond: { readonly mean: number, readonly peak: number }
  /** At the peak: what is committed and scored together. */
  readonly groupsPerSecond: number
  /** Processor cores that are busy at the peak. */
  readonly busyCores: { readonly api: number, readonly worker: number, readonly postgres: number, readonly redis: number }
  /** Processes to start, at `usage` of a core each, two at least. */
  readonly processes: { readonly api: number, readonly worker: number }
  /** Cores of the database server, at `usage`. */
  readonly postgresCores: number
  readonly bytes: { readonly phones: number, readonly journal: number }
  /** Bytes a second at the peak: from phones; of write-ahead log as measured, and when every page is written whole. */
  readonly bytesPerSecond: { readonly received: number, readonly wal: number, readonly walOnColdPages: number }
  /** Most connections to PostgreSQL, of all pools together (connections.ts). */
  readonly connections: { readonly queuesOnRedis: number, readonly queuesOnPostgres: number }
  readonly pushesPerSecond: number
  /** Hours until all phones are judged anew by the score workers, at the rest of their time. */
  readonly rejudgeHours: number
  /** All processes together. */
  readonly memoryBytes: number
  /** Of the table that each report changes: seconds at the peak until so much is dead that a vacuum begins, and what it then takes at our pace and at PostgreSQL's own. */
  readonly vacuum: { readonly everySeconds: number, readonly takesSeconds: number, readonly usuallyTakesSeconds: number }
  /** Parts of the journal's tables: of days, not of phones. */
  readonly journalParts: number
  readonly reportsOfADay: number
  /** Of a million indicators, in all processes. */
  readonly intelBytes: number
  /** What waits in Redis when no worker has worked for an hour at the peak. */
  readonly redisBytes: number
  /** Until all phones are told to Intune, if they are one tenant's. */
  readonly oneTenantToldHours: number
}

const SECONDS_OF_DAY = 86_400
const LEAST_PROCESSES = 2

export function planCapacity (assumptions: Assumptions, measured: typeof MEASURED = MEASURED): Needs {
  const { phones, reportsPerDay, peak, changesPerDay, retentionDays, usage } = assumptions
  const mean = phones * reportsPerDay / SECONDS_OF_DAY
  const most = mean * peak
  const pushes = phones * changesPerDay / SECONDS_OF_DAY * peak
  const pushCores = pushes * measured.pushMs / 1000
  const processesFor = (cores: number): number => Math.max(LEAST_PROCESSES, Math.ceil(cores / usage))
  const groups = Math.min(most, processesFor(most * measured.reportMs.api / 1000) * measured.groupsPerSecond)
  const coresOf = (part: 'api' | 'worker' | 'postgres'): number => (most * measured.reportMs[part] + groups * measured.groupMs[part]) / 1000
  const busyCores = {
    api: coresOf('api'),
    // Half of a push is the database's: not measured apart.
    worker: coresOf('worker') + pushCores / 2,
    postgres: coresOf('postgres') + pushCores / 2,
    redis: most * measured.redisReportMs / 1000
  }
  const processes = { api: processesFor(busyCores.api), worker: processesFor(busyCores.worker) }
  const connectionsIn = (queues: 'postgres' | 'redis'): number => processes.api * connectionsOf('api', queues) + processes.worker * connectionsOf('worker', queues)
  return {
    phones,
    reportsPerSecond: { mean, peak: most },
    groupsPerSecond: groups,
    busyCores,
    processes,
    postgresCores: busyCores.postgres / usage,
    bytes: { phones: phones * measured.phoneBytes, journal: phones * reportsPerDay * retentionDays * measured.reportBytes.journal },
    bytesPerSecond: { received: most * measured.reportBytes.sent, wal: most * measured.reportBytes.wal, walOnColdPages: most * measured.reportBytes.walOnColdPages },
    connections: { queuesOnRedis: connectionsIn('redis'), queuesOnPostgres: connectionsIn('postgres') },
    pushesPerSecond: pushes,
    rejudgeHours: phones * measured.rejudgeMs.worker / 1000 / (processes.worker * (1 - usage)) / 3_600,
    memoryBytes: processes.api * measured.processBytes.api + processes.worker * measured.processBytes.worker,
    vacuum: vacuumOf(phones, most, measured),
    journalParts: 2 * (retentionDays + DAYS_BESIDE),
    reportsOfADay: phones * reportsPerDay,
    intelBytes: (processes.api + processes.worker) * INDICATORS * measured.indicatorBytes,
    redisBytes: groups * 3_600 * measured.redisJobBytes,
    oneTenantToldHours: phones / INTUNE.messagesPerSecond / INTUNE.phonesOfAMessage / 3_600
  }
}

/**
 * At worst: every change leaves a dead row until the vacuum comes (some are cleared by the next change on the page), every page is read twice and changed once. Dead rows lie in no
 * order of pages, so several share one.
 */
function vacuumOf (phones: number, changesPerSecond: number, { stateBytes }: typeof MEASURED): Needs['vacuum'] {
  const dead = VACUUM.beginsAt * phones
  const pages = Math.max(1, phones * stateBytes.heap / VACUUM.pageBytes)
  const touched = pages * (1 - Math.exp(-dead / pages))
  const points = touched * (2 * VACUUM.read + VACUUM.changed) + phones * stateBytes.indexes / VACUUM.pageBytes * VACUUM.read
  const secondsAt = (costLimit: number): number => points / costLimit * VACUUM.pauseMs / 1000
  return { everySeconds: dead / changesPerSecond, takesSeconds: secondsAt(VACUUM.costLimit), usuallyTakesSeconds: secondsAt(VACUUM.usualCostLimit) }
}

/** What one PostgreSQL on one good server can be asked for. Choices to argue with; the text of docs/capacity.md says why. */
export const LIMITS: ReadonlyArray<{ readonly name: string, readonly most: number, readonly unit: string, readonly of: (needs: Needs) => number, readonly change: string }> = [
  { name: 'journal on disk', most: 4e12, unit: 'bytes', of: ({ bytes }) => bytes.journal, change: '`REPORT_RETENTION_DAYS=7` or `PRIVACY_MODE=true`; snapshots of all apps once a week' },
  { name: 'write-ahead log, pages written whole', most: 150e6, unit: 'bytes/s', of: ({ bytesPerSecond }) => bytesPerSecond.walOnColdPages, change: '`wal_compression = lz4`, `checkpoint_timeout = 30min`, a disk of its own; then several databases' },
  { name: 'connections', most: 500, unit: '', of: ({ connections }) => connections.queuesOnRedis, change: 'queues on Redis; PgBouncer ([how](operations.md#behind-pgbouncer)); then several databases' },
  { name: 'phones on disk', most: 2e12, unit: 'bytes', of: ({ bytes }) => bytes.phones, change: 'several databases, tenants shared out' },
  { name: 'processor of PostgreSQL', most: 64, unit: 'cores', of: ({ postgresCores }) => postgresCores, change: 'several databases, tenants shared out' },
  { name: 'vacuum of phones\' states at the peak', most: 1, unit: 'of the time', of: ({ vacuum }) => vacuum.takesSeconds / vacuum.everySeconds, change: '`autovacuum_vacuum_cost_limit = 5000` on `device_state`; then several databases' },
  { name: 'the same at PostgreSQL\'s own pace', most: 1, unit: 'of the time', of: ({ vacuum }) => vacuum.usuallyTakesSeconds / vacuum.everySeconds, change: '`migrations/0025_vacuum_pace.sql` did' },
  { name: 'all of one tenant told to Intune', most: 1, unit: 'hour', of: ({ oneTenantToldHours }) => oneTenantToldHours, change: 'nothing of ours: Microsoft limits calls for each tenant' },
  { name: 'jobs in Redis after an hour without workers', most: 16e9, unit: 'bytes', of: ({ redisBytes }) => redisBytes, change: 'Redis Cluster; or let it be full: the sweep finds what was not added' },
  { name: 'processor of one Redis', most: 0.6, unit: 'cores', of: ({ busyCores }) => busyCores.redis, change: 'Redis Cluster: each queue has a node; a database of its own has a Redis of its own' }
]

/** At how many phones a limit is reached. What is rounded up or has a least value makes the need a staircase, so it is searched. */
export function phonesAt (limit: (typeof LIMITS)[number], usual: Omit<Assumptions, 'phones'> = USUAL): number {
  let [low, high] = [1, 1e12]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (limit.of(planCapacity({ ...usual, phones: middle })) <= limit.most) low = middle
    else high = middle
  }
  return low
}

const FLEETS = [1e6, 1e7, 1e8] as const

const two = (value: number): string => value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(2)))
function bytes (value: number): string {
  const at = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)))
  return `${two(value / 1000 ** at)} ${['B', 'KB', 'MB', 'GB', 'TB'][at]}`
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], rows: ReadonlyArray<readonly string[]>): string => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')

/** What 1, 10 and 100 million phones need. */
export function renderNeeds (): string {
  const needs = FLEETS.map((phones) => planCapacity({ ...USUAL, phones }))
  const { reportMs, groupMs, reportBytes, phoneBytes, pushMs, rejudgeMs } = MEASURED
  const { reportsPerDay, peak, usage, retentionDays, changesPerDay } = USUAL
  const line = (name: string, how: string, of: (needs: Needs) => string): string[] => [name, how, ...needs.map(of)]
  return table(['', 'how', ...FLEETS.map((phones) => `${phones / 1e6} million`)], [
    line('reports a second, mean', `phones × ${reportsPerDay} / 86,400`, (n) => two(n.reportsPerSecond.mean)),
    line('in the busiest hour', `× ${peak}`, (n) => two(n.reportsPerSecond.peak)),
    line('groups a second then', `at most ${MEASURED.groupsPerSecond} an API process`, (n) => two(n.groupsPerSecond)),
    line('cores busy then: API', `reports × ${reportMs.api} ms, groups × ${groupMs.api} ms`, (n) => two(n.busyCores.api)),
    line('workers', `reports × ${reportMs.worker} ms, groups × ${groupMs.worker} ms, pushes × ${pushMs / 2} ms`, (n) => two(n.busyCores.worker)),
    line('PostgreSQL', `reports × ${reportMs.postgres} ms, groups × ${groupMs.postgres} ms, pushes × ${pushMs / 2} ms`, (n) => two(n.busyCores.postgres)),
    line('API processes', `cores / ${usage}, at least 2`, (n) => two(n.processes.api)),
    line('worker processes', `cores / ${usage}, at least 2`, (n) => two(n.processes.worker)),
    line('cores of the database server', `cores / ${usage}`, (n) => two(n.postgresCores)),
    line('memory of all processes', `${bytes(MEASURED.processBytes.api)} an API, ${bytes(MEASURED.processBytes.worker)} a worker`, (n) => bytes(n.memoryBytes)),
    line('phones on disk', `phones × ${phoneBytes} B`, (n) => bytes(n.bytes.phones)),
    line('journal on disk', `phones × ${reportsPerDay} × ${retentionDays} days × ${reportBytes.journal} B`, (n) => bytes(n.bytes.journal)),
    line('received a second', `reports × ${reportBytes.sent} B`, (n) => bytes(n.bytesPerSecond.received)),
    line('write-ahead log a second', `reports × ${reportBytes.wal} B`, (n) => bytes(n.bytesPerSecond.wal)),
    line('when every page is written whole', `reports × ${reportBytes.walOnColdPages} B`, (n) => bytes(n.bytesPerSecond.walOnColdPages)),
    line('connections, queues on Redis', `${connectionsOf('api', 'redis')} an API, ${connectionsOf('worker', 'redis')} a worker at most`, (n) => two(n.connections.queuesOnRedis)),
    line('connections, queues in PostgreSQL', `${connectionsOf('api', 'postgres')} an API, ${connectionsOf('worker', 'postgres')} a worker at most`, (n) => two(n.connections.queuesOnPostgres)),
    line('cores busy: Redis', `reports × ${MEASURED.redisReportMs} ms`, (n) => two(n.busyCores.redis)),
    line('levels told to Intune a second', `phones × ${changesPerDay} / 86,400 × ${peak}`, (n) => two(n.pushesPerSecond)),
    line('all phones of one tenant told', `phones / (${INTUNE.messagesPerSecond} messages × ${INTUNE.phonesOfAMessage}) a second`, (n) => `${two(n.oneTenantToldHours)} h`),
    line('vacuum of `device_state`: every', `${VACUUM.beginsAt} × phones / reports at the peak`, (n) => `${two(n.vacuum.everySeconds)} s`),
    line('takes, at our pace (at PostgreSQL\'s own)', `its pages, read ${VACUUM.read}, changed ${VACUUM.changed} of ${VACUUM.costLimit} (${VACUUM.usualCostLimit}) points in ${VACUUM.pauseMs} ms`, (n) => `${two(n.vacuum.takesSeconds)} s (${two(n.vacuum.usuallyTakesSeconds)})`),
    line('parts of the journal, reports of a day', `2 × (${retentionDays} + ${DAYS_BESIDE}) days`, (n) => `${n.journalParts}, ${two(n.reportsOfADay / 1e6)} million`),
    line('a million indicators in all processes', `processes × ${INDICATORS.toLocaleString('en')} × ${MEASURED.indicatorBytes} B, twice while loading`, (n) => bytes(n.intelBytes)),
    line('Redis after an hour without workers', `groups × 3,600 × ${MEASURED.redisJobBytes} B`, (n) => bytes(n.redisBytes)),
    line('all phones judged anew', `phones × ${rejudgeMs.worker} ms, by the ${Math.round((1 - usage) * 100)}% of the workers' time that are free`, (n) => `${two(n.rejudgeHours)} h`)
  ])
}

/** Which limit of one database comes first, and what moves it. */
export function renderLimits (): string {
  const reached = LIMITS.map((limit) => ({ ...limit, phones: phonesAt(limit) })).sort((a, b) => a.phones - b.phones)
  const most = ({ most, unit }: (typeof LIMITS)[number]): string => unit.startsWith('bytes') ? `${bytes(most)}${unit.slice(5)}` : `${two(most)} ${unit}`.trim()
  return table(['limit of one database', 'set at', 'reached with', 'what moves it'], reached.map((one) => [one.name, most(one), `${two(one.phones / 1e6)} million phones`, one.change]))
}
