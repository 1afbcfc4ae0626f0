import { loadConfig } from '../config.js'
import { createLifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { QUEUE_NAMES, type QueueName } from '../platform/queue-names.js'
import { announceReady } from './child-process.js'
import { runUntilStopped } from './run-until-stopped.js'

/** `sallyport worker`: workers alone, on the database and queues that the environment names. */
export async function runWorker (options: { queue?: string[] }, env: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfig(env, ['DATABASE_URL', 'INTUNE_CLIENT_ID'])
  const queueNames = readQueueNames(options.queue)
  const log = createLogger({ level: config.LOG_LEVEL })
  const lifecycle = createLifecycle(log)
  await runUntilStopped(lifecycle, log, async () => {
    // A wrong configuration is told before all of the code is loaded.
    const [{ openInstallation }, { startOps }, { wireWorkers }] = await Promise.all([import('./installation.js'), import('./start-api.js'), import('./wire-workers.js')])
    const installation = await openInstallation(config, { log, lifecycle, kind: 'worker' })
    let run = false
    installation.checks.workers = async () => { if (!run) throw new Error('they do not run yet') }
    const opsUrl = await startOps(installation)
    const workers = await wireWorkers(installation, queueNames)
    run = true
    lifecycle.onStop('workers', async () => await workers.close())
    log.info({ queues: queueNames, opsUrl, queueEngine: installation.queues.engine }, 'the workers run')
    announceReady({ opsUrl })
  })
}

function readQueueNames (names: readonly string[] | undefined): readonly QueueName[] {
  if (names === undefined) return QUEUE_NAMES
  const unknown = names.filter((name) => !(QUEUE_NAMES as readonly string[]).includes(name))
  if (unknown.length > 0) throw new Error(`there is no queue ${unknown.join(', ')}; there are ${QUEUE_NAMES.join(', ')}`)
  return names as QueueName[]
}
