import t from 'tap'
import { checkGraphBody } from '../../../src/simulator/intune/graph-body.js'
import { GRAPH_ENUMS, graphEnum, type GraphEnumName } from '../../../src/simulator/intune/graph-enums.js'
import { GRAPH_TYPES, propertiesOf } from '../../../src/simulator/intune/graph-types.js'

type Table = Record<string, { v1?: Record<string, string>, beta?: Record<string, string> }>

const [text, flag, whole, time] = ['Edm.String', 'Edm.Boolean', 'Edm.Int32', 'Edm.DateTimeOffset']
const each = (type: string, ...names: string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, type]))
const threatRule = { deviceThreatProtectionEnabled: flag, deviceThreatProtectionRequiredSecurityLevel: 'deviceThreatProtectionLevel' }

/** Copied by hand from Microsoft's metadata and documentation; `beta` is what v1.0 must not show. */
const TABLE: Table = {
  mobileThreatDefenseConnector: {
    v1: {
      ...each(flag, 'androidEnabled', 'iosEnabled', 'windowsEnabled', 'androidMobileApplicationManagementEnabled', 'iosMobileApplicationManagementEnabled', 'androidDeviceBlockedOnMissingPartnerData',
        'iosDeviceBlockedOnMissingPartnerData', 'windowsDeviceBlockedOnMissingPartnerData', 'partnerUnsupportedOsVersionBlocked', 'allowPartnerToCollectIOSApplicationMetadata',
        'allowPartnerToCollectIOSPersonalApplicationMetadata', 'microsoftDefenderForEndpointAttachEnabled'),
      lastHeartbeatDateTime: time,
      partnerState: 'mobileThreatPartnerTenantState',
      partnerUnresponsivenessThresholdInDays: whole
    },
    beta: each(flag, 'macEnabled', 'windowsMobileApplicationManagementEnabled', 'macDeviceBlockedOnMissingPartnerData', 'allowPartnerToCollectIosCertificateMetadata',
      'allowPartnerToCollectIosPersonalCertificateMetadata', 'grantMobileThreatDefensePartnerRole', 'launchMobileThreatDefensePartnerOnSetupEnabled')
  },
  managedDevice: {
    v1: {
      ...each(text, 'id', 'azureADDeviceId', 'userId', 'userPrincipalName', 'deviceName', 'serialNumber', 'imei', 'operatingSystem', 'osVersion', 'jailBroken'),
      ...each(time, 'lastSyncDateTime', 'enrolledDateTime', 'complianceGracePeriodExpirationDateTime'),
      complianceState: 'complianceState',
      managedDeviceOwnerType: 'managedDeviceOwnerType',
      deviceEnrollmentType: 'deviceEnrollmentType',
      deviceRegistrationState: 'deviceRegistrationState',
      managementState: 'managementState',
      partnerReportedThreatState: 'managedDevicePartnerReportedHealthState'
    },
    beta: { ...each(text, 'joinType', 'azureActiveDirectoryDeviceId', 'managementFeatures', 'enrolledByUserPrincipalName'), roleScopeTagIds: 'Collection(Edm.String)', ownerType: 'managedDeviceOwnerType' }
  },
  device: { v1: { ...each(text, 'id', 'deviceId', 'displayName', 'trustType', 'operatingSystem', 'mdmAppId', 'enrollmentType'), ...each(flag, 'isCompliant', 'isManaged', 'isRooted', 'accountEnabled') } },
  iosCompliancePolicy: { v1: threatRule, beta: { advancedThreatProtectionRequiredSecurityLevel: 'deviceThreatProtectionLevel' } },
  androidCompliancePolicy: { v1: threatRule, beta: { advancedThreatProtectionRequiredSecurityLevel: 'deviceThreatProtectionLevel' } },
  androidWorkProfileCompliancePolicy: { v1: threatRule, beta: { advancedThreatProtectionRequiredSecurityLevel: 'deviceThreatProtectionLevel' } },
  macOSCompliancePolicy: { v1: threatRule },
  windows10CompliancePolicy: { beta: threatRule },
  androidDeviceOwnerCompliancePolicy: { beta: threatRule },
  deviceComplianceActionItem: { v1: { actionType: 'deviceComplianceActionType', gracePeriodHours: whole, notificationTemplateId: text, notificationMessageCCList: 'Collection(Edm.String)' } },
  iosStoreApp: { v1: { ...each(text, 'displayName', 'publisher', 'bundleId', 'appStoreUrl'), applicableDeviceType: 'iosDeviceType', minimumSupportedOperatingSystem: 'iosMinimumOperatingSystem' } },
  androidStoreApp: { v1: each(text, 'displayName', 'publisher', 'packageId', 'appStoreUrl') },
  androidManagedStoreApp: { beta: { ...each(text, 'packageId', 'appIdentifier'), appTracks: 'Collection(androidManagedStoreAppTrack)' } },
  mobileAppAssignment: { v1: { intent: 'installIntent', target: 'deviceAndAppManagementAssignmentTarget', settings: 'mobileAppAssignmentSettings' } },
  iosStoreAppAssignmentSettings: { v1: { ...each(flag, 'isRemovable', 'uninstallOnDeviceRemoval'), vpnConfigurationId: text } },
  iosMobileAppConfiguration: { v1: { displayName: text, targetedMobileApps: 'Collection(Edm.String)', settings: 'Collection(appConfigurationSettingItem)', encodedSettingXml: 'Edm.Binary' } },
  appConfigurationSettingItem: { v1: { appConfigKey: text, appConfigKeyType: 'mdmAppConfigKeyType', appConfigKeyValue: text } },
  androidManagedStoreAppConfiguration: {
    beta: { ...each(text, 'packageId', 'payloadJson'), ...each(flag, 'appSupportsOemConfig', 'connectedAppsEnabled'), permissionActions: 'Collection(androidPermissionAction)', profileApplicability: 'androidProfileApplicability' }
  },
  androidPermissionAction: { beta: { permission: text, action: 'androidPermissionActionType' } },
  groupAssignmentTarget: { v1: { groupId: 'Edm.Guid' } },
  exclusionGroupAssignmentTarget: { v1: { groupId: 'Edm.Guid' } }
}

