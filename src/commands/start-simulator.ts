import { writeFile } from 'node:fs/promises'
import { createLifecycle } from '../platform/lifecycle.js'
import { createLogger } from '../platform/log.js'
import { startIntuneSimulator, type IntuneSimulator } from '../simulator/intune/start-intune-simulator.js'
import { announceReady } from './child-process.js'
import { runUntilStopped } from './run-until-stopped.js'

/** Where a simulator is and whom to trust for it. */
export type SimulatorAddress = Pick<IntuneSimulator, 'httpUrl' | 'httpsUrl' | 'caCertificatePem'>

export async function startSimulator (options: { readonly port: number, readonly httpsPort?: number, readonly host?: string, readonly name?: string }): Promise<IntuneSimulator> {
  const { port, httpsPort = 0, host = '127.0.0.1', name } = options
  return await startIntuneSimulator({ host, httpPort: port, httpsPort, ...(name === undefined ? {} : { publicHost: name }) })
}

/** `sallyport simulate intune`: the simulator alone, until it is stopped. */
export async function runSimulator (options: { port: number, httpsPort: number, host: string, name?: string, caFile?: string }): Promise<void> {
  const log = createLogger({ level: 'info' })
  const lifecycle = createLifecycle(log)
  const { httpUrl, httpsUrl, caCertificatePem, close } = await startSimulator(options)
  lifecycle.onStop('Intune simulator', close)
  if (options.caFile !== undefined) await writeFile(options.caFile, caCertificatePem)
  log.info({ httpUrl, httpsUrl, caFile: options.caFile }, 'the Intune simulator listens')
  announceReady({ httpUrl, httpsUrl, caCertificatePem })
  await runUntilStopped(lifecycle, log)
}
