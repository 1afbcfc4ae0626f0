import { InvalidInputError } from '../../errors.js'
import { fingerprints, sha256 } from './digests.js'
import { appId, count, countOrText, type FieldMap, flag, MALFORMED, meaning, type Reader, readFields, readSections, text, time, words } from './field-map.js'
import { isObject, type JsonObject } from './json-value.js'
import { createSkips, type Translation, type Translations } from './translation.js'

const WHAT = 'The Android Management API content'
/** As many as the list method answers at most (`pageSize`). */
export const MAX_AMAPI_DEVICES = 100

const RISKS = ['UNKNOWN_OS', 'COMPROMISED_OS', 'HARDWARE_BACKED_EVALUATION_FAILED'] as const
const POSTURES = ['SECURE', 'AT_RISK', 'POTENTIALLY_COMPROMISED'] as const
interface Posture { readonly posture: typeof POSTURES[number] | undefined, readonly risks: ReadonlyArray<typeof RISKS[number]>, readonly advice: readonly string[] }

/** `SecurityPosture`: a verdict of Google's Play Integrity on the phone, and what stands behind it. */
const securityPosture: Reader = {
  says: '',
  wants: `an object with devicePosture (${POSTURES.join(', ')}) and postureDetails (securityRisk: ${RISKS.join(', ')})`,
  read: (value): Posture | typeof MALFORMED | undefined => {
    if (!isObject(value)) return MALFORMED
    const { devicePosture = 'POSTURE_UNSPECIFIED', postureDetails = [] } = value
    if (!Array.isArray(postureDetails) || typeof devicePosture !== 'string') return MALFORMED
    const posture = POSTURES.find((one) => one === devicePosture)
    const details = postureDetails.filter(isObject)
    const risks = RISKS.filter((risk) => details.some(({ securityRisk }) => securityRisk === risk))
    if (posture === undefined && risks.length === 0) return devicePosture === 'POSTURE_UNSPECIFIED' ? undefined : MALFORMED
    const advice = details.flatMap((detail) => Array.isArray(detail['advice']) ? detail['advice'] : [])
      .map((one: unknown) => isObject(one) ? one['defaultMessage'] : undefined).filter((one) => typeof one === 'string')
    return { posture, risks, advice }
  }
}

const verdict = meaning(
  '`COMPROMISED_OS` or `POTENTIALLY_COMPROMISED` → `failed`; `UNKNOWN_OS`, or `AT_RISK` without a detail → `basic`; `HARDWARE_BACKED_EVALUATION_FAILED` → `device`; `SECURE` → `strong`',
  securityPosture,
  ({ posture, risks }: Posture) => {
    if (risks.includes('COMPROMISED_OS') || posture === 'POTENTIALLY_COMPROMISED') return 'failed'
    if (risks.includes('UNKNOWN_OS')) return 'basic'
    if (risks.includes('HARDWARE_BACKED_EVALUATION_FAILED')) return 'device'
    return posture === 'SECURE' ? 'strong' : 'basic'
  }
)

/**
 * A phone that passes for everything but the hardware's own word runs a certified system. An
 * unknown system may hide root, so there nothing is said.
 */
const rooted = meaning(
  '`COMPROMISED_OS` → `true`; `SECURE`, or no risk but `HARDWARE_BACKED_EVALUATION_FAILED` → `false`; else unknown',
  securityPosture,
  ({ posture, risks }: Posture) => {
    if (risks.includes('COMPROMISED_OS')) return true
    if (posture === 'POTENTIALLY_COMPROMISED' || risks.includes('UNKNOWN_OS')) return undefined
    return posture === 'SECURE' || risks.length > 0 ? false : undefined
  }
)

const APP_SOURCES = {
  SYSTEM_APP_FACTORY_VERSION: true,
  SYSTEM_APP_UPDATED_VERSION: true,
  INSTALLED_FROM_PLAY_STORE: false,
  CUSTOM: false,
  // Google's own meaning of this word, which elsewhere only says "not known": sideloaded from an unspecified source.
  APPLICATION_SOURCE_UNSPECIFIED: false
}

/** Two looks and not one expression, which would take the square of the time for a text of nothing but `lock`. */
function isToLockBootloader (advice: string): boolean {
  const at = advice.search(/\block\b/i)
  return at >= 0 && /\bbootloader\b/i.test(advice.slice(at))
}

