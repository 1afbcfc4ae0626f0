import type { Logger } from 'pino'
import { isChild } from './child-process.js'

/**
 * Keeps the process until it is asked to stop, stops everything in order, and exits. Asked again, it
 * ends at once with 1: what was in hand is taken up by others, as after a crash. Ctrl-C
 * reaches a whole process group: a child leaves it to its parent, which stops the children
 * in the right order, and goes when the parent is gone.
 */
export function runUntilStopped (running: { stop (): Promise<void> }, log: Logger): Promise<never> {
  return new Promise(() => {
    let asked = false
    const stop = (reason: string): void => {
      if (asked) {
        log.fatal({ reason }, 'asked to stop a second time, it ends at once')
        process.exit(1)
      }
      asked = true
      log.info({ reason }, 'stopping')
      running.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.fatal({ err: error }, 'did not stop cleanly')
          process.exit(1)
        })
    }
    process.on('SIGTERM', () => stop('SIGTERM'))
    if (isChild()) {
      process.on('SIGINT', () => {})
      process.once('disconnect', () => stop('the parent process is gone'))
    } else {
      process.on('SIGINT', () => stop('SIGINT'))
      process.on('SIGHUP', () => stop('SIGHUP'))
    }
  })
}
