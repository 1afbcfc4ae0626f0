import { randomUUID } from 'node:crypto'
import t from 'tap'
import { CLIENT, CONNECTOR, createMicrosoft, entity, GRAPH_SCOPE, INTUNE_SCOPE, SECRET, TENANT } from './microsoft.js'

const INTUNE = '0000000a-0000-0000-c000-000000000000'
const DEVICES = '/v1.0/deviceManagement/managedDevices'
const CONNECTORS = '/deviceManagement/mobileThreatDefenseConnectors'
const POLICIES = '/deviceManagement/deviceCompliancePolicies'

t.test('tokens are checked: presence, signature, audience, role', async (t) => {
  const { call, tokenOf } = await createMicrosoft(t, { clients: [{ clientId: CLIENT, secret: SECRET, roles: { graph: ['Device.Read.All'], intune: [] } }] })
  const token = await tokenOf(GRAPH_SCOPE)
  t.match(await call('GET', DEVICES), { status: 401, headers: { 'www-authenticate': /^Bearer/ }, body: { error: { code: 'InvalidAuthenticationToken', innerError: { 'request-id': String } } } })
  t.match(await call('GET', DEVICES, { token: token.slice(0, -4) + 'AAAA' }), { status: 401 })
  t.match(await call('GET', DEVICES, { token: await tokenOf(INTUNE_SCOPE) }), { status: 401, body: { error: { message: /audience/ } } })
  t.match(await call('GET', DEVICES, { token }), { status: 403, body: { error: { code: 'Forbidden', message: /DeviceManagementManagedDevices\.Read\.All/ } } })
  t.match(await call('GET', '/v1.0/devices', { token }), { status: 200 })
  t.match(await call('GET', '/v1.0/nonsense', { token }), { status: 400, body: { error: { message: /nonsense/ } } })
})

t.test('discovery answers in all forms, with rows that are not URLs', async (t) => {
  const { graph } = await createMicrosoft(t)
  const a = await graph('GET', `/v1.0/servicePrincipals/appId=${INTUNE}/endpoints`)
  t.equal(a.body.value.length, 219)
  t.ok(a.body.value.some(({ providerName, uri }: Record<string, string>) => providerName === 'TotalNumberOfEndpoints' && uri === '187'))
  t.ok(a.body.value.some(({ providerName, uri }: Record<string, string>) => providerName === 'PartnerTenantDataSyncService' && uri?.startsWith('https://')))
  const found = await graph('GET', `/v1.0/servicePrincipals?$filter=${encodeURIComponent(`appId eq '${INTUNE}'`)}`)
  t.equal(found.body.value.length, 1)
  const b = await graph('GET', `/v1.0/servicePrincipals/${found.body.value[0].id}/endPoints`)
  t.strictSame(b.body.value, a.body.value)
  t.strictSame((await graph('GET', `/beta/servicePrincipals(appId='${INTUNE}')/endpoints`)).body.value, a.body.value)
  t.match(await graph('GET', `/v1.0/servicePrincipals/appId=${randomUUID()}/endpoints`), { status: 404, body: { error: { code: 'Request_ResourceNotFound' } } })
})

t.test('connectors are listed, read, changed, added and deleted', async (t) => {
  const { graph } = await createMicrosoft(t)
  t.match((await graph('GET', `/v1.0${CONNECTORS}`)).body.value, [{ id: CONNECTOR, partnerState: 'unavailable', iosEnabled: true }])
  t.match(await graph('PATCH', `/v1.0${CONNECTORS}/${CONNECTOR}`, { iosEnabled: false, partnerUnresponsivenessThresholdInDays: 3 }), { status: 200, body: { iosEnabled: false, partnerUnresponsivenessThresholdInDays: 3 } })
  t.match(await graph('PATCH', `/v1.0${CONNECTORS}/${CONNECTOR}`, { iOSEnabled: true, androidEnabled: false }), { status: 400, body: { error: { code: 'BadRequest', message: /iOSEnabled/ } } })
  t.equal((await graph('GET', `/v1.0${CONNECTORS}/${CONNECTOR}`)).body.androidEnabled, true, 'a refused body changes nothing')
  t.equal((await graph('PATCH', `/beta${CONNECTORS}/${CONNECTOR}`, { macEnabled: true })).body.macEnabled, true)
  t.equal((await graph('PATCH', `/v1.0${CONNECTORS}/${CONNECTOR}`, { macEnabled: true })).status, 400)

  const id = randomUUID()
  t.match(await graph('POST', `/v1.0${CONNECTORS}`, { id, androidEnabled: true }), { status: 201, body: { id, partnerState: 'unavailable' } })
  t.equal((await graph('POST', `/v1.0${CONNECTORS}`, { id })).status, 409)
  t.equal((await graph('DELETE', `/v1.0${CONNECTORS}/${id}`)).status, 204)
  t.match(await graph('GET', `/v1.0${CONNECTORS}/${id}`), { status: 404, body: { error: { code: 'ResourceNotFound' } } })
})

