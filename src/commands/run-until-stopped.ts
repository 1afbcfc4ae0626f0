import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Lifecycle } from '../platform/lifecycle.js'
import { isChild } from './child-process.js'

/** For a start that was under way when it was asked to stop: what it has begun is to be stopped as well. */
const START_LIMIT_MS = 10_000

/**
 * Starts something, keeps the process until it is asked to stop, stops everything in order, and exits. Asked while it starts, it stops
 * what there is: a signal that nobody handles leaves jobs locked and servers running, and process 1 of a container ignores it. Asked again, it
 * ends at once with 1: what was in hand is taken up by others, as after a crash. Ctrl-C reaches a whole process group: a child leaves it to
 * its parent, which stops the children in the right order, and goes when the parent is gone.
 * @throws what `start` throws, after everything was stopped
 */
export async function runUntilStopped (lifecycle: Lifecycle, log: Logger, start: () => Promise<void>): Promise<never> {
  const starting = start()
  const asked = exitWhenAsked(lifecycle, log, starting)
  try {
    await starting
  } catch (error) {
    // Unless it failed for being stopped. That it stops is no sign: what fails to start stops itself.
    if (!asked()) {
      await lifecycle.stop()
      throw error
    }
  }
  return await new Promise(() => {})
}

/** Answers whether it was asked. */
function exitWhenAsked (lifecycle: Lifecycle, log: Logger, starting: Promise<void>): () => boolean {
  let asked = false
  const stop = (reason: string): void => {
    if (asked) {
      log.fatal({ reason }, 'asked to stop a second time, it ends at once')
      process.exit(1)
    }
    asked = true
    log.info({ reason }, 'stopping')
    stopAll().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'did not stop cleanly')
        process.exit(1)
      })
  }
  const stopAll = async (): Promise<void> => {
    await lifecycle.stop()
    await Promise.race([starting.catch(() => {}), sleep(START_LIMIT_MS)])
    // What the start registered since.
    await lifecycle.stop()
  }
  process.on('SIGTERM', () => stop('SIGTERM'))
  if (isChild()) {
    process.on('SIGINT', () => {})
    const gone = (): void => stop('the parent process is gone')
    if (process.connected) process.once('disconnect', gone)
    else gone()
  } else {
    process.on('SIGINT', () => stop('SIGINT'))
    process.on('SIGHUP', () => stop('SIGHUP'))
  }
  return () => asked
}
