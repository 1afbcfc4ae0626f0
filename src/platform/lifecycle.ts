import type { Logger } from 'pino'

export interface Lifecycle {
  /** Registers how to stop something that has just been started; when all has stopped already, it stops at once. */
  onStop (name: string, stop: () => Promise<void>, limitMs?: number): void
  /** Registers what comes before anything stops, while everything still works: telling those outside to go elsewhere. All of these at once. */
  onDrain (name: string, drain: () => Promise<void>, limitMs?: number): void
  /** True from the moment it was asked to stop. */
  readonly isStopping: boolean
  /** Drains, then stops everything, the youngest first. Called again, it waits for the first call, and for what came after all. */
  stop (): Promise<void>
}

interface Part { readonly name: string, readonly end: () => Promise<void>, readonly limitMs: number }

/** How long one part has to stop. */
export const STOP_LIMIT_MS = 20_000
/** How long those outside may take to go elsewhere, beyond the delay that was asked for. */
export const DRAIN_LIMIT_MS = 5_000

/** Keeps what was started and stops it in reverse order, each within a time limit; one that fails does not keep the rest from stopping. */
export function createLifecycle (log: Logger): Lifecycle {
  const drains: Part[] = []
  const parts: Part[] = []
  let stopping: Promise<void> | undefined
  let stopped = false

  /** Answers what went wrong, if anything did. */
  async function end ({ name, end, limitMs }: Part): Promise<unknown[]> {
    let timer: NodeJS.Timeout | undefined
    const tooLong = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${name} did not stop within ${limitMs} ms`)), limitMs)
    })
    try {
      await Promise.race([end(), tooLong])
      return []
    } catch (error) {
      log.error({ err: error, part: name }, 'could not stop a part cleanly')
      return [error]
    } finally {
      clearTimeout(timer)
    }
  }

  async function stopAll (): Promise<void> {
    const errors = (await Promise.all(drains.splice(0).map(end))).flat()
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) errors.push(...await end(part))
    stopped = true
    if (errors.length > 0) throw new AggregateError(errors, 'some parts did not stop cleanly')
  }

  return {
    onStop (name, stop, limitMs = STOP_LIMIT_MS) {
      parts.push({ name, end: stop, limitMs })
      // It was still starting when everything else stopped. Failures are logged.
      if (!stopped) return
      stopping = Promise.all([stopping, stopAll()]).then(() => {})
      stopping.catch(() => {})
    },
    onDrain (name, drain, limitMs = STOP_LIMIT_MS) {
      drains.push({ name, end: drain, limitMs })
    },
    get isStopping () { return stopping !== undefined },
    stop () {
      stopping ??= stopAll()
      return stopping
    }
  }
}
