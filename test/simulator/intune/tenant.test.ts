import { randomUUID } from 'node:crypto'
import t from 'tap'
import { CLIENT, createMicrosoft, entity, SECRET, TENANT } from './microsoft.js'

const READER = { clients: [{ clientId: CLIENT, secret: SECRET, roles: { graph: ['Policy.Read.All', 'Organization.Read.All', 'DeviceManagementServiceConfig.ReadWrite.All', 'DeviceManagementManagedDevices.Read.All'], intune: ['update_device_health'] } }] }

t.test('Conditional Access, licences and the MDM authority can be read', async (t) => {
  const { graph, sim, call } = await createMicrosoft(t, { ...READER, licences: 25, conditionalAccess: [{ displayName: 'All', resources: ['exchange', 'sharepoint', 'onedrive', 'wifi', 'companyApps'] }, { displayName: 'Mail', resources: ['exchange'], state: 'disabled' }] })
  t.match((await graph('GET', '/v1.0/identity/conditionalAccess/policies')).body.value, [
    { displayName: 'All', state: 'enabled', conditions: { applications: { includeApplications: ['All'] }, users: { includeUsers: ['All'] } }, grantControls: { builtInControls: ['compliantDevice'] } },
    { displayName: 'Mail', state: 'disabled', conditions: { applications: { includeApplications: ['00000002-0000-0ff1-ce00-000000000000'] } } }
  ])
  t.match((await graph('GET', '/v1.0/subscribedSkus')).body.value, [{ skuPartNumber: 'INTUNE_A', capabilityStatus: 'Enabled', consumedUnits: 1, prepaidUnits: { enabled: 25 }, servicePlans: [{ servicePlanName: 'INTUNE_A' }] }])
  t.match((await graph('GET', '/v1.0/organization')).body.value, [{ id: TENANT, mobileDeviceManagementAuthority: 'intune' }])
  await sim('PUT', `/tenants/${TENANT}`, { licences: 0, mdmAuthority: 'office365' })
  t.strictSame((await graph('GET', '/v1.0/subscribedSkus')).body.value, [])
  t.match((await graph('GET', '/v1.0/organization')).body.value, [{ mobileDeviceManagementAuthority: 'office365' }])
  t.equal((await call('GET', '/v1.0/organization')).status, 401)
})

t.test('a policy of Conditional Access that only reports blocks nobody', async (t) => {
  const { provision, enroll, send, device } = await createMicrosoft(t, { conditionalAccess: [{ resources: ['exchange'], state: 'enabledForReportingButNotEnforced' }] })
  await provision()
  const deviceId = await enroll()
  await send([entity(deviceId, 'highSeverity')])
  t.match(await device(deviceId), { complianceState: 'noncompliant', access: { exchange: 'granted' } })
})

t.test('two vendors enabled on one platform: a device must be scanned by both', async (t) => {
  const { graph, provision, enroll, send, device, sim } = await createMicrosoft(t, READER)
  await provision()
  const [deviceId, other] = [await enroll({ platform: 'android' }), randomUUID()]
  await send([entity(deviceId, 'secured')])
  t.match(await device(deviceId), { complianceState: 'compliant' })
  const connectors = '/v1.0/deviceManagement/mobileThreatDefenseConnectors'
  await graph('POST', connectors, { id: 'fc780465-2017-40d4-a0c5-307022471b92', androidEnabled: true })
  t.match(await device(deviceId), { complianceState: 'compliant' }, 'Microsoft Defender does not count')
  await graph('POST', connectors, { id: other, androidEnabled: true })
  t.match(await device(deviceId), { complianceState: 'noncompliant' })
  await sim('PUT', `/tenants/${TENANT}/devices/${deviceId}`, { platform: 'android', scannedBy: [other] })
  t.match(await device(deviceId), { complianceState: 'compliant' })
})

