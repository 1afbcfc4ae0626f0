import { purgeErasedDevices } from '../src/devices/erase-device.js'
import { expireAppBuilds } from '../src/devices/expire-app-builds.js'
import { expireAssertions } from '../src/devices/expire-assertions.js'
import { expirePreviews } from '../src/devices/rules/run-preview.js'
import { handOnRescorings } from '../src/devices/retro/rescorings.js'
import { expireStateChanges, sequenceStateChanges } from '../src/devices/state-change-repository.js'
import { rescoreDueDevices } from '../src/devices/rescore-due-devices.js'
import type { IntuneDeps } from '../src/intune/deps.js'
import { wakeSyncs } from '../src/intune/wake-syncs.js'
import type { SubscriptionRunner } from '../src/intel/subscriptions/subscription-runner.js'
import type { Producer, UpkeepPayload } from '../src/platform/queue-names.js'
import type { Queues, QueueWorker, StartWorkerOptions } from '../src/platform/queues.js'
import { createJournalDays, dropJournalDays } from '../src/telemetry/journal-days.js'
import { sweepJournal } from '../src/telemetry/sweep-journal.js'

export interface UpkeepWorkerDeps extends IntuneDeps {
  readonly queues: Pick<Queues, 'startWorker' | 'schedule' | 'unschedule' | 'oldestWaitingSeconds' | 'counts'>
  readonly sync: Producer<'sync'>
  readonly score: Producer<'score'>
  readonly intel: Producer<'intel'>
  readonly retentionDays: number
  readonly stateChangeRetentionDays: number
  readonly subscriptions: Pick<SubscriptionRunner, 'run' | 'close'>
  readonly onFailed?: StartWorkerOptions['onFailed']
}

/** How often each task is put in; over all processes together. */
const SCHEDULES: Readonly<Record<UpkeepPayload['task'], number>> = {
  sweep: 2_000,
  reassess: 30_000,
  retention: 10 * 60 * 1000,
  subscriptions: 5_000
}

/** A group this much older than any waiting job has lost its own. */
const FORGOTTEN_AFTER_SECONDS = 10
/** One task of each kind at the same time: a long deletion must not hold up the sweep. */
const CONCURRENCY = 4

/** What has to happen without anybody asking: finding forgotten work, deleting what has expired. */
export async function startUpkeepWorker (deps: UpkeepWorkerDeps): Promise<QueueWorker> {
  const tasks: Readonly<Record<UpkeepPayload['task'], () => Promise<unknown>>> = {
    sweep: async () => await sweep(deps),
    reassess: async () => await reassess(deps),
    retention: async () => await expire(deps),
    subscriptions: async () => await deps.subscriptions.run()
  }
  const worker = deps.queues.startWorker('upkeep', async ({ task }) => await tasks[task](), {
    concurrency: CONCURRENCY,
    ...(deps.onFailed === undefined ? {} : { onFailed: deps.onFailed })
  })
  // Heartbeats were a task of this queue once (src/intune/send-heartbeat.ts).
  await deps.queues.unschedule('upkeep', 'heartbeat')
  for (const task of Object.keys(tasks) as Array<UpkeepPayload['task']>) {
    await deps.queues.schedule('upkeep', task, SCHEDULES[task], { task })
  }
  return {
    async close () {
      // A slow publisher must not hold up the end.
      await Promise.all([deps.subscriptions.close(), worker.close()])
    }
  }
}

/** Hands on committed work that has no job: the queues may have been lost, or a process died between commit and hand-over. */
async function sweep ({ db, queues, score, sync, log }: UpkeepWorkerDeps): Promise<void> {
  // The nearest to the user first: what is judged but not told.
  await wakeSyncs({ db, sync })
  await sequenceStateChanges(db)
  const { score: { prioritized = 0 } } = await queues.counts()
  await rescoreDueDevices({ db, score }, { waitingJobs: prioritized })
  await handOnRescorings({ db, score })
  // Jobs are worked off in order, so while old ones wait, groups of their age have one as well.
  const { score: waitingSeconds } = await queues.oldestWaitingSeconds()
  const { groups } = await sweepJournal({ db, score }, { olderThanSeconds: waitingSeconds + FORGOTTEN_AFTER_SECONDS })
  if (groups > 0) log.warn({ groups }, 'groups of the journal had no job')
}

/** An import whose process died before it told anybody, a starter feed that came with a new version, an indicator whose time has come. */
async function reassess ({ intel }: UpkeepWorkerDeps): Promise<void> {
  await intel.add([{}])
}

async function expire ({ db, retentionDays, stateChangeRetentionDays, log }: UpkeepWorkerDeps): Promise<void> {
  await createJournalDays(db, new Date())
  const journalDays = await dropJournalDays(db, { retentionDays })
  const assertions = await expireAssertions(db)
  const devices = await purgeErasedDevices({ db })
  const { deleted: appBuilds } = await expireAppBuilds({ db })
  await expirePreviews(db)
  const stateChanges = await expireStateChanges(db, { retentionDays: stateChangeRetentionDays })
  log.info({ journalDays, assertions, devices, appBuilds, stateChanges }, 'deleted what has expired')
}
