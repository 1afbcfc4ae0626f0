import type { JobsOptions, Queue } from 'bullmq'
import type { Logger } from 'pino'
import type { QueueName } from './queue-names.js'

export interface Schedule {
  readonly queue: QueueName
  readonly id: string
  readonly everyMs: number
  /** Name and data of its jobs. */
  readonly name: string
  readonly payload: object
}

/** Puts jobs in every so often, and sees to it that this goes on. */
export interface Schedules {
  keep (schedule: Schedule): Promise<void>
  /** Looks once whether all are there, and puts in again what is not. */
  repair (): Promise<void>
  close (): Promise<void>
}

const LOOK_EVERY_MS = 10_000
/** A schedule whose next job should have begun so long ago, beyond twice its interval, has lost it. */
const LATE_MS = 20_000

/**
 * A schedule lives in the queues, and a Redis that comes back empty has none: without anybody looking, upkeep would
 * have ended until the next start of a process.
 */
export function createSchedules (queueOf: (name: QueueName) => Queue, { jobOptions, log }: { readonly jobOptions: JobsOptions, readonly log: Logger }): Schedules {
  const kept = new Map<string, Schedule>()
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined
  let closed = false

  async function put ({ queue, id, everyMs, name, payload }: Schedule): Promise<void> {
    await queueOf(queue).upsertJobScheduler(id, { every: everyMs }, { name, data: payload, opts: jobOptions })
  }

  async function look (): Promise<void> {
    for (const schedule of kept.values()) {
      if (closed) return
      const { queue, id, everyMs } = schedule
      const found = await queueOf(queue).getJobScheduler(id)
      if (found?.next !== undefined && found.next > Date.now() - 2 * everyMs - LATE_MS && found.next < Date.now() + 2 * everyMs + LATE_MS) continue
      log.warn({ queue, schedule: id }, found === undefined ? 'a schedule was gone; it is put in again' : 'a schedule stood still; it is put in again')
      // A job of it that is stuck would keep the new one from being put in.
      if (found !== undefined) await queueOf(queue).removeJobScheduler(id)
      await put(schedule)
    }
  }

  const repair = async (): Promise<void> => {
    looking ??= look().finally(() => { looking = undefined })
    await looking
  }

  return {
    async keep (schedule) {
      kept.set(`${schedule.queue} ${schedule.id}`, schedule)
      timer ??= setInterval(() => {
        repair().catch((err: unknown) => { if (!closed) log.warn({ err }, 'schedules could not be looked after') })
      }, LOOK_EVERY_MS).unref()
      await put(schedule)
    },
    repair,
    async close () {
      closed = true
      clearInterval(timer)
      await looking?.catch(() => {})
    }
  }
}