t.test('user unlicensed or deleted: the built-in policy makes the device noncompliant', async (t) => {
  const ann = randomUUID()
  const { provision, enroll, send, device, sim, graph } = await createMicrosoft(t, { users: [{ id: ann }] })
  await provision()
  const deviceId = await enroll({ platform: 'ios', userId: ann })
  await send([entity(deviceId, 'secured')])
  t.match(await device(deviceId), { complianceState: 'compliant' })
  await sim('PUT', `/tenants/${TENANT}/users/${ann}`, { licensed: false })
  t.match(await device(deviceId), { complianceState: 'noncompliant', access: { exchange: 'blocked' } })
  await sim('PUT', `/tenants/${TENANT}/users/${ann}`, { licensed: true })
  t.match(await device(deviceId), { complianceState: 'compliant' })
  await sim('DELETE', `/tenants/${TENANT}/users/${ann}`)
  t.match(await device(deviceId), { complianceState: 'noncompliant' })
  t.match((await sim('GET', `/tenants/${TENANT}/devices/${deviceId}/history`)).body.compliance, [{ displayName: 'Built-in Device Compliance Policy', reason: /user/ }])
  const [{ id }] = (await graph('GET', `/v1.0/deviceManagement/managedDevices?$filter=${encodeURIComponent(`azureADDeviceId eq '${deviceId}'`)}`)).body.value
  t.match((await graph('GET', `/v1.0/deviceManagement/managedDevices/${id}/deviceCompliancePolicyStates`)).body.value, [{ state: 'nonCompliant', settingStates: [{ currentValue: 'secured' }] }])
})

t.test('a phone that is away too long is noncompliant', async (t) => {
  const { provision, heartbeat, enroll, device, sim } = await createMicrosoft(t, { validityDays: 2 })
  await provision()
  const [here, away] = [await enroll(), await enroll({ platform: 'ios', online: false })]
  await sim('PUT', '/clock', { offsetSeconds: 3 * 86_400 })
  await heartbeat()
  t.match(await device(here), { complianceState: 'compliant' })
  t.match(await device(away), { complianceState: 'noncompliant' })
})

t.test('a device is lost while its report is under way', async (t) => {
  const { provision, enroll, send, status, sim } = await createMicrosoft(t)
  await provision()
  const [deviceId, messageId] = [await enroll(), randomUUID()]
  await sim('PUT', '/faults', [{ kind: 'device-lost', times: 1 }])
  await send([entity(deviceId, 'secured')], { messageId })
  t.match((await status(messageId)).body, { Status: 'Failed', ErrorCode: 404, ErrorDetail: new RegExp(deviceId) })
  t.equal((await sim('GET', `/tenants/${TENANT}/devices/${deviceId}`)).status, 404)
})

t.test('what falls by chance falls the same way again with the same seed', async (t) => {
  const { sim, graph } = await createMicrosoft(t)
  const run = async (seed: number): Promise<string> => {
    await sim('PUT', `/faults?seed=${seed}`, [{ kind: 'status', status: 503, probability: 0.5, match: { service: 'graph' } }])
    const statuses: number[] = []
    for (let call = 0; call < 30; call++) statuses.push((await graph('GET', '/v1.0/devices?$top=1')).status)
    return statuses.join()
  }
  const first = await run(7)
  t.match(first, /503/)
  t.match(first, /200/)
  t.equal(await run(7), first)
  t.not(await run(8), first)
})

t.test('bodies are kept when asked for, and never what Entra is sent', async (t) => {
  const { sim, provision, enroll, send, tokenOf } = await createMicrosoft(t)
  await provision()
  const deviceId = await enroll()
  await send([entity(deviceId, 'secured')])
  await sim('PUT', '/requests', { bodies: true })
  await sim('DELETE', '/requests')
  await send([entity(deviceId, 'secured')])
  await tokenOf('https://graph.microsoft.com/.default')
  const { items } = (await sim('GET', '/requests')).body
  t.match(items, [{ service: 'partner', body: { TenantId: TENANT, UploadTime: String, Content: String } }, { service: 'entra' }])
  t.notOk('body' in items[1])
  t.notMatch(JSON.stringify(items), SECRET)
  await sim('PUT', '/requests', { bodies: false })
  await sim('DELETE', '/requests')
  await send([entity(deviceId, 'secured')])
  t.notOk('body' in (await sim('GET', '/requests')).body.items[0])
})
