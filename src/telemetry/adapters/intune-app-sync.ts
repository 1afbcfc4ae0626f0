import { InvalidInputError } from '../../errors.js'
import { appId, countOrText, type FieldMap, type FieldRow, MALFORMED, meaning, type Reader, readFields, readSections, text, time, words } from './field-map.js'
import { isObject, type JsonObject } from './json-value.js'
import { createSkips, type Translation, type Translations } from './translation.js'

const WHAT = 'The Intune App Sync content'
const MAX_DEVICES = 100

/**
 * How Intune hands its app lists to partners is not public; documented are the fields. So their
 * names are taken in whatever case and with whatever between the words.
 */
const spell = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '')

function respell (value: JsonObject): JsonObject {
  const respelt = new Map<string, unknown>()
  for (const [name, member] of Object.entries(value)) if (!respelt.has(spell(name))) respelt.set(spell(name), member)
  return Object.fromEntries(respelt)
}

/** Intune writes flags as such, as text and as 0 and 1. */
const flag = words({ true: true, false: false, True: true, False: false, 1: true, 0: false, Unknown: undefined })

const fields = (to: string, reader: Reader, ...from: readonly string[]): FieldRow[] => from.map((one) => ({ from: one, to, reader }))

const rootedOn = (platform: RegExp): Reader => meaning(`only where operatingSystem is ${platform.source === '^android' ? 'Android' : 'iOS or iPadOS'}`, flag,
  (value: boolean, source) => typeof source['operatingsystem'] === 'string' && platform.test(source['operatingsystem'].toLowerCase()) ? value : undefined)

/** App inventory of Intune for Mobile Threat Defense partners, and `managedDevice` with its `detectedApps` of Microsoft Graph. */
export const INTUNE_APP_SYNC_MAP: FieldMap = {
  fields: [
    ...fields('os.version', text, 'osVersion'),
    ...fields('os.securityPatchLevel', text, 'androidSecurityPatchLevel'),
    ...fields('hardware.manufacturer', text, 'manufacturer'),
    ...fields('hardware.model', text, 'model'),
    ...fields('config.encryption', meaning('`true` → `active`, `false` → `inactive`', flag, (value: boolean) => value ? 'active' : 'inactive'), 'isEncrypted'),
    ...fields('integrity.jailbroken', rootedOn(/^(?:ios|ipados)/), 'jailBroken'),
    ...fields('integrity.rooted', rootedOn(/^android/), 'jailBroken')
  ],
  lists: ['apps', 'applications', 'detectedApps', 'appInventory'].map((from) => ({
    from,
    to: 'apps' as const,
    needs: 'appId',
    fields: [
      ...fields('appId', appId, 'applicationId', 'appId', 'bundleId', 'bundleIdentifier', 'identifier', 'packageName'),
      ...fields('name', text, 'name', 'displayName', 'applicationName', 'appName'),
      ...fields('version', text, 'shortVersion', 'version', 'applicationVersion', 'bundleVersion'),
      ...fields('versionCode', countOrText, 'bundleVersion', 'version'),
      ...fields('adHocSigned', flag, 'adHocCodeSigned', 'isAdHocCodeSigned', 'adHocSigned'),
      ...fields('fromAppStore', flag, 'appStoreVendable', 'isAppStoreVendable', 'fromAppStore'),
      ...fields('fromAppStore', meaning('`true` → `true`; else unknown', flag, (vpp: boolean) => vpp ? true : undefined), 'deviceBasedVpp', 'isDeviceBasedVpp'),
      ...fields('beta', flag, 'betaApp', 'isBetaApp', 'beta'),
      ...fields('validated', flag, 'isValidated', 'validated'),
      ...fields('managed', flag, 'isManaged', 'managed')
    ]
  })),
  unused: [
    ['bundleSize, dynamicSize, sizeInByte', 'no detection rests on them'],
    ['id of a detectedApps entry', 'Graph\'s own number of the app, not the app\'s id'],
    ['deviceCount, publisher, platform', 'about the fleet, or what the app says of itself']
  ]
}

const NO_GUID = '00000000-0000-0000-0000-000000000000'
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const guid: Reader = {
  says: '',
  wants: 'a GUID',
  read: (value) => typeof value !== 'string' || !(GUID.test(value) || value === '') ? MALFORMED : value === '' || value === NO_GUID ? undefined : value.toLowerCase()
}
const IDENTITY: readonly FieldRow[] = [
  ...fields('entraDeviceId', guid, 'entraDeviceId', 'azureADDeviceId', 'azureActiveDirectoryDeviceId', 'aadDeviceId', 'deviceId'),
  ...fields('intuneDeviceId', guid, 'intuneDeviceId', 'managedDeviceId'),
  ...fields('serialNumber', text, 'serialNumber'),
  ...fields('collectedAt', time, 'collectedAt', 'lastSyncDateTime')
]
const LISTS = INTUNE_APP_SYNC_MAP.lists.map(({ from }) => spell(from))

function translate (device: unknown): Translation {
  if (!isObject(device)) return { phone: {}, sections: {}, skipped: [], content: device, fault: new InvalidInputError([{ path: '', message: 'must be an object' }], 'The device') }
  const skips = createSkips()
  const respelt = respell(device)
  for (const list of LISTS) {
    const apps = respelt[list]
    if (Array.isArray(apps)) (respelt as Record<string, unknown>)[list] = apps.map((app: unknown) => isObject(app) ? respell(app) : app)
  }
  const { collectedAt, ...phone } = readFields(IDENTITY, respelt, skips, '', { spell }) as Translation['phone'] & { collectedAt?: string }
  return {
    phone,
    sections: readSections(INTUNE_APP_SYNC_MAP, respelt, skips, { spell }),
    ...(collectedAt === undefined ? {} : { collectedAt }),
    skipped: skips.list(),
    content: device
  }
}

const hasAppList = (value: unknown): boolean => isObject(value) && LISTS.some((list) => Array.isArray(respell(value)[list]))

/**
 * `{ "entraDeviceId", "apps": [] }`, a list of such or `{ "devices": [] }` or Graph's
 * `{ "value": [] }`, or a bare list of apps, which names no phone.
 * @throws InvalidInputError when it is none of these
 */
export function fromIntuneAppSync (value: unknown): Translations {
  const wrapped = isObject(value) && !hasAppList(value) ? value['devices'] ?? value['value'] : undefined
  const list = Array.isArray(value) ? value : Array.isArray(wrapped) ? wrapped : undefined
  if (list === undefined) {
    if (!hasAppList(value)) throw new InvalidInputError([{ path: '', message: `must have a list of apps: ${INTUNE_APP_SYNC_MAP.lists.map(({ from }) => from).join(', ')}` }], WHAT)
    return { phones: [translate(value)], isList: false }
  }
  if (list.length > 0 && !list.some(hasAppList)) return { phones: [translate({ apps: list })], isList: false }
  if (list.length === 0 || list.length > MAX_DEVICES) throw new InvalidInputError([{ path: '', message: `must have 1 to ${MAX_DEVICES} devices, has ${list.length}` }], WHAT)
  return { phones: list.map(translate), isList: true }
}
