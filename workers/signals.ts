import type { Logger } from 'pino'
import { runUpkeepTask } from '../src/platform/upkeep-tasks.js'
import type { Queues, QueueWorker, StartWorkerOptions } from '../src/platform/queues.js'
import type { SignalsPayload } from '../src/platform/queue-names.js'
import type { SignalRunner } from '../src/signals/signal-runner.js'
import type { SetKeysDeps } from '../src/signals/ssf/set-keys.js'
import { tendSignals } from '../src/signals/tend-signals.js'

export interface SignalsWorkerDeps extends SetKeysDeps {
  readonly queues: Pick<Queues, 'startWorker' | 'schedule'>
  readonly runner: SignalRunner
  readonly log: Logger
  readonly onFailed?: StartWorkerOptions['onFailed']
  /** How long a process that is silent keeps a task of upkeep. */
  readonly leaseMs?: number
}

/** How often each task is put in; over all processes together. */
const SCHEDULES: Readonly<Record<SignalsPayload['task'], number>> = { tell: 1_000, tend: 60 * 60 * 1000 }
const CONCURRENCY = 2

/**
 * Tells all but Intune of changes. Jobs only wake the runner: what is in hand is kept by leases
 * in the database, so a receiver that hangs holds up neither the queue nor other receivers.
 */
export async function startSignalsWorker (deps: SignalsWorkerDeps): Promise<QueueWorker> {
  const { queues, runner, onFailed } = deps
  const tasks: Readonly<Record<SignalsPayload['task'], () => Promise<void>>> = {
    tell: async () => await runner.wake(),
    tend: async () => { await runUpkeepTask(deps, { task: 'signals', everyMs: SCHEDULES.tend }, async () => await tendSignals(deps)) }
  }
  const worker = queues.startWorker('signals', async ({ task }) => await tasks[task](), { concurrency: CONCURRENCY, ...(onFailed === undefined ? {} : { onFailed }) })
  for (const task of Object.keys(tasks) as Array<SignalsPayload['task']>) await queues.schedule('signals', task, SCHEDULES[task], { task })
  return {
    async close () {
      await Promise.all([runner.close(), worker.close()])
    }
  }
}