t.test('managed devices are found by the filters that are documented', async (t) => {
  const { graph, enroll } = await createMicrosoft(t)
  const deviceId = await enroll({ platform: 'android', ownerType: 'personal', deviceName: "Ann's phone", serialNumber: 'S1', osVersion: '15' })
  await enroll({ platform: 'ios', deviceName: 'iPad' })
  const find = async (filter: string) => await graph('GET', `${DEVICES}?$filter=${encodeURIComponent(filter)}`)

  const { body } = await find(`azureADDeviceId eq '${deviceId.toUpperCase()}'`)
  t.match(body.value, [{ azureADDeviceId: deviceId, partnerReportedThreatState: 'unknown', complianceState: 'compliant', managedDeviceOwnerType: 'personal', operatingSystem: 'Android' }])
  t.match((await graph('GET', `${DEVICES}/${body.value[0].id}`)).body, { azureADDeviceId: deviceId })
  const good = ["deviceName eq 'Ann''s phone'", "contains(deviceName,'phone')", "serialNumber eq 'S1' and operatingSystem eq 'Android'", "contains(osVersion,'15')", "complianceState eq 'compliant' and serialNumber eq 'S1'", "lastSyncDateTime gt 2020-01-01T00:00:00Z and operatingSystem eq 'Android'"]
  for (const filter of good) t.match(await find(filter), { status: 200, body: { value: [{ azureADDeviceId: deviceId }] } }, filter)
  const bad = ["partnerReportedThreatState eq 'highSeverity'", "model eq 'x'", "AzureADDeviceId eq 'x'", "serialNumber eq 'S1' or imei eq 'x'", "serialNumber ne 'S1'", "contains(serialNumber,'S')", 'serialNumber eq S1', "serialNumber eq 'S1' and", '', "osVersion eq '15'"]
  for (const filter of bad) t.match(await find(filter), { status: 400, body: { error: { code: 'BadRequest' } } }, filter)
  t.equal((await graph('GET', `${DEVICES}?$count=true&$filter=${encodeURIComponent(`azureADDeviceId eq '${deviceId}'`)}`)).status, 400)
})

t.test('lists are selected and paged to the last row, once each', async (t) => {
  const { graph, sim } = await createMicrosoft(t)
  const devices = Array.from({ length: 7 }, () => ({ entraDeviceId: randomUUID(), platform: 'ios' }))
  await sim('PUT', `/tenants/${TENANT}/devices`, devices)
  const seen: string[] = []
  let url: string | undefined = `${DEVICES}?$top=3&$select=azureADDeviceId`
  let pages = 0
  while (url !== undefined) {
    const { body } = await graph('GET', url)
    pages++
    for (const row of body.value) {
      t.strictSame(Object.keys(row), ['azureADDeviceId'])
      seen.push(row.azureADDeviceId)
    }
    const next: string | undefined = body['@odata.nextLink']
    url = next && new URL(next).pathname + new URL(next).search
  }
  t.equal(pages, 3)
  t.strictSame(seen, devices.map(({ entraDeviceId }) => entraDeviceId))
  for (const query of ['$select=nonsense', '$top=0', '$top=x', '$orderby=id', 'top=3', '$skiptoken=!!']) t.equal((await graph('GET', `${DEVICES}?${query}`)).status, 400, query)
})

t.test('v1.0 shows beta\'s kinds of enrolment as unknownFutureValue', async (t) => {
  const { graph, enroll } = await createMicrosoft(t)
  await enroll({ platform: 'android', ownerType: 'company' })
  t.match((await graph('GET', DEVICES)).body.value, [{ deviceEnrollmentType: 'unknownFutureValue' }])
  t.match((await graph('GET', '/beta/deviceManagement/managedDevices')).body.value, [{ deviceEnrollmentType: 'androidEnterpriseFullyManaged' }])
})

