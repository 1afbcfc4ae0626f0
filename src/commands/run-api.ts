import { loadConfig } from '../config.js'
import { createLifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { runUntilStopped } from './run-until-stopped.js'

/** `sallyport api`: the API alone, on the database and queues that the environment names. */
export async function runApi (env: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfig(env, ['DATABASE_URL', 'INTUNE_CLIENT_ID'])
  const log = createLogger({ level: config.LOG_LEVEL })
  const lifecycle = createLifecycle(log)
  await runUntilStopped(lifecycle, log, async () => {
    // A wrong configuration is told before all of the code is loaded.
    const [{ openInstallation }, { installBundledFeed }, { startApi }] = await Promise.all([import('./installation.js'), import('../intel/install-bundled-feed.js'), import('./start-api.js')])
    const installation = await openInstallation(config, { log, lifecycle, kind: 'api' })
    await installBundledFeed({ db: installation.dbAs('platform') }, { now: new Date() })
    await installation.intel.refresh()
    const { url, opsUrl } = await startApi(installation)
    log.info({ url, opsUrl, queueEngine: installation.queues.engine }, 'the API listens')
  })
}
