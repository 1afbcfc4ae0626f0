import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { type AssignmentTarget, presentTarget, readAssignments, readTarget, targetKey } from './assignment.js'
import { isoTime } from './clock.js'
import { checkPolicyBody, checkScheduledActions, graceHoursOf, policySettingsOf } from './compliance-policy-body.js'
import { type CompliancePolicy, policyType, type PolicyTypeName } from './compliance-policy.js'
import type { GraphVersion } from './connector.js'
import { badRequest, notFound } from './graph-errors.js'
import { bodyObject, type GraphRoutesOptions } from './graph-scope.js'
import { originOf } from './odata.js'
import type { Tenant } from './tenant.js'
import type { ThreatLimit } from './vocabulary.js'

const WRITE_ROLES = ['DeviceManagementConfiguration.ReadWrite.All']
const READ_ROLES = ['DeviceManagementConfiguration.Read.All', ...WRITE_ROLES]
const PATH = '/deviceManagement/deviceCompliancePolicies'
type ById = { Params: { id: string } }

/** Compliance policies: list, create, change, delete, assign. */
export const compliancePolicyRoutes: FastifyPluginAsync<GraphRoutesOptions> = async (app, { store, version }) => {
  const context = (request: FastifyRequest, suffix = ''): string => `${originOf(request)}/${version}/$metadata#deviceManagement/deviceCompliancePolicies${suffix}`
  const find = (tenant: Tenant, id: string): CompliancePolicy => {
    const policy = tenant.policies.get(id.toLowerCase())
    if (policy === undefined || !isVisible(policy, version)) throw notFound(`Resource '${id}' does not exist.`)
    return policy
  }

  app.get(PATH, { config: { roles: READ_ROLES } }, async (request) => ({
    '@odata.context': context(request),
    value: [...request.tenant.policies.values()].filter((policy) => isVisible(policy, version)).map((policy) => presentPolicy(policy, version))
  }))

  app.get<ById>(`${PATH}/:id`, { config: { roles: READ_ROLES } }, async (request) => ({
    '@odata.context': context(request, '/$entity'), ...presentPolicy(find(request.tenant, request.params.id), version)
  }))

  app.get<ById>(`${PATH}/:id/assignments`, { config: { roles: READ_ROLES } }, async (request) => {
    const policy = find(request.tenant, request.params.id)
    return { '@odata.context': context(request, `('${policy.id}')/assignments`), value: policy.assignments.map((target) => presentAssignment(policy, target)) }
  })

  app.post(PATH, { config: { roles: WRITE_ROLES } }, async (request, reply) => {
    const body = bodyObject(request)
    const type = checkPolicyBody(body, version, undefined)
    checkScheduledActions(body.scheduledActionsForRule)
    const now = store.clock.now()
    const policy: CompliancePolicy = {
      id: randomUUID(),
      type,
      displayName: body.displayName as string,
      description: null,
      version: 0,
      createdAtMs: now,
      modifiedAtMs: now,
      threatEnabled: false,
      limit: 'unavailable',
      gracePeriodHours: graceHoursOf(body.scheduledActionsForRule),
      settings: {},
      scheduledActions: body.scheduledActionsForRule as unknown[],
      assignments: []
    }
    applyPolicyBody(policy, body, now)
    request.tenant.policies.set(policy.id, policy)
    reply.code(201)
    return { '@odata.context': context(request, '/$entity'), ...presentPolicy(policy, version) }
  })

  app.patch<ById>(`${PATH}/:id`, { config: { roles: WRITE_ROLES } }, async (request) => {
    const policy = find(request.tenant, request.params.id)
    const body = bodyObject(request)
    checkPolicyBody(body, version, policy.type)
    applyPolicyBody(policy, body, store.clock.now())
    store.reevaluate(request.tenant)
    return presentPolicy(policy, version)
  })

  app.delete<ById>(`${PATH}/:id`, { config: { roles: WRITE_ROLES } }, async (request, reply) => {
    request.tenant.policies.delete(find(request.tenant, request.params.id).id)
    store.reevaluate(request.tenant)
    reply.code(204)
  })

  app.post<ById>(`${PATH}/:id/assign`, { config: { roles: WRITE_ROLES } }, async (request) => {
    const policy = find(request.tenant, request.params.id)
    policy.assignments = readAssignments(bodyObject(request), { parameter: 'assignments', type: 'deviceCompliancePolicyAssignment', version })
      .map(({ target }) => readTarget(target as Record<string, unknown>))
    store.reevaluate(request.tenant)
    return { '@odata.context': context(request, `('${policy.id}')/assignments`), value: policy.assignments.map((target) => presentAssignment(policy, target)) }
  })

  app.post<ById>(`${PATH}/:id/scheduleActionsForRules`, { config: { roles: WRITE_ROLES } }, async (request, reply) => {
    const policy = find(request.tenant, request.params.id)
    const body = bodyObject(request)
    for (const name of Object.keys(body)) if (name !== 'deviceComplianceScheduledActionForRules') throw badRequest(`The parameter '${name}' in the request payload is not a valid parameter for the operation 'scheduleActionsForRules'.`)
    checkScheduledActions(body.deviceComplianceScheduledActionForRules)
    policy.scheduledActions = body.deviceComplianceScheduledActionForRules as unknown[]
    policy.gracePeriodHours = graceHoursOf(policy.scheduledActions)
    store.reevaluate(request.tenant)
    reply.code(204)
  })
}

const isVisible = ({ type }: CompliancePolicy, version: GraphVersion): boolean => version === 'beta' || policyType(type).since === 'v1.0'

/** Whether this type's threat rule can be read and written in this version. */
export const hasThreatRule = (type: PolicyTypeName, version: GraphVersion): boolean => {
  const { threatRule } = policyType(type)
  return threatRule === 'v1.0' || (threatRule === 'beta' && version === 'beta')
}

function applyPolicyBody (policy: CompliancePolicy, body: Record<string, unknown>, nowMs: number): void {
  if (typeof body.displayName === 'string') policy.displayName = body.displayName
  if (body.description !== undefined) policy.description = body.description as string | null
  if (typeof body.deviceThreatProtectionEnabled === 'boolean') policy.threatEnabled = body.deviceThreatProtectionEnabled
  if (body.deviceThreatProtectionRequiredSecurityLevel !== undefined) policy.limit = body.deviceThreatProtectionRequiredSecurityLevel as ThreatLimit
  Object.assign(policy.settings, policySettingsOf(body))
  policy.version++
  policy.modifiedAtMs = nowMs
}

function presentPolicy (policy: CompliancePolicy, version: GraphVersion): Record<string, unknown> {
  return {
    '@odata.type': `#microsoft.graph.${policy.type}`,
    id: policy.id,
    createdDateTime: isoTime(policy.createdAtMs),
    description: policy.description,
    lastModifiedDateTime: isoTime(policy.modifiedAtMs),
    displayName: policy.displayName,
    version: policy.version,
    ...(hasThreatRule(policy.type, version)
      ? { deviceThreatProtectionEnabled: policy.threatEnabled, deviceThreatProtectionRequiredSecurityLevel: policy.limit }
      : {}),
    ...policy.settings
  }
}

const presentAssignment = (policy: CompliancePolicy, target: AssignmentTarget): Record<string, unknown> =>
  ({ id: `${policy.id}_${targetKey(target)}`, target: presentTarget(target) })
