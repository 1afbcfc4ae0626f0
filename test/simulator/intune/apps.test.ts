import { randomUUID } from 'node:crypto'
import t from 'tap'
import { CLIENT, createMicrosoft, GRAPH_SCOPE, type Method, SECRET, TENANT } from './microsoft.js'

const APPS = '/deviceAppManagement/mobileApps'
const CONFIGURATIONS = '/deviceAppManagement/mobileAppConfigurations'
const TYPE = '#microsoft.graph.'
const ALL_USERS = { '@odata.type': `${TYPE}allLicensedUsersAssignmentTarget` }

const IOS_APP = {
  '@odata.type': `${TYPE}iosStoreApp`,
  displayName: 'Agent',
  publisher: 'Us',
  bundleId: 'example.agent',
  appStoreUrl: 'https://apps.apple.com/app/id1',
  applicableDeviceType: { '@odata.type': `${TYPE}iosDeviceType`, iPad: true, iPhoneAndIPod: true },
  minimumSupportedOperatingSystem: { v11_0: true }
}
const ANDROID_APP = { '@odata.type': `${TYPE}androidManagedStoreApp`, displayName: 'Agent', publisher: 'Us', packageId: 'example.agent', appIdentifier: 'example.agent', appStoreUrl: 'https://play.google.com/store/apps/details?id=example.agent' }
const item = (appConfigKey: string, appConfigKeyType: string, appConfigKeyValue: string): object => ({ appConfigKey, appConfigKeyType, appConfigKeyValue })
const payload = (managedProperty: object[], more: object = {}): string =>
  Buffer.from(JSON.stringify({ kind: 'androidenterprise#managedConfiguration', productId: 'app:example.agent', managedProperty, ...more })).toString('base64')
const androidConfiguration = (appId: string, more: object = {}): object => ({
  '@odata.type': `${TYPE}androidManagedStoreAppConfiguration`,
  displayName: 'Android',
  targetedMobileApps: [appId],
  packageId: 'app:example.agent',
  payloadJson: payload([{ key: 'entraDeviceId', valueString: '{{aaddeviceid}}' }, { key: 'enrollmentToken', valueString: 'secret' }, { key: 'verbose', valueBool: true }]),
  profileApplicability: 'default',
  permissionActions: [{ permission: 'android.permission.ACCESS_FINE_LOCATION', action: 'prompt' }],
  ...more
})

async function createWithApps (t: Parameters<typeof createMicrosoft>[0], seed: object = {}) {
  const microsoft = await createMicrosoft(t, {
    clients: [{ clientId: CLIENT, secret: SECRET, roles: { graph: ['DeviceManagementApps.ReadWrite.All'], intune: ['update_device_health'] } }], ...seed
  })
  const create = async (path: string, body: object): Promise<string> => {
    const answer = await microsoft.graph('POST', `/beta${path}`, body)
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
    return answer.body.id
  }
  const received = async (deviceId: string) => (await microsoft.sim('GET', `/tenants/${TENANT}/devices/${deviceId}/apps`)).body.items
  return { ...microsoft, create, received }
}

