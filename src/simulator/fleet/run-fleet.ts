import { setMaxListeners } from 'node:events'
import type { Agent } from '../../agent/agent.js'
import { createAppCatalogue } from './app-catalogue.js'
import { activityAt, dueTimes, hourAt } from './daily-rhythm.js'
import { enrollPhone, insist } from './enrolment.js'
import { type FleetResult, FleetTally } from './fleet-tally.js'
import { type Ledger, openLedger } from './ledger.js'
import { LivingPhone } from './living-phone.js'
import { type Due, PhoneSpool, sleep } from './phone-spool.js'
import { Random } from './random.js'
import { type Answer, createReportClient, type ReportClient } from './report-client.js'

export interface FleetOptions {
  /** Where the API is, without `/v1`. */
  readonly api: string
  readonly enrollmentToken: string
  readonly phones: number
  /** Reports a second, on average over the run. */
  readonly rate: number
  readonly seconds: number
  /** The same seed makes the same phones with the same habits; ids are new in each run. */
  readonly seed: number
  /** How many times as fast as ours the phones' day passes; without it, as fast. */
  readonly speed?: number
  /** A file that gets a line for each acknowledged report. */
  readonly ledger?: string
  /** How long phones may go on until all is acknowledged. */
  readonly drainSeconds: number
  /** How long to try to enrol while the API is not there. */
  readonly patienceSeconds?: number
  /** Told every few seconds. */
  readonly onProgress?: (progress: { readonly phase: 'enrolment' | 'run' | 'drain', readonly phones: number, readonly due: number, readonly acknowledged: number, readonly backlog: number }) => void
}

const ENROL_AT_ONCE = 16
const MAX_CONNECTIONS = 256
const PROGRESS_MS = 5_000
/** A report that is due finds its phone without network from now on. */
const OFFLINE_SHARE = 0.01
/** Of the phones' time. */
const OFFLINE_MINUTES = { least: 2, most: 45 } as const
/** Of acknowledged reports: sent once more, as when the acknowledgement got lost. */
const REPEAT_SHARE = 0.01
/** What was sent whole is not sent whole again before: the server may not have looked at it yet. */
const RESEND_PATIENCE_MS = 5_000
const TRIES_FOR_AWAKE = 6

interface FleetPhone {
  readonly phone: LivingPhone
  readonly spool: PhoneSpool
  /** When it last sent something whole because it was asked to. */
  resentAtMs: number
  back?: NodeJS.Timeout
}

/**
 * Lets a fleet of made-up phones enrol and report: an open loop, in which reports are due at
 * their time whether or not the server answers, and wait at their phones until it does. When
 * the signal comes, it ends at once and tells what is left.
 * @throws when a phone is not let in or the ledger cannot be written
 */
export async function runFleet (options: FleetOptions, signal: AbortSignal = new AbortController().signal): Promise<FleetResult> {
  const { api, phones: count, seed, ledger: ledgerPath } = options
  const ledger = ledgerPath === undefined ? undefined : openLedger(ledgerPath)
  const client = createReportClient(api, { connections: Math.min(count, MAX_CONNECTIONS) })
  const fleet = new Fleet(options, client, ledger, signal)
  const progress = setInterval(() => fleet.tellProgress(), PROGRESS_MS)
  try {
    await fleet.enrol()
    const startedAt = performance.now()
    await fleet.run(startedAt)
    await fleet.drain()
    return fleet.result({ phones: count, seed, seconds: (performance.now() - startedAt) / 1000 })
  } finally {
    clearInterval(progress)
    fleet.close()
    await client.close()
    ledger?.close()
  }
}

class Fleet {
  readonly #phones: FleetPhone[] = []
  readonly #tally = new FleetTally()
  readonly #ended = new AbortController()
  readonly #signal: AbortSignal
  readonly #random: Random
  /** Of its own, so that what a server does changes no phone's life. */
  readonly #jitter: Random
  readonly #repeats = new Set<Promise<void>>()
  #closed = false
  #phase: 'enrolment' | 'run' | 'drain' = 'enrolment'
  #fault: unknown
  /** Somebody waits for all spools to be empty. */
  #onEmpty: (() => void) | undefined

