import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { isoTime } from './clock.js'
import { enrollmentType, OPERATING_SYSTEM } from './graph-managed-devices.js'
import { findUser, type GraphRoutesOptions, resourceNotFound } from './graph-scope.js'
import { propertyNames } from './graph-types.js'
import { type Filterable, originOf, parseListQuery, parseSelect, pick, presentPage } from './odata.js'
import type { Device, Group, Tenant, User } from './tenant.js'
import { INTUNE_APP_ID } from './vocabulary.js'

const ANYTHING = ['Directory.Read.All', 'Directory.ReadWrite.All']
export const DEVICE_ROLES = ['Device.Read.All', 'Device.ReadWrite.All', ...ANYTHING]
export const USER_ROLES = ['User.Read.All', 'User.ReadWrite.All', ...ANYTHING]
export const GROUP_ROLES = ['GroupMember.Read.All', 'GroupMember.ReadWrite.All', 'Group.Read.All', 'Group.ReadWrite.All', ...ANYTHING]
const MAX_TOP = 999

const DEVICE_FILTERABLE: Filterable = {
  deviceId: ['eq', 'in'], id: ['eq', 'in'], displayName: ['eq', 'startswith'], isCompliant: ['eq'], isManaged: ['eq'], accountEnabled: ['eq'], operatingSystem: ['eq'], operatingSystemVersion: ['eq'], trustType: ['eq'], mdmAppId: ['eq']
}
const USER_FILTERABLE: Filterable = {
  id: ['eq', 'in'], userPrincipalName: ['eq', 'in', 'startswith'], mail: ['eq', 'in', 'startswith'], displayName: ['eq', 'startswith'], accountEnabled: ['eq']
}
const GROUP_FILTERABLE: Filterable = { id: ['eq', 'in'], displayName: ['eq', 'in', 'startswith'], securityEnabled: ['eq'], mailEnabled: ['eq'] }

type ById = { Params: { id: string } }

/** Entra: devices as Conditional Access sees them, users, groups and who is in them. */
export const directoryRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, { store, version }) => {
  const context = (request: FastifyRequest, path: string): string => `${originOf(request)}/${version}/$metadata#${path}`
  const device = (tenant: Tenant, row: Device): Record<string, unknown> => {
    store.evaluate(tenant, row)
    return presentDevice(row)
  }
  const findDevice = (tenant: Tenant, objectId: string): Device => {
    const found = [...tenant.devices.values()].find(({ entraObjectId }) => entraObjectId === objectId.toLowerCase())
    if (found === undefined) throw resourceNotFound(objectId)
    return found
  }
  const findGroup = (tenant: Tenant, id: string): Group => {
    const group = tenant.groups.get(id.toLowerCase())
    if (group === undefined) throw resourceNotFound(id)
    return group
  }
  const listOf = <T>(request: FastifyRequest, path: string, typeName: string, filterable: Filterable, rows: readonly T[], present: (row: T) => Record<string, unknown>): Record<string, unknown> => {
    const query = parseListQuery(request.query, { filterable, properties: propertyNames(typeName, version), typeName, maxTop: MAX_TOP })
    return presentPage(request, `${version}/$metadata#${path}`, rows, query, present)
  }
  const one = (request: FastifyRequest, path: string, typeName: string, row: Record<string, unknown>): Record<string, unknown> => {
    const { $select } = request.query as { $select?: string }
    return { '@odata.context': context(request, `${path}/$entity`), ...pick(row, parseSelect($select, propertyNames(typeName, version), typeName)) }
  }

  app.get('/devices', { config: { roles: DEVICE_ROLES } }, async (request) => {
    const { tenant } = request
    // One look-up when the filter names the device, else all of them.
    const named = /^\s*deviceId eq '([\w-]+)'\s*$/.exec(String((request.query as Record<string, unknown>).$filter ?? ''))?.[1]
    const known = named === undefined ? undefined : tenant.devices.get(named.toLowerCase())
    const rows = named === undefined ? [...tenant.devices.values()] : known === undefined ? [] : [known]
    return listOf(request, 'devices', 'device', DEVICE_FILTERABLE, rows, (row) => device(tenant, row))
  })
  app.get<ById>('/devices/:id', { config: { roles: DEVICE_ROLES } }, async (request) =>
    one(request, 'devices', 'device', device(request.tenant, findDevice(request.tenant, request.params.id))))
  for (const relation of ['registeredOwners', 'registeredUsers']) {
    app.get<ById>(`/devices/:id/${relation}`, { config: { roles: DEVICE_ROLES } }, async (request) => {
      const owner = request.tenant.users.get(findDevice(request.tenant, request.params.id).userId)
      return { '@odata.context': context(request, 'directoryObjects'), value: owner === undefined ? [] : [presentMember(request.roles, owner, undefined)] }
    })
  }

  app.get('/users', { config: { roles: USER_ROLES } }, async (request) =>
    listOf(request, 'users', 'user', USER_FILTERABLE, [...request.tenant.users.values()], presentUser))
  app.get<ById>('/users/:id', { config: { roles: USER_ROLES } }, async (request) => one(request, 'users', 'user', presentUser(findUser(request.tenant, request.params.id))))
  for (const relation of ['registeredDevices', 'ownedDevices']) {
    app.get<ById>(`/users/:id/${relation}`, { config: { roles: DEVICE_ROLES } }, async (request) => {
      const user = findUser(request.tenant, request.params.id)
      const rows = [...request.tenant.devices.values()].filter(({ userId }) => userId === user.id)
      return listOf(request, 'directoryObjects', 'device', {}, rows, (row) => ({ '@odata.type': '#microsoft.graph.device', ...device(request.tenant, row) }))
    })
  }

  app.get('/groups', { config: { roles: GROUP_ROLES } }, async (request) =>
    listOf(request, 'groups', 'group', GROUP_FILTERABLE, [...request.tenant.groups.values()], presentGroup))
  app.get<ById>('/groups/:id', { config: { roles: GROUP_ROLES } }, async (request) => one(request, 'groups', 'group', presentGroup(findGroup(request.tenant, request.params.id))))

  // Groups are not nested here, so direct and transitive members are the same.
  for (const relation of ['members', 'transitiveMembers']) {
    for (const cast of ['', 'microsoft.graph.user', 'microsoft.graph.device'] as const) {
      app.get<ById>(`/groups/:id/${relation}${cast === '' ? '' : `/${cast}`}`, { config: { roles: GROUP_ROLES } }, async (request) => {
        const { tenant, roles } = request
        const group = findGroup(tenant, request.params.id)
        const rows = [...group.members.keys()]
          .map((id) => ({ user: group.kind === 'user' ? tenant.users.get(id) : undefined, device: group.kind === 'device' ? tenant.devices.get(id) : undefined }))
          .filter((row) => (row.user !== undefined && cast !== 'microsoft.graph.device') || (row.device !== undefined && cast !== 'microsoft.graph.user'))
        const typeName = cast === '' ? group.kind : cast.replace('microsoft.graph.', '')
        return listOf(request, cast === '' ? 'directoryObjects' : `${typeName}s`, typeName, {}, rows, (row) => {
          if (row.device !== undefined) store.evaluate(tenant, row.device)
          return presentMember(roles, row.user, row.device)
        })
      })
    }
  }
}

