import type { JobsOptions, Queue } from 'bullmq'
import type { Logger } from 'pino'
import { QueuesUnavailableError } from '../errors.js'
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
  /** Also while the engine is away: it is put in when it is back. */
  keep (schedule: Schedule): Promise<void>
  /** Takes one out, likewise. */
  drop (schedule: Pick<Schedule, 'queue' | 'id'>): Promise<void>
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
export function createSchedules (ask: <T>(name: QueueName, work: (queue: Queue) => Promise<T>) => Promise<T>, { jobOptions, log }: { readonly jobOptions: JobsOptions, readonly log: Logger }): Schedules {
  const kept = new Map<string, Schedule>()
  const dropped = new Map<string, Pick<Schedule, 'queue' | 'id'>>()
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined
  let closed = false

  async function put ({ queue, id, everyMs, name, payload }: Schedule): Promise<void> {
    await ask(queue, async (one) => await one.upsertJobScheduler(id, { every: everyMs }, { name, data: payload, opts: jobOptions }))
  }

  const take = async ({ queue, id }: Pick<Schedule, 'queue' | 'id'>): Promise<unknown> => await ask(queue, async (one) => await one.removeJobScheduler(id))

  /** Now, or when the engine is back. */
  async function unlessAway (work: Promise<unknown>): Promise<void> {
    timer ??= setInterval(() => {
      repair().catch((err: unknown) => { if (!closed) log.warn({ err }, 'schedules could not be looked after') })
    }, LOOK_EVERY_MS).unref()
    await work.catch((error: unknown) => { if (!(error instanceof QueuesUnavailableError)) throw error })
  }

  async function look (): Promise<void> {
    for (const [key, schedule] of dropped) {
      await take(schedule)
      dropped.delete(key)
    }
    for (const schedule of kept.values()) {
      if (closed) return
      const { queue, id, everyMs } = schedule
      const found = await ask(queue, async (one) => await one.getJobScheduler(id))
      if (found?.next !== undefined && found.next > Date.now() - 2 * everyMs - LATE_MS && found.next < Date.now() + 2 * everyMs + LATE_MS) continue
      log.warn({ queue, schedule: id }, found === undefined ? 'a schedule was gone; it is put in again' : 'a schedule stood still; it is put in again')
      // A job of it that is stuck would keep the new one from being put in.
      if (found !== undefined) await take(schedule)
      await put(schedule)
    }
  }

  const repair = async (): Promise<void> => {
    looking ??= look().finally(() => { looking = undefined })
    await looking
  }

  return {
    async keep (schedule) {
      const key = `${schedule.queue} ${schedule.id}`
      dropped.delete(key)
      kept.set(key, schedule)
      await unlessAway(put(schedule))
    },
    async drop (schedule) {
      const key = `${schedule.queue} ${schedule.id}`
      kept.delete(key)
      dropped.set(key, schedule)
      await unlessAway(take(schedule).then(() => dropped.delete(key)))
    },
    repair,
    async close () {
      closed = true
      clearInterval(timer)
      await looking?.catch(() => {})
    }
  }
}
