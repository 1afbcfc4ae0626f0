import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { DEFAULT_ROLE_PREFIX, ROLE_KINDS, roleName } from '../src/platform/access/database-roles.js'
import { listGrants } from '../src/platform/access/read-access.js'
import { createFleet } from '../src/simulator/fleet/create-fleet.js'
import type { DriveResult } from '../src/simulator/fleet/drive-fleet.js'
import { migrate, QUEUE_SCHEMA } from '../src/platform/migrate.js'
import { withShortLocks } from '../src/platform/short-locks.js'
import { type BenchFindings, type BenchOptions, quantiles } from './benchmark.js'
import { SEED } from './fleet-load.js'
import { openLedger, type Ledger } from './ledger.js'
import type { LoadApi } from './load-process.js'
import { type LockWatch, watchLocks } from './lock-waits.js'
import { type Build, buildRevision, currentBuild } from './old-build.js'
import { type Answers, workAsOperators } from './operator-work.js'
import { type Remote, startRemote } from './remote.js'
import { listEntraIds, setUpgradeStage, type UpgradeStage } from './upgrade-stage.js'
import { findFaults, replayAll } from './upgrade-proof.js'

/** Phones that report while all of this happens; `--phones` are in the database beside them. */
const REPORTING = 120
const CONNECTIONS = 24
const RATE = 40
const [APIS, WORKERS] = [2, 2]
/** Before and after a migration, so that it meets a load. */
const AROUND_MS = 1_000
/** How long somebody reads a hot table in the way of the made-up migration. */
const READER_MS = 5_000
const REPLAYED = 30
/** For jobs in hand, and for a fleet that is judged anew by a policy. */
const REST_MS = 90_000

interface Waits {
  readonly reports: number
  /** The longest that a report waited for its answer, from when it was due, in ms. */
  readonly longestReportMs: number
  readonly p99ReportMs: number
  /** The longest that a statement of API or workers waited for a lock, in ms. */
  readonly longestLockMs: number
  /** Answers that were no acknowledgement, by status. */
  readonly refused: Readonly<Record<string, number>>
}

/** The old version and this one side by side on one database, in every order of an upgrade and back, under load. */
export async function upgrade (options: BenchOptions): Promise<BenchFindings> {
  const { tell } = options
  const newer = await currentBuild()
  const older = await buildRevision(options.from, tell)
  const added = newer.migrations.filter((name) => !older.migrations.includes(name))
  tell(`from ${older.name}, which lacks ${added.join(', ') || 'no migration'}`)
  const stage = await setUpgradeStage(older, { apis: APIS, workers: WORKERS })
  const load = startRemote<LoadApi>('load-process')
  const ledger = await openLedger(stage)
  const locks = await watchLocks(stage.databaseUrl)
  try {
    return await new Rolling(options, { stage, load, ledger, locks, older, newer, added }).run()
  } finally {
    await Promise.all([load.stop(), ledger.close(), locks.stop()])
    await stage.stop()
  }
}

interface Parts {
  readonly stage: UpgradeStage
  readonly load: Remote<LoadApi>
  readonly ledger: Ledger
  readonly locks: LockWatch
  readonly older: Build
  readonly newer: Build
  readonly added: readonly string[]
}

class Rolling {
  readonly #answers: Answers = new Map()
  readonly #phases: Record<string, Waits & { readonly wrong: readonly string[] }> = {}
  readonly #migrations: Record<string, Waits> = {}
  readonly #rightsTaken: string[] = []
  #turn = 0
  /** Workers of versions before 0032_older_events.sql lack a right that they need when a phone was erased, until this version gives it to them. */
  #hasNewRights = false

  constructor (private readonly options: BenchOptions, private readonly parts: Parts) {}

  async run (): Promise<BenchFindings> {
    const { stage, older, newer, added } = this.parts
    await this.#begin()
    await this.#phase(`all of ${older.name}`, async () => {})
    const refusesOlderDatabase = added.length === 0 || await this.#isRefused()
    await this.#migrate()
    await this.#phase('all old, on the new schema', async () => {})
    const [apis, workers] = [stage.apis, stage.workers]
    await this.#roll('new APIs beside old workers', apis, newer)
    await this.#roll('all new', workers, newer)
    await this.#roll('back: old workers beside new APIs', workers, older)
    await this.#roll('back: all old, on the new schema', apis, older)
    await this.#roll('new workers beside old APIs', workers, newer)
    await this.#roll('all new again', apis, newer)
    return await this.#finish(refusesOlderDatabase)
  }

