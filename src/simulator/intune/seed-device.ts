import { randomUUID } from 'node:crypto'
import type { DeviceSeed } from './control-schemas.js'
import { ensureUser, removeMember } from './directory.js'
import type { Device, InstalledApp, Tenant } from './tenant.js'
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
  const userId = seed.userId?.toLowerCase() ?? existing?.userId ?? tenant.anyUserId
  ensureUser(tenant, userId)
  const ownerType = seed.ownerType ?? existing?.ownerType ?? 'company'
  const details = {
    platform: seed.platform,
    ownerType,
    androidManagement: seed.androidManagement ?? existing?.androidManagement ?? (ownerType === 'personal' ? 'workProfile' as const : 'deviceOwner' as const),
    userId,
    deviceName: seed.deviceName ?? existing?.deviceName ?? `${typical.model.replaceAll(' ', '-')}-${id.slice(0, 8)}`,
    serialNumber: seed.serialNumber ?? existing?.serialNumber ?? id.slice(-12).toUpperCase(),
    imei: seed.imei ?? existing?.imei ?? '',
    osVersion: seed.osVersion ?? existing?.osVersion ?? typical.osVersion,
    manufacturer: seed.manufacturer ?? existing?.manufacturer ?? typical.manufacturer,
    model: seed.model ?? existing?.model ?? typical.model,
    jailBroken: seed.jailBroken ?? existing?.jailBroken ?? 'False' as const,
    mdmEnrolled: seed.mdmEnrolled ?? existing?.mdmEnrolled ?? true,
    online: seed.online ?? existing?.online ?? true,
    scannedBy: seed.scannedBy === undefined ? existing?.scannedBy : new Set(seed.scannedBy.map((id) => id.toLowerCase())),
    apps: seed.apps?.map(completeApp) ?? existing?.apps,
    change: tenant.changes.next()
  }
  if (existing !== undefined) {
    setManaged(tenant, existing, details.mdmEnrolled)
    if (seed.checkedIn !== undefined) existing.lastSyncAtMs = seed.checkedIn ? nowMs : null
    return Object.assign(existing, details)
  }

  const device: Device = {
    entraDeviceId: id,
    intuneDeviceId: seed.intuneDeviceId?.toLowerCase() ?? randomUUID(),
    entraObjectId: randomUUID(),
    ...details,
    enrolledAtMs: nowMs,
    lastSyncAtMs: seed.checkedIn === false ? null : nowMs,
    isCompliant: false,
    threatState: 'unknown',
    threatUpdatedAtMs: -Infinity,
    history: [],
    staleUpdates: 0,
    noncompliantSince: undefined,
    waiters: undefined
  }
  tenant.devices.set(id, device)
  tenant.changes.restore('devices', device.entraObjectId)
  setManaged(tenant, device, device.mdmEnrolled)
  tenant.threatCounts.set('unknown', (tenant.threatCounts.get('unknown') ?? 0) + 1)
  return device
}

/** Intune knows the device, or only Entra does. */
function setManaged (tenant: Tenant, device: Device, managed: boolean): void {
  if (managed) tenant.devicesByIntuneId.set(device.intuneDeviceId, device)
  else tenant.devicesByIntuneId.delete(device.intuneDeviceId)
}

type AppSeed = NonNullable<DeviceSeed['apps']>[number]

/** What is not told of an app is as it is for most: from the store, and not the company's. */
const completeApp = (app: AppSeed): InstalledApp => ({
  name: app.appId,
  version: '1',
  shortVersion: '1.0',
  bundleSize: 10_000_000,
  dynamicSize: 100_000,
  adHocSigned: false,
  fromAppStore: true,
  beta: false,
  deviceBasedVpp: false,
  validated: true,
  managed: false,
  ...app
})

/** Apps of phones that were seeded without: what an administrator has everybody install, and one of the user's own. */
export const USUAL_APPS: readonly InstalledApp[] = [
  completeApp({ appId: 'com.microsoft.azureauthenticator', name: 'Authenticator', version: '6.8.40', shortVersion: '6.8.40', managed: true }),
  completeApp({ appId: 'com.microsoft.CompanyPortal', name: 'Company Portal', version: '5.2602.0', shortVersion: '5.2602.0', managed: true }),
  completeApp({ appId: 'com.example.podcasts', name: 'Podcasts', version: '12', shortVersion: '3.4' })
]

/** The device is wiped or retired and its object deleted: neither Intune nor Entra knows it any longer. */
export function removeDevice (tenant: Tenant, entraDeviceId: string): boolean {
  const device = tenant.devices.get(entraDeviceId.toLowerCase())
  if (device === undefined) return false
  tenant.devices.delete(device.entraDeviceId)
  tenant.changes.remove('devices', device.entraObjectId, 'deleted')
  tenant.devicesByIntuneId.delete(device.intuneDeviceId)
  for (const group of tenant.groups.values()) if (group.kind === 'device') removeMember(tenant, group, device.entraDeviceId)
  tenant.threatCounts.set(device.threatState, (tenant.threatCounts.get(device.threatState) ?? 0) - 1)
  return true
}