t.test('an app is created, listed, changed, assigned and deleted', async (t) => {
  const { graph } = await createWithApps(t)
  const created = await graph('POST', `/v1.0${APPS}`, IOS_APP)
  t.match(created, { status: 201, body: { '@odata.type': `${TYPE}iosStoreApp`, bundleId: 'example.agent', publishingState: 'published', isFeatured: false, createdDateTime: String } })
  const { id } = created.body
  t.match((await graph('PATCH', `/v1.0${APPS}/${id}`, { '@odata.type': `${TYPE}iosStoreApp`, notes: 'ours' })).body, { notes: 'ours' })
  t.match((await graph('GET', `/v1.0${APPS}?$filter=${encodeURIComponent("displayName eq 'Agent'")}`)).body.value, [{ id, '@odata.type': `${TYPE}iosStoreApp` }])
  t.match((await graph('GET', `/v1.0${APPS}/microsoft.graph.iosStoreApp?$select=id,bundleId`)).body.value, [{ id, bundleId: 'example.agent' }])

  const assign = async (body: object) => await graph('POST', `/v1.0${APPS}/${id}/assign`, body)
  const assignment = { '@odata.type': `${TYPE}mobileAppAssignment`, intent: 'required', target: ALL_USERS, settings: { '@odata.type': `${TYPE}iosStoreAppAssignmentSettings`, uninstallOnDeviceRemoval: true, isRemovable: false } }
  t.match(await assign({ mobileAppAssignments: [assignment] }), { status: 204, body: undefined })
  t.match((await graph('GET', `/v1.0${APPS}/${id}/assignments`)).body.value, [{ intent: 'required', target: ALL_USERS, settings: { isRemovable: false } }])
  for (const [what, body] of Object.entries({
    'the key of the other assign action': { assignments: [assignment] },
    'an unknown intent': { mobileAppAssignments: [{ ...assignment, intent: 'Required' }] },
    'no target': { mobileAppAssignments: [{ ...assignment, target: undefined }] },
    'a target without its group': { mobileAppAssignments: [{ ...assignment, target: { '@odata.type': `${TYPE}groupAssignmentTarget` } }] },
    'settings of another app': { mobileAppAssignments: [{ ...assignment, settings: { '@odata.type': `${TYPE}androidManagedStoreAppAssignmentSettings` } }] },
    'a setting that beta alone knows': { mobileAppAssignments: [{ ...assignment, settings: { ...assignment.settings, preventManagedAppBackup: true } }] },
    'a target twice': { mobileAppAssignments: [assignment, assignment] }
  })) t.equal((await assign(JSON.parse(JSON.stringify(body)))).status, 400, what)
  t.equal((await graph('GET', `/v1.0${APPS}/${id}/assignments`)).body.value.length, 1, 'a refused body changes nothing')
  t.equal((await graph('DELETE', `/v1.0${APPS}/${id}`)).status, 204)
  t.match(await graph('GET', `/v1.0${APPS}/${id}`), { status: 404, body: { error: { code: 'ResourceNotFound' } } })
})

t.test('what is no app of this version is refused', async (t) => {
  const { graph } = await createWithApps(t)
  const cases: Array<[string, object]> = [
    ['no type', { ...IOS_APP, '@odata.type': undefined }],
    ['an abstract type', { ...IOS_APP, '@odata.type': `${TYPE}mobileApp` }],
    ['a type of something else', { ...IOS_APP, '@odata.type': `${TYPE}iosMobileAppConfiguration` }],
    ['a type in wrong casing', { ...IOS_APP, '@odata.type': `${TYPE}iOSStoreApp` }],
    ['a type that beta alone knows', ANDROID_APP],
    ['a property in wrong casing', { ...IOS_APP, bundleID: 'x' }],
    ['a property that beta alone knows', { ...IOS_APP, roleScopeTagIds: ['0'] }],
    ['a property the service sets', { ...IOS_APP, publishingState: 'published' }],
    ['a wrong type of value', { ...IOS_APP, isFeatured: 'true' }],
    ['a wrong property inside', { ...IOS_APP, minimumSupportedOperatingSystem: { V11_0: true } }],
    ['null where there must be a value', { ...IOS_APP, displayName: null }],
    ['no bundle id', { ...IOS_APP, bundleId: undefined }]
  ]
  for (const [what, body] of cases) t.match(await graph('POST', `/v1.0${APPS}`, JSON.parse(JSON.stringify(body))), { status: 400, body: { error: { code: 'BadRequest', message: String } } }, what)
  t.strictSame((await graph('GET', `/beta${APPS}`)).body.value, [])

  const { body: { id } } = await graph('POST', `/beta${APPS}`, ANDROID_APP)
  t.strictSame((await graph('GET', `/v1.0${APPS}`)).body.value, [], 'v1.0 does not show it')
  t.equal((await graph('GET', `/v1.0${APPS}/${id}`)).status, 404)
  t.equal((await graph('GET', `/v1.0${APPS}/microsoft.graph.androidManagedStoreApp`)).status, 404)
  t.match((await graph('GET', `/beta${APPS}/${id}`)).body, { supportsOemConfig: false, isAssigned: false })
  t.equal((await graph('PATCH', `/beta${APPS}/${id}`, { '@odata.type': `${TYPE}iosStoreApp` })).status, 400)
})