  async #begin (): Promise<void> {
    const { stage, load, older } = this.parts
    const { phones, tell } = this.options
    const fleet = createFleet({ phones: REPORTING, seed: SEED })
    await stage.introduce(fleet.map(({ description }) => description.entraDeviceId))
    if (phones > 0) {
      tell(`${phones} phones are written into the database …`)
      await stage.command(older, 'simulate', 'fleet', '--seed-database', String(phones), '--tenant', stage.tenantId)
      await stage.introduce(await listEntraIds(stage.databaseUrl))
    }
    await Promise.all([...stage.apis, ...stage.workers].map(async (one) => await one.run(older)))
    await load.call('enroll', { apiUrl: stage.apis[0]!.url, enrollmentToken: stage.enrollmentToken, phones: REPORTING, seed: SEED })
    await load.call('introduce', { apiUrl: this.#apiUrls, connections: CONNECTIONS })
    if (phones > 0) await fetch(`${stage.apis[0]!.url}/v1/tenants/${stage.tenantId}/connector/resync`, { method: 'POST', headers: { authorization: `Bearer ${stage.adminKey}` } })
  }

  get #apiUrls (): string[] {
    return this.parts.stage.apis.map(({ url }) => url)
  }

  /** Reports go on while the work is done, and for a while after it. */
  async #underLoad (work: () => Promise<void>, lastsMs = this.options.seconds * 1000): Promise<Waits> {
    const { load, locks } = this.parts
    const [drives, state] = [[] as DriveResult[], { isOver: false }]
    locks.longestMs()
    const driving = (async () => {
      while (!state.isOver) drives.push(await load.call('drive', { apiUrl: this.#apiUrls, turns: true, connections: CONNECTIONS, ratePerSecond: this.options.rate ?? RATE, seconds: 1 }))
    })()
    driving.catch(() => {})
    try {
      await wait(AROUND_MS)
      await work()
      await wait(lastsMs)
    } finally {
      state.isOver = true
      await driving
    }
    const latencies = drives.flatMap(({ latenciesMs }) => latenciesMs)
    const refused: Record<string, number> = {}
    for (const one of drives) for (const [status, count] of Object.entries(one.refused)) refused[status] = (refused[status] ?? 0) + count
    return {
      reports: latencies.length,
      longestReportMs: Math.round(latencies.reduce((most, one) => Math.max(most, one), 0)),
      p99ReportMs: quantiles(latencies)?.p99 ?? 0,
      longestLockMs: locks.longestMs(),
      refused
    }
  }

  /** A part of the upgrade under load; operators work at each API; then all comes to rest and is looked at. */
  async #phase (name: string, work: () => Promise<void>): Promise<void> {
    const { stage, load, ledger } = this.parts
    this.options.tell(`${name} …`)
    const waits = await this.#underLoad(async () => {
      await work()
      for (const { url } of stage.apis) {
        await workAsOperators(url, { ...stage, introduce: async (id) => await stage.introduce([id]) }, { turn: this.#turn++, erases: this.#hasNewRights }, this.#answers)
      }
    })
    await ledger.drained()
    const { history, feed, jobs } = await this.#rest()
    const checks = await ledger.check(await load.call('tally', null))
    const wrong = [...Object.entries(checks).filter(([, isSo]) => !isSo).map(([check]) => check), ...history, ...feed, ...jobs]
    this.#phases[name] = { ...waits, wrong }
    this.options.tell(`  ${JSON.stringify(this.#phases[name])}`)
  }

  /** Jobs that are in hand end within moments, and phones are judged anew in minutes; what does not end is a fault. */
  async #rest (): ReturnType<typeof findFaults> {
    for (const deadline = Date.now() + REST_MS; ; await wait(500)) {
      const faults = await findFaults(this.parts.stage.databaseUrl)
      if (faults.jobs.length === 0 || Date.now() > deadline) return faults
    }
  }

