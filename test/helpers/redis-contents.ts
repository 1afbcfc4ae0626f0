import { Redis } from 'ioredis'

/** How what is kept under a key of each type is read. */
const READERS: Readonly<Record<string, (redis: Redis, key: string) => Promise<unknown>>> = {
  string: async (redis, key) => await redis.get(key),
  hash: async (redis, key) => await redis.hgetall(key),
  list: async (redis, key) => await redis.lrange(key, 0, -1),
  set: async (redis, key) => await redis.smembers(key),
  zset: async (redis, key) => await redis.zrange(key, '0', '-1'),
  stream: async (redis, key) => await redis.xrange(key, '-', '+'),
  // Gone since it was listed.
  none: async () => null
}

/** Everything that a Redis holds, as one text: names of keys, and values. @throws for a type that is not known here */
export async function readRedis (url: string): Promise<string> {
  const redis = new Redis(url)
  try {
    const lines: string[] = []
    for await (const keys of redis.scanStream({ count: 500 }) as AsyncIterable<string[]>) {
      for (const key of keys) {
        const read = READERS[await redis.type(key)]
        if (read === undefined) throw new Error(`${key} is of a type that cannot be read here`)
        lines.push(`${key} ${JSON.stringify(await read(redis, key))}`)
      }
    }
    return lines.join('\n')
  } finally {
    redis.disconnect()
  }
}
