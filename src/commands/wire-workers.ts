import { startWorkers, type WorkersOptions } from '../../workers/main.js'
import type { ScoreDeps } from '../devices/score-devices.js'
import { createTenantRules } from '../devices/rules/tenant-rules.js'
import { createSubscriptionRunner } from '../intel/subscriptions/subscription-runner.js'
import { createRequestBudget, INTUNE_BUDGET } from '../intune/reconcile/request-budget.js'
import { asRole } from '../platform/access/database-roles.js'
import { QUEUE_NAMES, type QueueName } from '../platform/queue-names.js'
import type { QueueWorker } from '../platform/queues.js'
import { takeOverOf } from '../platform/take-over.js'
import { createJournal } from '../telemetry/journal.js'
import { createSignalRunner } from '../signals/signal-runner.js'
import type { Installation } from './installation.js'
import { signalsOf } from './signal-parts.js'
import { subscriptionsOf } from './subscription-parts.js'

/** How this installation scores, in workers and for operators alike. */
export function scoringOf ({ config, db, intel, queues, log, metrics, tracing }: Installation): ScoreDeps {
  return {
    db,
    intel,
    log,
    tracing,
    sync: queues.producer('sync'),
    privacyMode: config.PRIVACY_MODE,
    onScored: ({ reports, judgements }) => {
      for (const { failures } of judgements) for (const { detection } of failures) metrics.detectionFailures.inc({ detection })
      metrics.reportsScored.inc(reports.length)
      const now = Date.now()
      for (const { receivedAt } of reports) metrics.scoreSeconds.observe((now - receivedAt.getTime()) / 1000)
    }
  }
}

function signalsWorkerOf (installation: Installation): WorkersOptions['signals'] {
  const { db, queues, log, metrics } = installation
  const deps = signalsOf(installation)
  return { db, queues, log, leaseMs: takeOverOf(installation.config.TAKE_OVER_SECONDS).taskMs, secrets: deps.secrets, runner: createSignalRunner(deps), onFailed: (queue) => metrics.queueFailures.inc({ queue }) }
}

/** Starts the workers of these queues, all by default, in this process. */
export async function wireWorkers (process: Installation, queueNames: readonly QueueName[] = QUEUE_NAMES): Promise<QueueWorker> {
  // In the API's process, too, they are workers to the database.
  const installation: Installation = { ...process, db: process.dbAs('worker') }
  const { config, db, dbAs, lifecycle, queues, log, metrics, tracing, intel, feeds, intune, publicUrl } = installation
  const journal = createJournal({ db, score: queues.producer('score'), log, maxWaiting: config.JOURNAL_MAX_WAITING, tracing })
  lifecycle.onStop('journal of the workers', async () => await journal.close())
  const takeOver = takeOverOf(config.TAKE_OVER_SECONDS)
  const onFailed = (queue: QueueName): void => metrics.queueFailures.inc({ queue })
  const talkingToIntune = {
    db, intune, log, queues, onFailed,
    leaseMs: takeOver.taskMs,
    publicUrl: publicUrl.value,
    sync: queues.producer('sync')
  }
  const options: WorkersOptions = {
    score: { ...scoringOf(installation), queues, score: queues.producer('score'), onFailed, concurrency: config.SCORE_CONCURRENCY },
    intel: { db, intel, log, queues, score: queues.producer('score'), onFailed },
    preview: { db, ...(config.DATABASE_URL === undefined ? {} : { databaseUrl: asRole(config.DATABASE_URL, 'worker', config.DATABASE_ROLE_PREFIX) }), intel, log, queues, rules: createTenantRules(), onFailed },
    sync: {
      ...talkingToIntune,
      tracing,
      concurrency: config.SYNC_CONCURRENCY,
      tuning: { watchMs: takeOver.messageMs, giveUp: { refusals: config.INTUNE_DEAD_AFTER_REFUSALS, hours: config.INTUNE_DEAD_AFTER_HOURS } },
      onSynced: ({ lagSeconds }) => { for (const seconds of lagSeconds) metrics.endToEndSeconds.observe(seconds) }
    },
    reconcile: {
      db, log, queues, onFailed,
      leaseMs: takeOver.taskMs,
      graph: intune.graph,
      apps: { client: intune.appSync, journal, callBudget: intune.budget },
      budget: createRequestBudget(INTUNE_BUDGET),
      reconcile: queues.producer('reconcile'),
      sync: queues.producer('sync'),
      connectorId: config.INTUNE_CONNECTOR_ID,
      tuning: { everyMs: config.INTUNE_RECONCILE_MINUTES * 60_000 },
      onRound: ({ counts, parts }) => {
        metrics.reconciliations.inc({ outcome: Object.values(parts).some(({ state }) => state === 'unknown') ? 'incomplete' : 'complete' })
        for (const name of ['new', 'vanished', 'reenrolled', 'healed', 'stuck'] as const) metrics.reconciledDevices.inc({ change: name }, counts[name])
        for (const [kind, count] of Object.entries(counts.driftedByKind)) metrics.reconciledDrift.inc({ kind }, count)
      }
    },
    signals: signalsWorkerOf(installation),
    upkeep: {
      ...talkingToIntune,
      forgottenMs: takeOver.forgottenMs,
      score: queues.producer('score'),
      intel: queues.producer('intel'),
      preview: queues.producer('preview'),
      retentionDays: {
        reports: config.REPORT_RETENTION_DAYS,
        stateChanges: config.STATE_CHANGE_RETENTION_DAYS,
        history: config.HISTORY_RETENTION_DAYS,
        retiredDevices: config.RETIRED_DEVICE_RETENTION_DAYS,
        credentials: config.CREDENTIAL_RETENTION_DAYS
      },
      subscriptions: createSubscriptionRunner({
        ...subscriptionsOf({
          config,
          db,
          log,
          store: feeds.store,
          onChanged: async () => await queues.producer('intel').add([{}])
        }),
        onFailure: (feed) => metrics.intelSubscriptionFailures.inc({ feed })
      })
    },
    heartbeats: { ...talkingToIntune, db: dbAs('worker', 'control'), heartbeatMinutes: config.INTUNE_HEARTBEAT_MINUTES, unresponsiveDays: config.INTUNE_UNRESPONSIVE_DAYS }
  }
  // Known from the start: a worker that cannot be started is missing as well.
  for (const name of queueNames) {
    installation.checks[`worker ${name}`] = async () => {
      const worker = queues.workers().find(({ queue }) => queue === name)
      if (worker === undefined) throw new Error('it was not started')
      await worker.check()
    }
  }
  return await startWorkers(options, queueNames)
}
