import { ControlError } from './control-errors.js'
import type { Device, Tenant } from './tenant.js'
import type { TenantStore } from './tenant-store.js'

/** @throws ControlError */
export function findTenant (store: TenantStore, tenantId: string): Tenant {
  const tenant = store.find(tenantId)
  if (tenant === undefined) throw new ControlError(404, 'tenant-not-found', `Tenant ${tenantId} was not set up.`)
  return tenant
}

/** @throws ControlError */
export function findDevice (tenant: Tenant, deviceId: string): Device {
  const device = tenant.devices.get(deviceId.toLowerCase())
  if (device === undefined) throw new ControlError(404, 'device-not-found', `Device ${deviceId} is not enrolled in tenant ${tenant.id}.`)
  return device
}