/** `Device` of the Android Management API: https://developers.google.com/android/management/reference/rest/v1/enterprises.devices */
export const ANDROID_MANAGEMENT_MAP: FieldMap = {
  fields: [
    { from: 'softwareInfo.androidVersion', to: 'os.version', reader: text },
    { from: 'softwareInfo.androidBuildNumber', to: 'os.build', reader: text },
    { from: 'apiLevel', to: 'os.apiLevel', reader: count },
    { from: 'softwareInfo.securityPatchLevel', to: 'os.securityPatchLevel', reader: text },
    { from: 'softwareInfo.systemUpdateInfo.updateStatus', to: 'os.update.available', reader: words({ UP_TO_DATE: false, UNKNOWN_UPDATE_AVAILABLE: true, SECURITY_UPDATE_AVAILABLE: true, OS_UPDATE_AVAILABLE: true, UPDATE_STATUS_UNKNOWN: undefined }) },
    { from: 'softwareInfo.systemUpdateInfo.updateStatus', to: 'os.update.security', reader: words({ UP_TO_DATE: false, SECURITY_UPDATE_AVAILABLE: true, UNKNOWN_UPDATE_AVAILABLE: undefined, OS_UPDATE_AVAILABLE: undefined, UPDATE_STATUS_UNKNOWN: undefined }) },
    { from: 'softwareInfo.systemUpdateInfo.updateReceivedTime', to: 'os.update.since', reader: time },
    { from: 'securityPosture', to: 'os.bootloaderLocked', reader: meaning('advice to lock the bootloader → `false`; else unknown', securityPosture, ({ advice }: Posture) => advice.some(isToLockBootloader) ? false : undefined) },
    { from: 'hardwareInfo.manufacturer', to: 'hardware.manufacturer', reader: text },
    { from: 'hardwareInfo.brand', to: 'hardware.manufacturer', reader: text },
    { from: 'hardwareInfo.model', to: 'hardware.model', reader: text },
    { from: 'hardwareInfo.hardware', to: 'hardware.emulator', reader: meaning('`goldfish` or `ranchu`, the Android emulator → `true`; else unknown', text, (name: string) => /^(?:goldfish|ranchu)$/.test(name) ? true : undefined) },
    { from: 'deviceSettings.isDeviceSecure', to: 'config.passcodeSet', reader: flag },
    { from: 'deviceSettings.encryptionStatus', to: 'config.encryption', reader: words({ ACTIVE: 'active', ACTIVE_PER_USER: 'active', ACTIVE_DEFAULT_KEY: 'default-key', ACTIVATING: 'inactive', INACTIVE: 'inactive', UNSUPPORTED: 'unsupported' }) },
    { from: 'deviceSettings.isEncrypted', to: 'config.encryption', reader: words({ true: 'active', false: 'inactive' }) },
    { from: 'deviceSettings.developmentSettingsEnabled', to: 'config.developerMode', reader: flag },
    { from: 'deviceSettings.adbEnabled', to: 'config.usbDebugging', reader: flag },
    { from: 'deviceSettings.unknownSourcesEnabled', to: 'config.unknownSources', reader: flag },
    { from: 'deviceSettings.verifyAppsEnabled', to: 'config.playProtect', reader: flag },
    { from: 'commonCriteriaModeInfo.commonCriteriaModeStatus', to: 'config.commonCriteria', reader: words({ COMMON_CRITERIA_MODE_ENABLED: true, COMMON_CRITERIA_MODE_DISABLED: false, COMMON_CRITERIA_MODE_STATUS_UNKNOWN: undefined }) },
    { from: 'managementMode', to: 'config.managed', reader: words({ DEVICE_OWNER: true, PROFILE_OWNER: true }) },
    { from: 'securityPosture', to: 'integrity.rooted', reader: rooted },
    { from: 'securityPosture', to: 'integrity.reasons', reader: meaning('the names of the risks', securityPosture, ({ risks }: Posture) => [...risks]) },
    { from: 'securityPosture', to: 'integrity.attestation.kind', reader: meaning('`play-integrity`', securityPosture, () => 'play-integrity') },
    { from: 'securityPosture', to: 'integrity.attestation.verdict', reader: verdict },
    { from: 'securityPosture', to: 'integrity.attestation.hardwareEvaluation', reader: meaning('`HARDWARE_BACKED_EVALUATION_FAILED` → `failed`; else unknown', securityPosture, ({ risks }: Posture) => risks.includes('HARDWARE_BACKED_EVALUATION_FAILED') ? 'failed' : undefined) },
    {
      from: 'systemProperties',
      to: 'properties',
      reader: {
        says: 'those that are text',
        wants: 'an object of texts',
        read: (value) => {
          if (!isObject(value)) return MALFORMED
          const properties = Object.entries(value).filter(([, one]) => typeof one === 'string')
          return properties.length === 0 ? undefined : Object.fromEntries(properties)
        }
      }
    }
  ],
  lists: [{
    from: 'applicationReports',
    to: 'apps',
    needs: 'appId',
    omit: { says: '`state` `REMOVED`: no longer installed', test: ({ state }) => state === 'REMOVED' },
    fields: [
      { from: 'packageName', to: 'appId', reader: appId },
      { from: 'displayName', to: 'name', reader: text },
      { from: 'versionName', to: 'version', reader: text },
      { from: 'versionCode', to: 'versionCode', reader: countOrText },
      { from: 'packageSha256Hash', to: 'sha256', reader: sha256 },
      { from: 'signingKeyCertFingerprints', to: 'signingCertSha1', reader: fingerprints('SHA-1') },
      { from: 'signingKeyCertFingerprints', to: 'signingCertSha256', reader: fingerprints('SHA-256') },
      { from: 'installerPackageName', to: 'installer', reader: text },
      { from: 'applicationSource', to: 'installer', reader: meaning('`INSTALLED_FROM_PLAY_STORE` → `com.android.vending`; else unknown', words(APP_SOURCES), (_system: boolean, { applicationSource }) => applicationSource === 'INSTALLED_FROM_PLAY_STORE' ? 'com.android.vending' : undefined) },
      { from: 'applicationSource', to: 'system', reader: words(APP_SOURCES) }
    ]
  }],
  unused: [
    ['networkInfo', 'numbers and addresses of the phone; no detection rests on them'],
    ['memoryInfo, memoryEvents, displays, powerManagementEvents, hardwareStatusSamples', 'no bearing on security'],
    ['softwareInfo.bootloaderVersion', 'does not say whether the bootloader is locked'],
    ['nonComplianceDetails, policyCompliant', 'the judgement of another policy']
  ]
}

