import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Environment, loadConfig, withSettings } from '../config.js'
import { installBundledFeed } from '../intel/install-bundled-feed.js'
import { migrate } from '../platform/migrate.js'
import { startChild } from './child-process.js'
import { type EmbeddedCredentials, loadEmbeddedCredentials } from './embedded-credentials.js'
import { loadEmbeddedSecretsKey } from './embedded-secrets-key.js'
import { connectSimulator, seedEmbeddedTenant, setUpEmbeddedTenant } from './embedded-tenant.js'
import { type Installation, openInstallation } from './installation.js'
import { writeRunning } from './running-file.js'
import { startApi } from './start-api.js'
import { SIMULATED_API } from './simulated-tenant.js'
import type { SimulatorAddress } from './start-simulator.js'
import { portSettings, type ReadyLine, type Running, type Start } from './up.js'
import { wireWorkers } from './wire-workers.js'

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/** Starts what needs the database. What was started is registered with the lifecycle, also when a later part fails. */
export async function startParts (start: Start): Promise<Running> {
  const { options, env, log, lifecycle, first, dataDir, databaseUrl, simulator, processes } = start
  const credentials = simulator === undefined ? undefined : await loadEmbeddedCredentials(dataDir)
  await migrate({ databaseUrl, rolePrefix: first.DATABASE_ROLE_PREFIX, log })
  const settings = withSettings({ STOP_DELAY_SECONDS: '0', ...env }, {
    // Nothing stands in front of it, so there is no delay unless somebody wants one.
    ...portSettings(options),
    DATABASE_URL: databaseUrl,
    ...(first.DATABASE_URL === undefined && first.SECRETS_KEY === undefined ? { SECRETS_KEY: await loadEmbeddedSecretsKey(dataDir) } : {}),
    ...(simulator !== undefined && credentials !== undefined ? await simulatorSettings(simulator, credentials, dataDir) : {}),
    // Whoever tries another provider has named it.
    ...(simulator !== undefined && first.OIDC_AUDIENCE === undefined ? { OIDC_AUDIENCE: SIMULATED_API.clientId } : {})
  })
  const config = loadConfig(settings)

  const installation = await openInstallation(config, { log, lifecycle, kind: 'up' })
  await installBundledFeed({ db: installation.dbAs('platform') }, { now: new Date() })
  await installation.intel.refresh()
  if (simulator !== undefined && credentials !== undefined) await seedEmbeddedTenant({ ...installation, databaseUrl }, simulator, credentials)

  const api = await startApi(installation, {
    ...(simulator === undefined ? {} : { onEnrolled: connectSimulator(simulator, credentials!) })
  })
  if (simulator !== undefined && credentials !== undefined) setUpEmbeddedTenant(installation, credentials)
  processes.unshift({ name: 'api', pid: process.pid })
  await startWorkersPart(start, installation, settings)

  if (credentials !== undefined && options.ephemeral !== true) {
    lifecycle.onStop('running file', await writeRunning(dataDir, { api: api.url, operatorToken: credentials.operatorToken, databaseUrl }))
  }
  const trusted = simulator !== undefined && first.DATABASE_URL === undefined && LOOPBACK.has(config.HOST)
  const ready: ReadyLine = {
    event: 'ready',
    api: api.url,
    ops: api.opsUrl,
    intuneSimulator: simulator?.httpUrl ?? null,
    tenantId: credentials?.tenantId ?? null,
    entraTenantId: credentials?.entraTenantId ?? null,
    operatorToken: trusted ? credentials!.operatorToken : null,
    enrollmentToken: trusted ? credentials!.enrollmentToken : null
  }
  return { ready, processes, databaseUrl, stop: async () => await lifecycle.stop() }
}

async function startWorkersPart ({ options, lifecycle, processes, died }: Start, installation: Installation, settings: Environment): Promise<void> {
  const count = options.workers ?? 0
  if (count === 0) {
    const workers = await wireWorkers(installation)
    lifecycle.onStop('workers', async () => await workers.close())
    return
  }
  const children = await Promise.all(Array.from({ length: count }, async (_, index) => {
    const name = `worker-${index + 1}`
    const child = await startChild(name, ['worker'], { env: { ...settings, OPS_PORT: '0', PUBLIC_URL: installation.publicUrl.value }, onExit: (reason) => died(name, reason) })
    lifecycle.onStop(name, async () => await child.stop())
    return child
  }))
  processes.push(...children.map(({ name, pid }) => ({ name, pid })))
}

/** Points the Intune client at the simulator the way it is pointed at any other cloud: by configuration. */
async function simulatorSettings (simulator: SimulatorAddress, credentials: EmbeddedCredentials, dataDir: string): Promise<Environment> {
  const caFile = join(dataDir, 'intune-simulator-ca.pem')
  await writeFile(caFile, simulator.caCertificatePem)
  return {
    ENTRA_AUTHORITY_HOST: simulator.httpsUrl,
    GRAPH_BASE_URL: simulator.httpsUrl,
    INTUNE_ENDPOINT_HOSTS: new URL(simulator.httpsUrl).hostname,
    INTUNE_CA_FILE: caFile,
    INTUNE_CLIENT_ID: credentials.intuneClientId,
    INTUNE_CLIENT_SECRET: credentials.intuneClientSecret,
    PARTNER_API_AUDIENCE: SIMULATED_API.clientId
  }
}
