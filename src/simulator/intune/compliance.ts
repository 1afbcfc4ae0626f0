import { reach } from './assignment.js'
import { blocksOnMissingData, type Connector, usesPartnerData } from './connector.js'
import { policyType, type CompliancePolicy } from './compliance-policy.js'
import type { Device, Tenant } from './tenant.js'
import type { ComplianceState, ConnectorState, ThreatLimit, ThreatState } from './vocabulary.js'

/** How bad a reported state is; states that are not here carry no level. */
const BADNESS: Readonly<Partial<Record<ThreatState, number>>> = {
  secured: 1,
  lowSeverity: 2,
  mediumSeverity: 3,
  highSeverity: 4,
  // Worse than high for every limit below `high` (inferred).
  compromised: 4
}

const ALLOWED: Readonly<Partial<Record<ThreatLimit, number>>> = { secured: 1, low: 2, medium: 3, high: 4 }

/** Intune's merge of several results: the highest number wins. */
const SEVERITY: Readonly<Record<ComplianceState | 'notApplicable', number>> = {
  unknown: 1, notApplicable: 2, compliant: 3, inGracePeriod: 4, noncompliant: 5, error: 6
}

const HOUR_MS = 60 * 60 * 1000

/** What one policy says about one device, before any grace. */
export interface PolicyJudgement {
  readonly policy: CompliancePolicy
  readonly result: 'compliant' | 'noncompliant' | 'notApplicable'
  readonly reason: string
}

export interface ComplianceVerdict {
  readonly state: ComplianceState
  /** When the grace of an `inGracePeriod` device ends, ms since 1970. */
  readonly graceEndsAtMs: number | null
  readonly policies: ReadonlyArray<{ readonly policyId: string, readonly displayName: string, readonly state: ComplianceState | 'notApplicable', readonly reason: string }>
}

/** Is the reported state at or under the limit? Undefined: the state carries no level. */
export function isWithinLimit (state: ThreatState, limit: ThreatLimit): boolean | undefined {
  const badness = BADNESS[state]
  return badness === undefined ? undefined : badness <= (ALLOWED[limit] ?? Infinity)
}

/** "Require the device to be at or under the Device Threat Level", with what happens when there is no usable data. */
export function judgeThreatRule (
  device: Pick<Device, 'platform' | 'threatState'>,
  limit: ThreatLimit,
  connector: Connector | undefined,
  state: ConnectorState
): Pick<PolicyJudgement, 'result' | 'reason'> {
  if (connector === undefined || !usesPartnerData(connector, device.platform)) {
    return { result: 'compliant', reason: 'The connector\'s switch for this platform is off: partner data is not used.' }
  }
  // An unresponsive connector's data is ignored; falling back to the missing-data rule is inferred.
  const within = state === 'enabled' || state === 'available' ? isWithinLimit(device.threatState, limit) : undefined
  if (within !== undefined) {
    return within
      ? { result: 'compliant', reason: `Reported ${device.threatState}; allowed up to ${limit}.` }
      : { result: 'noncompliant', reason: `Reported ${device.threatState}; allowed only up to ${limit}.` }
  }
  const why = state === 'enabled' || state === 'available' ? `state ${device.threatState} carries no level` : `the connector is ${state}`
  return blocksOnMissingData(connector, device.platform)
    ? { result: 'noncompliant', reason: `No usable partner data (${why}), and it is required.` }
    : { result: 'compliant', reason: `No usable partner data (${why}), and it is not required.` }
}

/** Every policy of the tenant that is assigned to this device. */
export function judgePolicies (tenant: Tenant, device: Device, state: ConnectorState): PolicyJudgement[] {
  const connector = tenant.connectors.get(tenant.connectorId)
  const judgements: PolicyJudgement[] = []
  for (const policy of tenant.policies.values()) {
    const reached = reach(policy.assignments, tenant, device)
    if (reached === 'none') continue
    const type = policyType(policy.type)
    if (!type.platforms.includes(device.platform) || (type.androidManagement !== undefined && type.androidManagement !== device.androidManagement)) {
      judgements.push({ policy, result: 'notApplicable', reason: 'The policy is for another platform or kind of management.' })
    } else if (!policy.threatEnabled || ALLOWED[policy.limit] === undefined) {
      judgements.push({ policy, result: 'compliant', reason: 'The policy has no threat rule.' })
    } else if (reached === 'device') {
      judgements.push({ policy, result: 'notApplicable', reason: 'The threat rule works with groups of users only.' })
    } else {
      judgements.push({ policy, ...judgeThreatRule(device, policy.limit, connector, state) })
    }
  }
  return judgements
}

/**
 * Turns judgements into the device's state. `noncompliantSince` says per policy since when it
 * has been broken; a broken policy counts as `inGracePeriod` until its grace is over.
 */
export function mergeJudgements (
  judgements: readonly PolicyJudgement[],
  noncompliantSince: ReadonlyMap<string, number> | undefined,
  secureByDefault: boolean,
  nowMs: number
): ComplianceVerdict {
  let worst = 'unknown' as ComplianceState | 'notApplicable'
  let graceEndsAtMs: number | null = null
  const policies = judgements.map(({ policy, result, reason }) => {
    let state: ComplianceState | 'notApplicable' = result
    if (result === 'noncompliant') {
      const endsAtMs = (noncompliantSince?.get(policy.id) ?? nowMs) + policy.gracePeriodHours * HOUR_MS
      if (nowMs < endsAtMs) {
        state = 'inGracePeriod'
        graceEndsAtMs = Math.min(graceEndsAtMs ?? Infinity, endsAtMs)
      }
    }
    if (SEVERITY[state] > SEVERITY[worst]) worst = state
    return { policyId: policy.id, displayName: policy.displayName, state, reason }
  })
  // No policy that applies: the tenant's setting decides.
  const state: ComplianceState = worst === 'unknown' || worst === 'notApplicable' ? (secureByDefault ? 'noncompliant' : 'compliant') : worst
  return { state, graceEndsAtMs: state === 'inGracePeriod' ? graceEndsAtMs : null, policies }
}
