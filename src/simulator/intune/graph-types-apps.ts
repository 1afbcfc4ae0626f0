import type { GraphType } from './graph-types.js'

const text = { type: 'Edm.String' } as const
const name = { type: 'Edm.String', required: true, notNull: true } as const
const flag = { type: 'Edm.Boolean', notNull: true } as const
const optionalFlag = { type: 'Edm.Boolean' } as const
const setByService = { type: 'Edm.DateTimeOffset', readOnly: true } as const
const scopeTags = { type: 'Collection(Edm.String)', beta: true } as const
const flags = (...names: readonly string[]): GraphType['properties'] => Object.fromEntries(names.map((one) => [one, flag]))

/** Apps, their configuration, and whom either is for. */
export const APP_TYPES: Readonly<Record<string, GraphType>> = {
  mobileApp: {
    abstract: true,
    properties: {
      id: { ...text, readOnly: true },
      displayName: name,
      description: text,
      publisher: text,
      largeIcon: { type: 'mimeContent' },
      createdDateTime: setByService,
      lastModifiedDateTime: setByService,
      isFeatured: flag,
      privacyInformationUrl: text,
      informationUrl: text,
      owner: text,
      developer: text,
      notes: text,
      publishingState: { type: 'mobileAppPublishingState', readOnly: true },
      uploadState: { type: 'Edm.Int32', beta: true, readOnly: true },
      isAssigned: { type: 'Edm.Boolean', beta: true, readOnly: true },
      roleScopeTagIds: scopeTags
    }
  },
  iosStoreApp: {
    base: 'mobileApp',
    properties: { bundleId: name, appStoreUrl: name, applicableDeviceType: { type: 'iosDeviceType' }, minimumSupportedOperatingSystem: { type: 'iosMinimumOperatingSystem' } }
  },
  androidStoreApp: {
    base: 'mobileApp',
    properties: { packageId: text, appStoreUrl: name, minimumSupportedOperatingSystem: { type: 'androidMinimumOperatingSystem' } }
  },
  androidManagedStoreApp: {
    base: 'mobileApp',
    beta: true,
    properties: {
      packageId: name,
      appIdentifier: text,
      usedLicenseCount: { type: 'Edm.Int32' },
      totalLicenseCount: { type: 'Edm.Int32' },
      appStoreUrl: text,
      isPrivate: flag,
      isSystemApp: flag,
      supportsOemConfig: { ...flag, readOnly: true },
      appTracks: { type: 'Collection(androidManagedStoreAppTrack)' }
    }
  },
  androidManagedStoreAppTrack: { beta: true, properties: { trackId: text, trackAlias: text } },
  mimeContent: { properties: { type: text, value: { type: 'Edm.Binary' } } },
  iosDeviceType: { properties: flags('iPad', 'iPhoneAndIPod') },
  iosMinimumOperatingSystem: { properties: flags('v8_0', 'v9_0', 'v10_0', 'v11_0', 'v12_0', 'v13_0', 'v14_0', 'v15_0') },
  androidMinimumOperatingSystem: {
    properties: {
      ...flags('v4_0', 'v4_0_3', 'v4_1', 'v4_2', 'v4_3', 'v4_4', 'v5_0', 'v5_1'),
      ...Object.fromEntries(['v6_0', 'v7_0', 'v7_1', 'v8_0', 'v8_1', 'v9_0', 'v10_0', 'v11_0'].map((one) => [one, { ...flag, beta: true as const }]))
    }
  },
  mobileAppAssignment: {
    properties: {
      id: { ...text, readOnly: true },
      intent: { type: 'installIntent', required: true, notNull: true },
      target: { type: 'deviceAndAppManagementAssignmentTarget', required: true, notNull: true },
      settings: { type: 'mobileAppAssignmentSettings' }
    }
  },
  mobileAppAssignmentSettings: { abstract: true, properties: {} },
  iosStoreAppAssignmentSettings: {
    base: 'mobileAppAssignmentSettings',
    properties: { vpnConfigurationId: text, uninstallOnDeviceRemoval: optionalFlag, isRemovable: optionalFlag, preventManagedAppBackup: { type: 'Edm.Boolean', beta: true } }
  },
  androidManagedStoreAppAssignmentSettings: {
    base: 'mobileAppAssignmentSettings',
    beta: true,
    properties: { androidManagedStoreAppTrackIds: { type: 'Collection(Edm.String)' }, autoUpdateMode: { type: 'androidManagedStoreAutoUpdateMode' } }
  },
  deviceAndAppManagementAssignmentTarget: {
    abstract: true,
    properties: {
      deviceAndAppManagementAssignmentFilterId: { type: 'Edm.String', beta: true },
      deviceAndAppManagementAssignmentFilterType: { type: 'deviceAndAppManagementAssignmentFilterType', beta: true }
    }
  },
  groupAssignmentTarget: { base: 'deviceAndAppManagementAssignmentTarget', properties: { groupId: { type: 'Edm.Guid', required: true, notNull: true } } },
  exclusionGroupAssignmentTarget: { base: 'groupAssignmentTarget', properties: {} },
  allLicensedUsersAssignmentTarget: { base: 'deviceAndAppManagementAssignmentTarget', properties: {} },
  allDevicesAssignmentTarget: { base: 'deviceAndAppManagementAssignmentTarget', properties: {} },
  managedDeviceMobileAppConfiguration: {
    abstract: true,
    properties: {
      id: { ...text, readOnly: true },
      targetedMobileApps: { type: 'Collection(Edm.String)', required: true, notNull: true },
      createdDateTime: setByService,
      description: text,
      lastModifiedDateTime: setByService,
      displayName: name,
      version: { type: 'Edm.Int32', readOnly: true },
      roleScopeTagIds: scopeTags
    }
  },
  iosMobileAppConfiguration: {
    base: 'managedDeviceMobileAppConfiguration',
    properties: { encodedSettingXml: { type: 'Edm.Binary' }, settings: { type: 'Collection(appConfigurationSettingItem)' } }
  },
  appConfigurationSettingItem: {
    properties: { appConfigKey: name, appConfigKeyType: { type: 'mdmAppConfigKeyType', required: true, notNull: true }, appConfigKeyValue: name }
  },
  androidManagedStoreAppConfiguration: {
    base: 'managedDeviceMobileAppConfiguration',
    beta: true,
    properties: {
      packageId: name,
      payloadJson: text,
      permissionActions: { type: 'Collection(androidPermissionAction)' },
      appSupportsOemConfig: { ...flag, readOnly: true },
      profileApplicability: { type: 'androidProfileApplicability', notNull: true },
      connectedAppsEnabled: flag
    }
  },
  androidPermissionAction: { beta: true, properties: { permission: name, action: { type: 'androidPermissionActionType', required: true, notNull: true } } },
  deviceCompliancePolicyAssignment: {
    properties: { id: { ...text, readOnly: true }, target: { type: 'deviceAndAppManagementAssignmentTarget', required: true, notNull: true } }
  },
  managedDeviceMobileAppConfigurationAssignment: {
    properties: { id: { ...text, readOnly: true }, target: { type: 'deviceAndAppManagementAssignmentTarget', required: true, notNull: true } }
  }
}
