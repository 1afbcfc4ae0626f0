import { expireRetiredDevices } from '../src/devices/expire-devices.js'
import { expireHistory, expireQuarantined } from '../src/devices/expire-history.js'
import { purgeErasedDevices } from '../src/devices/erase-device.js'
import { expireAppBuilds } from '../src/devices/expire-app-builds.js'
import { expireAssertions } from '../src/devices/expire-assertions.js'
import { expirePreviews, listForgottenPreviews } from '../src/devices/rules/run-preview.js'
import { handOnRescorings } from '../src/devices/retro/rescorings.js'
import { checkAudit } from '../src/operators/check-audit.js'
import { expireCredentials } from '../src/operators/expire-credentials.js'
import { expireSessions } from '../src/operators/sign-in/sessions.js'
import { expireStateChanges, sequenceStateChanges } from '../src/devices/state-change-repository.js'
import { rescoreDueDevices } from '../src/devices/rescore-due-devices.js'
import type { IntuneDeps } from '../src/intune/deps.js'
import { wakeSyncs } from '../src/intune/wake-syncs.js'
import type { SubscriptionRunner } from '../src/intel/subscriptions/subscription-runner.js'
import type { Producer, UpkeepPayload } from '../src/platform/queue-names.js'
import { tendTables } from '../src/platform/tend-tables.js'
import { runUpkeepTask } from '../src/platform/upkeep-tasks.js'
import type { Queues, QueueWorker, StartWorkerOptions } from '../src/platform/queues.js'
import { createJournalDays, dropJournalDays } from '../src/telemetry/journal-days.js'
import { sweepJournal } from '../src/telemetry/sweep-journal.js'

export interface RetentionDays {
  readonly reports: number
  readonly stateChanges: number
  readonly history: number
  readonly retiredDevices: number
  readonly credentials: number
}

export interface UpkeepWorkerDeps extends IntuneDeps {
  readonly queues: Pick<Queues, 'startWorker' | 'schedule' | 'unschedule' | 'oldestWaitingSeconds' | 'counts'>
  readonly sync: Producer<'sync'>
  readonly score: Producer<'score'>
  readonly intel: Producer<'intel'>
  readonly preview: Producer<'preview'>
  /** How long what is kept, in days (REPORT_RETENTION_DAYS and the others). */
  readonly retentionDays: RetentionDays
  readonly subscriptions: Pick<SubscriptionRunner, 'run' | 'close'>
  readonly onFailed?: StartWorkerOptions['onFailed']
  /** How long a process that is silent keeps a task. */
  readonly leaseMs?: number
  /** What is this much older than any waiting job has lost its own. */
  readonly forgottenMs?: number
}

/** How often each task is done; over all processes together. */
export const UPKEEP_EVERY_MS: Readonly<Record<UpkeepPayload['task'], number>> = {
  sweep: 2_000,
  reassess: 30_000,
  partitions: 10 * 60 * 1000,
  retention: 10 * 60 * 1000,
  tables: 10 * 60 * 1000,
  audit: 10 * 60 * 1000,
  subscriptions: 5_000
}

const FORGOTTEN_MS = 10_000
/** One task of each kind at the same time: a long deletion must not hold up the sweep. */
const CONCURRENCY = 7

/** What has to happen without anybody asking: finding forgotten work, deleting what has expired. */
export async function startUpkeepWorker (deps: UpkeepWorkerDeps): Promise<QueueWorker> {
  const tasks: Readonly<Record<UpkeepPayload['task'], (signal: AbortSignal) => Promise<unknown>>> = {
    sweep: async () => await sweep(deps),
    reassess: async () => await reassess(deps),
    partitions: async () => await tendPartitions(deps),
    retention: async (signal) => await expire(deps, signal),
    tables: async (signal) => await tend(deps, signal),
    audit: async (signal) => await checkAudit(deps, { signal }),
    subscriptions: async () => await deps.subscriptions.run()
  }
  // Jobs only wake: a queue that was lost, or two processes that put in the same schedule, must not double the work.
  const worker = deps.queues.startWorker('upkeep', async ({ task }, _job, signal) => await runUpkeepTask(deps, { task, everyMs: UPKEEP_EVERY_MS[task], isShared: task === 'subscriptions', signal }, async () => await tasks[task](signal)), {
    concurrency: CONCURRENCY,
    ...(deps.onFailed === undefined ? {} : { onFailed: deps.onFailed })
  })
  // Heartbeats were a task of this queue once (src/intune/send-heartbeat.ts).
  await deps.queues.unschedule('upkeep', 'heartbeat')
  for (const task of Object.keys(tasks) as Array<UpkeepPayload['task']>) {
    await deps.queues.schedule('upkeep', task, UPKEEP_EVERY_MS[task], { task })
  }
  return {
    async close () {
      // A slow publisher must not hold up the end.
      await Promise.all([deps.subscriptions.close(), worker.close()])
    }
  }
}

