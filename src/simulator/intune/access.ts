import type { Device, Tenant } from './tenant.js'
import { type Access, type ComplianceState, RESOURCES } from './vocabulary.js'

/** In its grace period a device still counts as compliant. */
export const isCompliant = (state: ComplianceState): boolean => state === 'compliant' || state === 'inGracePeriod'

/**
 * What Conditional Access lets the device's user open from it: a resource is blocked when some
 * policy covers it and this user, asks for a compliant device, and the device is not. (Wi-Fi is
 * guarded by network access control in a real tenant; it asks the same question.)
 */
export function deriveAccess (tenant: Pick<Tenant, 'conditionalAccess' | 'groups'>, device: Pick<Device, 'userId'>, state: ComplianceState): Access {
  const compliant = isCompliant(state)
  const guarded = (resource: (typeof RESOURCES)[number]): boolean => tenant.conditionalAccess.some((policy) =>
    policy.state === 'enabled' &&
    policy.resources.includes(resource) &&
    (policy.groups === undefined || policy.groups.some((id) => tenant.groups.get(id)?.members.has(device.userId))))
  return Object.fromEntries(RESOURCES.map((resource) => [resource, compliant || !guarded(resource) ? 'granted' : 'blocked'])) as unknown as Access
}
