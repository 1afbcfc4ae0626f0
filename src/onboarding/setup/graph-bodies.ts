import type { AndroidManagement, Limit, SetupWish } from './wish.js'

/*
 * Bodies that set Intune up, with names and types as Microsoft Graph has them. Values that are known only
 * when a step is done stand as placeholders; `resolveBody` puts them in.
 */

const TYPE = '#microsoft.graph.'
const PUBLISHER = 'Sallyport'

/** Stands in a plan where a secret or an id will be. */
export const PLACEHOLDERS = { enrollmentToken: '(a new enrolment token)', app: (key: string) => `(id of ${key})` } as const

/** Names of the agent's settings in managed app configuration (docs/intune-setup.md). */
export const AGENT_KEYS = { serverUrl: 'serverUrl', enrollmentToken: 'enrollmentToken', entraDeviceId: 'entraDeviceId' } as const

/** Intune writes the phone's Entra device id in its place. */
const ENTRA_DEVICE_ID = '{{aaddeviceid}}'

/** Compliance policies with a threat rule, by how phones are managed, and the first version of Graph that has them. */
export const POLICY_TYPES = {
  iosCompliancePolicy: { platform: 'ios', management: null, version: 'v1.0' },
  androidWorkProfileCompliancePolicy: { platform: 'android', management: 'workProfile', version: 'v1.0' },
  androidDeviceOwnerCompliancePolicy: { platform: 'android', management: 'deviceOwner', version: 'beta' },
  androidCompliancePolicy: { platform: 'android', management: 'deviceAdministrator', version: 'v1.0' }
} as const satisfies Record<string, { platform: 'android' | 'ios', management: AndroidManagement | null, version: 'v1.0' | 'beta' }>
export type PolicyType = keyof typeof POLICY_TYPES

/** Switches of a `mobileThreatDefenseConnector` that we may set, and what they are on a wish. */
export function connectorSettings ({ android, ios, connector = {} }: SetupWish): Readonly<Record<string, boolean | number>> {
  const { appProtection, appSync, personalAppSync, blockUnsupportedOs, blockOnMissingData, unresponsiveDays } = connector
  const given = (name: string, value: boolean | number | undefined): Record<string, boolean | number> => value === undefined ? {} : { [name]: value }
  return {
    ...(android === undefined
      ? {}
      : { androidEnabled: true, ...given('androidMobileApplicationManagementEnabled', appProtection), ...given('androidDeviceBlockedOnMissingPartnerData', blockOnMissingData) }),
    ...(ios === undefined
      ? {}
      : {
          iosEnabled: true,
          ...given('iosMobileApplicationManagementEnabled', appProtection),
          ...given('iosDeviceBlockedOnMissingPartnerData', blockOnMissingData),
          // IOS here, Ios in the certificate switches: Graph spells them so.
          ...given('allowPartnerToCollectIOSApplicationMetadata', appSync),
          ...given('allowPartnerToCollectIOSPersonalApplicationMetadata', personalAppSync)
        }),
    ...given('partnerUnsupportedOsVersionBlocked', blockUnsupportedOs),
    ...given('partnerUnresponsivenessThresholdInDays', unresponsiveDays)
  }
}

export function iosAppBody ({ bundleId, storeUrl }: NonNullable<SetupWish['ios']>, description: string): object {
  return {
    '@odata.type': `${TYPE}iosStoreApp`,
    displayName: 'Sallyport',
    description,
    publisher: PUBLISHER,
    bundleId,
    appStoreUrl: storeUrl,
    applicableDeviceType: { '@odata.type': `${TYPE}iosDeviceType`, iPad: true, iPhoneAndIPod: true },
    // What agents run on: iOS 11.0 and later.
    minimumSupportedOperatingSystem: { '@odata.type': `${TYPE}iosMinimumOperatingSystem`, v11_0: true }
  }
}

const playUrl = (packageId: string): string => `https://play.google.com/store/apps/details?id=${packageId}`

/** A link to the public store, for phones under device administrator. */
export function androidStoreAppBody ({ packageId }: NonNullable<SetupWish['android']>, description: string): object {
  return {
    '@odata.type': `${TYPE}androidStoreApp`,
    displayName: 'Sallyport',
    description,
    publisher: PUBLISHER,
    packageId,
    appStoreUrl: playUrl(packageId),
    // The newest that v1.0 can name below Android 7.0, where agents begin.
    minimumSupportedOperatingSystem: { '@odata.type': `${TYPE}androidMinimumOperatingSystem`, v5_1: true }
  }
}

/** An app of managed Google Play; beta only. */
export function androidManagedAppBody ({ packageId }: NonNullable<SetupWish['android']>, description: string): object {
  return {
    '@odata.type': `${TYPE}androidManagedStoreApp`, displayName: 'Sallyport', description, publisher: PUBLISHER, packageId, appIdentifier: packageId, appStoreUrl: playUrl(packageId)
  }
}

export interface ConfigInput {
  readonly description: string
  readonly appKey: string
  /** Where the agent finds us. */
  readonly serverUrl: string
}

