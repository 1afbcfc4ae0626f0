import { Redis } from 'ioredis'

/** Everything that a Redis holds, as one text: names of keys, and values. */
export async function readRedis (url: string): Promise<string> {
  const redis = new Redis(url)
  try {
    let text = ''
    for await (const keys of redis.scanStream({ count: 500 }) as AsyncIterable<string[]>) {
      for (const key of keys) {
        const type = await redis.type(key)
        const value = type === 'string' ? await redis.get(key)
          : type === 'hash' ? await redis.hgetall(key)
            : type === 'list' ? await redis.lrange(key, 0, -1)
              : type === 'set' ? await redis.smembers(key)
                : type === 'zset' ? await redis.zrange(key, '0', '-1')
                  : type === 'stream' ? await redis.xrange(key, '-', '+') : null
        if (value === null && type !== 'none') throw new Error(`a key of the type ${type} cannot be read here`)
        text += `${key} ${JSON.stringify(value)}\n`
      }
    }
    return text
  } finally {
    redis.disconnect()
  }
}
