import { tellingSerial } from '../../devices/serial-number.js'
import { complianceNumber, ownerTypeNumber, platformNumber, platformOf, threatStateNumber } from '../../devices/directory-vocabulary.js'

/** A phone as a page of Graph tells of it; null: not told. Times are ISO 8601, enumerations Graph's numbers. */
export interface DirectoryEntry {
  readonly entraDeviceId: string
  readonly entraObjectId: string | null
  readonly intuneDeviceId: string | null
  readonly userId: string | null
  readonly platform: number
  readonly ownerType: number | null
  readonly compliance: number | null
  readonly threatState: number | null
  readonly deviceName: string | null
  /** Only one that tells phones apart. */
  readonly serialNumber: string | null
  readonly osVersion: string | null
  readonly manufacturer: string | null
  readonly model: string | null
  readonly enrolledAt: string | null
  readonly checkedInAt: string | null
}

export interface GraphPage {
  readonly rows: readonly unknown[]
  readonly nextLink: string | undefined
  readonly deltaLink: string | undefined
}

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const NO_GUID = '00000000-0000-0000-0000-000000000000'
/** The longest name or version that is kept. */
const MAX_TEXT = 128

/** One page of a Graph collection. Undefined: that is no collection. */
export function readPage (answer: unknown): GraphPage | undefined {
  const { value, '@odata.nextLink': nextLink, '@odata.deltaLink': deltaLink } = (answer ?? {}) as Record<string, unknown>
  if (!Array.isArray(value)) return undefined
  return { rows: value as unknown[], nextLink: textOf(nextLink, Infinity) ?? undefined, deltaLink: textOf(deltaLink, Infinity) ?? undefined }
}

/** Properties asked for of managedDevice; each is in v1.0. */
export const MANAGED_DEVICE_PROPERTIES = [
  'id', 'azureADDeviceId', 'userId', 'deviceName', 'managedDeviceOwnerType', 'enrolledDateTime', 'lastSyncDateTime', 'operatingSystem', 'osVersion',
  'complianceState', 'model', 'manufacturer', 'serialNumber', 'partnerReportedThreatState'
] as const

/** `skipped`: a computer, or a phone that has no Entra device id (yet), by which alone it could be known here. */
export type ManagedRow = { readonly entry: DirectoryEntry } | { readonly skipped: 'no-phone' | 'no-entra-id' }

export function readManagedDevice (row: unknown): ManagedRow {
  const told = (row ?? {}) as Record<string, unknown>
  const platform = platformOf(told['operatingSystem'], told['model'])
  if (platform === undefined) return { skipped: 'no-phone' }
  const entraDeviceId = guidOf(told['azureADDeviceId'])
  if (entraDeviceId === null) return { skipped: 'no-entra-id' }
  return {
    entry: {
      entraDeviceId,
      entraObjectId: null,
      intuneDeviceId: guidOf(told['id']),
      userId: guidOf(told['userId']),
      platform: platformNumber(platform)!,
      ownerType: ownerTypeNumber(told['managedDeviceOwnerType']),
      compliance: complianceNumber(told['complianceState']),
      threatState: threatStateNumber(told['partnerReportedThreatState']),
      deviceName: textOf(told['deviceName']),
      serialNumber: tellingSerial(textOf(told['serialNumber']) ?? undefined) ?? null,
      osVersion: textOf(told['osVersion']),
      manufacturer: textOf(told['manufacturer']),
      model: textOf(told['model']),
      enrolledAt: timeOf(told['enrolledDateTime']),
      checkedInAt: timeOf(told['lastSyncDateTime'])
    }
  }
}

/** Properties asked for of an Entra device. */
export const ENTRA_DEVICE_PROPERTIES = ['id', 'deviceId', 'displayName', 'operatingSystem', 'operatingSystemVersion', 'manufacturer', 'model'] as const