export function iosConfigBody ({ description, appKey, serverUrl }: ConfigInput): object {
  const item = (appConfigKey: string, appConfigKeyType: string, appConfigKeyValue: string): object =>
    ({ '@odata.type': `${TYPE}appConfigurationSettingItem`, appConfigKey, appConfigKeyType, appConfigKeyValue })
  return {
    '@odata.type': `${TYPE}iosMobileAppConfiguration`,
    displayName: 'Sallyport for iOS and iPadOS',
    description,
    targetedMobileApps: [PLACEHOLDERS.app(appKey)],
    settings: [
      item(AGENT_KEYS.serverUrl, 'stringType', serverUrl),
      item(AGENT_KEYS.enrollmentToken, 'stringType', PLACEHOLDERS.enrollmentToken),
      item(AGENT_KEYS.entraDeviceId, 'tokenType', ENTRA_DEVICE_ID)
    ]
  }
}

/** Beta only. `payloadJson` is written out here and goes over the line as base64. */
export function androidConfigBody ({ description, appKey, serverUrl, packageId }: ConfigInput & { readonly packageId: string }): object {
  return {
    '@odata.type': `${TYPE}androidManagedStoreAppConfiguration`,
    displayName: 'Sallyport for Android',
    description,
    targetedMobileApps: [PLACEHOLDERS.app(appKey)],
    packageId: `app:${packageId}`,
    payloadJson: {
      kind: 'androidenterprise#managedConfiguration',
      productId: `app:${packageId}`,
      managedProperty: [
        { key: AGENT_KEYS.serverUrl, valueString: serverUrl },
        { key: AGENT_KEYS.enrollmentToken, valueString: PLACEHOLDERS.enrollmentToken },
        { key: AGENT_KEYS.entraDeviceId, valueString: ENTRA_DEVICE_ID }
      ]
    },
    profileApplicability: 'default',
    permissionActions: []
  }
}

export function policyBody (type: PolicyType, limit: Limit, description: string): object {
  return {
    ...policyRule(type, limit),
    displayName: `Sallyport: at or under ${limit} (${POLICY_NAMES[type]})`,
    description,
    // Graph asks for an action, and for a rule's name that no rule has: every public sample says this one.
    scheduledActionsForRule: [{
      ruleName: 'PasswordRequired',
      scheduledActionConfigurations: [{ actionType: 'block', gracePeriodHours: 0, notificationTemplateId: '', notificationMessageCCList: [] }]
    }]
  }
}

/** What is changed when only the limit changes. */
export const policyRule = (type: PolicyType, limit: Limit): object =>
  ({ '@odata.type': TYPE + type, deviceThreatProtectionEnabled: true, deviceThreatProtectionRequiredSecurityLevel: limit })

const POLICY_NAMES: Readonly<Record<PolicyType, string>> = {
  iosCompliancePolicy: 'iOS and iPadOS',
  androidWorkProfileCompliancePolicy: 'Android work profile',
  androidDeviceOwnerCompliancePolicy: 'Android, owned by the company',
  androidCompliancePolicy: 'Android device administrator'
}

/** Users only: the threat rule of a compliance policy works with no other groups. */
export const targetsOf = ({ groups = [] }: SetupWish): object[] => groups.length === 0
  ? [{ '@odata.type': `${TYPE}allLicensedUsersAssignmentTarget` }]
  : groups.map((groupId) => ({ '@odata.type': `${TYPE}groupAssignmentTarget`, groupId: groupId.toLowerCase() }))

/** Body of `mobileApps/{id}/assign`: whatever is not in it is no assignment afterwards. */
export const appAssignBody = (assignments: readonly object[]): object => ({ mobileAppAssignments: assignments })

export const appAssignment = (intent: 'required' | 'available', target: object, settings: object | null): object =>
  ({ '@odata.type': `${TYPE}mobileAppAssignment`, intent, target, settings })

export const iosAppSettings = (): object => ({ '@odata.type': `${TYPE}iosStoreAppAssignmentSettings`, uninstallOnDeviceRemoval: true, isRemovable: true })

/** Body of `mobileAppConfigurations/{id}/assign` and of `deviceCompliancePolicies/{id}/assign`. */
export const assignBody = (targets: readonly object[]): object => ({ assignments: targets.map((target) => ({ target })) })

/** Puts in what was not known when the plan was made, and encodes what Graph wants encoded. */
export function resolveBody (body: unknown, late: { readonly enrollmentToken?: string | undefined, readonly idOf: (key: string) => string | undefined }): unknown {
  if (typeof body === 'string') {
    if (body === PLACEHOLDERS.enrollmentToken) return late.enrollmentToken ?? fail('an enrolment token')
    const key = /^\(id of (.+)\)$/.exec(body)?.[1]
    return key === undefined ? body : late.idOf(key) ?? fail(`the id of ${key}`)
  }
  if (Array.isArray(body)) return body.map((one) => resolveBody(one, late))
  if (typeof body !== 'object' || body === null) return body
  return Object.fromEntries(Object.entries(body).map(([name, value]) => {
    const resolved = resolveBody(value, late)
    return [name, name === 'payloadJson' && typeof resolved === 'object' ? Buffer.from(JSON.stringify(resolved)).toString('base64') : resolved]
  }))
}

function fail (what: string): never {
  throw new Error(`the plan needs ${what}, which no step before it made`)
}

/** Whether a body carries an enrolment token. */
export const needsToken = (body: unknown): boolean => JSON.stringify(body ?? null).includes(PLACEHOLDERS.enrollmentToken)
