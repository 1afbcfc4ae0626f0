import { lastCheckInMs } from './check-in.js'
import { isoTime } from './clock.js'
import { USUAL_APPS } from './seed-device.js'
import type { Device, InstalledApp, Tenant } from './tenant.js'

/**
 * The apps Intune passes on for one phone: none unless the tenant opted in, the phone is an
 * iPhone or iPad that is enrolled, and it has checked in; of a personal one without the switch
 * for its full inventory only those Intune installed. (A company's phone: managed and
 * unmanaged, always.)
 */
export function appsToPassOn (tenant: Tenant, device: Device, nowMs: number): readonly InstalledApp[] {
  const switches = tenant.connectors.get(tenant.connectorId)?.switches
  if (switches?.allowPartnerToCollectIOSApplicationMetadata !== true) return []
  if (device.platform !== 'ios' && device.platform !== 'ipados') return []
  if (!device.mdmEnrolled || lastCheckInMs(device, nowMs) === null) return []
  const apps = device.apps ?? USUAL_APPS
  const isPersonal = device.ownerType !== 'company'
  return isPersonal && !switches.allowPartnerToCollectIOSPersonalApplicationMetadata ? apps.filter(({ managed }) => managed) : apps
}

/** The answer to an App Sync request: an entity for each phone that is still known, on the wire's names. */
export function answerAppSync (tenant: Tenant, deviceIds: readonly string[], nowMs: number): Array<Record<string, unknown>> {
  const { fields, appSync } = tenant.entity
  return deviceIds.flatMap((deviceId) => {
    const device = tenant.devices.get(deviceId)
    if (device === undefined) return []
    const checkedInAtMs = lastCheckInMs(device, nowMs)
    return [{
      [fields.entityType]: appSync.answerType,
      [fields.tenantId]: tenant.id,
      [fields.deviceId]: deviceId,
      [fields.userId]: device.userId,
      [fields.lastUpdateTime]: checkedInAtMs === null ? null : isoTime(checkedInAtMs),
      [appSync.fields.apps]: appsToPassOn(tenant, device, nowMs).map((app) => toWire(app, appSync.fields))
    }]
  })
}

const toWire = (app: InstalledApp, fields: Readonly<Record<keyof InstalledApp, string>>): Record<string, unknown> =>
  Object.fromEntries((Object.keys(app) as Array<keyof InstalledApp>).map((name) => [fields[name], app[name]]))
