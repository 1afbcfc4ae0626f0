import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { type App, type Report, REPORT_LIMITS, STATE_SECTIONS, type StateSection } from '../telemetry/report.js'
import { MERGED_BY_MEMBER } from '../telemetry/merge.js'
import { AgentError, ApiClient, type PhoneDescription } from './api-client.js'
import { AppList } from './app-list.js'
import { retryDelayMs } from './backoff.js'
import { type AgentReceipt, chooseBatch, deliver, type Refusal } from './deliver.js'
import { type Identity, type IdentityStore, makeDeviceKey, MemoryIdentityStore } from './identity.js'
import { MemorySpool, type Spool } from './spool.js'

export { AgentError, type PhoneDescription } from './api-client.js'
export type { AgentReceipt } from './deliver.js'

export interface AgentStatus {
  readonly level: string | null
  readonly findings: ReadonlyArray<{ readonly detection: string, readonly title: string, readonly steps: readonly string[] }>
}

/** What a report says, but for what the agent adds. */
export type Sections = Omit<Report, 'reportId' | 'sequence' | 'collectedAt'>
/** The same, with the installed apps as a list: whether all or the changes are sent is the agent's to decide. */
export type Collected = Omit<Sections, 'apps'> & { readonly installedApps?: readonly App[] }

export interface AgentOptions {
  /** The phone's clock, which may be wrong by hours; ms since 1970. */
  readonly now?: () => number
  readonly fetch?: typeof fetch
  /** Where the identity lives; by default with the process. */
  readonly identity?: IdentityStore
  /** Where unsent reports live; by default with the process. */
  readonly spool?: Spool
  readonly random?: () => number
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  /** Told of each report that the server will never take; `refused` counts them. */
  readonly onRefused?: (refusal: Refusal) => void
  /** Told what was given up because the spool was full; `dropped` counts it. */
  readonly onDropped?: (reports: readonly Report[]) => void
  /** A token to enrol with anew, when the server knows the phone no more; without it the agent stops. */
  readonly enrollAgain?: () => Promise<{ readonly enrollmentToken: string, readonly phone: PhoneDescription } | undefined>
}

/** Sequences are set aside in blocks, so that not each report writes the identity. */
const SEQUENCE_BLOCK = 100

/**
 * The reference of the agent protocol (docs/agent-protocol.md): a key that never leaves the phone, a spool that survives
 * everything, reports in rising sequence, one request at a time, backoff, and the app list as changes.
 */
export class Agent {
  readonly #client: ApiClient
  readonly #apps = new AppList()
  readonly #spool: Spool
  readonly #closing: AbortController
  #sequence: number
  #delivering: Promise<void> | undefined
  /** One report is made and kept after another, or their order would not be that of their sequence. */
  #turn: Promise<unknown> = Promise.resolve()
  /** What was said last of each section but apps. */
  readonly #said = new Map<StateSection, unknown>()
  /** What the server asked for and has not got yet. */
  readonly #owed = new Set<string>()
  /** Ids of reports that say what was asked for. */
  readonly #answers = new Set<string>()
  #refused = 0
  #dropped = 0

  private constructor (private identity: Identity, { client, closing }: Connection, private readonly store: IdentityStore, private readonly options: AgentOptions) {
    this.#client = client
    this.#closing = closing
    this.#spool = options.spool ?? new MemorySpool()
    // What was set aside may have been used: a sequence must never come twice.
    this.#sequence = Math.max(identity.sequencesBelow - 1, this.#spool.lastSequence)
  }

  /** Makes a key and enrols with it. @throws AgentError */
  static async enroll (apiUrl: string, enrollmentToken: string, phone: PhoneDescription, options: AgentOptions = {}): Promise<Agent> {
    const connection = connect(apiUrl, options)
    const { client } = connection
    const key = await makeDeviceKey()
    const deviceId = await client.enroll(enrollmentToken, phone, key)
    const store = options.identity ?? new MemoryIdentityStore()
    const identity = { deviceId, apiUrl, key: key.privateJwk, sequencesBelow: 1 }
    await store.save(identity)
    return new Agent(identity, connection, store, options)
  }

