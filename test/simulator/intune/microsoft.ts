import type { FastifyInstance, InjectOptions } from 'fastify'
import { randomUUID } from 'node:crypto'
import { buildSimulatorApp, type SimulatorAppOptions } from '../../../src/simulator/intune/app.js'

export const TENANT = '11111111-1111-4111-8111-111111111111'
export const CLIENT = '22222222-2222-4222-8222-222222222222'
export const SECRET = 'a-secret'
export const CONNECTOR = '33333333-3333-4333-8333-333333333333'
export const GRAPH_SCOPE = 'https://graph.microsoft.com/.default'
export const INTUNE_SCOPE = 'https://api.manage.microsoft.com//.default'
export const PARTNER = '/TrafficGateway/TrafficRoutingService/PartnerAPI'

export const ALL_ROLES = {
  graph: [
    'Application.Read.All', 'Device.Read.All', 'DeviceManagementManagedDevices.Read.All', 'DeviceManagementServiceConfig.ReadWrite.All', 'DeviceManagementConfiguration.ReadWrite.All',
    'DeviceManagementManagedDevices.PrivilegedOperations.All', 'User.Read.All', 'GroupMember.Read.All'
  ],
  intune: ['update_device_health']
}

export const SEED = {
  clients: [{ clientId: CLIENT, secret: SECRET, roles: ALL_ROLES }],
  connector: { id: CONNECTOR, androidEnabled: true, iosEnabled: true },
  partner: { processingDelayMs: 0 }
}

interface Teardown { teardown (callback: () => Promise<void>): void }

/** A simulator without ports, with one tenant, and short ways to call it. */
export async function createMicrosoft (t: Teardown, seed: object = {}, options: SimulatorAppOptions = {}) {
  const { app } = await buildSimulatorApp(options)
  t.teardown(async () => { await app.close() })
  const call = caller(app)
  const seeded = await call('PUT', `/_sim/tenants/${TENANT}`, { body: { ...SEED, ...seed } })
  if (seeded.status !== 201) throw new Error(JSON.stringify(seeded.body))
  const tokenOf = async (scope: string): Promise<string> => {
    const { body } = await call('POST', `/${TENANT}/oauth2/v2.0/token`, { form: { grant_type: 'client_credentials', client_id: CLIENT, client_secret: SECRET, scope } })
    return body.access_token
  }
  const [graphToken, intuneToken] = [await tokenOf(GRAPH_SCOPE), await tokenOf(INTUNE_SCOPE)]

  return {
    app,
    call,
    tokenOf,
    sim: async (method: Method, path: string, body?: unknown) => await call(method, `/_sim${path}`, { body }),
    graph: async (method: Method, path: string, body?: unknown, headers: Record<string, string> = {}) => await call(method, path, { body, token: graphToken, headers }),
    partner: async (method: Method, path: string, body?: unknown, headers: Record<string, string> = {}) => await call(method, PARTNER + path, { body, token: intuneToken, headers }),
    provision: async (provisioned = 1) => await call('PUT', `${PARTNER}/StatelessPartnerTenantDataSyncService/PartnerTenants(guid'${TENANT}')?api-version=1.6`, {
      token: intuneToken, body: { Provisioned: provisioned, PartnerEnrollmentUrl: 'https://mtd.example/enroll', PartnerRemediationUrl: 'https://mtd.example/fix' }
    }),
    heartbeat: async () => await call('PUT', `${PARTNER}/StatelessPartnerTenantDataSyncService/PartnerTenantHeartbeat(guid'${TENANT}')?api-version=1.6`, {
      token: intuneToken, body: { Timestamp: new Date().toISOString() }, headers: { prefer: 'return-content' }
    }),
    send: async (entities: unknown, { messageId = randomUUID(), ...more }: Record<string, unknown> & { messageId?: string } = {}) =>
      await call('PUT', messagePath(messageId), {
        token: intuneToken,
        body: { TenantId: TENANT, UploadTime: new Date().toISOString(), Content: typeof entities === 'string' ? entities : JSON.stringify(entities), ...more }
      }),
    status: async (messageId: string) => await call('GET', messagePath(messageId), { token: intuneToken }),
    device: async (deviceId: string) => (await call('GET', `/_sim/tenants/${TENANT}/devices/${deviceId}`)).body,
    enroll: async (seed: object = { platform: 'android' }) => {
      const deviceId = randomUUID()
      const answer = await call('PUT', `/_sim/tenants/${TENANT}/devices/${deviceId}`, { body: seed })
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
      return deviceId
    }
  }
}

export const messagePath = (messageId: string): string =>
  `${PARTNER}/StatelessPartnerDeviceDataSyncService/DataUploadMessages(guid'${messageId}')?api-version=1.2`

export const entity = (deviceId: string, healthState: string, more: object = {}): object =>
  ({ EntityType: 5, TenantId: TENANT, DeviceId: deviceId, LastUpdateTime: new Date().toISOString(), HealthState: healthState, ...more })

export type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
export interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  // The answers are as varied as Microsoft; each test says what it expects of them.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any
}

function caller (app: FastifyInstance) {
  return async (method: Method, url: string, { body, form, token, headers = {} }: { body?: unknown, form?: Record<string, string>, token?: string, headers?: Record<string, string> } = {}): Promise<Answer> => {
    const options: InjectOptions = {
      method,
      url,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers
      },
      ...(form !== undefined ? { payload: new URLSearchParams(form).toString() } : body === undefined ? {} : { payload: body as object })
    }
    const response = await app.inject(options)
    return { status: response.statusCode, headers: response.headers, body: response.body === '' ? undefined : JSON.parse(response.body) }
  }
}
