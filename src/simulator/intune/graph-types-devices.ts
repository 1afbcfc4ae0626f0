import type { GraphType } from './graph-types.js'

const text = { type: 'Edm.String' } as const
const flag = { type: 'Edm.Boolean' } as const
const time = { type: 'Edm.DateTimeOffset' } as const
const betaText = { type: 'Edm.String', beta: true } as const

/** Intune's read model of a phone. */
export const DEVICE_TYPES: Readonly<Record<string, GraphType>> = {
  managedDevice: {
    properties: {
      id: text,
      userId: text,
      deviceName: text,
      managedDeviceOwnerType: { type: 'managedDeviceOwnerType' },
      enrolledDateTime: time,
      lastSyncDateTime: time,
      operatingSystem: text,
      complianceState: { type: 'complianceState' },
      jailBroken: text,
      managementAgent: text,
      managementState: { type: 'managementState' },
      osVersion: text,
      azureADRegistered: flag,
      deviceEnrollmentType: { type: 'deviceEnrollmentType' },
      azureADDeviceId: text,
      deviceRegistrationState: { type: 'deviceRegistrationState' },
      isEncrypted: flag,
      userPrincipalName: text,
      userDisplayName: text,
      model: text,
      manufacturer: text,
      imei: text,
      serialNumber: text,
      complianceGracePeriodExpirationDateTime: time,
      partnerReportedThreatState: { type: 'managedDevicePartnerReportedHealthState' },
      azureActiveDirectoryDeviceId: betaText,
      ownerType: { type: 'managedDeviceOwnerType', beta: true },
      joinType: betaText,
      roleScopeTagIds: { type: 'Collection(Edm.String)', beta: true },
      managementFeatures: betaText,
      enrolledByUserPrincipalName: betaText
    }
  },
  deviceCompliancePolicyState: {
    properties: {
      id: text,
      displayName: text,
      version: { type: 'Edm.Int32' },
      platformType: { type: 'policyPlatformType' },
      state: { type: 'complianceStatus' },
      settingCount: { type: 'Edm.Int32' },
      settingStates: { type: 'Collection(deviceCompliancePolicySettingState)' }
    }
  },
  deviceCompliancePolicySettingState: {
    properties: {
      setting: text,
      settingName: text,
      state: { type: 'complianceStatus' },
      currentValue: text,
      errorCode: { type: 'Edm.Int64' }
    }
  }
}
