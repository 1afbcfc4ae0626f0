import t from 'tap'
import { fromAndroidManagement } from '../../../src/telemetry/adapters/android-management.js'
import type { Translation } from '../../../src/telemetry/adapters/translation.js'

const one = (device: object): Translation => {
  const { phones, isList } = fromAndroidManagement({ name: 'enterprises/e/devices/d', ...device })
  t.equal(isList, false)
  return phones[0]!
}
const sections = (device: object): object => one(device).sections
const HEX64 = 'ab'.repeat(32)
const HEX40 = 'cd'.repeat(20)
const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')

t.test('each key goes where it belongs', async (t) => {
  const table: ReadonlyArray<readonly [object, object]> = [
    [{ softwareInfo: { androidVersion: '15', androidBuildNumber: 'AP4A', securityPatchLevel: '2026-11-05' }, apiLevel: 35 }, { os: { version: '15', build: 'AP4A', apiLevel: 35, securityPatchLevel: '2026-11-05' } }],
    [{ softwareInfo: { systemUpdateInfo: { updateStatus: 'SECURITY_UPDATE_AVAILABLE', updateReceivedTime: '2026-11-01T00:00:00Z' } } }, { os: { update: { available: true, security: true, since: '2026-11-01T00:00:00.000Z' } } }],
    [{ softwareInfo: { systemUpdateInfo: { updateStatus: 'UP_TO_DATE' } } }, { os: { update: { available: false, security: false } } }],
    [{ softwareInfo: { systemUpdateInfo: { updateStatus: 'OS_UPDATE_AVAILABLE' } } }, { os: { update: { available: true } } }],
    [{ softwareInfo: { systemUpdateInfo: { updateStatus: 'UPDATE_STATUS_UNKNOWN' } } }, {}],
    [{ hardwareInfo: { manufacturer: 'Google', brand: 'google', model: 'Pixel 8', hardware: 'shiba' } }, { hardware: { manufacturer: 'Google', model: 'Pixel 8' } }],
    [{ hardwareInfo: { brand: 'google', hardware: 'ranchu' } }, { hardware: { manufacturer: 'google', emulator: true } }],
    [{ deviceSettings: { isDeviceSecure: false, unknownSourcesEnabled: true, developmentSettingsEnabled: true, adbEnabled: true, verifyAppsEnabled: false } }, { config: { passcodeSet: false, unknownSources: true, developerMode: true, usbDebugging: true, playProtect: false } }],
    [{ managementMode: 'PROFILE_OWNER' }, { config: { managed: true } }],
    [{ managementMode: 'MANAGEMENT_MODE_UNSPECIFIED' }, {}],
    [{ systemProperties: { 'ro.boot.flash.locked': '1', bad: 5 } }, { properties: { 'ro.boot.flash.locked': '1' } }],
    ...([['ACTIVE', 'active'], ['ACTIVE_PER_USER', 'active'], ['ACTIVE_DEFAULT_KEY', 'default-key'], ['ACTIVATING', 'inactive'], ['INACTIVE', 'inactive'], ['UNSUPPORTED', 'unsupported']] as const)
      .map(([encryptionStatus, encryption]) => [{ deviceSettings: { encryptionStatus, isEncrypted: true } }, { config: { encryption } }] as const),
    [{ deviceSettings: { encryptionStatus: 'ENCRYPTION_STATUS_UNSPECIFIED', isEncrypted: false } }, { config: { encryption: 'inactive' } }],
    [{ deviceSettings: {}, softwareInfo: null, networkInfo: { imei: '1' } }, {}],
    ...([['ENABLED', { config: { commonCriteria: true } }], ['DISABLED', { config: { commonCriteria: false } }], ['STATUS_UNKNOWN', {}]] as const)
      .map(([status, expected]) => [{ commonCriteriaModeInfo: { commonCriteriaModeStatus: `COMMON_CRITERIA_MODE_${status}` } }, expected] as const),
    [{ softwareInfo: { androidVersion: 'unknown', securityPatchLevel: '' } }, {}]
  ]
  for (const [device, expected] of table) t.strictSame(sections(device), expected, JSON.stringify(device))
})

t.test('Google\'s verdict on a phone', async (t) => {
  const posture = (devicePosture: string | undefined, ...risks: string[]): object => {
    const { integrity } = sections({ securityPosture: { ...(devicePosture === undefined ? {} : { devicePosture }), postureDetails: risks.map((securityRisk) => ({ securityRisk })) } }) as { integrity?: { rooted?: boolean, reasons?: string[], attestation?: { kind: string, verdict: string } } }
    return [integrity?.rooted, integrity?.attestation?.verdict, integrity?.reasons]
  }
  t.strictSame(posture('SECURE'), [false, 'strong', []])
  t.strictSame(posture('POTENTIALLY_COMPROMISED', 'COMPROMISED_OS'), [true, 'failed', ['COMPROMISED_OS']])
  t.strictSame(posture(undefined, 'COMPROMISED_OS'), [true, 'failed', ['COMPROMISED_OS']])
  t.strictSame(posture('POTENTIALLY_COMPROMISED'), [undefined, 'failed', []])
  t.strictSame(posture('AT_RISK', 'UNKNOWN_OS'), [undefined, 'basic', ['UNKNOWN_OS']], 'an unknown system may hide root')
  t.strictSame(posture('AT_RISK', 'HARDWARE_BACKED_EVALUATION_FAILED'), [false, 'device', ['HARDWARE_BACKED_EVALUATION_FAILED']])
  t.match(sections({ securityPosture: { devicePosture: 'AT_RISK', postureDetails: [{ securityRisk: 'HARDWARE_BACKED_EVALUATION_FAILED' }] } }), { integrity: { attestation: { hardwareEvaluation: 'failed' } } })
  t.notMatch(sections({ securityPosture: { devicePosture: 'SECURE' } }), { integrity: { attestation: { hardwareEvaluation: /./ } } })
  t.strictSame(posture('AT_RISK'), [undefined, 'basic', []])
  t.strictSame(posture('POSTURE_UNSPECIFIED'), [undefined, undefined, undefined])
  t.match(sections({ securityPosture: { devicePosture: 'AT_RISK', postureDetails: [{ securityRisk: 'UNKNOWN_OS', advice: [{ defaultMessage: 'The user should lock their device\'s bootloader.' }] }] } }), { os: { bootloaderLocked: false } })
  t.match(one({ securityPosture: 'SECURE' }).skipped, [{ reason: /^securityPosture must be an object/, count: 1, examples: ['SECURE'] }], 'told once, however many rows read it')
})

