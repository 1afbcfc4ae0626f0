import { startIntelWorker, type IntelWorkerDeps } from './intel.js'
import { startPreviewWorker, type PreviewWorkerDeps } from './preview.js'
import { startScoreWorker, type ScoreWorkerDeps } from './score.js'
import { startSignalsWorker, type SignalsWorkerDeps } from './signals.js'
import { startSyncWorker, type SyncWorkerDeps } from './sync.js'
import { startUpkeepWorker, type UpkeepWorkerDeps } from './upkeep.js'
import type { QueueName } from '../src/platform/queue-names.js'
import type { QueueWorker } from '../src/platform/queues.js'

/** What each worker needs; put together by whoever starts them. */
export interface WorkersOptions {
  readonly score: ScoreWorkerDeps
  readonly intel: IntelWorkerDeps
  readonly preview: PreviewWorkerDeps
  readonly sync: SyncWorkerDeps
  readonly signals: SignalsWorkerDeps
  readonly upkeep: UpkeepWorkerDeps
}

/** Starts the workers of these queues in this process. */
export async function startWorkers (options: WorkersOptions, queues: readonly QueueName[]): Promise<QueueWorker> {
  const start: Readonly<Record<QueueName, () => QueueWorker | Promise<QueueWorker>>> = {
    score: () => startScoreWorker(options.score),
    intel: () => startIntelWorker(options.intel),
    preview: () => startPreviewWorker(options.preview),
    sync: () => startSyncWorker(options.sync),
    signals: async () => await startSignalsWorker(options.signals),
    upkeep: async () => await startUpkeepWorker(options.upkeep)
  }
  const workers: QueueWorker[] = []
  for (const name of queues) workers.push(await start[name]())
  return {
    async close () {
      await Promise.all(workers.map(async (worker) => await worker.close()))
    }
  }
}
