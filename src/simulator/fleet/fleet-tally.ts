import { createHistogram } from 'node:perf_hooks'

/** What a run comes to. */
export interface FleetResult {
  readonly phones: number
  readonly seed: number
  /** From the first due report to the end of the drain, enrolment not counted. */
  readonly seconds: number
  /** Reports made, the first of each phone included. `due` = `accepted` + `duplicate` + `stale` + refused + `leftOver`. */
  readonly due: number
  readonly accepted: number
  /** Acknowledged as known already: their first acknowledgement did not arrive. */
  readonly duplicate: number
  readonly stale: number
  /** Given up, by status of HTTP. */
  readonly refused: Readonly<Record<string, number>>
  /** One refusal of each status, in the server's words. */
  readonly refusals: Readonly<Record<string, string>>
  /** Tries that came to nothing and were made again, in reports, by status of HTTP; `none`: no answer. */
  readonly retried: Readonly<Record<string, number>>
  /** Sent again although acknowledged, and how many of them were recognised. */
  readonly repeated: number
  readonly recognised: number
  /** Sections that the server asked to have whole, by name. */
  readonly resend: Readonly<Record<string, number>>
  /** Times a phone was without network. */
  readonly offline: number
  /** From the moment each report was due, of those that were due in the run; null without any. */
  readonly latencyMs: { readonly p50: number, readonly p90: number, readonly p99: number, readonly max: number } | null
  /** Reports due and not acknowledged, of all phones, when there were most. */
  readonly largestBacklog: number
  readonly leftOver: number
}

const MICROSECONDS = 1_000

/** Counts as reports come and go. */
export class FleetTally {
  readonly #statuses = { accepted: 0, duplicate: 0, stale: 0 }
  readonly #refused: Record<string, number> = {}
  readonly #refusals: Record<string, string> = {}
  readonly #retried: Record<string, number> = {}
  readonly #resend: Record<string, number> = {}
  readonly #latencies = createHistogram()
  #due = 0
  #backlog = 0
  #largestBacklog = 0
  repeated = 0
  recognised = 0
  offline = 0

  /** Due and not acknowledged. */
  get backlog (): number {
    return this.#backlog
  }

  get due (): number {
    return this.#due
  }

  get acknowledged (): number {
    return this.#statuses.accepted + this.#statuses.duplicate + this.#statuses.stale
  }

  addDue (): void {
    this.#due += 1
    this.#backlog += 1
    this.#largestBacklog = Math.max(this.#largestBacklog, this.#backlog)
  }

  addAcknowledged (status: 'accepted' | 'duplicate' | 'stale', latencyMs: number | undefined): void {
    this.#statuses[status] += 1
    this.#backlog -= 1
    // The histogram takes whole numbers above 0.
    if (latencyMs !== undefined) this.#latencies.record(Math.max(1, Math.round(latencyMs * MICROSECONDS)))
  }

  addRefused ({ status, detail }: { readonly status: string, readonly detail: string }): void {
    add(this.#refused, status, 1)
    this.#refusals[status] ??= detail
    this.#backlog -= 1
  }

  addRetried (status: string, reports: number): void {
    add(this.#retried, status, reports)
  }

  addResend (sections: readonly string[]): void {
    for (const section of sections) add(this.#resend, section, 1)
  }

  result ({ phones, seed, seconds }: Pick<FleetResult, 'phones' | 'seed' | 'seconds'>): FleetResult {
    const at = (percentile: number): number => this.#latencies.percentile(percentile) / MICROSECONDS
    return {
      phones, seed, seconds, due: this.#due, ...this.#statuses, refused: this.#refused, refusals: this.#refusals, retried: this.#retried,
      repeated: this.repeated, recognised: this.recognised, resend: this.#resend, offline: this.offline,
      latencyMs: this.#latencies.count === 0 ? null : { p50: at(50), p90: at(90), p99: at(99), max: this.#latencies.max / MICROSECONDS },
      largestBacklog: this.#largestBacklog,
      leftOver: this.#backlog
    }
  }
}

function add (counts: Record<string, number>, key: string, count: number): void {
  counts[key] = (counts[key] ?? 0) + count
}
