import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from './database.js'

/** How a task of upkeep is, for operators. Times are ISO 8601. */
export interface UpkeepTask {
  readonly task: string
  readonly everySeconds: number
  readonly isRunning: boolean
  /** No run has succeeded for three intervals, and a minute. */
  readonly isLate: boolean
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly succeededAt: string | null
  /** Of the last run that came to its end. */
  readonly seconds: number | null
  readonly outcome: 'done' | 'failed' | null
  readonly error: string | null
  readonly result: unknown
  readonly runs: number
  readonly failures: number
  /** Runs whose process died; another began anew. */
  readonly abandoned: number
}

export interface UpkeepRunDeps {
  readonly db: Database
  readonly log: Logger
  readonly leaseMs?: number
}

export interface UpkeepRun {
  readonly task: string
  /** Between the beginnings of two runs. */
  readonly everyMs: number
  /** Several may do it at once, since what it does has leases of its own; only how often it is begun is one. */
  readonly isShared?: boolean
  /** The process stops: what throws its reason leaves the task to others, due at once. */
  readonly signal?: AbortSignal
}

/** A process that is silent about its run for so long has died. Short, for what finds forgotten work must not be forgotten itself. */
const LEASE_MS = 10_000
/** Wakers of several processes come at different times: who comes a little early may do it. */
const EARLY_SHARE = 0.5
const MAX_ERROR = 500

/**
 * Does a task unless it is not due or somebody else does it, and notes what became of it. Any number of processes may
 * call this at once, by whatever clock. Answers whether it was done here. @throws what the work throws
 */
export async function runUpkeepTask (deps: UpkeepRunDeps, run: UpkeepRun, work: () => Promise<unknown>): Promise<boolean> {
  const { db, log, leaseMs = LEASE_MS } = deps
  const runId = randomUUID()
  if (!await claim(deps, run, runId)) return false
  const startedAt = performance.now()
  const renewal = setInterval(() => {
    renew(db, run.task, runId, leaseMs).catch((err: unknown) => log.warn({ err, task: run.task }, 'a task of upkeep could not be claimed for longer'))
  }, leaseMs / 4)
  try {
    const result = await work()
    await finish(db, { task: run.task, runId, seconds: secondsSince(startedAt), result: result ?? null, error: null })
    return true
  } catch (error) {
    const isStopped = run.signal?.aborted === true && error === run.signal.reason
    const noting = isStopped ? release(db, run.task, runId) : finish(db, { task: run.task, runId, seconds: secondsSince(startedAt), result: null, error: (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR) })
    // The same fault may keep us from noting it; the lease lapses.
    await noting.catch((err: unknown) => log.warn({ err, task: run.task }, 'how a task of upkeep ended could not be noted'))
    throw error
  } finally {
    clearInterval(renewal)
  }
}

const secondsSince = (startedAt: number): number => Math.round(performance.now() - startedAt) / 1000

async function claim ({ db, log, leaseMs = LEASE_MS }: UpkeepRunDeps, { task, everyMs, isShared = false }: UpkeepRun, runId: string): Promise<boolean> {
  const seconds = everyMs / 1000
  // One statement, and the row is its own lock: of two who come at once the second sees what the first has written.
  const { rows: [row] } = await sql<{ abandoned: boolean }>`
    insert into upkeep_task as t (task, every_seconds, due_at, run_id, lease_until, started_at, runs)
    values (${task}, ${seconds}, now() + make_interval(secs => ${seconds * EARLY_SHARE}::double precision), ${runId}, now() + make_interval(secs => ${leaseMs / 1000}::double precision), now(), 1)
    on conflict (task) do update set every_seconds = excluded.every_seconds, due_at = excluded.due_at, run_id = excluded.run_id, lease_until = excluded.lease_until,
      started_at = excluded.started_at, runs = t.runs + 1, abandoned = t.abandoned + coalesce(t.lease_until < now(), false)::integer
    where t.due_at <= now() and (t.run_id is null or ${isShared}) or t.lease_until < now()
    returning coalesce((select lease_until < now() from upkeep_task old where old.task = t.task), false) as abandoned`.execute(db)
  if (row?.abandoned === true) log.warn({ task }, 'a task of upkeep whose process has died is begun anew')
  return row !== undefined
}

async function renew (db: Database, task: string, runId: string, leaseMs: number): Promise<void> {
  await sql`update upkeep_task set lease_until = now() + make_interval(secs => ${leaseMs / 1000}::double precision) where task = ${task} and run_id = ${runId}`.execute(db)
}

async function finish (db: Database, { task, runId, seconds, result, error }: { readonly task: string, readonly runId: string, readonly seconds: number, readonly result: unknown, readonly error: string | null }): Promise<void> {
  const hasFailed = error !== null
  await sql`
    update upkeep_task set run_id = null, lease_until = null, finished_at = now(), seconds = ${seconds}, outcome = ${hasFailed ? 'failed' : 'done'}, error = ${error},
      result = ${result === null ? null : JSON.stringify(result)}::jsonb, succeeded_at = ${hasFailed ? sql`succeeded_at` : sql`now()`}, failures = failures + ${hasFailed ? 1 : 0}
    where task = ${task} and run_id = ${runId}`.execute(db)
}

async function release (db: Database, task: string, runId: string): Promise<void> {
  await sql`update upkeep_task set run_id = null, lease_until = null, due_at = now(), runs = runs - 1 where task = ${task} and run_id = ${runId}`.execute(db)
}

/** All tasks that this installation has ever done, by name. */
export async function listUpkeepTasks (db: Database): Promise<UpkeepTask[]> {
  const rows = await db.selectFrom('upkeep_task').selectAll()
    .select(sql<boolean>`coalesce(lease_until > now(), false)`.as('is_running'))
    .select(IS_LATE.as('is_late'))
    .orderBy('task').execute()
  return rows.map((row) => ({
    task: row.task,
    everySeconds: row.every_seconds,
    isRunning: row.is_running,
    isLate: row.is_late,
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
    succeededAt: row.succeeded_at?.toISOString() ?? null,
    seconds: row.seconds,
    outcome: row.outcome as UpkeepTask['outcome'],
    error: row.error,
    result: row.result,
    runs: row.runs,
    failures: row.failures,
    abandoned: row.abandoned
  }))
}

/** Of a row of upkeep_task. */
export const IS_LATE = sql<boolean>`coalesce(succeeded_at, created_at) < now() - make_interval(secs => every_seconds * 3 + 60)`
