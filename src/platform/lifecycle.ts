import type { Logger } from 'pino'

export interface Lifecycle {
  /** Registers how to stop something that has just been started; when all has stopped already, it stops at once. */
  onStop (name: string, stop: () => Promise<void>, limitMs?: number): void
  /** Stops everything, the youngest first. Called again, it waits for the first call. */
  stop (): Promise<void>
}

const STOP_LIMIT_MS = 20_000

/** Keeps what was started and stops it in reverse order, each within a time limit; one that fails does not keep the rest from stopping. */
export function createLifecycle (log: Logger): Lifecycle {
  const parts: Array<{ name: string, stop: () => Promise<void>, limitMs: number }> = []
  let stopping: Promise<void> | undefined
  let stopped = false

  async function stopAll (): Promise<void> {
    const errors: unknown[] = []
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const { name, stop, limitMs } = part
      let timer: NodeJS.Timeout | undefined
      const tooLong = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`${name} did not stop within ${limitMs} ms`)), limitMs)
      })
      try {
        await Promise.race([stop(), tooLong])
      } catch (error) {
        log.error({ err: error, part: name }, 'could not stop a part cleanly')
        errors.push(error)
      } finally {
        clearTimeout(timer)
      }
    }
    stopped = true
    if (errors.length > 0) throw new AggregateError(errors, 'some parts did not stop cleanly')
  }

  return {
    onStop (name, stop, limitMs = STOP_LIMIT_MS) {
      parts.push({ name, stop, limitMs })
      // It was still starting when everything else stopped. Failures are logged.
      if (stopped) stopAll().catch(() => {})
    },
    stop () {
      stopping ??= stopAll()
      return stopping
    }
  }
}
