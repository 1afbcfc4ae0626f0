import { Type, type Static } from 'typebox'
import { CONNECTOR_SWITCHES } from './connector.js'
import { DEFAULT_PARTNER_ENTITY } from './partner-entity.js'
import { ANDROID_MANAGEMENT, OWNER_TYPES, PLATFORMS, REPORTABLE_STATES, RESOURCES, THREAT_STATES } from './vocabulary.js'

const strict = { additionalProperties: false }
const Guid = Type.String({ pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$' })
const Text = Type.String({ minLength: 1, maxLength: 256 })
const Time = Type.String({ format: 'date-time' })
const Optional = Type.Optional

export const TenantParams = Type.Object({ tenantId: Guid })
export const DeviceParams = Type.Object({ tenantId: Guid, deviceId: Guid })

const ClientSeed = Type.Object({
  clientId: Guid,
  displayName: Optional(Text),
  secret: Optional(Type.String({ minLength: 1 })),
  certificatePem: Optional(Type.String({ pattern: 'BEGIN CERTIFICATE' })),
  roles: Type.Object({ graph: Optional(Type.Array(Text)), intune: Optional(Type.Array(Text)) }, strict),
  consented: Optional(Type.Boolean({ description: 'false: the administrator has not (or no longer) consented' }))
}, strict)

const CompliancePolicySeed = Type.Object({
  id: Optional(Guid),
  displayName: Optional(Text),
  platforms: Optional(Type.Array(Type.Enum(PLATFORMS), { minItems: 1, description: 'absent: all; one Graph policy is made for each type these platforms need' })),
  limit: Type.Enum(['secured', 'low', 'medium', 'high']),
  gracePeriodHours: Optional(Type.Number({ minimum: 0 })),
  groups: Optional(Type.Array(Guid, { description: 'groups it is assigned to; absent: all licensed users' }))
}, strict)

const ConditionalAccessSeed = Type.Object({
  displayName: Optional(Text),
  resources: Type.Array(Type.Enum(RESOURCES), { minItems: 1, description: 'resources that ask for a compliant device' }),
  groups: Optional(Type.Array(Guid, { description: 'user groups it is for; absent: everyone' }))
}, strict)

const ConnectorSeed = Type.Object({
  id: Optional(Guid),
  provisioned: Optional(Type.Boolean()),
  setupComplete: Optional(Type.Boolean({ description: 'false: provisioning answers 200 with Provisioned 0' })),
  lastHeartbeatDateTime: Optional(Time),
  partnerUnresponsivenessThresholdInDays: Optional(Type.Integer({ minimum: 0 })),
  ...Object.fromEntries(CONNECTOR_SWITCHES.map((name) => [name, Optional(Type.Boolean())]))
}, strict)

const PartnerSeed = Type.Object({
  processingDelayMs: Optional(Type.Number({ minimum: 0, maximum: 3_600_000 })),
  entity: Optional(Type.Object({
    entityType: Optional(Type.Integer()),
    fields: Optional(Type.Object(Object.fromEntries(
      ['entityType', 'tenantId', 'deviceId', 'userId', 'lastUpdateTime', 'healthState'].map((name) => [name, Optional(Text)])
    ), strict)),
    values: Optional(Type.Object(Object.fromEntries(REPORTABLE_STATES.map((name) => [name, Optional(Text)])), strict)),
    appSync: Optional(Type.Object({
      requestType: Optional(Type.Integer()),
      answerType: Optional(Type.Integer()),
      fields: Optional(Type.Object(Object.fromEntries(Object.keys(DEFAULT_PARTNER_ENTITY.appSync.fields).map((name) => [name, Optional(Text)])), strict))
    }, strict))
  }, strict))
}, strict)

const userSeed = {
  userPrincipalName: Optional(Text),
  displayName: Optional(Text),
  mail: Optional(Text),
  accountEnabled: Optional(Type.Boolean()),
  licensed: Optional(Type.Boolean({ description: 'has a licence for Intune' }))
}
export const UserSeedSchema = Type.Object(userSeed, strict)

const groupSeed = { displayName: Optional(Text), kind: Optional(Type.Enum(['user', 'device'])) }
export const GroupSeedSchema = Type.Object({ ...groupSeed, members: Optional(Type.Array(Guid)) }, strict)

export const UserParams = Type.Object({ tenantId: Guid, userId: Guid })
export const GroupParams = Type.Object({ tenantId: Guid, groupId: Guid })
export const MemberParams = Type.Object({ tenantId: Guid, groupId: Guid, memberId: Guid })
export const RemovalQuery = Type.Object({
  permanent: Optional(Type.Enum(['true', 'false'], { description: 'false: it could be restored; delta says `changed` and not `deleted`' }))
}, strict)

export const TenantSeedSchema = Type.Object({
  displayName: Optional(Text),
  clients: Optional(Type.Array(ClientSeed)),
  users: Optional(Type.Array(Type.Object({ id: Guid, ...userSeed }, strict))),
  groups: Optional(Type.Array(Type.Object({ id: Guid, ...groupSeed, members: Type.Array(Guid) }, strict))),
  policies: Optional(Type.Array(CompliancePolicySeed)),
  conditionalAccess: Optional(Type.Array(ConditionalAccessSeed)),
  secureByDefault: Optional(Type.Boolean({ description: 'devices without an assigned policy count as not compliant' })),
  connector: Optional(ConnectorSeed),
  deltaDuplicates: Optional(Type.Boolean({ description: 'change tracking tells some rows twice' })),
  partner: Optional(PartnerSeed)
}, strict)
export type TenantSeed = Static<typeof TenantSeedSchema>

const AppSeed = Type.Object({
  appId: Text,
  name: Optional(Text),
  version: Optional(Text),
  shortVersion: Optional(Text),
  bundleSize: Optional(Type.Integer({ minimum: 0 })),
  dynamicSize: Optional(Type.Integer({ minimum: 0 })),
  adHocSigned: Optional(Type.Boolean()),
  fromAppStore: Optional(Type.Boolean()),
  beta: Optional(Type.Boolean()),
  deviceBasedVpp: Optional(Type.Boolean()),
  validated: Optional(Type.Boolean()),
  managed: Optional(Type.Boolean({ description: 'installed by Intune' }))
}, strict)

const deviceSeed = {
  platform: Type.Enum(PLATFORMS),
  ownerType: Optional(Type.Enum(OWNER_TYPES)),
  androidManagement: Optional(Type.Enum(ANDROID_MANAGEMENT)),
  userId: Optional(Guid),
  intuneDeviceId: Optional(Guid),
  deviceName: Optional(Text),
  serialNumber: Optional(Text),
  imei: Optional(Text),
  osVersion: Optional(Text),
  manufacturer: Optional(Text),
  model: Optional(Text),
  jailBroken: Optional(Type.Enum(['True', 'False', 'Unknown'])),
  mdmEnrolled: Optional(Type.Boolean({ description: 'false: registered in Entra only' })),
  online: Optional(Type.Boolean({ description: 'false: it checks in no more' })),
  checkedIn: Optional(Type.Boolean({ description: 'false: has not checked in since it enrolled' })),
  apps: Optional(Type.Array(AppSeed))
}
export const DeviceSeedSchema = Type.Object(deviceSeed, strict)
export type DeviceSeed = Static<typeof DeviceSeedSchema>
export const DeviceListSchema = Type.Array(Type.Object({ entraDeviceId: Guid, ...deviceSeed }, strict))

export const ClockSchema = Type.Union([
  Type.Object({ now: Time }, strict),
  Type.Object({ offsetSeconds: Type.Number() }, strict)
])

const PositiveMs = Type.Integer({ minimum: 0, maximum: 600_000 })

export const DeviceWaitQuery = Type.Object({
  threatState: Optional(Type.Enum(THREAT_STATES)),
  complianceState: Optional(Type.String()),
  timeoutMs: Optional(Type.String({ pattern: '^[0-9]{1,6}$' }))
}, strict)

export const TenantWaitQuery = Type.Object({
  threatState: Type.Enum(THREAT_STATES),
  count: Type.String({ pattern: '^[0-9]{1,9}$' }),
  timeoutMs: Optional(Type.String({ pattern: '^[0-9]{1,6}$' }))
}, strict)

export const DeviceListQuery = Type.Object({
  limit: Optional(Type.String({ pattern: '^[0-9]{1,6}$' })),
  cursor: Optional(Type.String({ pattern: '^[0-9]{1,9}$' }))
}, strict)

export const RequestsQuery = Type.Object({
  tenant: Optional(Guid),
  path: Optional(Type.String()),
  method: Optional(Type.String()),
  sinceId: Optional(Type.String({ pattern: '^[0-9]{1,15}$' })),
  limit: Optional(Type.String({ pattern: '^[0-9]{1,6}$' }))
}, strict)

const faultBase = {
  match: Optional(Type.Object({
    path: Optional(Type.String({ minLength: 1, description: 'part of the URL path, or /a regular expression/' })),
    method: Optional(Type.String({ pattern: '^[A-Z]+$' })),
    tenant: Optional(Guid),
    service: Optional(Type.Enum(['entra', 'graph', 'partner']))
  }, strict)),
  times: Optional(Type.Integer({ minimum: 1, description: 'absent: until removed' })),
  probability: Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 }))
}
const after = Optional(Type.Enum(['before', 'after']))
const fault = <const K extends string, P extends Parameters<typeof Type.Object>[0]>(kind: K, more: P) =>
  Type.Object({ ...faultBase, kind: Type.Literal(kind), ...more }, strict)

