import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { isCompliant } from './access.js'
import { isoTime } from './clock.js'
import type { ComplianceVerdict } from './compliance.js'
import type { GraphVersion } from './connector.js'
import { badRequest, GraphError, notFound } from './graph-errors.js'
import type { GraphRoutesOptions } from './graph-scope.js'
import { type Filterable, type ListQuery, originOf, parseListQuery, parseSelect, pick, presentPage } from './odata.js'
import type { Device, Tenant } from './tenant.js'
import type { Platform } from './vocabulary.js'

const READ_ROLES = ['DeviceManagementManagedDevices.Read.All', 'DeviceManagementManagedDevices.ReadWrite.All']
const DIRECTORY_ROLES = ['Device.Read.All', 'Device.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All']
const MAX_TOP = 1000
const MAX_DIRECTORY_TOP = 999

/** Exactly the properties whose documentation says that they can be filtered, with the operators it names. */
const FILTERABLE: Filterable = {
  azureADDeviceId: ['eq'],
  userPrincipalName: ['eq', 'ne'],
  deviceName: ['eq', 'contains'],
  serialNumber: ['eq'],
  imei: ['eq'],
  operatingSystem: ['eq'],
  osVersion: ['contains'],
  complianceState: ['eq'],
  lastSyncDateTime: ['lt', 'gt'],
  enrolledDateTime: ['lt', 'gt'],
  managementAgent: ['eq'],
  jailBroken: ['eq']
}

const DIRECTORY_FILTERABLE: Filterable = {
  deviceId: ['eq'], displayName: ['eq'], isCompliant: ['eq'], isManaged: ['eq'], accountEnabled: ['eq'], operatingSystem: ['eq'], operatingSystemVersion: ['eq'], trustType: ['eq'], mdmAppId: ['eq']
}

const OPERATING_SYSTEM: Readonly<Record<Platform, string>> = { android: 'Android', ios: 'iOS', ipados: 'iPadOS', windows: 'Windows', macos: 'macOS' }
const POLICY_PLATFORM: Readonly<Record<Platform, string>> = { android: 'android', ios: 'iOS', ipados: 'iOS', windows: 'windows10AndLater', macos: 'macOS' }

/** Intune (read model of a managed phone) and Entra (the device that Conditional Access looks at). */
export const deviceRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, { store, version }) => {
  const managed = (tenant: Tenant, device: Device): Record<string, unknown> => presentManagedDevice(tenant, device, store.evaluate(tenant, device), version)
  const directory = (tenant: Tenant, device: Device): Record<string, unknown> => presentDirectoryDevice(device, isCompliant(store.evaluate(tenant, device).state))
  const properties = (tenant: Tenant): string[] => Object.keys(presentManagedDevice(tenant, BLANK_DEVICE, BLANK_VERDICT, version))
  const listManaged = (request: FastifyRequest, devices: readonly Device[], query: ListQuery): Record<string, unknown> =>
    presentPage(request, `${version}/$metadata#deviceManagement/managedDevices`, devices, query, (device) => managed(request.tenant, device))
  const find = (tenant: Tenant, id: string): Device => {
    const device = tenant.devicesByIntuneId.get(id.toLowerCase())
    if (device === undefined) throw notFound(`Resource '${id}' does not exist.`)
    return device
  }

  app.get('/deviceManagement/managedDevices', { config: { roles: READ_ROLES } }, async (request) => {
    const query = parseListQuery(request.query, { filterable: FILTERABLE, properties: properties(request.tenant), typeName: 'managedDevice', maxTop: MAX_TOP })
    const byId = query.clauses.find(({ property }) => property === 'azureADDeviceId')
    if (byId !== undefined && query.count) throw badRequest("Filtering by 'azureADDeviceId' is not supported together with $count.")
    return listManaged(request, candidates(request.tenant, byId?.value), query)
  })

  app.get<{ Params: { id: string }, Querystring: { $select?: string } }>('/deviceManagement/managedDevices/:id', { config: { roles: READ_ROLES } }, async (request) => {
    const device = find(request.tenant, request.params.id)
    const select = parseSelect(request.query.$select, [...properties(request.tenant), 'udid'], 'managedDevice')
    return {
      '@odata.context': `${originOf(request)}/${version}/$metadata#deviceManagement/managedDevices/$entity`,
      ...pick({ ...managed(request.tenant, device), ...(select?.includes('udid') === true ? { udid: device.platform === 'android' ? null : device.serialNumber } : {}) }, select)
    }
  })

  app.get<{ Params: { id: string } }>('/deviceManagement/managedDevices/:id/deviceCompliancePolicyStates', { config: { roles: [...READ_ROLES, 'DeviceManagementConfiguration.Read.All', 'DeviceManagementConfiguration.ReadWrite.All'] } }, async (request) => {
    const device = find(request.tenant, request.params.id)
    const states: Record<string, string> = { noncompliant: 'nonCompliant', inGracePeriod: 'nonCompliant' }
    return {
      '@odata.context': `${originOf(request)}/${version}/$metadata#deviceManagement/managedDevices('${device.intuneDeviceId}')/deviceCompliancePolicyStates`,
      value: store.evaluate(request.tenant, device).policies.map(({ policyId, displayName, state }) => ({
        id: policyId, displayName, version: 1, platformType: POLICY_PLATFORM[device.platform], state: states[state] ?? state, settingCount: 1, settingStates: []
      }))
    }
  })

  app.get<{ Params: { id: string } }>('/users/:id/managedDevices', { config: { roles: READ_ROLES } }, async (request) => {
    const { tenant } = request
    const id = request.params.id.toLowerCase()
    const user = tenant.users.get(id) ?? [...tenant.users.values()].find(({ userPrincipalName }) => userPrincipalName.toLowerCase() === id)
    if (user === undefined) throw new GraphError(404, 'Request_ResourceNotFound', `Resource '${request.params.id}' does not exist or one of its queried reference-property objects are not present.`)
    const query = parseListQuery(request.query, { filterable: FILTERABLE, properties: properties(tenant), typeName: 'managedDevice', maxTop: MAX_TOP })
    return listManaged(request, [...tenant.devices.values()].filter(({ userId }) => userId === user.id), query)
  })

  app.get('/devices', { config: { roles: DIRECTORY_ROLES } }, async (request) => {
    const query = parseListQuery(request.query, {
      filterable: DIRECTORY_FILTERABLE, properties: Object.keys(presentDirectoryDevice(BLANK_DEVICE, false)), typeName: 'device', maxTop: MAX_DIRECTORY_TOP
    })
    const rows = candidates(request.tenant, query.clauses.find(({ property }) => property === 'deviceId')?.value)
    return presentPage(request, `${version}/$metadata#devices`, rows, query, (device) => directory(request.tenant, device))
  })
}

