import type { Logger } from 'pino'
import { DatabaseUnavailableError, DeviceRevokedError, OverloadedError, UnprocessableError } from '../errors.js'
import { createCountedLine } from '../platform/counted-line.js'
import type { Database } from '../platform/database.js'
import { isDatabaseAway, isWorthRetrying, lacksPartition, sqlState } from '../platform/database-errors.js'
import type { Metrics } from '../platform/metrics.js'
import type { Producer, ScorePayload } from '../platform/queue-names.js'
import { NO_TRACING, type Span, type TraceParent, type Tracing } from '../platform/tracing.js'
import { createJournalDays } from './journal-days.js'
import { insertReports, type JournalEntry, type StoredReport } from './journal-repository.js'
import type { Report, StateSection } from './report.js'
import { askedWith } from './resend.js'
import { toStorableReport } from './storable-report.js'

export interface JournalOptions {
  readonly db: Database
  readonly score: Producer<'score'>
  readonly log: Logger
  /** Reports held in memory for the next commit; beyond them callers are turned away. */
  readonly maxWaiting: number
  readonly metrics?: Pick<Metrics, 'journalBatchSize' | 'journalWaiting'>
  readonly tracing?: Tracing
  readonly maxGroupReports?: number
  readonly maxGroupBytes?: number
  readonly maxFlushes?: number
  /** Between the starts of two groups. */
  readonly groupEveryMs?: number
}

export interface NewEntry {
  readonly tenantId: string
  readonly deviceId: string
  readonly report: Report
  /** The JSON that the report was parsed from, if it still says the same. */
  readonly text?: string | undefined
  /** The vocabulary it was translated from; without one, the phone's own agent sent it. */
  readonly source?: string
  /** The operator who sent it, for the audit. */
  readonly actor?: string | undefined
}

export interface Receipt {
  readonly reportId: string
  /** `stale`: stored, but what is merged is newer; only its events count, and what nobody has said since. */
  readonly status: 'accepted' | 'duplicate' | 'stale'
  readonly resend: StateSection[]
}

export interface Journal {
  /**
   * Stores a validated report; resolves once it is committed.
   * @throws OverloadedError, DatabaseUnavailableError, InvalidInputError, UnprocessableError, DeviceRevokedError
   */
  append (entry: NewEntry): Promise<Receipt>
  /** Reports waiting in memory. */
  waiting (): number
  /** Takes no more, commits what is waiting, hands on its groups. */
  close (): Promise<void>
}

interface Waiting {
  readonly entry: JournalEntry
  /** The agent's own spelling. */
  readonly reportId: string
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (error: unknown) => void
}

const MAX_GROUP_REPORTS = 500
const MAX_GROUP_BYTES = 4 * 1024 * 1024
const MAX_WAITING_BYTES = 64 * 1024 * 1024
// One commits while the next is prepared; more of them only make smaller groups.
const MAX_FLUSHES = 2
// Each group is a transaction here and a job and a transaction at the worker. Fifty a second
// are enough: more of them cost processor time, and spare a phone ten milliseconds.
const GROUP_EVERY_MS = 20
const MAX_RETRIES = 3
/** Groups whose job could not be added yet; beyond them the sweep finds them. */
const MAX_GROUPS_TO_HAND_ON = 10_000

/**
 * Group commit: a lone report is committed at once, and all that arrive within the next
 * moment share the next statement. Acknowledged means committed; the score job follows, and if it cannot be
 * added, the sweep finds the group.
 */
