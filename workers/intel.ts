import { actOnChanges, type ActDeps } from '../src/devices/retro/act-on-changes.js'
import { handOnRescorings } from '../src/devices/retro/rescorings.js'
import type { Logger } from 'pino'
import type { Producer, QueueName } from '../src/platform/queue-names.js'
import type { Queues, QueueWorker } from '../src/platform/queues.js'

export interface IntelWorkerDeps extends ActDeps {
  readonly queues: Pick<Queues, 'startWorker'>
  readonly score: Producer<'score'>
  readonly log: Logger
  readonly onFailed?: (queue: QueueName) => void
}

/** Finds the phones that a change of the intelligence concerns and has them judged anew. */
export function startIntelWorker (deps: IntelWorkerDeps): QueueWorker {
  const { queues, log, onFailed } = deps
  return queues.startWorker('intel', async (_payload, _job, signal) => {
    // A policy that changed has phones to be listed as well.
    await handOnRescorings(deps)
    // Again until nothing is left: what was imported meanwhile has told nobody else who is free.
    for (let acted = await actOnChanges(deps); acted !== undefined; acted = await actOnChanges(deps)) {
      log.info(acted, 'phones that a change of the threat intelligence concerns')
      signal.throwIfAborted()
      await handOnRescorings(deps)
    }
  }, { concurrency: 1, ...(onFailed === undefined ? {} : { onFailed }) })
}
