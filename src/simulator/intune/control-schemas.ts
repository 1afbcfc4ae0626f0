import { Type, type Static } from 'typebox'
import { CONNECTOR_SWITCHES } from './connector.js'
import { DEFAULT_PARTNER_ENTITY } from './partner-entity.js'
import { ANDROID_MANAGEMENT, OWNER_TYPES, PLATFORMS, REPORTABLE_STATES, RESOURCES, THREAT_STATES } from './vocabulary.js'

const strict = { additionalProperties: false }
const GUID_PATTERN = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'
const Guid = Type.String({ pattern: GUID_PATTERN })
const Text = Type.String({ minLength: 1, maxLength: 256 })
const Time = Type.String({ format: 'date-time' })
const Optional = Type.Optional

export const TenantParams = Type.Object({ tenantId: Guid })
export const DeviceParams = Type.Object({ tenantId: Guid, deviceId: Guid })

const Rolelist = Optional(Type.Array(Text))
const RolesSeedSchema = Type.Object({
  graph: Rolelist,
  intune: Rolelist,
  apis: Optional(Type.Record(Type.String({ pattern: GUID_PATTERN }), Type.Array(Text), { ...strict, description: 'roles of other APIs, by the client id of the API' }))
}, strict)
export type RolesSeed = Static<typeof RolesSeedSchema>

const Url = Type.String({ pattern: '^https?://' })
const credentials = {
  secret: Optional(Type.String({ minLength: 1 })),
  secretExpiresAt: Optional(Time),
  certificatePem: Optional(Type.String({ pattern: 'BEGIN CERTIFICATE' })),
  federatedCredentials: Optional(Type.Array(Type.Object({
    issuer: Url,
    subject: Text,
    audiences: Optional(Type.Array(Text, { minItems: 1 })),
    jwks: Optional(Type.Object({ keys: Type.Array(Type.Object({ kty: Text })) })),
    jwksUri: Optional(Url)
  }, strict), { maxItems: 20, description: 'whose tokens stand in for a secret: keys given in jwks, or fetched from jwksUri' }))
}
export const CredentialsSeedSchema = Type.Object(credentials)
export type CredentialsSeed = Static<typeof CredentialsSeedSchema>

const ClientSeed = Type.Object({
  clientId: Guid,
  displayName: Optional(Text),
  ...credentials,
  roles: RolesSeedSchema,
  consented: Optional(Type.Boolean({ description: 'false: the administrator has not (or no longer) consented' })),
  enabled: Optional(Type.Boolean({ description: 'false: the administrator switched it off' }))
}, strict)

export const ApplicationParams = Type.Object({ clientId: Guid })
export const ConsentParams = Type.Object({ tenantId: Guid, clientId: Guid })
export const ApplicationSeedSchema = Type.Object({
  displayName: Optional(Text),
  ...credentials,
  requiredRoles: Optional(RolesSeedSchema),
  redirectUris: Optional(Type.Array(Url)),
  enabled: Optional(Type.Boolean()),
  api: Optional(Type.Object({
    identifierUris: Optional(Type.Array(Text)),
    tokenVersion: Optional(Type.Enum([1, 2], { description: 'accessTokenAcceptedVersion' })),
    roles: Rolelist,
    idtyp: Optional(Type.Boolean({ description: 'tokens carry the optional claim idtyp' }))
  }, { ...strict, description: 'the application is an API itself' }))
}, strict)
export type ApplicationSeed = Static<typeof ApplicationSeedSchema>

export const MoveSchema = Type.Object({
  oldAnswers: Optional(Type.Enum(['404', '410', 'reset'], { description: 'what the services say where they were before' }))
}, strict)

export const ConsentSchema = Type.Object({
  decision: Type.Enum(['approve', 'deny', 'ask']),
  tenantId: Optional(Guid),
  error: Optional(Text),
  errorDescription: Optional(Text)
}, strict)

export const RotateKeysSchema = Type.Object({
  retireOld: Optional(Type.Boolean({ description: 'true: the old keys are gone, and tokens signed with them are worthless' }))
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
  groups: Optional(Type.Array(Guid, { description: 'user groups it is for; absent: everyone' })),
  state: Optional(Type.Enum(['enabled', 'disabled', 'enabledForReportingButNotEnforced']))
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
  validityDays: Optional(Type.Integer({ minimum: 1, maximum: 120, description: 'days without a check-in until a device is noncompliant' })),
  licences: Optional(Type.Integer({ minimum: 0, description: 'licences for Intune; 0: the product is not there' })),
  mdmAuthority: Optional(Type.Enum(['unknown', 'intune', 'sccm', 'office365'])),
  connector: Optional(ConnectorSeed),
  tokenLifetimeSeconds: Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
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
  apps: Optional(Type.Array(AppSeed)),
  scannedBy: Optional(Type.Array(Guid, { description: 'connectors of other threat partners whose app has scanned it' }))
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
  clientRequestId: Optional(Type.String()),
  sinceId: Optional(Type.String({ pattern: '^[0-9]{1,15}$' })),
  limit: Optional(Type.String({ pattern: '^[0-9]{1,6}$' }))
}, strict)

export const RecordingSchema = Type.Object({
  bodies: Type.Boolean({ description: 'keep the bodies of the last requests to Graph and the partner services' })
}, strict)

export const FaultQuery = Type.Object({
  seed: Optional(Type.String({ pattern: '^[0-9]{1,9}$', description: 'makes `probability` fall the same way again' }))
}, strict)

export const ThrottlesSchema = Type.Object({
  enabled: Optional(Type.Boolean()),
  retryAfter: Optional(Type.Enum(['always', 'never', 'alternately'])),
  scale: Optional(Type.Number({ exclusiveMinimum: 0, description: 'multiplies the published figures' })),
  partner: Optional(Type.Union([
    Type.Null(),
    Type.Object({ calls: Type.Integer({ minimum: 1 }), windowSeconds: Type.Number({ exclusiveMinimum: 0 }) }, strict)
  ]))
}, strict)

export const UsageQuery = Type.Object({ tenant: Optional(Guid), exceeded: Optional(Type.Enum(['true'])) }, strict)

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
  fault('clock-skew', { skewSeconds: Type.Number() }),
  fault('stale-endpoint-list', {}),
  fault('delta-token-expired', {}),
  fault('provision-200-failed', { errorDetail: Optional(Type.String()) }),
  fault('heartbeat-answer', {
    resyncTimestamp: Optional(Time),
    messageErrors: Optional(Type.Array(Type.Unknown())),
    errorDetail: Optional(Type.String())
  }),
  fault('message-failed', { errorDetail: Optional(Type.String()) }),
  fault('message-lost', {}),
  fault('device-lost', {}),
  fault('message-delayed', { delayMs: PositiveMs })
] as const
export type FaultSpec = Static<(typeof FAULTS)[number]>
/** A discriminated union, so that a wrong fault is told what is wrong with its own kind and not with all ten. */
export const FaultSchema = Type.Unsafe<FaultSpec>({ type: 'object', required: ['kind'], discriminator: { propertyName: 'kind' }, oneOf: FAULTS })
export type FaultKind = FaultSpec['kind']
export const FaultListSchema = Type.Array(FaultSchema)
