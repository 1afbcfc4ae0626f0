import { Redis } from 'ioredis'

/** How the Redis or Valkey is that holds the queues. */
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

const ANSWER_LIMIT_MS = 3_000

/** Asks over a connection of its own. @throws when it does not answer in time */
export async function readRedisHealth (url: string): Promise<RedisHealth> {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: ANSWER_LIMIT_MS, commandTimeout: ANSWER_LIMIT_MS, maxRetriesPerRequest: 0, retryStrategy: () => null })
  // The call fails as well, with the same error.
  redis.on('error', () => {})
  try {
    await redis.connect()
    const info = parseInfo(await redis.info())
    return {
      name: info.has('valkey_version') ? 'Valkey' : 'Redis',
      version: info.get('valkey_version') ?? info.get('redis_version') ?? 'unknown',
      evictionPolicy: info.get('maxmemory_policy') ?? null,
      // Of snapshots INFO only tells that there was one; a server with no schedule for them has none to come.
      isPersistent: info.get('aof_enabled') === '1' || await hasSnapshots(redis),
      usedBytes: Number(info.get('used_memory') ?? 0),
      maxBytes: Number(info.get('maxmemory') ?? 0)
    }
  } finally {
    redis.disconnect()
  }
}

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