/** The devices a filter can be about: one look-up when it names the id, else all of them. */
function candidates (tenant: Tenant, entraDeviceId: string | boolean | undefined): Device[] {
  if (entraDeviceId === undefined) return [...tenant.devices.values()]
  const device = tenant.devices.get(String(entraDeviceId).toLowerCase())
  return device === undefined ? [] : [device]
}

function presentManagedDevice (tenant: Tenant, device: Device, verdict: ComplianceVerdict, version: GraphVersion): Record<string, unknown> {
  const user = tenant.users.get(device.userId)
  const enrollment = enrollmentType(device)
  return {
    id: device.intuneDeviceId,
    userId: device.userId,
    deviceName: device.deviceName,
    managedDeviceOwnerType: device.ownerType,
    enrolledDateTime: isoTime(device.enrolledAtMs),
    lastSyncDateTime: isoTime(device.lastSyncAtMs),
    operatingSystem: OPERATING_SYSTEM[device.platform],
    complianceState: verdict.state,
    jailBroken: device.jailBroken,
    managementAgent: 'mdm',
    managementState: 'managed',
    osVersion: device.osVersion,
    azureADRegistered: true,
    // v1.0 does not know the members that beta added.
    deviceEnrollmentType: version === 'v1.0' && enrollment.startsWith('androidEnterprise') ? 'unknownFutureValue' : enrollment,
    azureADDeviceId: device.entraDeviceId,
    deviceRegistrationState: 'registered',
    isEncrypted: true,
    userPrincipalName: user?.userPrincipalName ?? '',
    userDisplayName: user?.displayName ?? '',
    model: device.model,
    manufacturer: device.manufacturer,
    imei: device.imei,
    serialNumber: device.serialNumber,
    complianceGracePeriodExpirationDateTime: isoTime(verdict.graceEndsAtMs ?? NEVER_MS),
    partnerReportedThreatState: device.threatState,
    ...(version === 'beta'
      ? { azureActiveDirectoryDeviceId: device.entraDeviceId, ownerType: device.ownerType, joinType: 'azureADRegistered', roleScopeTagIds: ['0'], managementFeatures: 'none', enrolledByUserPrincipalName: user?.userPrincipalName ?? '' }
      : {})
  }
}

/** How Graph writes "no time": the last one .NET knows. */
const NEVER_MS = Date.parse('9999-12-31T23:59:59Z')

function enrollmentType ({ platform, ownerType, androidManagement }: Device): string {
  if (platform !== 'android') return ownerType === 'company' && platform !== 'windows' ? 'appleBulkWithUser' : 'userEnrollment'
  return androidManagement === 'deviceOwner' ? 'androidEnterpriseFullyManaged' : 'userEnrollment'
}

function presentDirectoryDevice (device: Device, compliant: boolean): Record<string, unknown> {
  return {
    id: device.entraObjectId,
    deletedDateTime: null,
    accountEnabled: true,
    deviceId: device.entraDeviceId,
    displayName: device.deviceName,
    isCompliant: compliant,
    isManaged: true,
    isRooted: device.jailBroken === 'True',
    mdmAppId: '0000000a-0000-0000-c000-000000000000',
    operatingSystem: OPERATING_SYSTEM[device.platform],
    operatingSystemVersion: device.osVersion,
    trustType: 'Workplace',
    enrollmentType: enrollmentType(device),
    manufacturer: device.manufacturer,
    model: device.model,
    registrationDateTime: isoTime(device.enrolledAtMs)
  }
}

const BLANK_VERDICT: ComplianceVerdict = { state: 'unknown', graceEndsAtMs: null, policies: [] }

/** Only its property names are used, to check `$select`. */
const BLANK_DEVICE: Device = {
  entraDeviceId: '',
  intuneDeviceId: '',
  entraObjectId: '',
  platform: 'android',
  ownerType: 'unknown',
  androidManagement: 'deviceOwner',
  userId: '',
  deviceName: '',
  serialNumber: '',
  imei: '',
  osVersion: '',
  manufacturer: '',
  model: '',
  jailBroken: 'Unknown',
  enrolledAtMs: 0,
  lastSyncAtMs: 0,
  threatState: 'unknown',
  threatUpdatedAtMs: 0,
  history: [],
  staleUpdates: 0,
  noncompliantSince: undefined,
  waiters: undefined
}
