import type { InstalledApp } from './tenant.js'
import { GUID, parseUtcTime, REPORTABLE_STATES, type ThreatState } from './vocabulary.js'

/**
 * The entity in which an MTD partner reports a device's threat state. Microsoft tells it to
 * partners only, so every name and number here is an assumption that can be set. What is
 * public: the transport, and the keys all entities share.
 */
export interface PartnerEntityOptions {
  readonly entityType: number
  readonly fields: {
    readonly entityType: string
    readonly tenantId: string
    readonly deviceId: string
    readonly userId: string
    readonly lastUpdateTime: string
    readonly healthState: string
  }
  /** Graph's name of a state → its spelling on the wire; absent: Graph's own name. */
  readonly values: Readonly<Partial<Record<ThreatState, string>>>
  readonly appSync: AppSyncOptions
}

/**
 * iOS App Sync: the partner asks for a phone's apps and reads the answer later. Public is only
 * which fields of an app there are; numbers and names here are assumptions that can be set.
 */
export interface AppSyncOptions {
  /** `EntityType` of "tell me this phone's apps". */
  readonly requestType: number
  /** `EntityType` of the answer. */
  readonly answerType: number
  readonly fields: { readonly apps: string } & Readonly<Record<keyof InstalledApp, string>>
}

export const DEFAULT_PARTNER_ENTITY: PartnerEntityOptions = {
  entityType: 5,
  fields: {
    entityType: 'EntityType',
    tenantId: 'TenantId',
    deviceId: 'DeviceId',
    userId: 'UserId',
    lastUpdateTime: 'LastUpdateTime',
    healthState: 'HealthState'
  },
  values: {},
  // Names of the fields as Apple's InstalledApplicationList has them, where it has them.
  appSync: {
    requestType: 6,
    answerType: 7,
    fields: {
      apps: 'Apps',
      appId: 'AppId',
      name: 'Name',
      version: 'Version',
      shortVersion: 'ShortVersion',
      bundleSize: 'BundleSize',
      dynamicSize: 'DynamicSize',
      adHocSigned: 'AdHocCodeSigned',
      fromAppStore: 'AppStoreVendable',
      beta: 'BetaApp',
      deviceBasedVpp: 'DeviceBasedVPP',
      validated: 'IsValidated',
      managed: 'IsManaged'
    }
  }
}

/** One device's report, understood. */
export interface ThreatReport {
  readonly deviceId: string
  readonly threatState: ThreatState
  readonly lastUpdateTime: string
  readonly lastUpdateMs: number
}

/** One device whose apps are asked for. */
export interface AppSyncRequest {
  readonly deviceId: string
  readonly isAppSync: true
}

export type PartnerRecord = ThreatReport | AppSyncRequest

/** The answer to an App Sync request may be large: not more phones than this in one. */
export const MAX_APP_SYNC_DEVICES = 100

/** Content that no service could take. The message says which entity and why. */
export class EntityError extends Error {}

/** Makes the checker for one spelling of the entity. The checker throws EntityError. */
export function createEntityParser (options: PartnerEntityOptions): (content: string, tenantId: string) => PartnerRecord[] {
  const { fields } = options
  const known = new Set(Object.values(fields))
  const required = Object.values(fields).filter((name) => name !== fields.userId)
  const isAboutHealth = (name: string): boolean => name === fields.healthState
  const states = new Map(REPORTABLE_STATES.map((state) => [options.values[state] ?? state, state]))

  function parseEntity (entity: unknown, index: number, tenantId: string): PartnerRecord {
    const fail = (why: string): never => { throw new EntityError(`Content[${index}]: ${why}`) }
    if (typeof entity !== 'object' || entity === null || Array.isArray(entity)) return fail('an entity must be a JSON object.')
    const record = entity as Record<string, unknown>

    const type = record[fields.entityType]
    if (type === undefined) fail(`required property '${fields.entityType}' is missing.`)
    const isAppSync = type === options.appSync.requestType
    if (type !== options.entityType && !isAppSync) fail(`${fields.entityType} ${JSON.stringify(type)} is not supported for this partner.`)
    for (const name in record) {
      if (!known.has(name) || (isAppSync && isAboutHealth(name))) fail(`unknown property '${name}'.`)
    }
    for (const name of required) {
      if (isAppSync && isAboutHealth(name)) continue
      if (record[name] === undefined || record[name] === null) fail(`required property '${name}' is missing.`)
    }
    const { [fields.tenantId]: tenant, [fields.deviceId]: deviceId, [fields.userId]: userId, [fields.lastUpdateTime]: time, [fields.healthState]: health } = record
    if (typeof tenant !== 'string' || tenant.toLowerCase() !== tenantId) fail(`${fields.tenantId} is not the tenant of this message.`)
    if (typeof deviceId !== 'string' || !GUID.test(deviceId)) return fail(`${fields.deviceId} is not a GUID.`)
    if (userId !== undefined && (typeof userId !== 'string' || !GUID.test(userId))) fail(`${fields.userId} is not a GUID.`)
    const lastUpdateMs = parseUtcTime(time)
    if (lastUpdateMs === undefined) return fail(`${fields.lastUpdateTime} is not an ISO 8601 time in UTC.`)
    if (isAppSync) return { deviceId: deviceId.toLowerCase(), isAppSync }
    const threatState = states.get(health as string)
    if (threatState === undefined) return fail(`${fields.healthState} ${JSON.stringify(health)} is not a known state.`)
    return { deviceId: deviceId.toLowerCase(), threatState, lastUpdateTime: time as string, lastUpdateMs }
  }

  return (content, tenantId) => {
    let entities: unknown
    try {
      entities = JSON.parse(content)
    } catch {
      throw new EntityError('Content is not JSON.')
    }
    if (!Array.isArray(entities)) throw new EntityError('Content must hold a JSON array.')
    if (entities.length === 0) throw new EntityError('Content holds no entity.')
    const records = entities.map((entity, index) => parseEntity(entity, index, tenantId))
    const asked = records.filter((record) => 'isAppSync' in record).length
    if (asked > MAX_APP_SYNC_DEVICES) throw new EntityError(`Content asks for the apps of ${asked} devices; ${MAX_APP_SYNC_DEVICES} are allowed.`)
    return records
  }
}
