import { type JobsOptions, type Queue, UnrecoverableError } from 'bullmq'
import { createJobsInHand, type JobHandler, jobName, type JobVersioning } from './job-in-hand.js'
import { JOB_VERSIONS, QUEUE_NAMES, type Producer, type QueueName, type QueuePayloads } from './queue-names.js'
import { type EngineOptions, type LogError, openPostgresEngine, openRedisEngine, type OpenWorker } from './queue-engines.js'
import { createOutageLog } from './outage-log.js'
import { createPatience } from './queue-patience.js'
import { createSchedules } from './queue-schedules.js'
import type { RedisHealth } from './redis-health.js'
import { settles } from './settles.js'

export interface QueuesOptions extends Omit<EngineOptions, 'silenceMs' | 'logError'> {
  /** Redis or Valkey, in any form of `REDIS_URL`; none: the queues live in PostgreSQL. */
  readonly redisUrl?: string | undefined
  /** How long a process may be silent about a job in hand before another gets it. */
  readonly silenceMs?: number | undefined
}

export interface QueueWorker {
  /** Takes no more jobs and waits for those in hand; what takes too long is handed back. */
  close (): Promise<void>
}

export interface StartWorkerOptions {
  /** Jobs in hand at once. */
  readonly concurrency: number
  /** By default that of the queues. */
  readonly silenceMs?: number
  /** How long jobs in hand may go on when the worker closes, before they are given to other processes. */
  readonly closeLimitMs?: number
  /** A job failed for good. */
  readonly onFailed?: (queue: QueueName) => void
  readonly versioning?: JobVersioning
}

export interface Queues {
  readonly engine: 'postgres' | 'redis'
  producer<N extends QueueName> (name: N): Producer<N>
  /** BullMQ's own queue, for bull-board. */
  queue (name: QueueName): Queue
  startWorker<N extends QueueName> (name: N, handler: JobHandler<N>, options: StartWorkerOptions): QueueWorker
  /** Puts a job in every so often, once over all processes; also when the queues were lost meanwhile. */
  schedule<N extends QueueName> (name: N, scheduleId: string, everyMs: number, payload: QueuePayloads[N]): Promise<void>
  /** Takes such a schedule out again; none is no fault. */
  unschedule (name: QueueName, scheduleId: string): Promise<void>
  /** Whether the engine answers. @throws with the reason when it does not, within a second or two */
  check (): Promise<void>
  /** The workers that were started here and not closed: whether each takes jobs, or throws with the reason. */
  workers (): ReadonlyArray<{ readonly queue: QueueName, readonly check: () => Promise<void> }>
  /** Looks now whether all schedules of this process are there, as it does every few seconds. */
  repairSchedules (): Promise<void>
  counts (): Promise<Record<QueueName, Record<string, number>>>
  /** Age of the oldest job that waits, by queue; 0 when none does. */
  oldestWaitingSeconds (): Promise<Record<QueueName, number>>
  /** How the Redis is that holds them; undefined where they are in PostgreSQL. @throws when it does not answer in time */
  engineHealth (): Promise<RedisHealth | undefined>
  close (): Promise<void>
}