t.test('reading and writing apps need their roles', async (t) => {
  const { call, tokenOf } = await createMicrosoft(t, { clients: [{ clientId: CLIENT, secret: SECRET, roles: { graph: ['DeviceManagementApps.Read.All'] } }] })
  const token = await tokenOf(GRAPH_SCOPE)
  t.equal((await call('GET', `/v1.0${APPS}`, { token })).status, 200)
  for (const [method, path] of [['POST', APPS], ['POST', CONFIGURATIONS], ['DELETE', `${APPS}/${randomUUID()}`]] as Array<[Method, string]>) {
    t.match(await call(method, `/v1.0${path}`, { token, body: method === 'POST' ? {} : undefined }), { status: 403, body: { error: { code: 'Forbidden', message: /DeviceManagementApps\.ReadWrite\.All/ } } })
  }
})

t.test('a phone gets the app and its configuration, with its own ids in it', async (t) => {
  const { graph, create, enroll, received, sim } = await createWithApps(t)
  const [iosApp, androidApp] = [await create(APPS, IOS_APP), await create(APPS, ANDROID_APP)]
  const ios = await create(CONFIGURATIONS, {
    '@odata.type': `${TYPE}iosMobileAppConfiguration`,
    displayName: 'iOS',
    targetedMobileApps: [iosApp],
    settings: [item('entraDeviceId', 'tokenType', '{{AzureADDeviceId}}'), item('enrollmentToken', 'stringType', 'secret'), item('serial', 'tokenType', '{{serialnumberlast4digits}}'), item('port', 'integerType', '443'), item('what', 'tokenType', '{{nobody}}')]
  })
  const android = await create(CONFIGURATIONS, androidConfiguration(androidApp))
  const [iphone, pixel] = [await enroll({ platform: 'ios', serialNumber: 'C02ABCD1234' }), await enroll({ platform: 'android', ownerType: 'company' })]
  t.strictSame(await received(iphone), [], 'nothing is assigned yet')

  for (const id of [ios, android]) t.equal((await graph('POST', `/beta${CONFIGURATIONS}/${id}/assign`, { assignments: [{ target: ALL_USERS }] })).status, 204)
  t.equal((await graph('POST', `/beta${CONFIGURATIONS}/${ios}/assign`, { mobileAppAssignments: [] })).status, 400)
  t.match((await graph('GET', `/beta${CONFIGURATIONS}/${ios}/assignments`)).body.value, [{ target: ALL_USERS }])
  await graph('POST', `/beta${APPS}/${iosApp}/assign`, { mobileAppAssignments: [{ intent: 'required', target: ALL_USERS }] })
  t.match(await received(iphone), [{ appId: 'example.agent', intent: 'required', configurationIds: [ios], values: { entraDeviceId: iphone, enrollmentToken: 'secret', serial: '1234', port: 443, what: '{{nobody}}' }, unresolved: ['{{nobody}}'] }])
  t.match(await received(pixel), [{ appId: 'example.agent', intent: null, configurationIds: [android], values: { entraDeviceId: pixel, enrollmentToken: 'secret', verbose: true }, unresolved: [] }])

  await graph('PATCH', `/beta${CONFIGURATIONS}/${android}`, { profileApplicability: 'androidWorkProfile' })
  t.strictSame(await received(pixel), [], 'for work profiles only')
  const group = randomUUID()
  await sim('PUT', `/tenants/${TENANT}/groups/${group}`, { kind: 'device', members: [iphone] })
  await graph('POST', `/beta${APPS}/${iosApp}/assign`, { mobileAppAssignments: [{ intent: 'required', target: ALL_USERS }, { intent: 'required', target: { '@odata.type': `${TYPE}exclusionGroupAssignmentTarget`, groupId: group } }] })
  t.match(await received(iphone), [{ intent: null }], 'excluded')
  t.equal((await graph('DELETE', `/beta${APPS}/${iosApp}`)).status, 400, 'a configuration still targets it')
  t.equal((await graph('DELETE', `/beta${CONFIGURATIONS}/${ios}`)).status, 204)
  t.equal((await graph('DELETE', `/beta${APPS}/${iosApp}`)).status, 204)
})

