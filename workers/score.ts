import { createAppInventories } from '../src/devices/app-inventories.js'
import { createCoverageSets } from '../src/devices/rules/coverage-sets.js'
import { createTenantRules } from '../src/devices/rules/tenant-rules.js'
import { handOnRescorings } from '../src/devices/retro/rescorings.js'
import { scoreDevices, scoreGroup, type ScoreDeps } from '../src/devices/score-devices.js'
import type { Producer, QueueName } from '../src/platform/queue-names.js'
import type { Queues, QueueWorker } from '../src/platform/queues.js'

export interface ScoreWorkerDeps extends ScoreDeps {
  readonly queues: Pick<Queues, 'startWorker'>
  readonly score: Producer<'score'>
  /** Jobs this process has in hand at once. */
  readonly concurrency: number
  /** A job failed for good. */
  readonly onFailed?: (queue: QueueName) => void
}

/** Scores groups of the journal, and devices whose judgement may have changed. */
export function startScoreWorker (deps: ScoreWorkerDeps): QueueWorker {
  const { queues, concurrency, onFailed } = deps
  const scoreDeps: ScoreDeps = { apps: createAppInventories({ db: deps.db }), rules: createTenantRules(), coverageSets: createCoverageSets({ db: deps.db }), ...deps }
  return queues.startWorker('score', async ({ groupId, deviceIds }) => {
    if (groupId !== undefined) await scoreGroup(scoreDeps, groupId)
    if (deviceIds === undefined || deviceIds.length === 0) return
    await scoreDevices(scoreDeps, deviceIds)
    // Room for the next of those that a change of the intelligence concerns.
    await handOnRescorings({ db: deps.db, score: deps.score })
  }, { concurrency, ...(onFailed === undefined ? {} : { onFailed }) })
}
