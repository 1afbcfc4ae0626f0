import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import type { Logger } from 'pino'
import { sqlState } from './database-errors.js'

export interface ShortLocksOptions {
  /** For how long a lock is waited for at once. Whoever comes meanwhile stands in line behind. */
  readonly lockTimeoutMs?: number
  /** How often it is tried. */
  readonly attempts?: number
  readonly log?: Logger | undefined
}

/** Long enough for what usual transactions take, too short for anybody to notice. */
const LOCK_TIMEOUT_MS = 2_000
const ATTEMPTS = 60
const MAX_PAUSE_MS = 5_000
const LOCK_NOT_AVAILABLE = '55P03'
const DEADLOCK = '40P01'

/**
 * Does something that locks tables. A lock that is not to be had soon is given up, with all that
 * was done, and tried again after a pause: a table whose lock is waited for is closed to all who
 * come after, so one long report would stop everybody.
 * @throws what `work` throws; after the last attempt that the lock is not to be had, with those who hold it
 */
export async function withShortLocks<T> (client: pg.ClientBase, what: string, options: ShortLocksOptions, work: () => Promise<T>): Promise<T> {
  const { lockTimeoutMs = LOCK_TIMEOUT_MS, attempts = ATTEMPTS, log } = options
  await client.query("select set_config('lock_timeout', $1, false)", [String(lockTimeoutMs)])
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        await client.query('rollback').catch(() => {})
        const state = sqlState(error)
        if (state !== LOCK_NOT_AVAILABLE && state !== DEADLOCK) throw error
        const oldest = await describeOldest(client)
        if (attempt >= attempts) throw new Error(`${what}: a lock was not to be had in ${attempts} attempts. ${oldest} End what holds it, and try again.`, { cause: error })
        log?.warn({ what, attempt, oldest }, 'a lock is not to be had; it is tried again')
        await pause(Math.min(MAX_PAUSE_MS, lockTimeoutMs * attempt))
      }
    }
  } finally {
    // Where the connection broke there is nothing to put back.
    await client.query('reset lock_timeout').catch(() => {})
  }
}

/** Who has been in a transaction for longest, and so most likely holds what is wanted. */
async function describeOldest (client: pg.ClientBase): Promise<string> {
  const { rows: [oldest] } = await client.query<{ pid: number, name: string, seconds: number }>(`
    select pid, application_name as name, round(extract(epoch from now() - xact_start))::integer as seconds from pg_stat_activity
    where datname = current_database() and xact_start is not null and pid <> pg_backend_pid() order by xact_start limit 1`)
  return oldest === undefined ? '' : `The oldest transaction is ${oldest.seconds} s old: process ${oldest.pid} of the server, "${oldest.name}".`
}
