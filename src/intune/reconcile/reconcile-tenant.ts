import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Database, Tx } from '../../platform/database.js'
import { isWorthRetrying } from '../../platform/database-errors.js'
import type { Producer } from '../../platform/queue-names.js'
import { backoffMs } from '../../platform/retry-delay.js'
import { describeError, IntuneError } from '../intune-error.js'
import type { GraphClient } from '../graph-client.js'
import type { AppSyncDeps } from './app-sync.js'
import { createGraphReader, type GraphReader } from './graph-reader.js'
import { PART_STEPS } from './parts.js'
import { claimRound, finishRound, LeaseLostError, pauseRound, saveMarkers, saveProgress, type LeasedRound, type Markers } from './reconciliation-repository.js'
import type { RequestBudget } from './request-budget.js'
import { addCounts, PART_PERMISSIONS, PARTS, type PartName, type PartOutcome, type RoundCounts, type RoundPosition } from './round.js'

export interface ReconcileTuning {
  /** Between two rounds of a tenant; spread out by a fifth. */
  readonly everyMs: number
  /** A round reads everything when the last that did is this old. */
  readonly fullEveryMs: number
  /** How long a job works on a round before others get their turn. */
  readonly sliceMs: number
  /** How long a worker may be silent about a round before another takes it up. */
  readonly leaseMs: number
  /** A state is compared only this long after Intune acknowledged it. */
  readonly settleMs: number
  /** Rows that are asked for in a page. */
  readonly pageSize: number
  /** The longest pause of Graph's that is waited within a job. */
  readonly longestPauseMs: number
}

export const RECONCILE_TUNING: ReconcileTuning = {
  everyMs: 15 * 60_000, fullEveryMs: 60 * 60_000, sliceMs: 45_000, leaseMs: 120_000, settleMs: 5 * 60_000, pageSize: 1_000, longestPauseMs: 20_000
}

export interface ReconcileDeps {
  readonly db: Database
  readonly graph: Pick<GraphClient, 'send'>
  readonly budget: RequestBudget
  readonly log: Logger
  readonly sync: Producer<'sync'>
  /** iOS App Sync; without it no apps are asked for. */
  readonly apps?: AppSyncDeps
  /** Our connector's id, the same in all tenants; undefined: the tenant's only one. */
  readonly connectorId?: string | undefined
  readonly tuning?: Partial<ReconcileTuning>
  readonly now?: () => Date
  /** Told when a round is finished. */
  readonly onRound?: (round: { readonly counts: RoundCounts, readonly parts: Readonly<Partial<Record<PartName, PartOutcome>>> }) => void
}

/** What the steps of a round work with. */
export interface RoundContext {
  readonly deps: ReconcileDeps
  readonly round: LeasedRound
  readonly graph: GraphReader
  readonly tuning: ReconcileTuning
  readonly now: () => Date
  /** A transaction that is simply made again when it lost against another one. */
  transact<T> (work: (tx: Tx) => Promise<T>): Promise<T>
  /** What became of parts so far. */
  outcomeOf (part: PartName): PartOutcome | undefined
  /** What was counted up to the step in hand. */
  countsSoFar (): RoundCounts
}

/** One step of a part: what it did, and where it goes on. */
export interface StepResult {
  /** Where the part goes on; undefined: it is done. */
  readonly next?: Omit<RoundPosition, 'part'> | undefined
  readonly counts?: Partial<RoundCounts> | undefined
  readonly outcome?: PartOutcome | undefined
  /** Kept together with the place. */
  readonly markers?: Markers | undefined
}

export type ReconcileResult = 'finished' | 'unfinished' | 'not-due'

/** A round this old has seen too much that may have changed. */
const ROUND_LIMIT_MS = 6 * 60 * 60_000
const MAX_RESTARTS = 2
/** A tenant that cannot be read at all is asked less and less often. */
const FAILURE_BACKOFF = { firstMs: 15 * 60_000, maxMs: 4 * 60 * 60_000 }
const MAX_DEADLOCKS = 5

/**
 * Compares a tenant's phones with what Intune and Entra know, part by part and page by page, for as
 * long as a slice lasts. The place is kept with each page, so another worker, or the next slice, goes
 * on there. Several may be asked to at once: one does it. The signal ends the slice after the page in hand.
 */
export async function reconcileTenant (deps: ReconcileDeps, { tenantId, signal }: { readonly tenantId: string, readonly signal?: AbortSignal }): Promise<ReconcileResult> {
  const tuning = { ...RECONCILE_TUNING, ...deps.tuning }
  const round = await claimRound(deps.db, {
    tenantId, leaseId: randomUUID(), leaseMs: tuning.leaseMs, fullEveryMs: tuning.fullEveryMs, roundLimitMs: ROUND_LIMIT_MS
  })
  if (round === undefined) return 'not-due'
  try {
    return await work(deps, tuning, round, signal)
  } catch (error) {
    if (error instanceof LeaseLostError) {
      deps.log.warn({ tenantId, roundId: round.roundId }, 'another worker has taken up the round')
      return 'unfinished'
    }
    if (signal?.aborted === true && error === signal.reason) {
      await pauseRound(deps.db, round, 0)
      return 'unfinished'
    }
    // Our own fault: somebody tries again soon, and the job says so.
    await pauseRound(deps.db, round, tuning.everyMs).catch((err: unknown) => deps.log.warn({ err, tenantId }, 'a round that failed is taken up when its lease has lapsed'))
    throw error
  }
}

