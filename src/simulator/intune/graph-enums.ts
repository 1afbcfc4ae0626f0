import { OWNER_TYPES, THREAT_LIMITS, THREAT_STATES } from './vocabulary.js'

/** An enum of Graph's metadata: its members in v1.0, and those that beta has besides. */
export interface GraphEnum {
  readonly members: readonly string[]
  readonly beta?: readonly string[]
}

/** Names, members and their letter case as in Microsoft's metadata. */
export const GRAPH_ENUMS = {
  mobileThreatPartnerTenantState: { members: ['unavailable', 'available', 'enabled', 'unresponsive', 'unknownFutureValue'], beta: ['notSetUp', 'error'] },
  managedDevicePartnerReportedHealthState: { members: THREAT_STATES },
  complianceState: { members: ['unknown', 'compliant', 'noncompliant', 'conflict', 'error', 'inGracePeriod', 'configManager'] },
  managedDeviceOwnerType: { members: [...OWNER_TYPES, 'unknownFutureValue'] },
  deviceEnrollmentType: {
    members: [
      'unknown', 'userEnrollment', 'deviceEnrollmentManager', 'appleBulkWithUser', 'appleBulkWithoutUser', 'windowsAzureADJoin', 'windowsBulkUserless', 'windowsAutoEnrollment',
      'windowsBulkAzureDomainJoin', 'windowsCoManagement', 'windowsAzureADJoinUsingDeviceAuth', 'appleUserEnrollment', 'appleUserEnrollmentWithServiceAccount', 'unknownFutureValue'
    ],
    beta: [
      'androidEnterpriseDedicatedDevice', 'androidEnterpriseFullyManaged', 'androidEnterpriseCorporateWorkProfile', 'androidAOSPUserOwnedDeviceEnrollment', 'androidAOSPUserlessDeviceEnrollment',
      'appleAccountDrivenUserEnrollment', 'azureAdJoinUsingAzureVmExtension'
    ]
  },
  deviceRegistrationState: { members: ['notRegistered', 'registered', 'revoked', 'keyConflict', 'approvalPending', 'certificateReset', 'notRegisteredPendingEnrollment', 'unknown'] },
  managementState: {
    members: ['managed', 'retirePending', 'retireFailed', 'wipePending', 'wipeFailed', 'unhealthy', 'deletePending', 'retireIssued', 'wipeIssued', 'wipeCanceled', 'retireCanceled', 'discovered', 'unknownFutureValue']
  },
  deviceThreatProtectionLevel: { members: THREAT_LIMITS },
  deviceComplianceActionType: { members: ['noAction', 'notification', 'block', 'retire', 'wipe', 'removeResourceAccessProfiles', 'pushNotification'], beta: ['remoteLock'] },
  complianceStatus: { members: ['unknown', 'notApplicable', 'compliant', 'remediated', 'nonCompliant', 'error', 'conflict', 'notAssigned'] },
  policyPlatformType: { members: ['android', 'androidForWork', 'iOS', 'macOS', 'windowsPhone81', 'windows81AndLater', 'windows10AndLater', 'all'] },
  installIntent: { members: ['available', 'required', 'uninstall', 'availableWithoutEnrollment'] },
  mdmAppConfigKeyType: { members: ['stringType', 'integerType', 'realType', 'booleanType', 'tokenType'] },
  androidPermissionActionType: { members: ['prompt', 'autoGrant', 'autoDeny'] },
  androidProfileApplicability: { members: ['default', 'androidWorkProfile', 'androidDeviceOwner'] },
  androidManagedStoreAutoUpdateMode: { members: ['default', 'postponed', 'priority', 'unknownFutureValue'] },
  deviceAndAppManagementAssignmentFilterType: { members: ['none', 'include', 'exclude'] },
  mobileAppPublishingState: { members: ['notPublished', 'processing', 'published'] }
} as const satisfies Record<string, GraphEnum>

export type GraphEnumName = keyof typeof GRAPH_ENUMS
export const graphEnum = (name: GraphEnumName): GraphEnum => GRAPH_ENUMS[name]
