import type { GraphVersion } from './connector.js'
import { badRequest } from './graph-errors.js'
import { checkGraphBody } from './graph-body.js'
import type { Device, Group, Tenant } from './tenant.js'

/** Whom a policy, an app or a configuration is for, in Graph's words without the `#microsoft.graph.` prefix. */
export interface AssignmentTarget {
  readonly kind: 'groupAssignmentTarget' | 'exclusionGroupAssignmentTarget' | 'allLicensedUsersAssignmentTarget' | 'allDevicesAssignmentTarget'
  readonly groupId?: string
}

/** A checked `target` of an assignment. */
export function readTarget (target: Readonly<Record<string, unknown>>): AssignmentTarget {
  const kind = String(target['@odata.type']).replace('#microsoft.graph.', '') as AssignmentTarget['kind']
  return typeof target.groupId === 'string' ? { kind, groupId: target.groupId.toLowerCase() } : { kind }
}

export const presentTarget = ({ kind, groupId }: AssignmentTarget): Record<string, unknown> =>
  ({ '@odata.type': `#microsoft.graph.${kind}`, ...(groupId === undefined ? {} : { groupId }) })

export const targetKey = ({ kind, groupId }: AssignmentTarget): string => groupId ?? kind

/**
 * Reads the one parameter of an `assign` action: a list of assignments of one type.
 * @throws GraphError for another name, another type, or the same target twice
 */
export function readAssignments (body: Readonly<Record<string, unknown>>, { parameter, type, version }: { parameter: string, type: string, version: GraphVersion }): Array<Readonly<Record<string, unknown>>> {
  for (const name of Object.keys(body)) {
    if (name !== parameter) throw badRequest(`The parameter '${name}' in the request payload is not a valid parameter for the operation 'assign'.`)
  }
  const assignments = body[parameter]
  if (!Array.isArray(assignments)) throw badRequest(`The parameter '${parameter}' must be a collection.`)
  const seen = new Set<string>()
  for (const assignment of assignments) {
    if (typeof assignment !== 'object' || assignment === null || Array.isArray(assignment)) throw badRequest(`Each item of '${parameter}' must be of the type 'microsoft.graph.${type}'.`)
    checkGraphBody(assignment as Record<string, unknown>, { declared: type, version, creating: true })
    const key = targetKey(readTarget((assignment as { target: Record<string, unknown> }).target))
    if (seen.has(key)) throw badRequest(`The target '${key}' is there twice.`)
    seen.add(key)
  }
  return assignments
}

/** Whether the assignments reach the device through its user, only through itself, or not at all. Exclusion wins. */
export function reach (targets: readonly AssignmentTarget[], tenant: Pick<Tenant, 'groups' | 'users'>, device: Device): 'user' | 'device' | 'none' {
  let reached: 'user' | 'device' | 'none' = 'none'
  for (const { kind, groupId } of targets) {
    if (kind === 'allLicensedUsersAssignmentTarget') {
      if (tenant.users.get(device.userId)?.licensed === true) reached = 'user'
    } else if (kind === 'allDevicesAssignmentTarget') {
      if (reached === 'none') reached = 'device'
    } else {
      const group: Group | undefined = tenant.groups.get(groupId ?? '')
      if (group === undefined || !group.members.has(group.kind === 'user' ? device.userId : device.entraDeviceId)) continue
      if (kind === 'exclusionGroupAssignmentTarget') return 'none'
      if (reached !== 'user') reached = group.kind
    }
  }
  return reached
}
