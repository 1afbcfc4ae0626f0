import type { Logger } from 'pino'
import { scoreDevices, scoreGroup, type ScoreDeps } from '../src/devices/score-devices.js'
import type { Queues, QueueWorker } from '../src/platform/queues.js'

export interface ScoreWorkerDeps extends ScoreDeps {
  readonly queues: Pick<Queues, 'startWorker'>
  readonly log: Logger
  /** Jobs this process has in hand at once. */
  readonly concurrency: number
}

/** Scores groups of the journal and devices whose judgement may have changed. */
export function startScoreWorker (deps: ScoreWorkerDeps): QueueWorker {
  return deps.queues.startWorker('score', async ({ groupId, deviceIds }) => {
    if (groupId !== undefined) await scoreGroup(deps, groupId)
    if (deviceIds !== undefined && deviceIds.length > 0) await scoreDevices(deps, deviceIds)
  }, { concurrency: deps.concurrency })
}