t.test('Entra\'s device tells whether it is compliant', async (t) => {
  const { graph, enroll } = await createMicrosoft(t)
  const deviceId = await enroll()
  const { body } = await graph('GET', `/v1.0/devices?$filter=${encodeURIComponent(`deviceId eq '${deviceId}'`)}&$select=id,deviceId,displayName,isCompliant`)
  t.match(body.value, [{ deviceId, isCompliant: true }])
  t.not(body.value[0].id, deviceId, 'the object id is another id')
})

t.test('compliance policies are created whole and by type, and judge once assigned', async (t) => {
  const { graph, sim, enroll, device, provision, send } = await createMicrosoft(t, { policies: [] })
  await provision()
  const deviceId = await enroll({ platform: 'ios' })
  await send([entity(deviceId, 'mediumSeverity')])
  t.equal((await device(deviceId)).complianceState, 'compliant', 'no policy yet')

  const actions = [{ ruleName: 'PasswordRequired', scheduledActionConfigurations: [{ actionType: 'block', gracePeriodHours: 0, notificationTemplateId: '', notificationMessageCCList: [] }] }]
  const body = { '@odata.type': '#microsoft.graph.iosCompliancePolicy', displayName: 'iOS', deviceThreatProtectionEnabled: true, deviceThreatProtectionRequiredSecurityLevel: 'low', scheduledActionsForRule: actions }
  const wrong = [
    { ...body, scheduledActionsForRule: undefined }, { ...body, scheduledActionsForRule: [] }, { ...body, '@odata.type': '#microsoft.graph.iOSCompliancePolicy' },
    { ...body, deviceThreatProtectionRequiredSecurityLevel: 'Low' }, { ...body, DeviceThreatProtectionEnabled: true }, { ...body, displayName: undefined },
    { ...body, '@odata.type': '#microsoft.graph.androidDeviceOwnerCompliancePolicy' }, { ...body, '@odata.type': '#microsoft.graph.windows10CompliancePolicy' }
  ]
  for (const candidate of wrong) t.equal((await graph('POST', `/v1.0${POLICIES}`, JSON.parse(JSON.stringify(candidate)))).status, 400, JSON.stringify(candidate).slice(0, 80))
  t.equal((await graph('POST', `/beta${POLICIES}`, { ...body, '@odata.type': '#microsoft.graph.androidDeviceOwnerCompliancePolicy' })).status, 201)

  const created = await graph('POST', `/v1.0${POLICIES}`, body)
  t.match(created, { status: 201, body: { '@odata.type': '#microsoft.graph.iosCompliancePolicy', deviceThreatProtectionRequiredSecurityLevel: 'low', version: 1 } })
  t.equal((await device(deviceId)).complianceState, 'compliant', 'not assigned yet')

  const groupId = randomUUID()
  const assign = async (target: object) => await graph('POST', `/v1.0${POLICIES}/${created.body.id}/assign`, { assignments: [{ target }] })
  const group = { '@odata.type': '#microsoft.graph.groupAssignmentTarget', groupId }
  await sim('PUT', `/tenants/${TENANT}`, { groups: [{ id: groupId, kind: 'device', members: [deviceId] }] })
  t.match(await assign(group), { status: 200, body: { value: [{ target: group }] } })
  t.equal((await device(deviceId)).complianceState, 'compliant', 'the threat rule does not work with device groups')
  await assign({ '@odata.type': '#microsoft.graph.allLicensedUsersAssignmentTarget' })
  t.equal((await device(deviceId)).complianceState, 'noncompliant')
  await graph('PATCH', `/v1.0${POLICIES}/${created.body.id}`, { deviceThreatProtectionRequiredSecurityLevel: 'medium' })
  t.equal((await device(deviceId)).complianceState, 'compliant')
  t.equal((await graph('GET', `/v1.0${POLICIES}`)).body.value.length, 1)
  t.equal((await graph('GET', `/beta${POLICIES}`)).body.value.length, 2)
  t.equal((await assign({ '@odata.type': '#microsoft.graph.groupAssignmentTarget' })).status, 400)
  t.equal((await graph('DELETE', `/v1.0${POLICIES}/${created.body.id}`)).status, 204)
})
