import { createPostgresBackend, type Job, Queue, Worker, type WorkerOptions } from 'bullmq'
import pg from 'pg'
import type { Logger } from 'pino'
import { withSessionSettings } from './access/database-roles.js'
import { QUEUE_CONNECTIONS } from './connections.js'
import { createLockWatch, type LockWatch } from './queue-locks.js'
import type { QueueName } from './queue-names.js'
import { askRedisHealth, type RedisHealth } from './redis-health.js'
import { connectRedis, type RedisClient } from './redis.js'
import { settles } from './settles.js'
import type { Tracing } from './tracing.js'

/** Longer than BullMQ takes to find a stalled job, where clocks are right; and how often it is looked for such. In silences. */
const ABANDONED = 2
const LOOK_AT_LOCKS_EVERY = 2 / 3
/** For connections that a job which was handed back still holds. */
const POOL_END_LIMIT_MS = 2_000

/** A tenth of a second each: a node that takes over (`cluster-node-timeout`) is waited for so long. */
const REDIRECTIONS = 100

export type LogError = (fields: { readonly err: Error, readonly queue?: QueueName }) => void

export interface EngineOptions {
  readonly databaseUrl: string
  /** Keeps installations and tests apart on one Redis; in PostgreSQL their databases do. */
  readonly prefix?: string
  readonly log: Logger
  /** How long a process may be silent about a job in hand before another gets it. */
  readonly silenceMs: number
  /** Jobs go on in the trace in which they were added. */
  readonly tracing?: Tracing
  /** What its connections say. */
  readonly logError: LogError
}

export interface OpenWorker {
  readonly worker: Worker
  close (): Promise<void>
}

/** Where queues live, and how they are spoken to. */
export interface Engine {
  readonly name: 'postgres' | 'redis'
  openQueue (name: QueueName): Queue
  openWorker (name: QueueName, work: (job: Job) => Promise<unknown>, options: Partial<WorkerOptions>): OpenWorker
  /** When the job was added that is next, of those without a priority; in ms since 1970. Undefined when none waits. */
  nextAddedAt (queue: Queue): Promise<number | undefined>
  health (): Promise<RedisHealth | undefined>
  close (queues: readonly Queue[]): Promise<void>
}

const closeAll = async (queues: readonly Queue[]): Promise<void> => {
  await Promise.all(queues.map(async (queue) => await queue.close()))
}

const telemetryOf = (tracing: Tracing | undefined): Pick<WorkerOptions, 'telemetry'> => tracing?.queues === undefined ? {} : { telemetry: tracing.queues }

export function openPostgresEngine ({ databaseUrl, tracing, log, silenceMs, logError }: EngineOptions): Engine {
  let locks: LockWatch | undefined
  // One pool for all queues and workers of the process. BullMQ takes a pool as it is, so the
  // schema it was migrated into (migrate.ts) is named here.
  const pool = new pg.Pool({
    connectionString: withSessionSettings(databaseUrl, { search_path: 'bullmq' }),
    max: QUEUE_CONNECTIONS,
    keepAlive: true,
    application_name: 'sallyport queues'
  })
  // Each queue and each worker listens for itself.
  pool.setMaxListeners(0)
  pool.on('error', (error) => logError({ err: error }))
  // As in database.ts: a connection that breaks while it is lent out must not end the process.
  pool.on('connect', (client) => { client.on('error', () => {}) })
  const shared = { connection: pool, ...telemetryOf(tracing) }
  return {
    name: 'postgres',
    // The types of both engines differ in the connection only, which nobody outside sees.
    openQueue: (name) => new Queue(name, shared, createPostgresBackend) as unknown as Queue,
    openWorker (name, work, options) {
      locks ??= createLockWatch({ pool, log, abandonedMs: ABANDONED * silenceMs, everyMs: LOOK_AT_LOCKS_EVERY * silenceMs })
      const worker = new Worker(name, work, { ...options, ...shared } as never, createPostgresBackend) as unknown as Worker
      return { worker, close: async () => await worker.close() }
    },
    async nextAddedAt (queue) {
      // Asked for the first of the jobs that wait, BullMQ 6 answers with the newest on this engine (`get_range`), and with the oldest on Redis.
      const { rows: [next] } = await pool.query<{ at: string }>("select added_at_ms as at from job where queue = $1 and state = 'waiting' and priority = 0 order by seq limit 1", [queue.name])
      return next === undefined ? undefined : Number(next.at)
    },
    health: async () => undefined,
    async close (queues) {
      await locks?.close()
      await closeAll(queues)
      await settles(pool.end(), POOL_END_LIMIT_MS)
    }
  }
}

export function openRedisEngine ({ prefix = 'sallyport', tracing, logError }: EngineOptions, redisUrl: string): Engine {
  const connect = (): RedisClient => connectRedis(redisUrl, {
    connection: { maxRetriesPerRequest: null },
    cluster: { maxRedirections: REDIRECTIONS },
    onError: (error) => logError({ err: error })
  })
  const connection = connect()
  // BullMQ's scripts need all keys of a queue on one node: what is in braces decides which (Redis: "hash tags").
  // In a cluster each queue has a node for itself; elsewhere the prefix is what it always was.
  const prefixOf = (name: QueueName): string => connection.isCluster ? `{${prefix}:${name}}` : `{${prefix}}`
  return {
    name: 'redis',
    openQueue: (name) => new Queue(name, { connection, prefix: prefixOf(name), ...telemetryOf(tracing) }),
    openWorker (name, work, options) {
      // Of its own, so that it can be cut without harm to those who still add jobs.
      const connection = connect()
      const inHand = new Set<Promise<unknown>>()
      const worker = new Worker(name, async (job) => {
        const result = work(job)
        inHand.add(result)
        return await result.finally(() => inHand.delete(result))
      }, { ...options, connection, prefix: prefixOf(name), ...telemetryOf(tracing) })
      return {
        worker,
        close: async () => await closeOver(connection, async () => await worker.close(), async () => {
          await Promise.allSettled(inHand)
          // Does nothing when it closes already.
          void worker.close(true)
        })
      }
    },
    nextAddedAt: async (queue) => (await queue.getJobs(['waiting'], 0, 0, true))[0]?.timestamp,
    health: async () => await askRedisHealth(connection),
    close: async (queues) => await closeOver(connection, async () => await closeAll(queues), async () => {})
  }
}

/**
 * Closes something and its connection. BullMQ waits for the answer of a Redis that is gone for
 * ever, so then another way is taken; jobs that could not be given back are found stalled later.
 */
async function closeOver (connection: RedisClient, close: () => Promise<void>, closeWithoutRedis: () => Promise<void>): Promise<void> {
  if (connection.status === 'ready') {
    // Not `once` of node:events, which an error would end.
    const lost = new Promise<void>((resolve) => { connection.once('close', () => resolve()) }).then(closeWithoutRedis)
    await Promise.race([close(), lost]).catch(async (error: unknown) => {
      // A cluster is there as long as one node is, which need not be the one that has this queue.
      if (connection.status === 'ready' && !connection.isCluster) throw error
      await closeWithoutRedis()
    }).finally(() => connection.disconnect())
  } else {
    connection.disconnect()
    await closeWithoutRedis()
  }
}
