import type { AssignmentTarget } from './assignment.js'
import type { AndroidManagement, Platform, ThreatLimit } from './vocabulary.js'

/** A Graph `deviceCompliancePolicy` of any type. */
export interface CompliancePolicy {
  readonly id: string
  readonly type: PolicyTypeName
  displayName: string
  description: string | null
  version: number
  readonly createdAtMs: number
  modifiedAtMs: number
  threatEnabled: boolean
  limit: ThreatLimit
  gracePeriodHours: number
  /** Settings other than the threat rule: kept and shown, not evaluated. */
  settings: Record<string, unknown>
  scheduledActions: unknown[]
  assignments: AssignmentTarget[]
}

interface PolicyType {
  readonly platforms: readonly Platform[]
  readonly androidManagement?: AndroidManagement
  /** From which Graph version on the type exists, and its threat rule. */
  readonly since: 'v1.0' | 'beta'
  readonly threatRule: 'v1.0' | 'beta' | 'none'
}

export const POLICY_TYPES = {
  iosCompliancePolicy: { platforms: ['ios', 'ipados'], since: 'v1.0', threatRule: 'v1.0' },
  androidCompliancePolicy: { platforms: ['android'], androidManagement: 'deviceAdministrator', since: 'v1.0', threatRule: 'v1.0' },
  androidWorkProfileCompliancePolicy: { platforms: ['android'], androidManagement: 'workProfile', since: 'v1.0', threatRule: 'v1.0' },
  androidDeviceOwnerCompliancePolicy: { platforms: ['android'], androidManagement: 'deviceOwner', since: 'beta', threatRule: 'beta' },
  macOSCompliancePolicy: { platforms: ['macos'], since: 'v1.0', threatRule: 'v1.0' },
  windows10CompliancePolicy: { platforms: ['windows'], since: 'v1.0', threatRule: 'beta' },
  aospDeviceOwnerCompliancePolicy: { platforms: [], since: 'beta', threatRule: 'none' }
} as const satisfies Record<string, PolicyType>

export type PolicyTypeName = keyof typeof POLICY_TYPES

/** The same table under its widened type, for look-ups. */
export const policyType = (name: PolicyTypeName): PolicyType => POLICY_TYPES[name]

/** The types that together cover these platforms: one seeded policy becomes one Graph policy a type. */
export const policyTypesFor = (platforms: readonly Platform[]): PolicyTypeName[] =>
  (Object.keys(POLICY_TYPES) as PolicyTypeName[]).filter((name) => policyType(name).platforms.some((platform) => platforms.includes(platform)))
