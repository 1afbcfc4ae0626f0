import { writeFile } from 'node:fs/promises'
import { loadConfig } from '../config.js'
import { createLifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { startIntuneSimulator, type IntuneSimulator } from '../simulator/intune/start-intune-simulator.js'
import { announceReady } from './child-process.js'
import { seedSimulatedTenant, type SimulatedTenant } from './simulated-tenant.js'
import { runUntilStopped } from './run-until-stopped.js'

/** Where a simulator is and whom to trust for it. */
export type SimulatorAddress = Pick<IntuneSimulator, 'httpUrl' | 'httpsUrl' | 'caCertificatePem'>

export async function startSimulator (options: { readonly port: number, readonly httpsPort?: number, readonly host?: string, readonly name?: string }): Promise<IntuneSimulator> {
  const { port, httpsPort = 0, host = '127.0.0.1', name } = options
  return await startIntuneSimulator({ host, httpPort: port, httpsPort, ...(name === undefined ? {} : { publicHost: name }) })
}

/** `sallyport simulate intune`: the simulator alone, until it is stopped. */
export async function runSimulator (options: { port: number, httpsPort: number, host: string, name?: string, caFile?: string, tenant?: string }, env: NodeJS.ProcessEnv): Promise<void> {
  const seed = options.tenant === undefined ? undefined : readSeed(options.tenant, env)
  const log = createLogger({ level: 'info' })
  const lifecycle = createLifecycle(log)
  await runUntilStopped(lifecycle, log, async () => {
    const { httpUrl, httpsUrl, caCertificatePem, close } = await startSimulator(options)
    lifecycle.onStop('Intune simulator', close)
    if (seed !== undefined) await seedSimulatedTenant({ httpUrl: httpUrl.replace('//0.0.0.0:', '//127.0.0.1:') }, seed)
    if (options.caFile !== undefined) await writeFile(options.caFile, caCertificatePem)
    log.info({ httpUrl, httpsUrl, caFile: options.caFile }, 'the Intune simulator listens')
    announceReady({ httpUrl, httpsUrl, caCertificatePem })
  })
}

/** The tenant that is there from the start; its app is the one that the environment names for Sallyport. */
function readSeed (entraTenantId: string, env: NodeJS.ProcessEnv): SimulatedTenant {
  const { INTUNE_CLIENT_ID: clientId, INTUNE_CLIENT_SECRET: clientSecret } = loadConfig(env)
  if (clientId === undefined || clientSecret === undefined) throw new Error('--tenant needs INTUNE_CLIENT_ID and INTUNE_CLIENT_SECRET: the app that may act there')
  return { entraTenantId, name: 'Simulated', clientId, clientSecret }
}