const ENUMS: Partial<Record<GraphEnumName, [string, string?]>> = {
  mobileThreatPartnerTenantState: ['unavailable available enabled unresponsive unknownFutureValue', 'notSetUp error'],
  managedDevicePartnerReportedHealthState: ['unknown activated deactivated secured lowSeverity mediumSeverity highSeverity unresponsive compromised misconfigured'],
  complianceState: ['unknown compliant noncompliant conflict error inGracePeriod configManager'],
  managedDeviceOwnerType: ['unknown company personal unknownFutureValue'],
  deviceRegistrationState: ['notRegistered registered revoked keyConflict approvalPending certificateReset notRegisteredPendingEnrollment unknown'],
  deviceThreatProtectionLevel: ['unavailable secured low medium high notSet'],
  deviceComplianceActionType: ['noAction notification block retire wipe removeResourceAccessProfiles pushNotification', 'remoteLock'],
  complianceStatus: ['unknown notApplicable compliant remediated nonCompliant error conflict notAssigned'],
  policyPlatformType: ['android androidForWork iOS macOS windowsPhone81 windows81AndLater windows10AndLater all'],
  installIntent: ['available required uninstall availableWithoutEnrollment'],
  mdmAppConfigKeyType: ['stringType integerType realType booleanType tokenType'],
  androidPermissionActionType: ['prompt autoGrant autoDeny'],
  androidProfileApplicability: ['default androidWorkProfile androidDeviceOwner']
}

t.test('properties have Microsoft\'s names and types, and v1.0 hides what only beta has', async (t) => {
  for (const [name, { v1 = {}, beta = {} }] of Object.entries(TABLE)) {
    const shown = { v1: propertiesOf(name, 'v1.0'), beta: propertiesOf(name, 'beta') }
    const isBeta = GRAPH_TYPES[name]?.beta === true
    for (const [property, type] of Object.entries(v1)) {
      t.equal(shown.v1[property]?.type, type, `${name}.${property}`)
      t.equal(shown.beta[property]?.type, type, `${name}.${property} in beta`)
    }
    for (const [property, type] of Object.entries(beta)) {
      t.equal(shown.beta[property]?.type, type, `${name}.${property}`)
      t.ok(isBeta || !Object.hasOwn(shown.v1, property), `${name}.${property} is not in v1.0`)
    }
  }
  for (const name of ['androidManagedStoreApp', 'androidManagedStoreAppConfiguration', 'androidDeviceOwnerCompliancePolicy', 'aospDeviceOwnerCompliancePolicy']) t.equal(GRAPH_TYPES[name]?.beta, true, name)
  t.notOk(Object.keys(propertiesOf('aospDeviceOwnerCompliancePolicy', 'beta')).some((property) => property.startsWith('deviceThreat')), 'no threat rule')
})

t.test('enums have Microsoft\'s members', async (t) => {
  for (const [name, [members, beta]] of Object.entries(ENUMS)) {
    t.strictSame(graphEnum(name as GraphEnumName).members, members.split(' '), name)
    t.strictSame(graphEnum(name as GraphEnumName).beta, beta?.split(' '), `${name} in beta`)
  }
})

t.test('every type that a property names is one of these tables', async (t) => {
  for (const [name, { base, properties }] of Object.entries(GRAPH_TYPES)) {
    t.ok(base === undefined || base in GRAPH_TYPES, name)
    for (const [property, { type }] of Object.entries(properties)) {
      const element = type.replace(/^Collection\((.+)\)$/, '$1')
      t.ok(element.startsWith('Edm.') || element in GRAPH_TYPES || element in GRAPH_ENUMS, `${name}.${property}`)
    }
  }
})

t.test('no property passes in another letter case, and none with a value of another type', async (t) => {
  const WRONG: Record<string, unknown> = { 'Edm.String': 1, 'Edm.Boolean': 'true', 'Edm.Int32': '7', 'Edm.Int64': 1.5, 'Edm.Guid': 'x', 'Edm.DateTimeOffset': 'now', 'Edm.Binary': '%' }
  for (const name of Object.keys(TABLE)) {
    const check = (body: object) => () => checkGraphBody(body as Record<string, unknown>, { declared: name, version: 'beta', creating: false })
    for (const [property, { type, readOnly }] of Object.entries(propertiesOf(name, 'beta'))) {
      t.throws(check({ [property.toUpperCase()]: null }), { message: /./ }, `${name}.${property.toUpperCase()}`)
      t.throws(check({ [property]: type in WRONG ? WRONG[type] : 42 }), { message: /./ }, `${name}.${property}: ${type}`)
      if (readOnly === true) t.throws(check({ [property]: null }), { message: /read-only/ }, `${name}.${property} is read-only`)
    }
  }
})