t.test('apps, with digests in hex and in base64', async (t) => {
  const app = (report: object): object | undefined => (one({ applicationReports: [{ packageName: 'com.example', ...report }] }).sections.apps as { items: object[] } | undefined)?.items[0]
  const table: ReadonlyArray<readonly [object, object]> = [
    [{ displayName: 'E', versionName: '1.2', versionCode: 12, state: 'INSTALLED' }, { name: 'E', version: '1.2', versionCode: 12 }],
    [{ packageSha256Hash: HEX64 }, { sha256: HEX64 }],
    [{ packageSha256Hash: base64(HEX64) }, { sha256: HEX64 }],
    [{ packageSha256Hash: base64(HEX64).replaceAll('+', '-').replaceAll('/', '_').replace('=', '') }, { sha256: HEX64 }],
    [{ signingKeyCertFingerprints: [base64(HEX40)] }, { signingCertSha1: [HEX40] }],
    [{ signingKeyCertFingerprints: [HEX40.toUpperCase().replace(/..(?=.)/g, '$&:'), base64(HEX64)] }, { signingCertSha1: [HEX40], signingCertSha256: [HEX64] }],
    [{ installerPackageName: 'com.android.chrome', applicationSource: 'APPLICATION_SOURCE_UNSPECIFIED' }, { installer: 'com.android.chrome', system: false }],
    [{ applicationSource: 'INSTALLED_FROM_PLAY_STORE' }, { installer: 'com.android.vending', system: false }],
    [{ applicationSource: 'SYSTEM_APP_UPDATED_VERSION' }, { system: true }],
    [{ installerPackageName: 'null' }, {}]
  ]
  for (const [report, expected] of table) t.strictSame(app(report), { appId: 'com.example', ...expected }, JSON.stringify(report))
})

t.test('what is removed is not installed; what cannot be read does not empty the list', async (t) => {
  const apps = (...applicationReports: unknown[]): unknown => (one({ applicationReports }).sections.apps as { items: object[] } | undefined)?.items
  t.strictSame(apps({ packageName: 'a' }, { packageName: 'b', state: 'REMOVED' }), [{ appId: 'a' }])
  t.strictSame(apps({ packageName: 'b', state: 'REMOVED' }), [], 'known to be empty')
  t.strictSame(apps(), [], 'said to be empty')
  t.equal(apps({ displayName: 'no name' }, 5, null), undefined)
  t.equal(apps(...Array.from({ length: 5_001 }, (_, index) => ({ packageName: `a${index}` }))), undefined, 'a cut list would say that the rest is gone')
  t.match(one({ applicationReports: [{ packageName: 'a', versionCode: -1, packageSha256Hash: 'xyz' }, {}] }), {
    sections: { apps: { items: [{ appId: 'a' }] } },
    skipped: [
      { reason: 'applicationReports[].versionCode must be a whole number or a text', count: 1, examples: ['-1'] },
      { reason: /packageSha256Hash must be a SHA-256/, examples: ['xyz'] },
      { reason: 'an entry of applicationReports says nothing without its appId', examples: ['applicationReports[1]'] }
    ]
  })
})

t.test('names the phone and the time', async (t) => {
  t.match(one({ hardwareInfo: { serialNumber: 'S1' }, lastStatusReportTime: '2026-11-23T08:00:00.123456789Z' }), { phone: { serialNumber: 'S1' }, collectedAt: '2026-11-23T08:00:00.123Z' })
  const { phone, collectedAt, skipped } = one({ hardwareInfo: { serialNumber: 'unknown' }, lastStatusReportTime: 'yesterday' })
  t.strictSame([phone, collectedAt], [{}, undefined])
  t.match(skipped, [{ reason: 'lastStatusReportTime must be a time (RFC 3339)' }])
})

t.test('a list is answered phone by phone', async (t) => {
  const { phones, isList } = fromAndroidManagement({ devices: [{ name: 'a', hardwareInfo: { serialNumber: '1' } }, 5], nextPageToken: 'x' })
  t.equal(isList, true)
  t.match(phones, [{ phone: { serialNumber: '1' } }, { fault: { code: 'validation' } }])
  for (const wrong of [null, [], 5, 'x', {}, { devices: [] }, { devices: Array.from({ length: 101 }, () => ({})) }]) t.throws(() => fromAndroidManagement(wrong), { code: 'validation' }, JSON.stringify(wrong)?.slice(0, 30))
})