/** The same number of tries and pauses for every queue; a job that fails for good stays to be looked at. */
const JOB_OPTIONS: JobsOptions = {
  attempts: 8,
  backoff: { type: 'exponential', delay: 250, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: { count: 1_000 }
}

/**
 * Locks are renewed after half of it, by a process whose event loop is never held up for so long. What a killed process had in
 * hand goes to another after one to one and a half times this.
 */
const SILENCE_MS = 15_000
/** Less than a part has to stop (lifecycle.ts). */
const CLOSE_LIMIT_MS = 10_000

/** A job that a killed worker had in hand is not at fault. */
const MAX_STALLED = 10

/** The database went away when a worker began, or asked for a job. BullMQ's own 15 s would be added to each outage. */
const BEGIN_AGAIN_MS = 1_000

/** Who adds a job or asks how many there are waits so long for an engine that is away. */
const PATIENCE_MS = 2_000
/** A process that starts does without Redis after so long: reports can be taken, and all that is started here begins when it is there. */
const START_PATIENCE_MS = 5_000

/** The one place that knows which engine the queues run on. Redis may be away at the time. @throws when PostgreSQL is */
export async function openQueues (options: QueuesOptions): Promise<Queues> {
  const { log } = options
  let closing = false
  /** The last that its connections said, since it was last seen to answer. */
  let trouble: Error | undefined
  const outage = createOutageLog<Parameters<LogError>[0]>({
    gone: (fields) => log.error(fields, 'queue connection error'),
    still: (fields) => log.error(fields, 'the queues are still away'),
    back: (fields) => log.warn(fields, 'the queues are back'),
    isBack: async () => await counts().then(() => true)
  })
  const logError: LogError = (fields) => {
    trouble = fields.err
    // Connections that break while they are being closed are no news.
    if (!closing) outage.failed(fields)
  }
  const silence = options.silenceMs ?? SILENCE_MS
  const engine = options.redisUrl === undefined ? openPostgresEngine({ ...options, silenceMs: silence, logError }) : openRedisEngine({ ...options, silenceMs: silence, logError }, options.redisUrl)
  const queues = new Map(QUEUE_NAMES.map((name) => [name, engine.openQueue(name)]))
  const workers = new Map<QueueWorker, { readonly queue: QueueName, readonly check: () => Promise<void> }>()
  // Of a cluster some nodes may be away, and each queue is on one.
  const patience = new Map(QUEUE_NAMES.map((name) => [name, createPatience(PATIENCE_MS)]))
  const healthPatience = createPatience(PATIENCE_MS)
  const ask = async <T>(name: QueueName, work: (queue: Queue) => Promise<T>, options?: { readonly wait: boolean }): Promise<T> => await patience.get(name)!.ask(async () => await work(queueOf(name)), options)
  const queueOf = (name: QueueName): Queue => queues.get(name)!
  const eachQueue = async <T>(work: (queue: Queue) => Promise<T>): Promise<Record<QueueName, T>> =>
    Object.fromEntries(await Promise.all(QUEUE_NAMES.map(async (name) => [name, await ask(name, work, { wait: false })]))) as Record<QueueName, T>
  const counts: Queues['counts'] = async () => await eachQueue(async (queue) => await queue.getJobCounts('waiting', 'active', 'delayed', 'failed', 'prioritized'))
  const schedules = createSchedules(ask, { jobOptions: { ...JOB_OPTIONS, attempts: 1 }, log })
  for (const [name, queue] of queues) queue.on('error', (error) => logError({ err: error, queue: name }))
  const ready = Promise.all([...queues.values()].map(async (queue) => await queue.waitUntilReady()))
  if (engine.name === 'postgres') await ready
  else if (!await settles(ready, START_PATIENCE_MS)) ready.catch((error: unknown) => logError({ err: error as Error }))

  return {
    engine: engine.name,
    producer: (name) => ({
      async add (payloads, { priority } = {}) {
        const opts = priority === undefined ? JOB_OPTIONS : { ...JOB_OPTIONS, priority }
        const job = jobName(name, JOB_VERSIONS[name])
        if (payloads.length === 0) return
        await ask(name, async (queue) => payloads.length === 1 ? await queue.add(job, payloads[0], opts) : await queue.addBulk(payloads.map((data) => ({ name: job, data, opts }))))
      }
    }),
    queue: queueOf,

    startWorker (name, handler, { concurrency, silenceMs = silence, closeLimitMs = CLOSE_LIMIT_MS, onFailed, versioning }) {
      let closed = false
      let trouble: Error | undefined
      let current: OpenWorker
      const jobs = createJobsInHand(name, handler, { log, ...versioning })
      const begin = (): void => {
        const opened = engine.openWorker(name, jobs.process, { concurrency, lockDuration: silenceMs, stalledInterval: silenceMs / 2, maxStalledCount: MAX_STALLED, runRetryDelay: BEGIN_AGAIN_MS, autorun: false })
        const { worker } = current = opened
        worker.on('error', (error) => logError({ err: error, queue: name }))
        worker.on('failed', (job, error) => {
          log.warn({ err: error, queue: name, jobId: job?.id, attempts: job?.attemptsMade }, 'job failed')
          if (job === undefined || error instanceof UnrecoverableError || job.attemptsMade >= (job.opts.attempts ?? 1)) onFailed?.(name)
        })
        worker.waitUntilReady().then(async () => {
          if (!closed) await worker.run()
        }).catch((error: unknown) => {
          if (closed) return
          trouble = error as Error
          logError({ err: trouble, queue: name })
          // BullMQ keeps a failed beginning for ever, and run on it would try again without a pause.
          opened.close().catch(() => {})
          setTimeout(() => { if (!closed) begin() }, BEGIN_AGAIN_MS)
        })
      }
      begin()
      const handle: QueueWorker = {
        async close () {
          closed = true
          workers.delete(handle)
          jobs.stop()
          const done = current.close()
          if (await settles(done, closeLimitMs)) return
          done.catch(() => {})
          await jobs.handBack()
        }
      }
      workers.set(handle, {
        queue: name,
        async check () {
          if (current.worker.isRunning()) return
          throw new Error(trouble === undefined ? 'it has not begun to take jobs' : `it takes no jobs: ${trouble.message}`)
        }
      })
      return handle
    },

    async schedule (name, scheduleId, everyMs, payload) {
      await schedules.keep({ queue: name, id: scheduleId, everyMs, name: jobName(name, JOB_VERSIONS[name]), payload })
    },

    async unschedule (name, scheduleId) {
      await schedules.drop({ queue: name, id: scheduleId })
    },

    async check () {
      try {
        await counts()
        trouble = undefined
      } catch (error) {
        // What its connections say is more than that nobody answered.
        throw trouble ?? error
      }
    },
    workers: () => [...workers.values()],
    repairSchedules: async () => await schedules.repair(),

    counts,
    oldestWaitingSeconds: async () => await eachQueue(async (queue) => {
      // Those with a priority are another list: a fleet that is judged anew may take hours and shall neither alarm nor add workers.
      const addedAt = await engine.nextAddedAt(queue)
      return addedAt === undefined ? 0 : Math.max(0, (Date.now() - addedAt) / 1000)
    }),

    engineHealth: async () => await healthPatience.ask(async () => await engine.health(), { wait: false }),

    async close () {
      closing = true
      outage.close()
      await schedules.close()
      await Promise.all([...workers.keys()].map(async (worker) => await worker.close()))
      await engine.close([...queues.values()])
    }
  }
}
