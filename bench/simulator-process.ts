import { startIntuneSimulator, type IntuneSimulator } from '../src/simulator/intune/start-intune-simulator.js'
import { serve } from './remote.js'

/** The simulated Intune in a process of its own. */
export interface SimulatorApi {
  start (options: undefined): Promise<Omit<IntuneSimulator, 'close'>>
}

serve<SimulatorApi>({
  async start () {
    const { httpUrl, httpsUrl, caCertificatePem } = await startIntuneSimulator()
    return { httpUrl, httpsUrl, caCertificatePem }
  }
})
