import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { lastCheckInMs } from './check-in.js'
import { isoTime } from './clock.js'
import type { ComplianceVerdict } from './compliance.js'
import type { GraphVersion } from './connector.js'
import { badRequest, notFound } from './graph-errors.js'
import { findUser, type GraphRoutesOptions } from './graph-scope.js'
import { propertyNames, showIn } from './graph-types.js'
import { type Filterable, type ListQuery, originOf, parseListQuery, parseSelect, pick, presentPage } from './odata.js'
import type { Device, Tenant } from './tenant.js'
import type { Platform } from './vocabulary.js'

const READ_ROLES = ['DeviceManagementManagedDevices.Read.All', 'DeviceManagementManagedDevices.ReadWrite.All']
const SYNC_ROLES = ['DeviceManagementManagedDevices.PrivilegedOperations.All']
const MAX_TOP = 1000

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

/** How Microsoft writes the platforms. */
export const OPERATING_SYSTEM: Readonly<Record<Platform, string>> = { android: 'Android', ios: 'iOS', ipados: 'iPadOS', windows: 'Windows', macos: 'macOS' }
const POLICY_PLATFORM: Readonly<Record<Platform, string>> = { android: 'android', ios: 'iOS', ipados: 'iOS', windows: 'windows10AndLater', macos: 'macOS' }

/** Intune's read model of a managed phone. */
export const managedDeviceRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, { store, version }) => {
  const managed = (tenant: Tenant, device: Device): Record<string, unknown> => presentManagedDevice(tenant, device, store.evaluate(tenant, device), version, store.clock.now())
  const properties = propertyNames('managedDevice', version)
  const listManaged = (request: FastifyRequest, devices: readonly Device[], query: ListQuery): Record<string, unknown> =>
    presentPage(request, `${version}/$metadata#deviceManagement/managedDevices`, devices, query, (device) => managed(request.tenant, device))
  const find = (tenant: Tenant, id: string): Device => {
    const device = tenant.devicesByIntuneId.get(id.toLowerCase())
    if (device === undefined) throw notFound(`Resource '${id}' does not exist.`)
    return device
  }

  app.get('/deviceManagement/managedDevices', { config: { roles: READ_ROLES } }, async (request) => {
    const query = parseListQuery(request.query, { filterable: FILTERABLE, properties, typeName: 'managedDevice', maxTop: MAX_TOP })
    const byId = query.clauses.find(({ property }) => property === 'azureADDeviceId')
    if (byId !== undefined && query.count) throw badRequest("Filtering by 'azureADDeviceId' is not supported together with $count.")
    return listManaged(request, candidates(request.tenant, byId?.value), query)
  })

  app.get<{ Params: { id: string }, Querystring: { $select?: string } }>('/deviceManagement/managedDevices/:id', { config: { roles: READ_ROLES } }, async (request) => {
    const device = find(request.tenant, request.params.id)
    const select = parseSelect(request.query.$select, [...properties, 'udid'], 'managedDevice')
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
        id: policyId, displayName, version: 1, platformType: POLICY_PLATFORM[device.platform], state: states[state] ?? state, settingCount: 1,
        settingStates: [{ setting: 'DeviceThreatProtectionRequiredSecurityLevel', settingName: 'Device threat level', state: states[state] ?? state, currentValue: device.threatState, errorCode: 0 }]
      }))
    }
  })

  app.get<{ Params: { id: string } }>('/users/:id/managedDevices', { config: { roles: READ_ROLES } }, async (request) => {
    const { tenant } = request
    const user = findUser(tenant, request.params.id)
    const query = parseListQuery(request.query, { filterable: FILTERABLE, properties, typeName: 'managedDevice', maxTop: MAX_TOP })
    return listManaged(request, [...tenant.devicesByIntuneId.values()].filter(({ userId }) => userId === user.id), query)
  })

  app.post<{ Params: { id: string } }>('/deviceManagement/managedDevices/:id/syncDevice', { config: { roles: SYNC_ROLES } }, async (request, reply) => {
    const device = find(request.tenant, request.params.id)
    if (request.body !== undefined && request.body !== null) throw badRequest("The action 'syncDevice' has no parameters.")
    // A phone that is on answers the nudge; one that is not takes no notice.
    if (device.online) store.checkIn(request.tenant, device)
    return await reply.code(204).send()
  })
}

/** The devices a filter can be about: one look-up when it names the id, else all of them. */
function candidates (tenant: Tenant, entraDeviceId: string | boolean | undefined): Device[] {
  if (entraDeviceId === undefined) return [...tenant.devicesByIntuneId.values()]
  const device = tenant.devices.get(String(entraDeviceId).toLowerCase())
  return device?.mdmEnrolled === true ? [device] : []
}

function presentManagedDevice (tenant: Tenant, device: Device, verdict: ComplianceVerdict, version: GraphVersion, nowMs: number): Record<string, unknown> {
  const user = tenant.users.get(device.userId)
  const enrollment = enrollmentType(device)
  return showIn(version, 'managedDevice', {
    id: device.intuneDeviceId,
    userId: device.userId,
    deviceName: device.deviceName,
    managedDeviceOwnerType: device.ownerType,
    enrolledDateTime: isoTime(device.enrolledAtMs),
    lastSyncDateTime: isoTime(lastCheckInMs(device, nowMs) ?? device.enrolledAtMs),
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
    azureActiveDirectoryDeviceId: device.entraDeviceId,
    ownerType: device.ownerType,
    joinType: 'azureADRegistered',
    roleScopeTagIds: ['0'],
    managementFeatures: 'none',
    enrolledByUserPrincipalName: user?.userPrincipalName ?? ''
  })
}

/** How Graph writes "no time": the last one .NET knows. */
const NEVER_MS = Date.parse('9999-12-31T23:59:59Z')

export function enrollmentType ({ platform, ownerType, androidManagement }: Device): string {
  if (platform !== 'android') return ownerType === 'company' && platform !== 'windows' ? 'appleBulkWithUser' : 'userEnrollment'
  return androidManagement === 'deviceOwner' ? 'androidEnterpriseFullyManaged' : 'userEnrollment'
}
