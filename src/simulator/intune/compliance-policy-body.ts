import type { PolicyTypeName } from './compliance-policy.js'
import type { GraphVersion } from './connector.js'
import { checkGraphBody } from './graph-body.js'
import { badRequest } from './graph-errors.js'

const OWN = ['@odata.type', 'displayName', 'description', 'deviceThreatProtectionEnabled', 'deviceThreatProtectionRequiredSecurityLevel', 'scheduledActionsForRule']
const MAX_GRACE_HOURS = 8760

/** The settings in a body that has been checked, other than the threat rule. They are kept, not evaluated. */
export const policySettingsOf = (body: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !OWN.includes(name)))

/**
 * Checks a policy to create (`existing` undefined) or to change.
 * @returns its type. @throws GraphError
 */
export const checkPolicyBody = (body: Record<string, unknown>, version: GraphVersion, existing: PolicyTypeName | undefined): PolicyTypeName => checkGraphBody(body, {
  declared: 'deviceCompliancePolicy', version, creating: existing === undefined, ...(existing === undefined ? { besides: ['scheduledActionsForRule'] } : { existing })
}) as PolicyTypeName

interface ActionConfiguration { actionType?: unknown, gracePeriodHours?: unknown }

const configurationsOf = (rules: unknown): ActionConfiguration[] =>
  (rules as Array<{ scheduledActionConfigurations?: ActionConfiguration[] }>).flatMap(({ scheduledActionConfigurations = [] }) => scheduledActionConfigurations)

/** A policy needs to say what happens to a noncompliant device; at least "block", that is: mark it noncompliant. @throws GraphError */
export function checkScheduledActions (rules: unknown, version: GraphVersion): void {
  if (!Array.isArray(rules) || rules.length === 0 || rules.some((rule) => typeof rule !== 'object' || rule === null)) {
    throw badRequest("The property 'scheduledActionsForRule' must hold a rule with 'scheduledActionConfigurations'.")
  }
  for (const rule of rules) checkGraphBody(rule, { declared: 'deviceComplianceScheduledActionForRule', version, creating: true })
  const configurations = configurationsOf(rules)
  for (const { gracePeriodHours = 0 } of configurations) {
    if ((gracePeriodHours as number) < 0 || (gracePeriodHours as number) > MAX_GRACE_HOURS) throw badRequest(`'gracePeriodHours' must be between 0 and ${MAX_GRACE_HOURS}.`)
  }
  if (!configurations.some(({ actionType }) => actionType === 'block')) throw badRequest("'scheduledActionsForRule' must hold one action of type 'block'.")
}

/** Hours until a broken policy makes the device noncompliant. */
export const graceHoursOf = (rules: unknown): number =>
  Number(configurationsOf(rules).find(({ actionType }) => actionType === 'block')?.gracePeriodHours ?? 0)
