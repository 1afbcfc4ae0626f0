import { Cluster, type Redis } from 'ioredis'
import { connectRedis, type RedisClient } from './redis.js'

/** How the Redis or Valkey is that holds the queues; of a cluster, its masters together. */
export interface RedisHealth {
  readonly name: 'Redis' | 'Valkey'
  /** Such as `8.0.1`. */
  readonly version: string
  /** `noeviction`, or what it throws away when memory is short; null: it does not tell. */
  readonly evictionPolicy: string | null
  /** Whether anything of it survives a restart. */
  readonly isPersistent: boolean
  readonly usedBytes: number
  /** 0: no limit. */
  readonly maxBytes: number
}

const ANSWER_LIMIT_MS = 5_000

/** Asks over connections of its own. @throws when it does not answer in time */
export async function readRedisHealth (url: string): Promise<RedisHealth> {
  let trouble: Error | undefined
  const redis = connectRedis(url, { connection: { maxRetriesPerRequest: null, connectTimeout: ANSWER_LIMIT_MS }, onError: (error) => { trouble = error } })
  let timer: NodeJS.Timeout | undefined
  // It goes on trying for ever.
  const tooLong = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(trouble?.message || `no answer within ${ANSWER_LIMIT_MS} ms`)), ANSWER_LIMIT_MS)
  })
  try {
    return await Promise.race([askRedisHealth(redis), tooLong])
  } finally {
    clearTimeout(timer)
    redis.disconnect()
  }
}

/** Asks over a connection that is there. */
export async function askRedisHealth (redis: RedisClient): Promise<RedisHealth> {
  // Connects, and knows its nodes then.
  await redis.ping()
  const [first, ...others] = await Promise.all((redis instanceof Cluster ? redis.nodes('master') : [redis]).map(readServer))
  if (first === undefined) throw new Error('the cluster has no master')
  return others.reduce((one, other) => ({
    ...(other.usedBytes / (other.maxBytes || Infinity) > one.usedBytes / (one.maxBytes || Infinity) ? other : one),
    evictionPolicy: one.evictionPolicy === 'noeviction' ? other.evictionPolicy : one.evictionPolicy,
    isPersistent: one.isPersistent && other.isPersistent
  }), first)
}

async function readServer (redis: Redis): Promise<RedisHealth> {
  const info = parseInfo(await redis.info())
  return {
    name: info.has('valkey_version') ? 'Valkey' : 'Redis',
    version: info.get('valkey_version') ?? info.get('redis_version') ?? 'unknown',
    evictionPolicy: info.get('maxmemory_policy') ?? null,
    isPersistent: info.get('aof_enabled') === '1' || await hasSnapshots(redis),
    usedBytes: Number(info.get('used_memory') ?? 0),
    maxBytes: Number(info.get('maxmemory') ?? 0)
  }
}

/** INFO only tells of snapshots that there were. */
async function hasSnapshots (redis: Redis): Promise<boolean> {
  // Hosted servers forbid CONFIG; they have a persistence of their own.
  const answer = await redis.config('GET', 'save').catch(() => undefined) as readonly string[] | undefined
  return answer === undefined || (answer[1] ?? '') !== ''
}

const parseInfo = (text: string): Map<string, string> =>
  new Map(text.split(/\r?\n/).flatMap((line) => {
    const at = line.indexOf(':')
    return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const]
  }))
