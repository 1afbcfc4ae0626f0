import t from 'tap'
import { fromAndroidQf } from '../../../src/telemetry/adapters/androidqf.js'

const packageOf = (name: string, rest: object = {}): object => ({ name, files: [], installer: 'com.android.vending', disabled: false, system: false, third_party: true, ...rest })
const packages = (...list: object[]): string => JSON.stringify(list)
const fileOf = (path: string, letter: string): object => ({
  path, md5: letter.repeat(32), sha1: letter.repeat(40), sha256: letter.repeat(64), certificate: { Md5: '1'.repeat(32), Sha1: '2'.repeat(40), Sha256: '3'.repeat(64) }
})

t.test('reads installed apps with hashes of the package and its certificates', async (t) => {
  const { apps, files } = fromAndroidQf({
    packages: packages(packageOf('com.example.app', { files: [fileOf('/data/app/x/split_config.en.apk', 'b'), fileOf('/data/app/x/base.apk', 'a')] }))
  })
  t.strictSame(apps, {
    mode: 'snapshot',
    items: [{
      appId: 'com.example.app',
      installer: 'com.android.vending',
      system: false,
      enabled: true,
      sha256: 'a'.repeat(64),
      sha1: 'a'.repeat(40),
      md5: 'a'.repeat(32),
      signingCertSha256: ['3'.repeat(64)],
      signingCertSha1: ['2'.repeat(40)],
      signingCertMd5: ['1'.repeat(32)]
    }]
  })
  t.strictSame(files, [{ path: '/data/app/x/split_config.en.apk', sha256: 'b'.repeat(64) }], 'a split is a file, not the package')
})

t.test('keeps "none" and "not known" apart', async (t) => {
  const [none, unknown, flags] = (fromAndroidQf({
    packages: packages(
      packageOf('a.none', { installer: 'null' }),
      packageOf('a.unknown', { installer: '' }),
      packageOf('a.flags', { system: false, third_party: false, disabled: true })
    )
  }).apps as { items: Array<Record<string, unknown>> }).items
  t.equal(none!['installer'], null, 'the phone said that there is no installer')
  t.notOk('installer' in unknown!, 'the phone could not say')
  t.notOk('system' in flags!, 'neither list could be read')
  t.equal(flags!['enabled'], false)
})

t.test('reads root tools, one a line', async (t) => {
  t.strictSame(fromAndroidQf({ rootBinaries: JSON.stringify(['/system/bin/su\n/system/xbin/su', '/system/xbin/su', 'which: not found']) }).integrity, { rootBinaries: ['/system/bin/su', '/system/xbin/su'] })
  t.strictSame(fromAndroidQf({ rootBinaries: 'null' }).integrity, { rootBinaries: [] }, 'looked and found none')
})

t.test('reads what the system says about itself', async (t) => {
  const report = fromAndroidQf({
    getprop: [
      '[ro.build.version.release]: [14]', '[ro.build.version.sdk]: [34]', '[ro.build.version.security_patch]: [2026-10-05]', '[ro.build.id]: [AP2A.240905.003]',
      '[ro.build.tags]: [release-keys]', '[ro.boot.verifiedbootstate]: [green]', '[ro.boot.flash.locked]: [1]', '[ro.crypto.state]: [encrypted]',
      '[ro.product.manufacturer]: [Google]', '[ro.product.model]: [Pixel 8]', '[persist.note]: [two', 'lines]', '[empty]: []'
    ].join('\r\n')
  })
  t.strictSame(report.os, { version: '14', build: 'AP2A.240905.003', apiLevel: 34, securityPatchLevel: '2026-10-05', bootloaderLocked: true, verifiedBootState: 'green', testKeys: false })
  t.strictSame(report.hardware, { manufacturer: 'Google', model: 'Pixel 8' })
  t.strictSame(report.config, { encryption: 'active' })
  t.match(report.properties, { 'persist.note': 'two\nlines', empty: '' })
})

