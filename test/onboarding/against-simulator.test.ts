import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import type { GraphRequest } from '../../src/intune/graph-client.js'
import { createIntuneClient } from '../../src/intune/intune-client.js'
import { IntuneError } from '../../src/intune/intune-error.js'
import { provisionTenant } from '../../src/intune/provision-tenant.js'
import { sendDueHeartbeats } from '../../src/intune/send-heartbeat.js'
import { listConnectorSteps } from '../../src/onboarding/connector-steps.js'
import type { Check } from '../../src/onboarding/doctor/check.js'
import { type DiagnoseDeps, diagnoseTenant } from '../../src/onboarding/doctor/diagnose-tenant.js'
import { setUpIntune } from '../../src/onboarding/setup/setup-intune.js'
import type { SetupWish } from '../../src/onboarding/setup/wish.js'
import { createTestDatabase } from '../helpers/database.js'
import { rememberingProducer } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { checkRequest } from '../intune/graph-facts.js'
import { startSimulatedIntune } from '../intune/simulator.js'

const CONNECTOR_ID = '5a11ab0e-0000-4000-8000-00000000c0de'
const GRAPH = ['Application.Read.All', 'DeviceManagementServiceConfig.ReadWrite.All', 'DeviceManagementApps.ReadWrite.All', 'DeviceManagementConfiguration.ReadWrite.All', 'GroupMember.Read.All', 'Group.Read.All']
const WISH: SetupWish = {
  android: { packageId: 'com.example.sallyport', limit: 'low', management: ['workProfile', 'deviceOwner', 'deviceAdministrator'] },
  ios: { bundleId: 'com.example.Sallyport', storeUrl: 'https://apps.apple.com/app/id1', limit: 'medium' },
  connector: { appSync: true, unresponsiveDays: 3 }
}

async function setUp (t: Test) {
  const { db } = await createTestDatabase(t)
  const simulated = await startSimulatedIntune(t, db, { policies: [], connector: {} })
  const { entraTenantId, clientOptions, control, tenantId } = simulated
  const setRoles = async (roles: object): Promise<void> => {
    await control('PUT', `/tenants/${entraTenantId}`, { clients: [{ clientId: clientOptions.clientId, secret: 'a secret', roles }] })
  }
  await setRoles({ graph: GRAPH, intune: ['update_device_health'] })
  const sent: GraphRequest[] = []
  const { graph } = simulated.intune.setup
  const setup = {
    ...simulated.intune.setup,
    graph: {
      ...graph,
      send: async (tenant: string, request: GraphRequest) => {
        if (request.method !== 'GET') sent.push(structuredClone(request))
        return await graph.send(tenant, request)
      }
    }
  }
  const deps: DiagnoseDeps = { db, intune: { ...simulated.intune, setup }, log: silentLog, publicUrl: 'https://mtd.example', connectorId: CONNECTOR_ID }
  const connecting = { ...deps, intune: simulated.intune, sync: rememberingProducer<'sync'>(), heartbeatMinutes: 60 }
  const apply = async (more: Partial<Parameters<typeof setUpIntune>[1]> = {}) => await setUpIntune(deps, { tenantId, actor: 'an admin', wish: WISH, plan: false, undo: false, acceptConflicts: false, ...more })
  const diagnose = async (other: DiagnoseDeps = deps): Promise<Map<string, Check>> => new Map((await diagnoseTenant(other, { tenantId })).checks.map((check) => [check.check, check]))
  return { ...simulated, db, deps, connecting, apply, diagnose, setRoles, sent }
}

const statesOf = (checks: ReadonlyMap<string, Check>): Record<string, string> => Object.fromEntries([...checks].map(([name, { state }]) => [name, state]))

t.test('Intune is set up over https, is so when asked again, and is as before after the undo', async (t) => {
  const { apply, sent, intune, entraTenantId } = await setUp(t)
  const read = async (path: string): Promise<unknown[]> => ((await intune.graph.send(entraTenantId, { method: 'GET', version: 'beta', path })) as { value: unknown[] }).value
  const everything = async (): Promise<unknown> => await Promise.all(['/deviceManagement/mobileThreatDefenseConnectors', '/deviceAppManagement/mobileApps', '/deviceAppManagement/mobileAppConfigurations', '/deviceManagement/deviceCompliancePolicies'].map(read))
  const before = await everything()
  const answer = await apply()
  t.match(answer, { complete: true, lastError: null }, answer.lastError ?? '')
  t.match(await read('/deviceManagement/mobileThreatDefenseConnectors'), [{ androidEnabled: true, iosEnabled: true, allowPartnerToCollectIOSApplicationMetadata: true, partnerUnresponsivenessThresholdInDays: 3 }])
  t.equal((await read('/deviceAppManagement/mobileApps')).length, 2)
  t.equal((await read('/deviceManagement/deviceCompliancePolicies')).length, 4)

  for (const request of sent) t.strictSame(checkRequest(request), [], `${request.method} ${request.path}`)
  sent.splice(0)
  t.match(await apply({ wish: undefined }), { complete: true })
  t.strictSame(sent, [])
  t.match(await apply({ wish: { ...WISH, ios: { ...WISH.ios!, bundleId: 'com.example.Other', limit: 'high' } } }), { complete: true }, 'another app')
  t.match(await apply({ undo: true, wish: undefined }), { complete: true, items: [] })
  t.strictSame(await everything(), before)
})

