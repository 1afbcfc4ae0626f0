import { credentialExpiresAt } from '../intune/credential-expiry.js'
import type { EntraApp } from '../intune/entra-credential.js'
import type { Metrics } from '../platform/metrics.js'
import type { Queues } from '../platform/queues.js'

export interface MeasureProcessDeps {
  readonly metrics: Pick<Metrics, 'queueWorkers' | 'credentialSeconds'>
  readonly queues: Pick<Queues, 'workers'>
  readonly apps: Readonly<Record<'partner' | 'setup', EntraApp | undefined>>
}

/** Fills the gauges of what this process alone knows. Called before each scrape. */
export async function measureProcess ({ metrics, queues, apps }: MeasureProcessDeps): Promise<void> {
  metrics.queueWorkers.reset()
  await Promise.all(queues.workers().map(async ({ queue, check }) => {
    metrics.queueWorkers.set({ queue }, await check().then(() => 1, () => 0))
  }))
  metrics.credentialSeconds.reset()
  for (const [app, credential] of Object.entries(apps)) {
    // What cannot be read is for the doctor and for whoever signs in with it to tell.
    const until = credential === undefined ? undefined : await credentialExpiresAt(credential).catch(() => undefined)
    if (until !== undefined) metrics.credentialSeconds.set({ app }, (until.getTime() - Date.now()) / 1000)
  }
}