export function createJournal (options: JournalOptions): Journal {
  const { db, score, log, maxWaiting, metrics, tracing = NO_TRACING } = options
  const maxGroupReports = options.maxGroupReports ?? MAX_GROUP_REPORTS
  const maxGroupBytes = options.maxGroupBytes ?? MAX_GROUP_BYTES
  const maxFlushes = options.maxFlushes ?? MAX_FLUSHES
  const groupEveryMs = options.groupEveryMs ?? GROUP_EVERY_MS
  const handOn = createHandOn(score, log, tracing)

  let queue: Waiting[] = []
  let waitingBytes = 0
  let closed = false
  let scheduled = false
  let startedAt = -Infinity
  const flushes = new Set<Promise<void>>()

  function schedule (): void {
    if (scheduled || queue.length === 0 || flushes.size >= maxFlushes) return
    scheduled = true
    const pauseMs = queue.length >= maxGroupReports ? 0 : startedAt + groupEveryMs - performance.now()
    if (pauseMs > 0) setTimeout(startGroups, pauseMs)
    // All that one turn of the event loop brought in goes together.
    else setImmediate(startGroups)
  }

  function startGroups (): void {
    scheduled = false
    startedAt = performance.now()
    while (queue.length > 0 && flushes.size < maxFlushes) start(takeGroup())
  }

  function start (group: Waiting[]): void {
    const flush = store(group).finally(() => {
      flushes.delete(flush)
      schedule()
    })
    flushes.add(flush)
  }

  function takeGroup (): Waiting[] {
    let bytes = 0
    let count = 0
    while (count < queue.length && count < maxGroupReports) {
      bytes += queue[count]!.entry.json.length
      if (count > 0 && bytes > maxGroupBytes) break
      count++
    }
    const group = queue.slice(0, count)
    queue = queue.slice(count)
    for (const { entry } of group) waitingBytes -= entry.json.length
    metrics?.journalWaiting.set(queue.length)
    return group
  }

  async function store (group: readonly Waiting[]): Promise<void> {
    const continues = tracing.isOn ? group.map(({ entry }) => entry.trace) : []
    await tracing.inSpan('store reports', { continues, attributes: { 'sallyport.reports': group.length } }, async (span) => await commit(group, span))
  }

  /** Never rejects: every caller gets the answer to their own report. */
  async function commit (group: readonly Waiting[], span: Span, retries = 0): Promise<void> {
    const receivedAt = new Date()
    try {
      const entries = tracing.isOn ? group.map(({ entry }) => ({ ...entry, trace: span.nextOf(entry.trace) })) : group.map(({ entry }) => entry)
      const { groupId, reports } = await insertReports(db, entries, receivedAt)
      if (groupId !== null) handOn.add(groupId, span.traceParent)
      metrics?.journalBatchSize.observe(group.length)
      group.forEach((one, index) => {
        if (reports[index]!.known) one.resolve(toReceipt(one, reports[index]!))
        // Erased while its token still counted.
        else one.reject(new DeviceRevokedError())
      })
    } catch (error) {
      if (isDatabaseAway(error) || (isWorthRetrying(error) && retries >= MAX_RETRIES)) {
        log.error({ err: error, reports: group.length }, 'the journal cannot reach the database')
        for (const { reject } of group) reject(new DatabaseUnavailableError())
      } else if (isWorthRetrying(error)) {
        await commit(group, span, retries + 1)
      } else if (lacksPartition(error) && retries < MAX_RETRIES) {
        // Upkeep makes the days ahead; it may have been away for that long.
        await createJournalDays(db, receivedAt).catch((err: unknown) => log.error({ err }, 'the journal has no table for today'))
        await commit(group, span, retries + 1)
      } else if (group.length === 1) {
        log.warn({ err: error, deviceId: group[0]!.entry.deviceId, reportId: group[0]!.reportId }, 'a report could not be stored')
        group[0]!.reject(toCallersError(error))
      } else {
        // One of them is the culprit; the others must not suffer from it.
        const half = group.length >> 1
        await commit(group.slice(0, half), span)
        await commit(group.slice(half), span)
      }
    }
  }

  return {
    async append ({ tenantId, deviceId, report, text, source = null, actor }) {
      if (closed || queue.length >= maxWaiting || waitingBytes >= MAX_WAITING_BYTES) throw new OverloadedError()
      const entry: JournalEntry = { deviceId, source, trace: tracing.current(), sentBy: actor === undefined ? undefined : { tenantId, actor }, ...toStorableReport(report, text) }
      return await new Promise<Receipt>((resolve, reject) => {
        queue.push({ entry, reportId: report.reportId, resolve, reject })
        waitingBytes += entry.json.length
        schedule()
      })
    },
    waiting: () => queue.length,
    async close () {
      closed = true
      while (queue.length > 0 || flushes.size > 0) {
        while (queue.length > 0 && flushes.size < maxFlushes) start(takeGroup())
        await Promise.race(flushes)
      }
      await handOn.idle()
    }
  }
}

function toReceipt ({ entry, reportId }: Waiting, stored: StoredReport): Receipt {
  const isStale = stored.mergedSequence !== null && entry.sequence <= stored.mergedSequence
  const resend = new Set(askedWith(stored.resend, entry.json))
  if (stored.stored && !isStale && stored.baseMissing) resend.add('apps')
  return { reportId, status: !stored.stored ? 'duplicate' : isStale ? 'stale' : 'accepted', resend: [...resend] }
}

function toCallersError (error: unknown): unknown {
  const state = sqlState(error)
  // Classes 22 data exception and 54 program limit exceeded: it is the report's content.
  if (state !== undefined && /^(?:22|54)/.test(state)) return new UnprocessableError('The report holds values that cannot be stored.')
  return error
}

interface HandOn {
  add (groupId: number, trace: TraceParent | undefined): void
  idle (): Promise<void>
}

/** Adds score jobs beside the answers: one call at a time, with all groups that came up meanwhile. */
function createHandOn (score: Producer<'score'>, log: Logger, tracing: Tracing): HandOn {
  let pending: Array<{ readonly payload: ScorePayload, readonly trace: TraceParent | undefined }> = []
  let running: Promise<void> | undefined
  const lost = createCountedLine<{ readonly err: unknown }>((groups, { err }) => log.warn({ err, groups }, 'score jobs could not be added; the sweep will'))

  async function run (): Promise<void> {
    while (pending.length > 0) {
      const groups = pending
      pending = []
      // Jobs that are added together are in one trace.
      const traces = new Set(groups.map(({ trace }) => trace))
      try {
        await Promise.all([...traces].map(async (trace) => await tracing.within(trace, async () => {
          await score.add(groups.filter((group) => group.trace === trace).map(({ payload }) => payload))
        })))
      } catch (err) {
        lost.add(groups.length, { err })
      }
    }
    // In the same turn as the check above, or a group that comes between would wait for the next.
    running = undefined
  }

  return {
    add (groupId, trace) {
      if (pending.length >= MAX_GROUPS_TO_HAND_ON) return
      pending.push({ payload: { groupId }, trace })
      running ??= run()
    },
    async idle () {
      await running
    }
  }
}