const FAULTS = [
  fault('latency', { delayMs: PositiveMs }),
  fault('timeout', { when: after }),
  fault('reset', { when: after }),
  fault('status', {
    status: Type.Integer({ minimum: 200, maximum: 599 }),
    retryAfter: Optional(Type.Union([Type.Number({ minimum: 0 }), Type.String()])),
    body: Optional(Type.Unknown()),
    when: after
  }),
  fault('token-401-once', {}),
  fault('delta-token-expired', {}),
  fault('provision-200-failed', { errorDetail: Optional(Type.String()) }),
  fault('heartbeat-answer', {
    resyncTimestamp: Optional(Time),
    messageErrors: Optional(Type.Array(Type.Unknown())),
    errorDetail: Optional(Type.String())
  }),
  fault('message-failed', { errorDetail: Optional(Type.String()) }),
  fault('message-lost', {}),
  fault('message-delayed', { delayMs: PositiveMs })
] as const
export type FaultSpec = Static<(typeof FAULTS)[number]>
/** A discriminated union, so that a wrong fault is told what is wrong with its own kind and not with all ten. */
export const FaultSchema = Type.Unsafe<FaultSpec>({ type: 'object', required: ['kind'], discriminator: { propertyName: 'kind' }, oneOf: FAULTS })
export type FaultKind = FaultSpec['kind']
export const FaultListSchema = Type.Array(FaultSchema)