  async #roll (name: string, places: UpgradeStage['apis'], build: Build): Promise<void> {
    await this.#phase(name, async () => { for (const place of places) await place.run(build) })
  }

  /** A new process must not work on a schema that it does not know to be there. */
  async #isRefused (): Promise<boolean> {
    const { stage, newer } = this.parts
    return await stage.command(newer, 'worker').then(() => false, (error: { stderr?: string }) => /run `sallyport migrate` first/.test(error.stderr ?? ''))
  }

  /** One migration after the other, each measured by itself; then rights and queues; then one that was made up to be in the way. */
  async #migrate (): Promise<void> {
    const { stage, added } = this.parts
    const { databaseUrl } = stage
    this.options.tell('the schema is brought up to date under them …')
    const before = await listRights(databaseUrl)
    for (const name of added) this.#migrations[name] = await this.#measured(async () => { await migrate({ databaseUrl, upTo: name }) })
    this.#migrations['rights and queues'] = await this.#measured(async () => { await stage.command(this.parts.newer, 'migrate') })
    this.#hasNewRights = true
    const after = await listRights(databaseUrl)
    this.#rightsTaken.push(...[...before].filter((right) => !after.has(right)))
    this.#migrations[`made up: a column for device_state while somebody reads it for ${READER_MS / 1000} s`] = await this.#measured(async () => await lockHotTable(databaseUrl))
    for (const [name, waits] of Object.entries(this.#migrations)) this.options.tell(`  ${name}: ${JSON.stringify(waits)}`)
  }

  async #measured (work: () => Promise<void>): Promise<Waits> {
    return await this.#underLoad(work, AROUND_MS)
  }

  async #finish (refusesOlderDatabase: boolean): Promise<BenchFindings> {
    const { stage, load, older, added } = this.parts
    const phones = await load.call('tally', null)
    // Judged once more by the new version, so that what is compared was judged by the same rules.
    const { different, auditIsWhole } = await replayAll(stage.databaseUrl, stage.tenantId, phones.slice(0, REPLAYED).map(({ deviceId }) => deviceId))
    const logged = new Map<string, number>()
    for (const { errors } of [...stage.apis, ...stage.workers]) for (const [message, count] of errors) logged.set(message, (logged.get(message) ?? 0) + count)
    const phases = Object.values(this.#phases)
    const answered = [...this.#answers].filter(([what]) => / 5\d\d$/.test(what)).map(([what, count]) => `${what} ${count}`)
    return {
      seconds: this.options.seconds,
      config: { from: older.name, added, otherPackages: older.otherPackages, phones: this.options.phones, reporting: REPORTING, rate: this.options.rate ?? RATE, apis: APIS, workers: WORKERS },
      results: {
        phases: this.#phases, migrations: this.#migrations, rightsTaken: this.#rightsTaken,
        operatorAnswers: Object.fromEntries([...this.#answers].sort()), errorsLogged: Object.fromEntries(logged), differentWhenReplayed: different
      },
      baselines: {},
      ratios: {},
      checks: {
        everyReportAnsweredAtOnce: [...phases, ...Object.values(this.#migrations)].every(({ refused }) => Object.keys(refused).length === 0),
        noOperatorAnswered5xx: answered.length === 0,
        nothingLostDoubledOrWrong: phases.every(({ wrong }) => wrong.length === 0),
        effectsAreThoseOfTheReports: different.length === 0,
        auditIsWhole,
        newCodeRefusesOldSchema: refusesOlderDatabase,
        noRightTakenFromOldProcesses: this.#rightsTaken.length === 0,
        noErrorsLogged: logged.size === 0
      }
    }
  }
}

/** What the roles that processes work in may do. */
async function listRights (databaseUrl: string): Promise<Set<string>> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const grants = await listGrants(client, ['public', QUEUE_SCHEMA], ROLE_KINDS.map((kind) => roleName(kind, DEFAULT_ROLE_PREFIX)))
    return new Set(grants.map(({ role, privilege, kind, object, column }) => `${role}: ${privilege} on ${kind} ${object}${column === null ? '' : ` (${column})`}`))
  } finally {
    await client.end()
  }
}

/** As a migration would, by the way that migrations take. */
async function lockHotTable (databaseUrl: string): Promise<void> {
  const [reader, migrator] = [new pg.Client({ connectionString: databaseUrl, application_name: 'an analyst' }), new pg.Client({ connectionString: databaseUrl, application_name: 'bench migration' })]
  await Promise.all([reader.connect(), migrator.connect()])
  try {
    await reader.query('begin')
    await reader.query('select from device_state limit 1')
    const reading = wait(READER_MS).then(async () => await reader.query('commit'))
    await withShortLocks(migrator, 'made up', {}, async () => {
      await migrator.query('begin')
      await migrator.query('alter table device_state add column made_up integer not null default 0')
      await migrator.query('commit')
    })
    await reading
    await withShortLocks(migrator, 'made up', {}, async () => { await migrator.query('alter table device_state drop column made_up') })
  } finally {
    await Promise.all([reader.end(), migrator.end()])
  }
}