const IDENTITY = [
  { from: 'hardwareInfo.serialNumber', to: 'serialNumber', reader: text },
  { from: 'lastStatusReportTime', to: 'collectedAt', reader: time }
]

function translateDevice (device: unknown): Translation {
  if (!isObject(device)) return { phone: {}, sections: {}, skipped: [], content: device, fault: new InvalidInputError([{ path: '', message: 'must be an object' }], 'The device') }
  const skips = createSkips()
  const { serialNumber, collectedAt } = readFields(IDENTITY, device, skips) as { serialNumber?: string, collectedAt?: string }
  const sections = readSections(ANDROID_MANAGEMENT_MAP, device, skips)
  return {
    phone: serialNumber === undefined ? {} : { serialNumber },
    sections,
    ...(collectedAt === undefined ? {} : { collectedAt }),
    skipped: skips.list(),
    content: device
  }
}

const DEVICE_KEYS = ['name', 'hardwareInfo', 'softwareInfo', 'deviceSettings', 'applicationReports', 'securityPosture', 'managementMode', 'apiLevel', 'lastStatusReportTime']
const isDevice = (value: JsonObject): boolean => DEVICE_KEYS.some((key) => Object.hasOwn(value, key))

/**
 * A `Device`, or a list of them as `enterprises.devices.list` answers.
 * @throws InvalidInputError when it is neither
 */
export function fromAndroidManagement (value: unknown): Translations {
  if (isObject(value) && Array.isArray(value['devices'])) {
    const devices: unknown[] = value['devices']
    if (devices.length === 0 || devices.length > MAX_AMAPI_DEVICES) throw new InvalidInputError([{ path: '/devices', message: `must have 1 to ${MAX_AMAPI_DEVICES} devices, has ${devices.length}` }], WHAT)
    return { phones: devices.map(translateDevice), isList: true }
  }
  if (!isObject(value) || !isDevice(value)) throw new InvalidInputError([{ path: '', message: 'must be a Device, or an object with a list `devices`' }], WHAT)
  return { phones: [translateDevice(value)], isList: false }
}
