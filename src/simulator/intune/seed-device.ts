import { randomUUID } from 'node:crypto'
import type { DeviceSeed } from './control-schemas.js'
import type { Device, Tenant } from './tenant.js'
import type { Platform } from './vocabulary.js'

const TYPICAL: Readonly<Record<Platform, { osVersion: string, manufacturer: string, model: string }>> = {
  android: { osVersion: '15', manufacturer: 'Google', model: 'Pixel 9' },
  ios: { osVersion: '26.1', manufacturer: 'Apple', model: 'iPhone 17' },
  ipados: { osVersion: '26.1', manufacturer: 'Apple', model: 'iPad Air' },
  windows: { osVersion: '10.0.26100.1', manufacturer: 'Microsoft', model: 'Surface Pro' },
  macos: { osVersion: '26.1', manufacturer: 'Apple', model: 'MacBook Air' }
}

/** Enrols a device, or changes what is known of it; its reported state and history stay. */
export function upsertDevice (tenant: Tenant, entraDeviceId: string, seed: DeviceSeed, nowMs: number): Device {
  const id = entraDeviceId.toLowerCase()
  const existing = tenant.devices.get(id)
  const typical = TYPICAL[seed.platform]
  const ownerType = seed.ownerType ?? existing?.ownerType ?? 'company'
  const details = {
    platform: seed.platform,
    ownerType,
    androidManagement: seed.androidManagement ?? existing?.androidManagement ?? (ownerType === 'personal' ? 'workProfile' as const : 'deviceOwner' as const),
    userId: seed.userId?.toLowerCase() ?? existing?.userId ?? tenant.anyUserId,
    deviceName: seed.deviceName ?? existing?.deviceName ?? `${typical.model.replaceAll(' ', '-')}-${id.slice(0, 8)}`,
    serialNumber: seed.serialNumber ?? existing?.serialNumber ?? id.slice(-12).toUpperCase(),
    imei: seed.imei ?? existing?.imei ?? '',
    osVersion: seed.osVersion ?? existing?.osVersion ?? typical.osVersion,
    manufacturer: seed.manufacturer ?? existing?.manufacturer ?? typical.manufacturer,
    model: seed.model ?? existing?.model ?? typical.model,
    jailBroken: seed.jailBroken ?? existing?.jailBroken ?? 'False' as const
  }
  if (existing !== undefined) return Object.assign(existing, details)

  const device: Device = {
    entraDeviceId: id,
    intuneDeviceId: seed.intuneDeviceId?.toLowerCase() ?? randomUUID(),
    entraObjectId: randomUUID(),
    ...details,
    enrolledAtMs: nowMs,
    lastSyncAtMs: nowMs,
    threatState: 'unknown',
    threatUpdatedAtMs: -Infinity,
    history: [],
    staleUpdates: 0,
    noncompliantSince: undefined,
    waiters: undefined
  }
  tenant.devices.set(id, device)
  tenant.devicesByIntuneId.set(device.intuneDeviceId, device)
  tenant.threatCounts.set('unknown', (tenant.threatCounts.get('unknown') ?? 0) + 1)
  return device
}

/** The device is wiped or retired: Intune knows it no longer. */
export function removeDevice (tenant: Tenant, entraDeviceId: string): boolean {
  const device = tenant.devices.get(entraDeviceId.toLowerCase())
  if (device === undefined) return false
  tenant.devices.delete(device.entraDeviceId)
  tenant.devicesByIntuneId.delete(device.intuneDeviceId)
  tenant.threatCounts.set(device.threatState, (tenant.threatCounts.get(device.threatState) ?? 0) - 1)
  return true
}
