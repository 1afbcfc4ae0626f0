import type { Report } from '../telemetry/report.js'

/** A report that waits for its receipt. */
export interface SpooledReport {
  readonly report: Report
  readonly bytes: number
}

/** Most that is kept for a server that cannot be reached. */
export interface SpoolLimits {
  readonly reports: number
  readonly bytes: number
}
export const SPOOL_LIMITS: SpoolLimits = { reports: 1_000, bytes: 32 * 1024 * 1024 }

/** Reports that were made and not yet taken, in the order of their sequence. */
export interface Spool {
  /** Kept for good once this resolves. Answers what had to go to make room, oldest first. */
  add (report: Report): Promise<readonly Report[]>
  /** The oldest. */
  peek (count: number): Promise<readonly SpooledReport[]>
  /** Done with: taken, or refused for good. */
  remove (reportIds: readonly string[]): Promise<void>
  readonly size: number
  /** Sequence of the newest, 0 when there is none. */
  readonly lastSequence: number
}

/**
 * What goes when there is too much: the oldest states, which newer ones say again; reports with events, which happen once,
 * only when nothing else is left. Never the newest.
 */
export function chooseDropped (kept: readonly SpooledReport[], limits: SpoolLimits): SpooledReport[] {
  let count = kept.length
  let bytes = kept.reduce((sum, one) => sum + one.bytes, 0)
  const dropped: SpooledReport[] = []
  const older = kept.slice(0, -1)
  const inOrder = [...older.filter(({ report }) => !hasEvents(report)), ...older.filter(({ report }) => hasEvents(report))]
  for (const one of inOrder) {
    if (count <= limits.reports && bytes <= limits.bytes) break
    dropped.push(one)
    count -= 1
    bytes -= one.bytes
  }
  return dropped
}

const hasEvents = ({ events = [] }: Report): boolean => events.length > 0

/** Keeps nothing beyond the process: for tests, and for agents that may forget. */
export class MemorySpool implements Spool {
  #kept: SpooledReport[] = []

  constructor (private readonly limits: SpoolLimits = SPOOL_LIMITS) {}

  get size (): number {
    return this.#kept.length
  }

  get lastSequence (): number {
    return this.#kept.at(-1)?.report.sequence ?? 0
  }

  async add (report: Report): Promise<readonly Report[]> {
    this.#kept.push({ report, bytes: Buffer.byteLength(JSON.stringify(report)) })
    const dropped = chooseDropped(this.#kept, this.limits)
    await this.remove(dropped.map((one) => one.report.reportId))
    return dropped.map((one) => one.report)
  }

  async peek (count: number): Promise<readonly SpooledReport[]> {
    return this.#kept.slice(0, count)
  }

  async remove (reportIds: readonly string[]): Promise<void> {
    const gone = new Set(reportIds)
    this.#kept = this.#kept.filter(({ report }) => !gone.has(report.reportId))
  }
}