/** Hands on committed work that has no job: the queues may have been lost, or a process died between commit and hand-over. */
async function sweep ({ db, queues, score, sync, preview, log, forgottenMs = FORGOTTEN_MS }: UpkeepWorkerDeps): Promise<object> {
  // The nearest to the user first: what is judged but not told.
  await wakeSyncs({ db, sync })
  await sequenceStateChanges(db)
  const { score: { prioritized = 0, waiting = 0 } } = await queues.counts()
  await rescoreDueDevices({ db, score }, { waitingJobs: prioritized })
  await handOnRescorings({ db, score })
  // Jobs are worked off in order, so while old ones wait, groups of their age have one as well.
  const { score: scoreSeconds, preview: previewSeconds } = await queues.oldestWaitingSeconds()
  const { groups } = await sweepJournal({ db, score }, { olderThanSeconds: scoreSeconds + forgottenMs / 1000, waitingJobs: waiting })
  if (groups > 0) log.warn({ groups }, 'groups of the journal had no job')
  const previews = await listForgottenPreviews(db, { olderThanSeconds: previewSeconds + forgottenMs / 1000 })
  await preview.add(previews.map((previewId) => ({ previewId })))
  if (previews.length > 0) log.warn({ previews: previews.length }, 'previews of policies had no job')
  return { groups, previews: previews.length }
}

/** An import whose process died before it told anybody, a starter feed that came with a new version, an indicator whose time has come. */
async function reassess ({ intel }: UpkeepWorkerDeps): Promise<void> {
  await intel.add([{}])
}

/** Days ahead get their tables before they come, and days that nobody needs go with theirs. */
async function tendPartitions ({ db, retentionDays, log }: UpkeepWorkerDeps): Promise<object> {
  await createJournalDays(db, new Date())
  const dropped = await dropJournalDays(db, { retentionDays: retentionDays.reports })
  log.info({ journalDays: dropped }, 'tended the days of the journal')
  return { dropped }
}

async function expire ({ db, sync, retentionDays: days, log }: UpkeepWorkerDeps, signal: AbortSignal): Promise<object> {
  const deleted: Record<string, unknown> = {}
  const steps: Readonly<Record<string, () => Promise<unknown>>> = {
    assertions: async () => await expireAssertions(db),
    retiredDevices: async () => await expireRetiredDevices({ db, sync, log }, { retentionDays: days.retiredDevices, signal }),
    devices: async () => await purgeErasedDevices({ db }),
    history: async () => await expireHistory(db, { retentionDays: days.history, signal }),
    quarantined: async () => await expireQuarantined(db, { retentionDays: days.reports, signal }),
    credentials: async () => await expireCredentials(db, { retentionDays: days.credentials }),
    appBuilds: async () => (await expireAppBuilds({ db })).deleted,
    previews: async () => await expirePreviews(db),
    sessions: async () => await expireSessions(db),
    stateChanges: async () => await expireStateChanges(db, { retentionDays: days.stateChanges })
  }
  for (const [name, step] of Object.entries(steps)) {
    signal.throwIfAborted()
    deleted[name] = await step()
  }
  log.info(deleted, 'deleted what has expired')
  return deleted
}

async function tend ({ db, log }: UpkeepWorkerDeps, signal: AbortSignal): Promise<object> {
  const result = await tendTables(db, { signal })
  for (const hint of result.hints) log.warn(hint, 'a table needs somebody to look at it')
  return result
}
