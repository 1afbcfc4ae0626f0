import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { createIntuneClient, type IntuneClient, type IntuneClientOptions } from '../../src/intune/intune-client.js'
import type { Database } from '../../src/platform/database.js'
import { startIntuneSimulator, type IntuneSimulator } from '../../src/simulator/intune/start-intune-simulator.js'
import { silentLog } from '../helpers/log.js'

const ROLES = { graph: ['Application.Read.All'], intune: ['update_device_health'] }

export interface SimulatedIntune {
  readonly simulator: IntuneSimulator
  readonly intune: IntuneClient
  readonly tenantId: string
  readonly entraTenantId: string
  readonly clientOptions: IntuneClientOptions
  control (method: string, path: string, body?: unknown): Promise<unknown>
  setFaults (faults: readonly object[]): Promise<void>
  /** Makes phones known to the simulated Intune. */
  enroll (entraDeviceIds: readonly string[]): Promise<void>
  threatStateOf (entraDeviceId: string): Promise<string>
}

/** A simulated Intune with a tenant, and a client that was pointed at it by configuration. */
export async function startSimulatedIntune (t: Test, db: Database, seed: object = {}, roles: { readonly graph?: readonly string[] } = {}): Promise<SimulatedIntune> {
  const simulator = await startIntuneSimulator({})
  t.teardown(async () => await simulator.close())
  const entraTenantId = randomUUID()
  const clientId = randomUUID()
  const { id: tenantId } = await db.insertInto('tenant').values({ name: 'A tenant', entra_tenant_id: entraTenantId }).returning('id').executeTakeFirstOrThrow()

  const control = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${simulator.httpUrl}/_sim${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.status === 204 ? undefined : await answer.json()
  }
  await control('PUT', `/tenants/${entraTenantId}`, { clients: [{ clientId, secret: 'a secret', roles: { ...ROLES, ...roles } }], connector: { androidEnabled: true }, ...seed })

  const clientOptions: IntuneClientOptions = {
    authorityHost: simulator.httpsUrl,
    graphBaseUrl: simulator.httpsUrl,
    resource: 'https://api.manage.microsoft.com/',
    endpointHosts: [new URL(simulator.httpsUrl).hostname],
    clientId,
    clientSecret: 'a secret',
    extraCaPem: simulator.caCertificatePem,
    wire: { entityType: 5, healthField: 'HealthState', deviceApiVersion: '1.2', tenantApiVersion: '1.6' },
    log: silentLog
  }
  const intune = createIntuneClient(clientOptions)
  t.teardown(async () => await intune.close())

  return {
    simulator, intune, tenantId, entraTenantId, clientOptions, control,
    setFaults: async (faults) => { await control('PUT', '/faults', faults) },
    async enroll (entraDeviceIds) {
      for (const id of entraDeviceIds) await control('PUT', `/tenants/${entraTenantId}/devices/${id}`, { platform: 'android' })
    },
    async threatStateOf (entraDeviceId) {
      return (await control('GET', `/tenants/${entraTenantId}/devices/${entraDeviceId}`) as { threatState: string }).threatState
    }
  }
}
