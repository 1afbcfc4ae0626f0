import { setTimeout as wait } from 'node:timers/promises'
import type { Report } from '../../telemetry/report.js'
import type { Random } from './random.js'
import type { Answer, ReportClient } from './report-client.js'

/** A report that waits for its acknowledgement. */
export interface Due {
  readonly report: Report
  /** Since when it could have been sent (`performance.now()`). */
  dueAtMs: number
  /** Counts for latency. */
  readonly measured: boolean
}

export interface SpoolSession { readonly deviceId: string, readonly accessToken: string }

/** What a spool does and whom it tells. */
export interface SpoolDeps {
  readonly client: ReportClient
  /** For jitter only: when answers come is nothing a seed repeats. */
  readonly random: Random
  readonly signal: AbortSignal
  /** A new access token, however long that takes. @throws when it is refused, or the signal came */
  readonly renew: () => Promise<SpoolSession>
  readonly onAcknowledged: (due: Due, answer: Extract<Answer, { kind: 'acknowledged' }>) => void
  /** For good; the report is given up. */
  readonly onRefused: (due: Due, answer: { readonly status: string, readonly detail: string }) => void
  /** It stays, and is sent again. */
  readonly onPutOff: (status: string, reports: number) => void
  /** A fault of ours. */
  readonly onFault: (error: unknown) => void
}

/** Reports of a batch at most, as the API says, and bytes of them, well below its 1 MiB. */
const BATCH_REPORTS = 100
const BATCH_BYTES = 900_000
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 10_000

/** What one phone has to send: in order, one request at a time, until it is acknowledged. */
export class PhoneSpool {
  readonly #due: Due[] = []
  #sending = false
  #online = true

  constructor (private session: SpoolSession, private readonly deps: SpoolDeps) {}

  get deviceId (): string {
    return this.session.deviceId
  }

  get accessToken (): string {
    return this.session.accessToken
  }

  get waiting (): number {
    return this.#due.length
  }

  get isOnline (): boolean {
    return this.#online
  }

  add (due: Due): void {
    this.#due.push(due)
    this.#start()
  }

  goOffline (): void {
    this.#online = false
  }

  /** What waited for the network could only be sent from now on. */
  comeOnline (): void {
    if (this.#online) return
    this.#online = true
    const nowMs = performance.now()
    for (const due of this.#due) due.dueAtMs = nowMs
    this.#start()
  }

  #start (): void {
    if (this.#sending || !this.#online) return
    this.#sending = true
    void this.#send().catch(this.deps.onFault).finally(() => {
      this.#sending = false
      // Something came between the last look and now.
      if (this.#mayGoOn) this.#start()
    })
  }

  get #mayGoOn (): boolean {
    return this.#due.length > 0 && this.#online && !this.deps.signal.aborted
  }

  async #send (): Promise<void> {
    for (let failures = 0, renewed = false; this.#mayGoOn;) {
      const texts = this.#nextTexts()
      const answers = await this.deps.client.send(this.session.accessToken, texts)
      if (answers[0]!.kind === 'token') {
        const refusal = renewed ? 'a new access token is refused, too' : await this.#renew()
        renewed = true
        if (refusal === undefined || this.deps.signal.aborted) {
          this.deps.onPutOff('401', texts.length)
          continue
        }
        this.#settle(answers.map(() => ({ kind: 'refused', status: '401', detail: refusal })))
        continue
      }
      renewed = false
      const putOff = this.#settle(answers)
      failures = putOff === undefined ? 0 : failures + 1
      if (putOff !== undefined) await this.#pause(failures, putOff.retryAfterMs ?? 0)
    }
  }

  /** What goes in one request. */
  #nextTexts (): string[] {
    const texts: string[] = []
    let bytes = 0
    for (const { report } of this.#due.slice(0, BATCH_REPORTS)) {
      const text = JSON.stringify(report)
      bytes += Buffer.byteLength(text)
      if (texts.length > 0 && bytes > BATCH_BYTES) break
      texts.push(text)
    }
    return texts
  }

  /** Takes out what is done with. Answers what was put off, if anything was. */
  #settle (answers: readonly Answer[]): Extract<Answer, { kind: 'later' }> | undefined {
    const sent = this.#due.splice(0, answers.length)
    const kept: Due[] = []
    let putOff: Extract<Answer, { kind: 'later' }> | undefined
    for (const [index, answer] of answers.entries()) {
      const due = sent[index]!
      if (answer.kind === 'acknowledged') this.deps.onAcknowledged(due, answer)
      else if (answer.kind === 'refused') this.deps.onRefused(due, answer)
      else {
        kept.push(due)
        this.deps.onPutOff(answer.status, 1)
        if (answer.kind === 'later') putOff ??= answer
      }
    }
    this.#due.unshift(...kept)
    return putOff
  }

  /** Why not, when it was refused. */
  async #renew (): Promise<string | undefined> {
    try {
      this.session = await this.deps.renew()
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /** Longer each time, never all phones at once; not before the server wants it. */
  async #pause (failures: number, retryAfterMs: number): Promise<void> {
    const longestMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10))
    await sleep(retryAfterMs + (retryAfterMs > 0 ? this.deps.random.next() * FIRST_PAUSE_MS * 4 : (0.2 + 0.8 * this.deps.random.next()) * longestMs), this.deps.signal)
  }
}

/** Shorter when the signal comes. */
export async function sleep (ms: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