t.test('two configurations that say a key differently deliver neither', async (t) => {
  const { graph, create, enroll, received } = await createWithApps(t)
  const app = await create(APPS, IOS_APP)
  for (const value of ['one', 'two']) {
    const id = await create(CONFIGURATIONS, { '@odata.type': `${TYPE}iosMobileAppConfiguration`, displayName: value, targetedMobileApps: [app], settings: [item('server', 'stringType', value), item('same', 'stringType', 'x')] })
    await graph('POST', `/beta${CONFIGURATIONS}/${id}/assign`, { assignments: [{ target: ALL_USERS }] })
  }
  t.match(await received(await enroll({ platform: 'ios' })), [{ values: { same: 'x' }, conflicts: ['server'] }])
})

t.test('what is no app configuration is refused', async (t) => {
  const { graph, create } = await createWithApps(t)
  const [iosApp, androidApp] = [await create(APPS, IOS_APP), await create(APPS, ANDROID_APP)]
  const ios = { '@odata.type': `${TYPE}iosMobileAppConfiguration`, displayName: 'iOS', targetedMobileApps: [iosApp], settings: [item('a', 'stringType', 'b')] }
  const cases: Array<[string, string, object]> = [
    ['an unknown app', 'v1.0', { ...ios, targetedMobileApps: [randomUUID()] }],
    ['no app', 'v1.0', { ...ios, targetedMobileApps: [] }],
    ['an app of the other platform', 'v1.0', { ...ios, targetedMobileApps: [androidApp] }],
    ['both forms at once', 'v1.0', { ...ios, encodedSettingXml: Buffer.from('<dict/>').toString('base64') }],
    ['a type of key in wrong casing', 'v1.0', { ...ios, settings: [item('a', 'StringType', 'b')] }],
    ['a number that is none', 'v1.0', { ...ios, settings: [item('a', 'integerType', 'b')] }],
    ['a variable that is none', 'v1.0', { ...ios, settings: [item('a', 'tokenType', 'aaddeviceid')] }],
    ['a key twice', 'v1.0', { ...ios, settings: [item('a', 'stringType', 'b'), item('a', 'stringType', 'c')] }],
    ['XML that is not in base64', 'v1.0', { ...ios, settings: [], encodedSettingXml: '<dict/>' }],
    ['a setting under other names', 'v1.0', { ...ios, settings: [{ key: 'a', value: 'b' }] }],
    ['the Android type in v1.0', 'v1.0', androidConfiguration(androidApp)],
    ['a payload that is not in base64', 'beta', androidConfiguration(androidApp, { payloadJson: '{}' })],
    ['a payload of another kind', 'beta', androidConfiguration(androidApp, { payloadJson: payload([], { kind: 'x' }) })],
    ['a payload for another product', 'beta', androidConfiguration(androidApp, { payloadJson: payload([], { productId: 'app:other' }) })],
    ['a property without a value', 'beta', androidConfiguration(androidApp, { payloadJson: payload([{ key: 'a' }]) })],
    ['another package', 'beta', androidConfiguration(androidApp, { packageId: 'app:other' })],
    ['an unknown answer to a permission', 'beta', androidConfiguration(androidApp, { permissionActions: [{ permission: 'x', action: 'allow' }] })],
    ['what the service sets', 'beta', androidConfiguration(androidApp, { appSupportsOemConfig: false })]
  ]
  for (const [what, version, body] of cases) t.match(await graph('POST', `/${version}${CONFIGURATIONS}`, body), { status: 400, body: { error: { code: 'BadRequest' } } }, what)
  t.strictSame((await graph('GET', `/beta${CONFIGURATIONS}`)).body.value, [])
  t.equal((await graph('POST', `/v1.0${CONFIGURATIONS}`, { ...ios, settings: [], encodedSettingXml: Buffer.from('<dict/>').toString('base64') })).status, 201)
})