t.test('reads test keys, an open bootloader and missing encryption', async (t) => {
  const report = fromAndroidQf({ getprop: '[ro.build.tags]: [test-keys]\n[ro.boot.flash.locked]: [0]\n[ro.crypto.state]: [unencrypted]\n[ro.kernel.qemu]: [1]\n[ro.boot.selinux]: [permissive]' })
  t.match(report, { os: { testKeys: true, bootloaderLocked: false }, hardware: { emulator: true }, config: { encryption: 'inactive', selinux: 'permissive' } })
})

t.test('reads settings of all namespaces', async (t) => {
  const report = fromAndroidQf({
    settings: [
      'adb_enabled=1\ndevelopment_settings_enabled=1\npackage_verifier_enable=1\nhttp_proxy=10.0.0.1:8080\nprivate_dns_mode=hostname',
      'enabled_accessibility_services=com.a/.S:com.b/.T\nenabled_notification_listeners=com.a/.L\ninstall_non_market_apps=0\nnothing=null\nx=a=b'
    ],
    getprop: '[ro.crypto.state]: [encrypted]'
  })
  t.strictSame(report.config, {
    encryption: 'active',
    developerMode: true,
    usbDebugging: true,
    unknownSources: false,
    playProtect: true,
    accessibilityServices: ['com.a/.S', 'com.b/.T'],
    notificationListeners: ['com.a']
  })
  t.strictSame(report.network, { privateDns: 'strict', proxy: { host: '10.0.0.1', port: 8080 } })
})

t.test('Play Protect is off when one of its switches is', async (t) => {
  for (const [text, expected] of [
    ['package_verifier_enable=0', false], ['package_verifier_enable=1\npackage_verifier_user_consent=-1', false], ['package_verifier_user_consent=1', true], ['other=1', undefined]
  ] as const) t.equal(fromAndroidQf({ settings: [text] }).config?.playProtect, expected, text)
  t.notOk('network' in fromAndroidQf({ settings: ['http_proxy=:0'] }), 'no proxy is no proxy')
})

t.test('reads processes of every form of ps', async (t) => {
  const processes = [
    'USER           PID  PPID     VSZ    RSS WCHAN            ADDR S NAME',
    'root             1     0   57912   2084 0                   0 S init',
    'root             2     0       0      0 0                   0 S [kworker/0:0H]',
    'u0_a10        4711   700 5912345 123456 ep_poll             0 S com.example.app:remote',
    'u0_a10        4712   700 5912345 123456                     0 S com.example.app',
    'u0_a11        4713   700 5912345 123456 wait_forX           0 S com.example.other',
    'u:r:init:s0 root 1     0   57912   2084 0                   0 S ueventd',
    ''
  ].join('\n')
  t.strictSame(fromAndroidQf({ processes }).processes, ['init', 'kworker/0:0H', 'com.example.app:remote', 'com.example.app', 'com.example.other', 'ueventd'])
  t.strictSame(fromAndroidQf({ processes: JSON.stringify([{ filename: 'app_process', command_line: ['com.x'] }, { filename: 'init', command_line: [] }]) }).processes, ['com.x', 'init'])
})

t.test('says nothing about what is not there', async (t) => {
  t.strictSame(fromAndroidQf({}), {})
  t.strictSame(fromAndroidQf({ getprop: '' }), { properties: {} })
})

t.test('names the file that it cannot read', async (t) => {
  const refused = (files: Parameters<typeof fromAndroidQf>[0], path: string): void => {
    t.throws(() => fromAndroidQf(files), { code: 'validation', faults: [{ path }] }, path)
  }
  refused({ packages: '[{' }, 'packages.json')
  refused({ packages: '{}' }, 'packages.json')
  refused({ rootBinaries: '"su"' }, 'root_binaries.json')
  t.strictSame(fromAndroidQf({ packages: '[1, null, {}, {"name": ""}, {"name": 5}]' }).apps, { mode: 'snapshot', items: [] }, 'entries without a name are left out')
})
