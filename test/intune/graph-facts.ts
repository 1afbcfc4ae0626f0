/**
 * Names and types of what we send to Microsoft Graph to set Intune up, written down from Microsoft's public
 * documentation and metadata and not from our code: a slip there is found here.
 */

type Fact =
  'boolean' | 'string' | 'int32' | 'guid' | 'url' | 'base64-json' | { readonly oneOf: readonly string[] } | { readonly list: Fact } | { readonly type: string } | { readonly derivedFrom: string }

interface TypeFacts {
  readonly base?: string
  /** The first version of Graph that has it. */
  readonly since: 'v1.0' | 'beta'
  readonly required?: readonly string[]
  readonly properties: Readonly<Record<string, Fact>>
  /** Properties that beta has and v1.0 has not. */
  readonly beta?: Readonly<Record<string, Fact>>
}

const THREAT_RULE = { deviceThreatProtectionEnabled: 'boolean', deviceThreatProtectionRequiredSecurityLevel: { oneOf: ['unavailable', 'secured', 'low', 'medium', 'high', 'notSet'] } } as const

export const GRAPH_TYPES: Readonly<Record<string, TypeFacts>> = {
  mobileThreatDefenseConnector: {
    since: 'v1.0',
    properties: {
      id: 'guid',
      androidEnabled: 'boolean', iosEnabled: 'boolean', windowsEnabled: 'boolean',
      androidMobileApplicationManagementEnabled: 'boolean', iosMobileApplicationManagementEnabled: 'boolean',
      androidDeviceBlockedOnMissingPartnerData: 'boolean', iosDeviceBlockedOnMissingPartnerData: 'boolean', windowsDeviceBlockedOnMissingPartnerData: 'boolean',
      partnerUnsupportedOsVersionBlocked: 'boolean', partnerUnresponsivenessThresholdInDays: 'int32',
      allowPartnerToCollectIOSApplicationMetadata: 'boolean', allowPartnerToCollectIOSPersonalApplicationMetadata: 'boolean', microsoftDefenderForEndpointAttachEnabled: 'boolean'
    },
    beta: {
      macEnabled: 'boolean', macDeviceBlockedOnMissingPartnerData: 'boolean', windowsMobileApplicationManagementEnabled: 'boolean',
      allowPartnerToCollectIosCertificateMetadata: 'boolean', allowPartnerToCollectIosPersonalCertificateMetadata: 'boolean'
    }
  },
  mobileApp: { since: 'v1.0', required: ['displayName'], properties: { displayName: 'string', description: 'string', publisher: 'string' } },
  iosStoreApp: {
    base: 'mobileApp', since: 'v1.0', required: ['bundleId', 'appStoreUrl', 'applicableDeviceType', 'minimumSupportedOperatingSystem'],
    properties: { bundleId: 'string', appStoreUrl: 'url', applicableDeviceType: { type: 'iosDeviceType' }, minimumSupportedOperatingSystem: { type: 'iosMinimumOperatingSystem' } }
  },
  androidStoreApp: {
    base: 'mobileApp', since: 'v1.0', required: ['packageId', 'appStoreUrl'],
    properties: { packageId: 'string', appStoreUrl: 'url', minimumSupportedOperatingSystem: { type: 'androidMinimumOperatingSystem' } }
  },
  androidManagedStoreApp: { base: 'mobileApp', since: 'beta', required: ['packageId'], properties: { packageId: 'string', appIdentifier: 'string', appStoreUrl: 'url' } },
  iosDeviceType: { since: 'v1.0', properties: { iPad: 'boolean', iPhoneAndIPod: 'boolean' } },
  iosMinimumOperatingSystem: { since: 'v1.0', properties: Object.fromEntries(['v8_0', 'v9_0', 'v10_0', 'v11_0', 'v12_0', 'v13_0', 'v14_0', 'v15_0'].map((name) => [name, 'boolean'])) },
  androidMinimumOperatingSystem: { since: 'v1.0', properties: Object.fromEntries(['v4_0', 'v4_0_3', 'v4_1', 'v4_2', 'v4_3', 'v4_4', 'v5_0', 'v5_1', 'v10_0', 'v11_0'].map((name) => [name, 'boolean'])) },
  mobileAppAssignment: {
    since: 'v1.0', required: ['intent', 'target'],
    properties: { intent: { oneOf: ['available', 'required', 'uninstall', 'availableWithoutEnrollment'] }, target: { derivedFrom: 'target' }, settings: { type: 'iosStoreAppAssignmentSettings' } }
  },
  iosStoreAppAssignmentSettings: { since: 'v1.0', properties: { isRemovable: 'boolean', uninstallOnDeviceRemoval: 'boolean', vpnConfigurationId: 'string' } },
  groupAssignmentTarget: { since: 'v1.0', required: ['groupId'], properties: { groupId: 'guid' } },
  exclusionGroupAssignmentTarget: { since: 'v1.0', required: ['groupId'], properties: { groupId: 'guid' } },
  allLicensedUsersAssignmentTarget: { since: 'v1.0', properties: {} },
  allDevicesAssignmentTarget: { since: 'v1.0', properties: {} },
  iosMobileAppConfiguration: {
    since: 'v1.0', required: ['displayName', 'targetedMobileApps'],
    properties: { displayName: 'string', description: 'string', targetedMobileApps: { list: 'guid' }, settings: { list: { type: 'appConfigurationSettingItem' } }, encodedSettingXml: 'string' }
  },
  appConfigurationSettingItem: {
    since: 'v1.0', required: ['appConfigKey', 'appConfigKeyType', 'appConfigKeyValue'],
    properties: { appConfigKey: 'string', appConfigKeyType: { oneOf: ['stringType', 'integerType', 'realType', 'booleanType', 'tokenType'] }, appConfigKeyValue: 'string' }
  },
  androidManagedStoreAppConfiguration: {
    since: 'beta', required: ['displayName', 'targetedMobileApps', 'packageId'],
    properties: {
      displayName: 'string', description: 'string', targetedMobileApps: { list: 'guid' }, packageId: 'string', payloadJson: 'base64-json', permissionActions: { list: { type: 'androidPermissionAction' } },
      profileApplicability: { oneOf: ['default', 'androidWorkProfile', 'androidDeviceOwner'] }, appSupportsOemConfig: 'boolean', connectedAppsEnabled: 'boolean'
    }
  },
  androidPermissionAction: { since: 'beta', required: ['permission', 'action'], properties: { permission: 'string', action: { oneOf: ['prompt', 'autoGrant', 'autoDeny'] } } },
  deviceCompliancePolicy: {
    since: 'v1.0', required: ['displayName', 'scheduledActionsForRule'], properties: { displayName: 'string', description: 'string', scheduledActionsForRule: { list: { type: 'deviceComplianceScheduledActionForRule' } } }
  },
  iosCompliancePolicy: { base: 'deviceCompliancePolicy', since: 'v1.0', properties: THREAT_RULE },
  androidCompliancePolicy: { base: 'deviceCompliancePolicy', since: 'v1.0', properties: THREAT_RULE },
  androidWorkProfileCompliancePolicy: { base: 'deviceCompliancePolicy', since: 'v1.0', properties: THREAT_RULE },
  androidDeviceOwnerCompliancePolicy: { base: 'deviceCompliancePolicy', since: 'beta', properties: THREAT_RULE },
  deviceComplianceScheduledActionForRule: { since: 'v1.0', properties: { ruleName: 'string', scheduledActionConfigurations: { list: { type: 'deviceComplianceActionItem' } } } },
  deviceComplianceActionItem: {
    since: 'v1.0', required: ['actionType'],
    properties: {
      actionType: { oneOf: ['noAction', 'notification', 'block', 'retire', 'wipe', 'removeResourceAccessProfiles', 'pushNotification'] },
      gracePeriodHours: 'int32', notificationTemplateId: 'string', notificationMessageCCList: { list: 'string' }
    }
  }
}

