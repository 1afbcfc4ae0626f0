import { POLICY_TYPES, policyType, type PolicyTypeName } from './compliance-policy.js'
import type { GraphVersion } from './connector.js'
import { badRequest } from './graph-errors.js'
import { THREAT_LIMITS } from './vocabulary.js'

const PREFIX = '#microsoft.graph.'
const ACTION_TYPES = ['noAction', 'notification', 'block', 'retire', 'wipe', 'removeResourceAccessProfiles', 'pushNotification']
const ACTION_KEYS = ['@odata.type', 'id', 'actionType', 'gracePeriodHours', 'notificationTemplateId', 'notificationMessageCCList']

/** Settings other than the threat rule that administrators commonly send along. They are kept, not evaluated. */
const OTHER_SETTINGS = [
  'passwordRequired', 'passwordMinimumLength', 'passwordRequiredType', 'passwordMinutesOfInactivityBeforeLock', 'passwordExpirationDays', 'passwordPreviousPasswordBlockCount',
  'passcodeRequired', 'passcodeBlockSimple', 'passcodeMinimumLength', 'passcodeRequiredType', 'passcodeMinutesOfInactivityBeforeLock', 'passcodeExpirationDays',
  'securityBlockJailbrokenDevices', 'securityPreventInstallAppsFromUnknownSources', 'securityDisableUsbDebugging', 'securityRequireVerifyApps', 'securityRequireSafetyNetAttestationBasicIntegrity',
  'securityRequireSafetyNetAttestationCertifiedDevice', 'securityRequireCompanyPortalAppIntegrity', 'storageRequireEncryption',
  'osMinimumVersion', 'osMaximumVersion', 'osMinimumBuildVersion', 'osMaximumBuildVersion', 'minAndroidSecurityPatchLevel', 'managedEmailProfileRequired', 'roleScopeTagIds'
]

/** The settings in a body that has been checked. */
export const policySettingsOf = (body: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(body).filter(([name]) => OTHER_SETTINGS.includes(name)))

/**
 * Checks a policy to create (`existing` undefined) or to change.
 * @returns its type. @throws GraphError
 */
export function checkPolicyBody (body: Record<string, unknown>, version: GraphVersion, existing: PolicyTypeName | undefined): PolicyTypeName {
  const odataType = body['@odata.type'] ?? (existing === undefined ? undefined : PREFIX + existing)
  if (typeof odataType !== 'string' || !odataType.startsWith(PREFIX)) throw badRequest("The property '@odata.type' is required to create a deviceCompliancePolicy.")
  const name = odataType.slice(PREFIX.length)
  if (!Object.hasOwn(POLICY_TYPES, name) || (version === 'v1.0' && policyType(name as PolicyTypeName).since === 'beta')) {
    throw badRequest(`A type named 'microsoft.graph.${name}' could not be resolved by the model.`)
  }
  if (existing !== undefined && name !== existing) throw badRequest('The type of a policy cannot be changed.')
  const type = name as PolicyTypeName
  const { threatRule } = policyType(type)
  const threatAllowed = threatRule === 'v1.0' || (threatRule === 'beta' && version === 'beta')

  for (const [property, value] of Object.entries(body)) {
    if (property === '@odata.type' || OTHER_SETTINGS.includes(property)) continue
    if (property === 'scheduledActionsForRule' && existing === undefined) continue
    if (property === 'displayName') {
      if (typeof value !== 'string' || value === '') throw badRequest("The property 'displayName' must be a non-empty string.")
    } else if (property === 'description') {
      if (value !== null && typeof value !== 'string') throw badRequest("Cannot convert the value of 'description' to the expected type 'Edm.String'.")
    } else if (threatAllowed && property === 'deviceThreatProtectionEnabled') {
      if (typeof value !== 'boolean') throw badRequest(`Cannot convert the value of '${property}' to the expected type 'Edm.Boolean'.`)
    } else if (threatAllowed && property === 'deviceThreatProtectionRequiredSecurityLevel') {
      if (!(THREAT_LIMITS as readonly unknown[]).includes(value)) throw badRequest(`'${String(value)}' is not a member of 'microsoft.graph.deviceThreatProtectionLevel'.`)
    } else {
      throw badRequest(`The property '${property}' does not exist on type 'microsoft.graph.${name}'. Make sure to only use property names that are defined by the type.`)
    }
  }
  if (existing === undefined && body.displayName === undefined) throw badRequest("The property 'displayName' is required.")
  return type
}

interface ActionConfiguration { actionType?: unknown, gracePeriodHours?: unknown }

const configurationsOf = (rules: unknown): ActionConfiguration[] =>
  (rules as Array<{ scheduledActionConfigurations?: ActionConfiguration[] }>).flatMap(({ scheduledActionConfigurations = [] }) => scheduledActionConfigurations)

/** A policy needs to say what happens to a noncompliant device; at least "block", that is: mark it noncompliant. @throws GraphError */
export function checkScheduledActions (rules: unknown): void {
  if (!Array.isArray(rules) || rules.length === 0 || rules.some((rule) => typeof rule !== 'object' || rule === null || !Array.isArray(rule.scheduledActionConfigurations))) {
    throw badRequest("The property 'scheduledActionsForRule' must hold a rule with 'scheduledActionConfigurations'.")
  }
  const configurations = configurationsOf(rules)
  for (const configuration of configurations) {
    for (const key of Object.keys(configuration)) if (!ACTION_KEYS.includes(key)) throw badRequest(`The property '${key}' does not exist on type 'microsoft.graph.deviceComplianceActionItem'.`)
    if (!ACTION_TYPES.includes(configuration.actionType as string)) throw badRequest(`'${String(configuration.actionType)}' is not a member of 'microsoft.graph.deviceComplianceActionType'.`)
    const hours = configuration.gracePeriodHours ?? 0
    if (!Number.isInteger(hours) || (hours as number) < 0 || (hours as number) > 8760) throw badRequest("'gracePeriodHours' must be between 0 and 8760.")
  }
  if (!configurations.some(({ actionType }) => actionType === 'block')) throw badRequest("'scheduledActionsForRule' must hold one action of type 'block'.")
}

/** Hours until a broken policy makes the device noncompliant. */
export const graceHoursOf = (rules: unknown): number =>
  Number(configurationsOf(rules).find(({ actionType }) => actionType === 'block')?.gracePeriodHours ?? 0)
