import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from './database.js'
import { createOutageLog } from './outage-log.js'
import { connectRedis, type RedisClient } from './redis.js'

interface CallerCount {
  readonly key: string
  readonly count: number
}

/**
 * Rate limits' counts of all processes, in an unlogged table of the database: one set-based
 * statement for all callers. `window` is the minute since 1970; earlier ones are deleted.
 */
export function createCountExchange (db: Database): (window: number, counts: readonly CallerCount[]) => Promise<CallerCount[]> {
  let latest = -1
  return async (window, counts) => {
    if (window > latest) {
      latest = window
      await sql`delete from rate_count where "window" < ${window - 1}`.execute(db)
    }
    // In the order of the keys: two processes must not wait for each other in a circle.
    const { rows } = await sql<CallerCount>`
      insert into rate_count as r ("window", key, count)
      select ${window}::bigint, key, count from unnest(${counts.map(({ key }) => key)}::text[], ${counts.map(({ count }) => count)}::integer[]) as told (key, count)
      order by key
      on conflict ("window", key) do update set count = r.count + excluded.count
      returning key, count`.execute(db)
    return rows
  }
}

/** No request waits longer than this for its count. */
const ANSWER_MS = 500

/** A connection that counts callers in Redis; it fails at once when Redis is away, and then nobody is limited. */
export function connectRateRedis ({ url, log }: { readonly url: string, readonly log: Logger }): RedisClient {
  const outage = createOutageLog<{ readonly err: Error }>({
    gone: (fields) => log.warn(fields, 'rate limits cannot count in Redis'),
    still: (fields) => log.warn(fields, 'rate limits still cannot count in Redis'),
    back: (fields) => log.warn(fields, 'rate limits count in Redis again'),
    isBack: async () => client.status === 'ready'
  })
  const client = connectRedis(url, {
    connection: { maxRetriesPerRequest: 0, enableOfflineQueue: false, commandTimeout: ANSWER_MS, connectTimeout: 2_000 },
    // Once, to where a slot has moved.
    cluster: { enableOfflineQueue: false, maxRedirections: 2, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 },
    onError: (err) => outage.failed({ err })
  })
  client.once('end', () => outage.close())
  return client
}