export interface EntraChanges {
  readonly entries: readonly DirectoryEntry[]
  /** Entra object ids of devices that are gone. */
  readonly removed: readonly string[]
}

/** A page of `devices/delta`. Of an object that comes twice the last mention counts. */
export function readEntraChanges (rows: readonly unknown[]): EntraChanges {
  const entries = new Map<string, DirectoryEntry>()
  const removed = new Set<string>()
  for (const row of rows) {
    const told = (row ?? {}) as Record<string, unknown>
    const objectId = guidOf(told['id'])
    if (objectId === null) continue
    if (told['@removed'] !== undefined) {
      removed.add(objectId)
      entries.delete(objectId)
      continue
    }
    removed.delete(objectId)
    const platform = platformOf(told['operatingSystem'], told['model'])
    const entraDeviceId = guidOf(told['deviceId'])
    // A change may tell only what has changed; without these it is no phone of ours.
    if (platform === undefined || entraDeviceId === null) continue
    entries.set(objectId, {
      entraDeviceId,
      entraObjectId: objectId,
      intuneDeviceId: null,
      userId: null,
      platform: platformNumber(platform)!,
      ownerType: null,
      compliance: null,
      threatState: null,
      deviceName: textOf(told['displayName']),
      serialNumber: null,
      osVersion: textOf(told['operatingSystemVersion']),
      manufacturer: textOf(told['manufacturer']),
      model: textOf(told['model']),
      enrolledAt: null,
      checkedInAt: null
    })
  }
  return { entries: [...entries.values()], removed: [...removed] }
}

export interface MemberChange {
  readonly entraGroupId: string
  readonly memberId: string
  readonly isRemoved: boolean
}

export interface GroupChanges {
  readonly changes: readonly MemberChange[]
  /** Names as they are now, by group id. */
  readonly names: ReadonlyMap<string, string>
  /** Groups that were deleted. */
  readonly deleted: readonly string[]
  /** Members that are groups themselves: theirs are not followed. */
  readonly nested: number
}

/** A page of `groups/delta` with `members`. */
export function readGroupChanges (rows: readonly unknown[]): GroupChanges {
  const changes = new Map<string, MemberChange>()
  const names = new Map<string, string>()
  const deleted: string[] = []
  let nested = 0
  for (const row of rows) {
    const told = (row ?? {}) as Record<string, unknown>
    const entraGroupId = guidOf(told['id'])
    if (entraGroupId === null) continue
    if (told['@removed'] !== undefined) {
      deleted.push(entraGroupId)
      continue
    }
    const name = textOf(told['displayName'], 256)
    if (name !== null) names.set(entraGroupId, name)
    const members = told['members@delta']
    for (const member of Array.isArray(members) ? members as Array<Record<string, unknown> | null> : []) {
      const memberId = guidOf(member?.['id'])
      if (memberId === null) continue
      if (member?.['@odata.type'] === '#microsoft.graph.group') nested++
      changes.set(`${entraGroupId} ${memberId}`, { entraGroupId, memberId, isRemoved: member?.['@removed'] !== undefined })
    }
  }
  return { changes: [...changes.values()], names, deleted, nested }
}

function guidOf (value: unknown): string | null {
  return typeof value === 'string' && GUID.test(value) && value !== NO_GUID ? value.toLowerCase() : null
}

/** Text that PostgreSQL can hold; empty text says nothing. */
function textOf (value: unknown, maxLength = MAX_TEXT): string | null {
  if (typeof value !== 'string') return null
  // Through UTF-8, which has no half surrogates.
  const text = Buffer.from(value.replaceAll('\0', '').trim().slice(0, maxLength)).toString()
  return text === '' ? null : text
}

/** Graph writes "never" as the first or the last moment of .NET's calendar. */
function timeOf (value: unknown): string | null {
  const at = typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isNaN(at) || at <= 0 || at >= Date.UTC(9999, 0) ? null : new Date(at).toISOString()
}