  /** Goes on as the phone that enrolled before; undefined when none did. */
  static async resume (options: AgentOptions & { readonly identity: IdentityStore }): Promise<Agent | undefined> {
    const identity = await options.identity.load()
    if (identity === undefined) return undefined
    const connection = connect(identity.apiUrl, options)
    connection.client.use(identity)
    return new Agent(identity, connection, options.identity, options)
  }

  get deviceId (): string {
    return this.identity.deviceId
  }

  /** The token it calls with now; empty before the first. */
  get accessToken (): string {
    return this.#client.accessToken ?? ''
  }

  /** Reports that wait for their receipt. */
  get waiting (): number {
    return this.#spool.size
  }

  /** Reports that the server will never take. */
  get refused (): number {
    return this.#refused
  }

  /** Reports that were given up because the spool was full. */
  get dropped (): number {
    return this.#dropped
  }

  /** A new access token, whatever the present one is worth. @throws AgentError */
  async renew (): Promise<string> {
    return await this.#client.renew()
  }

  /** What the user is told. @throws AgentError */
  async status (language = 'en'): Promise<AgentStatus> {
    return await this.#client.call<AgentStatus>('/v1/device/status', { headers: { 'accept-language': language } })
  }

  /** Sends the sections at once, past the spool. @throws AgentError */
  async report (sections: Sections, collectedAt = new Date().toISOString()): Promise<AgentReceipt> {
    this.#remember(sections)
    const report = await this.#inTurn(async () => await this.#makeReport(sections, collectedAt))
    const { receipts: [receipt], refusals: [refusal], putOff } = await deliver(this.#client, [report])
    if (receipt !== undefined) return receipt
    throw refusal?.error ?? putOff!
  }

  /** Keeps what was found for good, to be sent by `flush` or `run`. Answers the report's id. */
  async collect ({ installedApps, ...sections }: Collected): Promise<string> {
    return await this.#inTurn(async () => {
      const apps = installedApps === undefined ? undefined : this.#apps.next(installedApps)
      this.#remember(sections)
      return await this.#keep({ ...sections, ...(apps === undefined ? {} : { apps }) })
    })
  }

  /**
   * Sends what waits, until nothing does. Who asks meanwhile waits for the same.
   * @throws AgentError when it must be tried later (`isPassing`), or the server knows the phone no more (`isUnknownPhone`)
   */
  async flush (): Promise<void> {
    await (this.#delivering ??= this.#deliverAll().finally(() => { this.#delivering = undefined }))
  }

  /** Sends what waits, now and every `everyMs`, and after each failure when it is time. Ends with `close`, or when the phone must enrol anew and may not. @throws AgentError */
  async run (everyMs: number): Promise<void> {
    const { signal } = this.#closing
    const { sleep = sleepUntil, random = Math.random } = this.options
    for (let failures = 0, mustEnroll = false; !signal.aborted;) {
      try {
        if (mustEnroll) await this.#enrollAgain()
        mustEnroll = false
        await this.flush()
        failures = 0
        await sleep(everyMs, signal)
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof AgentError)) throw error
        if (error.isUnknownPhone && !mustEnroll && this.options.enrollAgain !== undefined) mustEnroll = true
        else if (!error.isPassing) throw error
        failures += 1
        await sleep(retryDelayMs({ failures, retryAfter: error.retryAfter, now: this.#client.serverNow, random }), signal)
      }
    }
  }

  /** Sends nothing more, and cuts what is under way. What waits stays in the spool. */
  async close (): Promise<void> {
    this.#closing.abort()
    await this.#delivering?.catch(() => {})
  }

  async #deliverAll (): Promise<void> {
    for (;;) {
      while (this.#spool.size > 0 && !this.#closing.signal.aborted) await this.#deliverSome()
      // Not before: what waited may have held what the server asked for.
      if (this.#owed.size === 0 || this.#closing.signal.aborted) return
      await this.#inTurn(async () => {
        const sections = this.#takeOwed()
        if (Object.keys(sections).length > 0) this.#answers.add(await this.#keep(sections))
      })
    }
  }

  /** Whole, as they were said last. What was never said, since this process began, comes when it is collected. */
  #takeOwed (): Sections {
    const said = [...this.#said].filter(([section]) => this.#owed.has(section))
    const apps = this.#owed.has('apps') ? this.#apps.whole() : undefined
    this.#owed.clear()
    return { ...Object.fromEntries(said), ...(apps === undefined ? {} : { apps }) }
  }

  /** What a section leaves out is as it was. */
  #remember (sections: Sections): void {
    for (const section of STATE_SECTIONS) {
      if (section === 'apps' || sections[section] === undefined) continue
      this.#said.set(section, MERGED_BY_MEMBER.has(section) ? { ...this.#said.get(section) as object | undefined, ...sections[section] } : sections[section])
    }
  }

  async #deliverSome (): Promise<void> {
    const reports = chooseBatch(await this.#spool.peek(REPORT_LIMITS.batchReports))
    const { receipts, refusals, putOff } = await deliver(this.#client, reports)
    for (const refusal of refusals) {
      this.#refused += 1
      // The list that the next change would start from never arrived.
      if (refusal.report.apps !== undefined) this.#apps.forget()
      this.options.onRefused?.(refusal)
    }
    for (const { reportId, resend } of receipts) {
      // What comes with the answer may be asked for with its receipt still, as long as the server has not looked into it.
      const brought = this.#answers.delete(reportId) ? reports.find((report) => report.reportId === reportId) : undefined
      for (const section of resend) if (brought?.[section as StateSection] === undefined) this.#owed.add(section)
    }
    await this.#spool.remove([...receipts.map(({ reportId }) => reportId), ...refusals.map(({ report }) => report.reportId)])
    if (putOff !== undefined) throw putOff
  }

  async #inTurn<T> (work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    // Who comes next waits for the end, not for success.
    this.#turn = mine.catch(() => {})
    return await mine
  }

  async #keep (sections: Sections): Promise<string> {
    const report = await this.#makeReport(sections, new Date(this.#client.now()).toISOString())
    const dropped = await this.#spool.add(report)
    this.#dropped += dropped.length
    if (dropped.some(({ apps }) => apps !== undefined)) this.#apps.forget()
    if (dropped.length > 0) this.options.onDropped?.(dropped)
    return report.reportId
  }

  async #makeReport (sections: Sections, collectedAt: string): Promise<Report> {
    this.#sequence += 1
    if (this.#sequence >= this.identity.sequencesBelow) {
      this.identity = { ...this.identity, sequencesBelow: this.#sequence + SEQUENCE_BLOCK }
      await this.store.save(this.identity)
    }
    return { ...sections, reportId: randomUUID(), sequence: this.#sequence, collectedAt }
  }

  /** With a new key, for the server forgot the old one; sequences go on. @throws AgentError, also when nobody gives it a token */
  async #enrollAgain (): Promise<void> {
    const again = await this.options.enrollAgain?.()
    if (again === undefined) throw new AgentError(401, 'no-enrollment-token', 'the server knows the phone no more, and there is no token to enrol with')
    const key = await makeDeviceKey()
    const deviceId = await this.#client.enroll(again.enrollmentToken, again.phone, key)
    this.identity = { ...this.identity, deviceId, key: key.privateJwk }
    await this.store.save(this.identity)
    this.#apps.forget()
    // What was said before was said of another record of the phone; what waits is said of this one.
    const waiting = await this.#spool.peek(this.#spool.size)
    for (const [section, said] of this.#said) {
      if (!waiting.some(({ report }) => JSON.stringify(report[section]) === JSON.stringify(said))) this.#owed.add(section)
    }
  }
}

interface Connection { readonly client: ApiClient, readonly closing: AbortController }

function connect (apiUrl: string, options: AgentOptions): Connection {
  const closing = new AbortController()
  return { client: new ApiClient(apiUrl, { ...options, signal: closing.signal }), closing }
}

async function sleepUntil (ms: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