export function presentUser (user: User): Record<string, unknown> {
  return {
    id: user.id,
    deletedDateTime: null,
    accountEnabled: user.accountEnabled,
    displayName: user.displayName,
    mail: user.mail,
    userPrincipalName: user.userPrincipalName,
    assignedLicenses: user.licensed ? [{ disabledPlans: [], skuId: INTUNE_SKU_ID }] : []
  }
}

/** "Intune", product `INTUNE_A`, in Microsoft's list of service plan identifiers. */
export const INTUNE_SKU_ID = '061f9ace-7d42-4136-88ac-31dc755f143f'

export const presentGroup = (group: Group): Record<string, unknown> => ({
  id: group.id,
  deletedDateTime: null,
  displayName: group.displayName,
  description: null,
  groupTypes: [],
  mailEnabled: false,
  mailNickname: group.id.slice(0, 8),
  securityEnabled: true
})

/** The Entra device; `isCompliant` is what Entra was told last. */
export const presentDevice = (device: Device): Record<string, unknown> => ({
  id: device.entraObjectId,
  deletedDateTime: null,
  accountEnabled: true,
  deviceId: device.entraDeviceId,
  displayName: device.deviceName,
  // Nobody has said anything about a device that is not managed.
  isCompliant: device.mdmEnrolled ? device.isCompliant : null,
  isManaged: device.mdmEnrolled ? true : null,
  isRooted: device.jailBroken === 'True',
  mdmAppId: device.mdmEnrolled ? INTUNE_APP_ID : null,
  operatingSystem: OPERATING_SYSTEM[device.platform],
  operatingSystemVersion: device.osVersion,
  trustType: 'Workplace',
  enrollmentType: enrollmentType(device),
  manufacturer: device.manufacturer,
  model: device.model,
  profileType: 'RegisteredDevice',
  approximateLastSignInDateTime: isoTime(device.enrolledAtMs),
  registrationDateTime: isoTime(device.enrolledAtMs)
})

/** A member of a group: whoever may not read such objects is told their type and id only. */
function presentMember (roles: readonly string[], user: User | undefined, device: Device | undefined): Record<string, unknown> {
  if (user !== undefined) return { '@odata.type': '#microsoft.graph.user', ...(holdsOneOf(roles, USER_ROLES) ? presentUser(user) : { id: user.id }) }
  return { '@odata.type': '#microsoft.graph.device', ...(holdsOneOf(roles, DEVICE_ROLES) ? presentDevice(device!) : { id: device!.entraObjectId }) }
}

const holdsOneOf = (held: readonly string[], wanted: readonly string[]): boolean => wanted.some((role) => held.includes(role))