t.test('a group of devices and a second vendor are found where they are', async (t) => {
  const { apply, control, entraTenantId, intune } = await setUp(t)
  const group = randomUUID()
  const device = randomUUID()
  await control('PUT', `/tenants/${entraTenantId}/devices/${device}`, { platform: 'android' })
  await control('PUT', `/tenants/${entraTenantId}`, { groups: [{ id: group, displayName: 'Tablets', kind: 'device', members: [device] }] })
  await intune.graph.send(entraTenantId, { method: 'POST', path: '/deviceManagement/mobileThreatDefenseConnectors', body: { '@odata.type': '#microsoft.graph.mobileThreatDefenseConnector', id: '08a8455c-48dd-45ff-ad82-7211355354f3', androidEnabled: true } })
  const { conflicts } = await apply({ plan: true, wish: { ...WISH, groups: [group] } })
  t.match(conflicts, [{ kind: 'two-vendors', text: /Zimperium/ }, { kind: 'device-group', text: /Tablets/ }])
  await t.rejects(apply({ wish: { ...WISH, groups: [group] } }), { statusCode: 409, message: /Zimperium.*Tablets/s })
})

t.test('the doctor of a tenant on its way, and of one that is set up', async (t) => {
  const { db, apply, diagnose, connecting, tenantId } = await setUp(t)
  t.match(statesOf(await diagnose()), {
    credential: 'ok', consent: 'ok', roles: 'ok', discovery: 'ok', provisioning: 'warning', heartbeat: 'unknown', connector: 'warning', app: 'unknown', 'app-configuration': 'unknown', policies: 'unknown', phones: 'ok'
  })
  const steps = await listConnectorSteps({ db }, { tenantId })
  t.strictSame(steps.map(({ step, state }) => `${step} ${state}`).slice(0, 6), ['credential done', 'consent done', 'roles done', 'discovery done', 'provisioning todo', 'heartbeat todo'])
  await provisionTenant(connecting, { tenantId, actor: 'ann' })
  await sendDueHeartbeats(connecting)
  t.match((await diagnose()).get('connector'), { state: 'broken', text: /no platform is turned on/ })
  await apply()
  const checks = await diagnose()
  t.match(statesOf(checks), { provisioning: 'ok', heartbeat: 'ok', connector: 'ok', app: 'ok', 'app-configuration': 'ok', policies: 'ok' })
  for (const { check, state, nextAction } of checks.values()) t.equal(nextAction === null, state === 'ok', `${check}: something to do unless all is well`)
  t.ok((await listConnectorSteps({ db }, { tenantId })).every(({ state }) => state === 'done'))
})

t.test('an app of its own for setting up that cannot be used: the doctor tells a lack of consent from a service that is away', async (t) => {
  const { deps, diagnose } = await setUp(t)
  const without = (error: Error): DiagnoseDeps => ({
    ...deps,
    intune: { ...deps.intune, setup: { ...deps.intune.setup, isSeparate: true, access: { ...deps.intune.setup.access, inspect: async () => { throw error } } } }
  })
  const noConsent = (await diagnose(without(new IntuneError('unauthorized', 'AADSTS700016: the application was not found')))).get('setup-app')
  const away = (await diagnose(without(new IntuneError('unavailable', 'no answer')))).get('setup-app')
  t.match(noConsent, { state: 'unknown', nextAction: /consent link/ })
  t.match(away, { state: 'unknown', text: /does not answer/ })
  t.notMatch(away!.nextAction, /consent link/)
})

t.test('the doctor finds the broken link and says how to repair it; what comes after it was not looked at', async (t) => {
  const { deps, clientOptions, diagnose, setRoles, control, entraTenantId } = await setUp(t)
  const withClient = async (options: object): Promise<Map<string, Check>> => {
    const intune = createIntuneClient({ ...clientOptions, ...options })
    t.teardown(async () => await intune.close())
    return await diagnose({ ...deps, intune })
  }
  const secret = await withClient({ clientSecret: 'a wrong one' })
  t.match(secret.get('credential'), { state: 'broken', text: /AADSTS7000215/, nextAction: /INTUNE_CLIENT_SECRET/ })
  t.match(statesOf(secret), { consent: 'unknown', roles: 'unknown', discovery: 'unknown', connector: 'unknown', policies: 'unknown' })
  t.match((await withClient({ clientId: randomUUID() })).get('consent'), { state: 'broken', nextAction: /consent link/ })
  t.match((await withClient({ endpointHosts: ['.manage.microsoft.com'] })).get('discovery'), { state: 'broken', nextAction: /INTUNE_ENDPOINT_HOSTS/ })

  await setRoles({ graph: ['Application.Read.All'], intune: [] })
  t.match((await diagnose()).get('roles'), { state: 'broken', text: /update_device_health/ })
  await setRoles({ graph: ['Application.Read.All'], intune: ['update_device_health'] })
  const narrow = await diagnose()
  t.match(narrow.get('connector'), { state: 'unknown', text: /DeviceManagementServiceConfig\.Read\.All/ }, 'a permission that only the check needs is no failure')
  t.match(statesOf(narrow), { roles: 'ok', discovery: 'ok' })
  await control('PUT', `/tenants/${entraTenantId}`, { clients: [{ clientId: clientOptions.clientId, secret: 'a secret', consented: false, roles: { graph: [], intune: [] } }] })
  t.match((await diagnose()).get('consent'), { state: 'broken', nextAction: /consent link/ }, 'consent that was revoked')
})
