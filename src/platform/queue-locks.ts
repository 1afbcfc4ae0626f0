import type pg from 'pg'
import type { Logger } from 'pino'

/** Sees to it that no job stays with a process that died, or waits while all sleep. */
export interface LockWatch {
  /** Looks once. Answers how many jobs were freed. */
  look (): Promise<number>
  close (): Promise<void>
}

export interface LockWatchOptions {
  /** Of the queues in PostgreSQL; in the schema of BullMQ. */
  readonly pool: Pick<pg.Pool, 'query'>
  readonly log: Logger
  /** A lock that was not renewed for so long is nobody's. */
  readonly abandonedMs: number
  readonly everyMs: number
}

interface Seen { readonly lock: string, readonly since: number }

/**
 * BullMQ's PostgreSQL engine writes down until when a job is locked, and when stalled jobs were looked for last, by the wall clock
 * of whichever process: set ahead and right again, a clock leaves jobs of killed processes locked, and all queues unlooked at, for as
 * long as it was ahead. (Redis has both as keys that expire by its own clock.) So whoever works also looks for locks that nobody
 * renews, by a clock that nobody sets, and lets BullMQ find their jobs.
 *
 * A worker that hears of no job sleeps until the next one is added, for up to an hour when it could not listen once: BullMQ 6 takes that
 * failure for "nothing is due", and a job of the same id that is added again is not announced. So jobs that wait are announced with each look.
 */
export function createLockWatch ({ pool, log, abandonedMs, everyMs }: LockWatchOptions): LockWatch {
  let seen = new Map<string, Seen>()
  let looking: Promise<number> | undefined

  async function lookOnce (): Promise<number> {
    const now = performance.now()
    const { rows } = await pool.query<{ queue: string, id: string, lock: string }>("select queue, id, lock_token || ' ' || locked_until_ms as lock from job where state = 'active' and locked_until_ms is not null")
    const current = new Map<string, Seen>()
    const abandoned: typeof rows = []
    for (const row of rows) {
      const key = `${row.queue} ${row.id}`
      const before = seen.get(key)
      const entry = before?.lock === row.lock ? before : { lock: row.lock, since: now }
      current.set(key, entry)
      if (now - entry.since >= abandonedMs) abandoned.push(row)
    }
    seen = current
    await pool.query("select pg_notify('bullmq_jobs', queue) from (select distinct queue from job where state = 'waiting') waiting")
    if (abandoned.length === 0) return 0
    // As if they had been found once already; the next look for stalled jobs, which is now due, hands them on.
    const { rows: freed } = await pool.query<{ queue: string }>(`
      update job j set locked_until_ms = 0, stalled_marked = true from unnest($1::text[], $2::text[], $3::text[]) as a (queue, id, lock)
      where j.queue = a.queue and j.id = a.id and j.state = 'active' and j.lock_token || ' ' || j.locked_until_ms = a.lock and j.locked_until_ms <> 0
      returning j.queue`, [abandoned.map(({ queue }) => queue), abandoned.map(({ id }) => id), abandoned.map(({ lock }) => lock)])
    await pool.query("delete from meta where field = 'stalled-check' and queue = any($1::text[])", [abandoned.map(({ queue }) => queue)])
    if (freed.length > 0) log.warn({ jobs: freed.length }, 'jobs whose locks nobody renewed were freed; a clock was set, or is wrong')
    return freed.length
  }

  const look = async (): Promise<number> => {
    looking ??= lookOnce().finally(() => { looking = undefined })
    return await looking
  }
  const timer = setInterval(() => {
    look().catch((err: unknown) => log.warn({ err }, 'locks of jobs could not be looked at'))
  }, everyMs).unref()
  return {
    look,
    async close () {
      clearInterval(timer)
      await looking?.catch(() => {})
    }
  }
}