/** Bodies of actions, by the end of their path. */
const ACTIONS: Readonly<Record<string, { readonly property: string, readonly type: string | null }>> = {
  'mobileApps/assign': { property: 'mobileAppAssignments', type: 'mobileAppAssignment' },
  'mobileAppConfigurations/assign': { property: 'assignments', type: null },
  'deviceCompliancePolicies/assign': { property: 'assignments', type: null }
}

const COLLECTIONS: Readonly<Record<string, string | undefined>> = {
  mobileThreatDefenseConnectors: 'mobileThreatDefenseConnector', mobileApps: undefined, mobileAppConfigurations: undefined, deviceCompliancePolicies: undefined
}
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export interface SentRequest {
  readonly method: string
  readonly version?: string | undefined
  readonly path: string
  readonly body?: unknown
}

/** What of a request is not as Microsoft documents it; none is the answer hoped for. */
export function checkRequest ({ method, version = 'v1.0', path, body }: SentRequest): string[] {
  if (method === 'GET' || method === 'DELETE') return body === undefined ? [] : [`${method} has a body`]
  const [, , collection = '', id, action] = path.split('/')
  const where = `${method} ${version}${path}`
  if (!Object.hasOwn(COLLECTIONS, collection)) return [`${where}: an unknown collection`]
  if (id !== undefined && !GUID.test(id)) return [`${where}: ${id} is no id`]
  if (typeof body !== 'object' || body === null) return [`${where}: no body`]
  if (action !== undefined) return checkAction(`${collection}/${action}`, body as Record<string, unknown>, version, where)
  if (method === 'PATCH' && 'id' in body) return [`${where}: id cannot be changed`]
  return checkObject(body, COLLECTIONS[collection], version, where, method === 'POST')
}

