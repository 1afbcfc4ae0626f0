import type { Logger } from 'pino'
import { createCountedLine } from './counted-line.js'
import type { Producer, QueueName } from './queue-names.js'

/**
 * For work that is committed when its job is added, and that a sweep finds without one: whoever asked for it
 * is not told of queues that are away, for it will be done.
 */
export function leftToSweep<N extends QueueName> (producer: Producer<N>, log: Logger): Producer<N> {
  const line = createCountedLine<{ readonly err: unknown }>((jobs, { err }) => log.warn({ err, jobs }, 'jobs could not be added; the sweep will'))
  return {
    async add (payloads, options) {
      try {
        await producer.add(payloads, options)
      } catch (err) {
        line.add(payloads.length, { err })
      }
    }
  }
}