async function work (deps: ReconcileDeps, tuning: ReconcileTuning, round: LeasedRound, signal: AbortSignal | undefined): Promise<ReconcileResult> {
  const until = performance.now() + tuning.sliceMs
  const graph = createGraphReader({ graph: deps.graph, budget: deps.budget, longestPauseMs: tuning.longestPauseMs, signal }, round.entraTenantId, () => PART_PERMISSIONS[position.part])
  let { position, counts } = round
  const parts: Partial<Record<PartName, PartOutcome>> = { ...round.parts }
  const context: RoundContext = {
    deps, round, graph, tuning,
    now: deps.now ?? (() => new Date()),
    transact: async (run) => await transact(deps.db, run),
    outcomeOf: (part) => parts[part],
    countsSoFar: () => counts
  }

  for (;;) {
    const before = graph.requests
    const outcome = await takeStep(context, position)
    if ('pauseMs' in outcome) {
      await pauseRound(deps.db, round, outcome.pauseMs)
      return 'unfinished'
    }
    const { step } = outcome
    counts = addCounts(addCounts(counts, step.counts ?? {}), { requests: graph.requests - before })
    if (step.outcome?.state === 'unknown') counts = addCounts(counts, { errors: 1 })
    if (step.next === undefined) parts[position.part] = step.outcome ?? { state: 'ok' }
    const next = nextPosition(position, step)
    if (next === undefined) return await finish(context, counts, parts)
    position = next
    await context.transact(async (tx) => {
      await saveProgress(tx, round, { position, counts, parts }, tuning.leaseMs)
      await saveMarkers(tx, round.tenantId, step.markers ?? {})
    })
    if (performance.now() >= until || signal?.aborted === true) {
      await pauseRound(deps.db, round, 0)
      return 'unfinished'
    }
  }
}

function nextPosition ({ part, restarts }: RoundPosition, { next }: StepResult): RoundPosition | undefined {
  if (next !== undefined) return { part, ...(restarts === undefined ? {} : { restarts }), ...next }
  const following = PARTS[PARTS.indexOf(part) + 1]
  return following === undefined ? undefined : { part: following }
}

/** One step, with what follows from Graph's refusals: a place that no longer counts, a permission that is missing, a pause. */
async function takeStep (context: RoundContext, position: RoundPosition): Promise<{ readonly step: StepResult } | { readonly pauseMs: number }> {
  const { deps, round, tuning } = context
  const { part, link, restarts = 0 } = position
  try {
    return { step: await PART_STEPS[part](context, position) }
  } catch (error) {
    if (!(error instanceof IntuneError)) throw error
    const log = { err: error, tenantId: round.tenantId, part }
    if (error.failure === 'throttled') {
      const pauseMs = Math.max(error.details.retryAfterMs ?? 0, tuning.longestPauseMs)
      deps.log.warn({ ...log, pauseMs }, 'Graph asks for a pause; the round goes on later')
      return { pauseMs }
    }
    // The link is too old, or a tenant was moved: Graph wants to be read from the beginning (410 Gone, and 400 in some services).
    if ((error.details.status === 410 || (error.failure === 'rejected' && link !== undefined)) && restarts < MAX_RESTARTS) {
      deps.log.info(log, 'a link of Graph no longer counts; the part begins anew')
      return { step: { next: { isFresh: true, restarts: restarts + 1 } } }
    }
    deps.log.warn(log, 'a part of the round could not be read')
    return { step: { outcome: toOutcome(part, error) } }
  }
}

function toOutcome (part: PartName, error: IntuneError): PartOutcome {
  const permission = PART_PERMISSIONS[part]
  if (error.details.status === 403 && permission !== undefined) {
    return { state: 'unknown', permission, words: `Give the app the application permission ${permission} of Microsoft Graph, and consent to it. ${describeError(error)}` }
  }
  return { state: 'unknown', words: describeError(error) }
}

async function finish ({ deps, round, tuning }: RoundContext, counts: RoundCounts, parts: Readonly<Partial<Record<PartName, PartOutcome>>>): Promise<ReconcileResult> {
  const isBlind = parts.managedDevices?.state === 'unknown' && parts.entraDevices?.state === 'unknown'
  const failures = isBlind ? round.failures + 1 : 0
  // Spread out, or all tenants of an installation would be read together for ever.
  const nextInMs = isBlind ? Math.max(tuning.everyMs, backoffMs(FAILURE_BACKOFF, failures)) : tuning.everyMs * (0.9 + 0.2 * Math.random())
  await finishRound(deps.db, round, { counts, parts, nextInMs, failures })
  deps.onRound?.({ counts, parts })
  deps.log.info({ tenantId: round.tenantId, roundId: round.roundId, isFull: round.isFull, ...counts }, 'reconciled with Intune and Entra')
  return 'finished'
}

async function transact<T> (db: Database, run: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(run)
    } catch (error) {
      if (attempt >= MAX_DEADLOCKS || !isWorthRetrying(error)) throw error
    }
  }
}
