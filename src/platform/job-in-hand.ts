import { Ajv } from 'ajv'
import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq'
import type { Logger } from 'pino'
import { JOB_VERSIONS, QUEUE_PAYLOADS, type QueueName, type QueuePayloads } from './queue-names.js'

/** What a job is done by. The signal says that the process stops: whoever then throws its reason has the job go to another process. */
export type JobHandler<N extends QueueName> = (payload: QueuePayloads[N], job: Job, signal: AbortSignal) => Promise<unknown>

export interface JobsInHand {
  /** What BullMQ calls for each job. */
  readonly process: (job: Job) => Promise<unknown>
  /** Tells handlers that the process stops. */
  stop (): void
  /** Gives the jobs that are still in hand to other processes; who works on them here must not be waited for. */
  handBack (): Promise<void>
}

/** For tests of processes of different versions. */
export interface JobVersioning {
  /** The newest version that this process knows. */
  readonly known?: number
  /** A job that only a newer process can do is looked at again after this, spread out by a half. */
  readonly leftForMs?: number
}

const LEFT_FOR_MS = 5_000
/** Nobody does it: it fails, with the reason. */
const LEFT_AT_MOST_MS = 24 * 60 * 60_000
const TELL_EVERY_MS = 60_000

const ajv = new Ajv({ strict: false })

/** Name of the jobs of a queue in a version; the first has none, as before there were versions. */
export const jobName = (queue: QueueName, version: number): string => version === 1 ? queue : `${queue}@${version}`

/** Undefined: not a name that any version gives. */
function versionOf (queue: QueueName, name: string): number | undefined {
  if (name === queue) return 1
  const digits = name.startsWith(`${queue}@`) ? name.slice(queue.length + 1) : ''
  return /^[1-9]\d{0,5}$/.test(digits) ? Number(digits) : undefined
}

/**
 * Jobs of one queue in this process: checked, done, left to newer processes, handed back. Nothing of it counts
 * as an attempt but what was tried.
 */
export function createJobsInHand<N extends QueueName> (queue: N, handler: JobHandler<N>, { log, known = JOB_VERSIONS[queue], leftForMs = LEFT_FOR_MS }: JobVersioning & { readonly log: Logger }): JobsInHand {
  const isPayload = ajv.compile(QUEUE_PAYLOADS[queue])
  const stopping = new AbortController()
  const inHand = new Set<Job>()
  let toldAt = -Infinity

  async function leave (job: Job): Promise<never> {
    if (Date.now() - job.timestamp > LEFT_AT_MOST_MS) throw new UnrecoverableError(`no process here knew a job "${job.name}" of ${queue} for a day`)
    if (performance.now() - toldAt > TELL_EVERY_MS) {
      toldAt = performance.now()
      log.info({ queue, job: job.name }, 'a job is left to a newer version of Sallyport')
    }
    await job.moveToDelayed(Date.now() + Math.round(leftForMs * (0.5 + Math.random())), job.token)
    throw new DelayedError()
  }

  return {
    async process (job) {
      const version = versionOf(queue, job.name)
      if (version === undefined || version > known) return await leave(job)
      if (!isPayload(job.data)) throw new UnrecoverableError(`not a payload of ${queue}: ${JSON.stringify(job.data)}`)
      inHand.add(job)
      try {
        return await handler(job.data as QueuePayloads[N], job, stopping.signal)
      } catch (error) {
        if (!stopping.signal.aborted || error !== stopping.signal.reason) throw error
        if (inHand.has(job)) await job.moveToWait(job.token)
        throw new WaitingError()
      } finally {
        inHand.delete(job)
      }
    },
    stop () {
      stopping.abort(new Error('the process stops'))
    },
    async handBack () {
      const late = [...inHand]
      inHand.clear()
      await Promise.all(late.map(async (job) => await job.moveToWait(job.token).catch((err: unknown) => {
        // It is found when its lock lapses.
        log.warn({ err, queue, jobId: job.id }, 'a job could not be handed back')
      })))
      if (late.length > 0) log.warn({ queue, jobs: late.length }, 'jobs that did not end in time were handed back')
    }
  }
}