  constructor (private readonly options: FleetOptions, private readonly client: ReportClient, private readonly ledger: Ledger | undefined, signal: AbortSignal) {
    this.#signal = AbortSignal.any([signal, this.#ended.signal])
    // Each phone that pauses listens to it.
    setMaxListeners(0, this.#signal)
    this.#random = new Random(options.seed)
    this.#jitter = new Random(options.seed + 1)
  }

  /** Every phone enrols and sends its first report. */
  async enrol (): Promise<void> {
    const { phones, seed } = this.options
    const catalogues = { android: createAppCatalogue('android', seed), ios: createAppCatalogue('ios', seed + 1) }
    const nowMs = Date.now()
    let next = 0
    await Promise.all(Array.from({ length: Math.min(ENROL_AT_ONCE, phones) }, async () => {
      while (next < phones && !this.#signal.aborted) {
        const index = next++
        try {
          await this.#enrolOne(new LivingPhone({ catalogues, fleetSeed: seed, index, nowMs }))
        } catch (error) {
          // When the signal came, that is all there is to it.
          if (!this.#signal.aborted) this.#fail(error)
        }
      }
    }))
    if (!this.#signal.aborted) await this.#untilEmpty()
    this.#throwFault()
  }

  async #enrolOne (phone: LivingPhone): Promise<void> {
    const { patienceSeconds = 60 } = this.options
    const agent = await this.#enter(phone, { patienceMs: patienceSeconds * 1000 })
    const spool: PhoneSpool = new PhoneSpool(agent, {
      client: this.client,
      random: this.#jitter,
      signal: this.#signal,
      renew: async () => {
        await insist(async () => await agent.renew(), { random: this.#jitter, signal: this.#signal })
        return agent
      },
      onAcknowledged: (due, answer) => this.#acknowledge(one, due, answer),
      onRefused: (_due, answer) => {
        this.#tally.addRefused(answer)
        this.#lookWhetherEmpty()
      },
      onPutOff: (status, reports) => this.#tally.addRetried(status, reports),
      onFault: (error) => this.#fail(error)
    })
    const one: FleetPhone = { phone, spool, resentAtMs: -Infinity }
    this.#phones.push(one)
    this.#makeReport(one, { hour: hourAt(0, 1), dueAtMs: performance.now(), measured: false })
  }

  async #enter (phone: LivingPhone, patience: { readonly patienceMs?: number }): Promise<Agent> {
    const { api: apiUrl, enrollmentToken } = this.options
    return await enrollPhone(phone.description, { apiUrl, enrollmentToken, random: this.#jitter, signal: this.#signal, ...patience })
  }

  /** Reports become due, each at its time. */
  async run (startedAt: number): Promise<void> {
    this.#phase = 'run'
    const { rate, seconds, speed = 1 } = this.options
    const endsAt = startedAt + seconds * 1000
    for (const dueSeconds of dueTimes({ count: Math.round(rate * seconds), seconds, speed }, this.#random)) {
      const dueAtMs = startedAt + dueSeconds * 1000
      const early = dueAtMs - performance.now()
      if (early > 0) await sleep(early, this.#signal)
      if (this.#signal.aborted) break
      const hour = hourAt(dueSeconds, speed)
      const one = this.#pickAwake(hour)
      if (this.#random.chance(OFFLINE_SHARE)) this.#loseNetwork(one, speed)
      this.#makeReport(one, { hour, dueAtMs, measured: true })
    }
    if (!this.#signal.aborted) await sleep(Math.max(0, endsAt - performance.now()), this.#signal)
    this.#throwFault()
  }

  /** All find a network and send what they have. */
  async drain (): Promise<void> {
    this.#phase = 'drain'
    for (const one of this.#phones) this.#findNetwork(one)
    const overdue = setTimeout(() => this.#onEmpty?.(), this.options.drainSeconds * 1000)
    await this.#untilEmpty()
    clearTimeout(overdue)
    await Promise.race([Promise.all(this.#repeats), sleep(1_000, this.#signal)])
    this.#throwFault()
  }

  /** Nothing is sent any more. */
  close (): void {
    this.#closed = true
    this.#ended.abort()
    for (const { back } of this.#phones) clearTimeout(back)
  }

  result (run: Pick<FleetResult, 'phones' | 'seed' | 'seconds'>): FleetResult {
    return this.#tally.result(run)
  }

  tellProgress (): void {
    const { due, acknowledged, backlog } = this.#tally
    this.options.onProgress?.({ phase: this.#phase, phones: this.#phones.length, due, acknowledged, backlog })
  }

  #makeReport ({ phone, spool }: FleetPhone, { hour, dueAtMs, measured }: { readonly hour: number } & Omit<Due, 'report'>): void {
    this.#tally.addDue()
    spool.add({ report: phone.nextReport(hour), dueAtMs, measured })
  }

  /** Any phone, sooner one whose people are about. */
  #pickAwake (hour: number): FleetPhone {
    let one = this.#random.pick(this.#phones)
    for (let tries = 1; tries < TRIES_FOR_AWAKE && !this.#random.chance(activityAt(hour - one.phone.lateHours)); tries++) one = this.#random.pick(this.#phones)
    return one
  }

  #loseNetwork (one: FleetPhone, speed: number): void {
    const minutes = OFFLINE_MINUTES.least + this.#random.next() * (OFFLINE_MINUTES.most - OFFLINE_MINUTES.least)
    if (!one.spool.isOnline) return
    this.#tally.offline += 1
    one.spool.goOffline()
    one.back = setTimeout(() => this.#findNetwork(one), minutes * 60_000 / speed)
  }

  #findNetwork (one: FleetPhone): void {
    clearTimeout(one.back)
    one.spool.comeOnline()
  }

  #acknowledge (one: FleetPhone, { report, dueAtMs, measured }: Due, { status, resend }: Extract<Answer, { kind: 'acknowledged' }>): void {
    // What comes after the result was told is left over, as the result says.
    if (this.#closed) return
    const nowMs = performance.now()
    this.ledger?.append({ deviceId: one.spool.deviceId, reportId: report.reportId, sequence: report.sequence, status })
    this.#tally.addAcknowledged(status, measured ? nowMs - dueAtMs : undefined)
    if (resend.length > 0 && nowMs - one.resentAtMs > RESEND_PATIENCE_MS) {
      one.resentAtMs = nowMs
      this.#tally.addResend(resend)
      one.phone.owe(resend)
      this.#makeReport(one, { hour: hourAt(0, 1), dueAtMs: nowMs, measured })
    }
    if (this.#phase === 'run' && this.#jitter.chance(REPEAT_SHARE)) this.#repeat(one, JSON.stringify(report))
    this.#lookWhetherEmpty()
  }

  #repeat ({ spool }: FleetPhone, text: string): void {
    const repeat = (async () => {
      const [answer] = await this.client.send(spool.accessToken, [text])
      if (answer?.kind !== 'acknowledged' || this.#closed) return
      this.#tally.repeated += 1
      if (answer.status === 'duplicate') this.#tally.recognised += 1
    })().finally(() => this.#repeats.delete(repeat))
    this.#repeats.add(repeat)
  }

  /** Resolves when nothing waits, on the signal, or when `#onEmpty` is called. */
  async #untilEmpty (): Promise<void> {
    if (this.#tally.backlog === 0 || this.#signal.aborted) return
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
      this.#signal.addEventListener('abort', () => resolve(), { once: true })
    })
    this.#onEmpty = undefined
  }

  #lookWhetherEmpty (): void {
    if (this.#tally.backlog === 0) this.#onEmpty?.()
  }

  #fail (error: unknown): void {
    this.#fault ??= error
    this.#ended.abort()
  }

  #throwFault (): void {
    if (this.#fault !== undefined) throw this.#fault
  }
}
