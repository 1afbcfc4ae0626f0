import type { GraphType } from './graph-types.js'

const text = { type: 'Edm.String' } as const
const flag = { type: 'Edm.Boolean', notNull: true } as const
const betaFlag = { type: 'Edm.Boolean', notNull: true, beta: true } as const
const whole = { type: 'Edm.Int32' } as const
const setByService = { type: 'Edm.DateTimeOffset', readOnly: true } as const
const level = { type: 'deviceThreatProtectionLevel', notNull: true } as const
const betaLevel = { ...level, beta: true } as const

/** The rule that makes a reported threat state count. */
const threatRule: GraphType['properties'] = { deviceThreatProtectionEnabled: flag, deviceThreatProtectionRequiredSecurityLevel: level }
/** Microsoft Defender's own risk score: another setting, that no partner touches. */
const defenderRule: GraphType['properties'] = { advancedThreatProtectionRequiredSecurityLevel: betaLevel }

const osVersions: GraphType['properties'] = { osMinimumVersion: text, osMaximumVersion: text }
const password: GraphType['properties'] = {
  passwordRequired: flag, passwordMinimumLength: whole, passwordRequiredType: text, passwordMinutesOfInactivityBeforeLock: whole, passwordExpirationDays: whole, passwordPreviousPasswordBlockCount: whole
}
const androidSecurity: GraphType['properties'] = {
  ...password,
  ...osVersions,
  securityPreventInstallAppsFromUnknownSources: flag,
  securityDisableUsbDebugging: flag,
  securityRequireVerifyApps: flag,
  securityBlockJailbrokenDevices: flag,
  securityRequireSafetyNetAttestationBasicIntegrity: flag,
  securityRequireSafetyNetAttestationCertifiedDevice: flag,
  securityRequireCompanyPortalAppIntegrity: flag,
  minAndroidSecurityPatchLevel: text,
  storageRequireEncryption: flag
}

/** The connector and compliance policies. Of the policies' other settings those are here that administrators commonly send along; they are kept and not evaluated. */
export const POLICY_GRAPH_TYPES: Readonly<Record<string, GraphType>> = {
  mobileThreatDefenseConnector: {
    properties: {
      id: { ...text, readOnly: true },
      lastHeartbeatDateTime: setByService,
      partnerState: { type: 'mobileThreatPartnerTenantState', readOnly: true },
      partnerUnresponsivenessThresholdInDays: { type: 'Edm.Int32', notNull: true },
      partnerUnsupportedOsVersionBlocked: flag,
      androidEnabled: flag,
      iosEnabled: flag,
      windowsEnabled: flag,
      macEnabled: betaFlag,
      androidMobileApplicationManagementEnabled: flag,
      iosMobileApplicationManagementEnabled: flag,
      windowsMobileApplicationManagementEnabled: betaFlag,
      androidDeviceBlockedOnMissingPartnerData: flag,
      iosDeviceBlockedOnMissingPartnerData: flag,
      windowsDeviceBlockedOnMissingPartnerData: flag,
      macDeviceBlockedOnMissingPartnerData: betaFlag,
      allowPartnerToCollectIOSApplicationMetadata: flag,
      allowPartnerToCollectIOSPersonalApplicationMetadata: flag,
      allowPartnerToCollectIosCertificateMetadata: betaFlag,
      allowPartnerToCollectIosPersonalCertificateMetadata: betaFlag,
      microsoftDefenderForEndpointAttachEnabled: flag,
      grantMobileThreatDefensePartnerRole: betaFlag,
      launchMobileThreatDefensePartnerOnSetupEnabled: betaFlag
    }
  },
  deviceCompliancePolicy: {
    abstract: true,
    properties: {
      id: { ...text, readOnly: true },
      createdDateTime: setByService,
      description: text,
      lastModifiedDateTime: setByService,
      displayName: { ...text, required: true, notNull: true },
      version: { type: 'Edm.Int32', readOnly: true },
      roleScopeTagIds: { type: 'Collection(Edm.String)', beta: true }
    }
  },
  iosCompliancePolicy: {
    base: 'deviceCompliancePolicy',
    properties: {
      ...threatRule,
      ...defenderRule,
      ...osVersions,
      passcodeRequired: flag,
      passcodeBlockSimple: flag,
      passcodeMinimumLength: whole,
      passcodeRequiredType: text,
      passcodeMinutesOfInactivityBeforeLock: whole,
      passcodeExpirationDays: whole,
      passcodePreviousPasscodeBlockCount: whole,
      passcodeMinimumCharacterSetCount: whole,
      securityBlockJailbrokenDevices: flag,
      managedEmailProfileRequired: flag
    }
  },
  androidCompliancePolicy: { base: 'deviceCompliancePolicy', properties: { ...threatRule, ...defenderRule, ...androidSecurity } },
  androidWorkProfileCompliancePolicy: { base: 'deviceCompliancePolicy', properties: { ...threatRule, ...defenderRule, ...androidSecurity } },
  androidDeviceOwnerCompliancePolicy: {
    base: 'deviceCompliancePolicy',
    beta: true,
    properties: { ...threatRule, ...defenderRule, ...password, ...osVersions, minAndroidSecurityPatchLevel: text, securityRequireSafetyNetAttestationBasicIntegrity: flag, securityRequireSafetyNetAttestationCertifiedDevice: flag, storageRequireEncryption: flag }
  },
  macOSCompliancePolicy: { base: 'deviceCompliancePolicy', properties: { ...threatRule, ...defenderRule, ...password, ...osVersions, storageRequireEncryption: flag, systemIntegrityProtectionEnabled: flag } },
  windows10CompliancePolicy: {
    base: 'deviceCompliancePolicy',
    properties: { ...password, ...osVersions, deviceThreatProtectionEnabled: betaFlag, deviceThreatProtectionRequiredSecurityLevel: betaLevel, bitLockerEnabled: flag, secureBootEnabled: flag, storageRequireEncryption: flag }
  },
  aospDeviceOwnerCompliancePolicy: { base: 'deviceCompliancePolicy', beta: true, properties: { ...osVersions, passwordRequired: flag, passwordMinimumLength: whole, securityBlockJailbrokenDevices: flag, storageRequireEncryption: flag } },
  deviceComplianceScheduledActionForRule: {
    properties: { id: { ...text, readOnly: true }, ruleName: text, scheduledActionConfigurations: { type: 'Collection(deviceComplianceActionItem)', required: true, notNull: true } }
  },
  deviceComplianceActionItem: {
    properties: {
      id: { ...text, readOnly: true },
      gracePeriodHours: { type: 'Edm.Int32', notNull: true },
      actionType: { type: 'deviceComplianceActionType', required: true, notNull: true },
      notificationTemplateId: text,
      notificationMessageCCList: { type: 'Collection(Edm.String)' }
    }
  }
}
