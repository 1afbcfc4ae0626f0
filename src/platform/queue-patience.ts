import { QueuesUnavailableError } from '../errors.js'
import { settles } from './settles.js'

/** How long somebody waits for the engine of the queues. */
export interface Patience {
  /**
   * Does something with the engine. `wait: false`: not at all while something hangs.
   * @throws QueuesUnavailableError when it is not done in time
   */
  ask<T> (work: () => Promise<T>, options?: { readonly wait?: boolean }): Promise<T>
}

/**
 * BullMQ and its clients wait for ever for an engine that is away, and keep what they were asked meanwhile. Whoever asks here is told
 * within the limit, and as long as something hangs nothing more is asked: an outage of hours holds a handful of calls in memory, not all
 * that would have been made. What hangs may still be done when the engine is back; jobs may be there twice.
 */
export function createPatience (limitMs: number): Patience {
  let hanging = 0
  // Not promises that all wait for the same one: it would keep every one of them until the engine is back.
  const waiting = new Set<() => void>()

  const isFreed = async (): Promise<boolean> => await new Promise((resolve) => {
    const go = (): void => {
      clearTimeout(timer)
      resolve(true)
    }
    const timer = setTimeout(() => {
      waiting.delete(go)
      resolve(false)
    }, limitMs)
    waiting.add(go)
  })

  function free (): void {
    hanging--
    for (const go of waiting) go()
    waiting.clear()
  }

  return {
    async ask (work, { wait = true } = {}) {
      if (hanging > 0 && !(wait && await isFreed())) throw new QueuesUnavailableError()
      const asked = work()
      const over = asked.then(() => {}, () => {})
      if (await settles(over, limitMs)) return await asked
      hanging++
      void over.then(free)
      throw new QueuesUnavailableError()
    }
  }
}
