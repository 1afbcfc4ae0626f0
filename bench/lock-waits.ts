import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'

/** Finer than anything that somebody would call a wait. */
const LOOK_MS = 20

/** Looks again and again for how long statements of API and workers have been waiting for locks. */
export interface LockWatch {
  /** The longest since it was asked last, in ms; 0 when none was seen. */
  longestMs (): number
  stop (): Promise<void>
}

/** The migrator's own waits are not counted: they are limited, and nobody's but its own. Neither are advisory locks, which order work among processes. */
export async function watchLocks (databaseUrl: string): Promise<LockWatch> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'bench lock watch' })
  await client.connect()
  let longestMs = 0
  const state = { isOver: false }
  const watching = (async () => {
    while (!state.isOver) {
      const { rows: [row] } = await client.query<{ ms: number | null }>(`
        select (extract(epoch from max(clock_timestamp() - l.waitstart)) * 1000)::float8 as ms
        from pg_locks l join pg_stat_activity a on a.pid = l.pid
        where not l.granted and l.locktype <> 'advisory' and a.datname = current_database() and a.application_name not in ('sallyport migrate', 'bench migration')`)
      longestMs = Math.max(longestMs, row?.ms ?? 0)
      await wait(LOOK_MS)
    }
  })()
  watching.catch(() => {})
  return {
    longestMs () {
      const longest = longestMs
      longestMs = 0
      return Math.round(longest)
    },
    async stop () {
      state.isOver = true
      await watching
      await client.end()
    }
  }
}
