import type { Test } from 'tap'
import { startRedis } from '../../bench/redis-server.js'

export interface TestRedis {
  readonly url: string
  /** Of the server that the test started; none: it was there already. */
  readonly pid?: number
}

/** The Redis of REDIS_URL, or a server of the test's own; undefined when there is neither. */
export async function findRedis (t: Test): Promise<TestRedis | undefined> {
  if (process.env.REDIS_URL !== undefined && process.env.REDIS_URL !== '') return { url: process.env.REDIS_URL }
  const redis = await startRedis()
  if (redis !== undefined) t.teardown(async () => await redis.stop())
  return redis
}