function checkAction (name: string, body: Record<string, unknown>, version: string, where: string): string[] {
  const facts = ACTIONS[name]
  if (facts === undefined) return [`${where}: an unknown action`]
  const surplus = Object.keys(body).filter((key) => key !== facts.property).map((key) => `${where}: the action takes no ${key}`)
  const list = body[facts.property]
  if (!Array.isArray(list)) return [...surplus, `${where}: ${facts.property} must be a list`]
  return [...surplus, ...list.flatMap((one: Record<string, unknown>, at) => {
    const place = `${where} ${facts.property}[${at}]`
    if (facts.type !== null) return checkObject(one, facts.type, version, place, true)
    return [...Object.keys(one).filter((key) => key !== 'target').map((key) => `${place}: no ${key} there`), ...checkValue(one.target, { derivedFrom: 'target' }, version, `${place}.target`)]
  })]
}

/** `declared` undefined: the body says which type it is of. */
function checkObject (value: object, declared: string | undefined, version: string, where: string, whole: boolean): string[] {
  const body = value as Record<string, unknown>
  const told = typeof body['@odata.type'] === 'string' ? body['@odata.type'] : undefined
  if (told !== undefined && !told.startsWith('#microsoft.graph.')) return [`${where}: ${told} is no type's name`]
  const name = declared ?? told?.slice('#microsoft.graph.'.length)
  if (name === undefined) return [`${where}: @odata.type is missing`]
  if (told !== undefined && told !== `#microsoft.graph.${name}`) return [`${where}: ${told} where ${name} belongs`]
  const lineage = lineageOf(name)
  if (lineage.length === 0) return [`${where}: ${name} is unknown`]
  if (version !== 'beta' && lineage[0]!.since === 'beta') return [`${where}: ${name} is in beta only`]
  const known = Object.assign({}, ...lineage.map(({ properties, beta }) => ({ ...properties, ...(version === 'beta' ? beta : {}) }))) as Record<string, Fact>
  const missing = whole ? lineage.flatMap(({ required = [] }) => required).filter((key) => body[key] === undefined).map((key) => `${where}: ${name} needs ${key}`) : []
  return [...missing, ...Object.entries(body).flatMap(([key, member]) => {
    if (key === '@odata.type') return []
    const fact = known[key]
    // Null: not set. Properties that must be are checked above.
    return fact === undefined ? [`${where}: ${name} has no ${key}`] : member === null ? [] : checkValue(member, fact, version, `${where}.${key}`)
  })]
}

function lineageOf (name: string): TypeFacts[] {
  const facts = GRAPH_TYPES[name]
  return facts === undefined ? [] : [facts, ...(facts.base === undefined ? [] : lineageOf(facts.base))]
}

function checkValue (value: unknown, fact: Fact, version: string, where: string): string[] {
  const must = (holds: boolean, what: string): string[] => holds ? [] : [`${where}: ${JSON.stringify(value)} is not ${what}`]
  if (typeof fact === 'object') {
    if ('oneOf' in fact) return must(fact.oneOf.includes(value as string), `one of ${fact.oneOf.join(', ')}`)
    if ('list' in fact) return Array.isArray(value) ? value.flatMap((one, at) => checkValue(one, fact.list, version, `${where}[${at}]`)) : must(false, 'a list')
    if (typeof value !== 'object' || value === null) return must(false, 'an object')
    if ('type' in fact) return checkObject(value, fact.type, version, where, true)
    const name = String((value as Record<string, unknown>)['@odata.type']).replace('#microsoft.graph.', '')
    return name.endsWith('AssignmentTarget') ? checkObject(value, undefined, version, where, true) : must(false, 'an assignment target')
  }
  switch (fact) {
    case 'boolean': return must(typeof value === 'boolean', 'a boolean')
    case 'int32': return must(Number.isInteger(value) && Math.abs(value as number) < 2 ** 31, 'a 32-bit integer')
    case 'string': return must(typeof value === 'string', 'a string')
    case 'guid': return must(typeof value === 'string' && GUID.test(value), 'a GUID')
    case 'url': return must(typeof value === 'string' && URL.canParse(value), 'an address')
    case 'base64-json': {
      try {
        JSON.parse(Buffer.from(String(value), 'base64').toString('utf8'))
        return []
      } catch {
        return must(false, 'JSON in base64')
      }
    }
  }
}
