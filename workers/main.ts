import { startHeartbeats, type HeartbeatLoopDeps } from '../src/intune/send-heartbeat.js'
import { startIntelWorker, type IntelWorkerDeps } from './intel.js'
import { startPreviewWorker, type PreviewWorkerDeps } from './preview.js'
import { startReconcileWorker, type ReconcileWorkerDeps } from './reconcile.js'
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
  readonly reconcile: ReconcileWorkerDeps
  readonly signals: SignalsWorkerDeps
  readonly upkeep: UpkeepWorkerDeps
  /** Sent by every process, whatever its queues. */
  readonly heartbeats: HeartbeatLoopDeps
}

/** Starts the workers of these queues in this process. */
export async function startWorkers (options: WorkersOptions, queues: readonly QueueName[]): Promise<QueueWorker> {
  const start: Readonly<Record<QueueName, () => QueueWorker | Promise<QueueWorker>>> = {
    score: () => startScoreWorker(options.score),
    intel: () => startIntelWorker(options.intel),
    preview: () => startPreviewWorker(options.preview),
    sync: () => startSyncWorker(options.sync),
    reconcile: async () => await startReconcileWorker(options.reconcile),
    signals: async () => await startSignalsWorker(options.signals),
    upkeep: async () => await startUpkeepWorker(options.upkeep)
  }
  const workers: QueueWorker[] = [startHeartbeats(options.heartbeats)]
  for (const name of queues) workers.push(await start[name]())
  return {
    async close () {
      await Promise.all(workers.map(async (worker) => await worker.close()))
    }
  }
}
