import { buildBinary } from 'plist'
import { zipSync } from 'fflate'
import t from 'tap'
import { MVT_FILE_NAMES } from '../../../src/telemetry/adapters/mvt-map.js'
import { fromMvtFolder, fromMvtJson } from '../../../src/telemetry/adapters/mvt.js'
import { createSkips, type Translation } from '../../../src/telemetry/adapters/translation.js'
import { readDocument } from '../../../src/telemetry/ingest-document.js'
import type { ReportSections } from '../../../src/telemetry/adapters/report-sections.js'

const read = (value: unknown): Translation => fromMvtJson(value).phones[0]!
const appsOf = ({ sections: { apps } }: { readonly sections: ReportSections }): ReadonlyArray<Readonly<Record<string, unknown>>> => apps?.mode === 'snapshot' ? apps.items : []

const PACKAGE = {
  package_name: 'com.example.app', file_name: '/data/app/x/base.apk', installer: 'com.android.vending', disabled: false, system: false, third_party: true,
  files: [{ path: '/data/app/x/base.apk', md5: 'a'.repeat(32), sha1: 'sh: sha1sum: not found', sha256: 'A'.repeat(64) }],
  version_name: '1.2', version_code: '12 minSdk=24 targetSdk=34', timestamp: '', first_install_time: '2026-01-01 10:00:00', last_update_time: '',
  permissions: [{ name: 'android.permission.CAMERA', granted: true, type: 'runtime' }, { name: 'android.permission.READ_SMS', granted: false, type: 'runtime' }, { name: 'x', type: 'declared' }],
  requested_permissions: []
}
const APP = { appId: 'com.example.app', version: '1.2', versionCode: '12', installer: 'com.android.vending', system: false, enabled: true, permissions: ['android.permission.CAMERA'], sha256: 'a'.repeat(64), md5: 'a'.repeat(32) }

t.test('reads what mvt-android found out about the apps', async (t) => {
  t.strictSame(appsOf(read({ 'out/packages.json': [PACKAGE] })), [APP])
  t.strictSame(appsOf(read([PACKAGE])), [APP], 'the list alone')
  const [none, unknown] = appsOf(read({ 'packages.json': [{ ...PACKAGE, installer: null }, { ...PACKAGE, package_name: 'a.system', installer: null, third_party: false }] }))
  t.equal(none!['installer'], null, 'asked, and there is none')
  t.notOk('installer' in unknown!, 'an app of the system')
  t.notOk('system' in unknown!, 'neither list could be read')
})

t.test('puts together what several modules say of one app', async (t) => {
  const androidQf = { name: 'com.example.app', installer: 'null', system: false, third_party: true, files: [{ path: '/d/base.apk', sha256: 'b'.repeat(64), certificate: { Md5: '1'.repeat(32), Sha1: '2'.repeat(40), Sha256: '3'.repeat(64) } }] }
  const dumpsys = { package_name: 'com.example.app', version_name: '7', permissions: [] }
  t.strictSame(appsOf(read({ 'aqf_packages.json': [androidQf], 'dumpsys_packages.json': [dumpsys] })), [{
    appId: 'com.example.app', version: '7', installer: null, system: false, permissions: [], sha256: 'b'.repeat(64),
    signingCertSha256: ['3'.repeat(64)], signingCertSha1: ['2'.repeat(40)], signingCertMd5: ['1'.repeat(32)]
  }])
})

t.test('reads properties, settings, processes, files, root tools, SELinux', async (t) => {
  const { sections, phone, skipped } = read({
    'getprop.json': [{ name: 'ro.build.version.release', value: '14' }, { name: 'ro.boot.serialno', value: 'S1' }, { name: 'ro.crypto.state', value: 'encrypted' }],
    'settings.json': { global: { adb_enabled: '1' }, secure: { install_non_market_apps: 'null' } },
    'processes.json': [{ proc_name: 'init' }, { proc_name: 'com.evil:push' }, { proc_name: 'init' }],
    'files.json': [{ path: '/data/local/tmp/x', sha256: 'c'.repeat(64), mode: '-rwxr-xr-x' }, { path: '/sdcard/y', mode: '-rw-rw----' }, { path: '/sdcard', mode: 'drwxrwx--x' }, { modified_time: '' }],
    'root_binaries.json': [{ path: '/system/bin/su', binary_name: 'su', description: 'SuperUser binary' }],
    'selinux_status.json': { status: 'permissive' }
  })
  t.strictSame(phone, { serialNumber: 'S1' })
  t.match(sections, {
    os: { version: '14' },
    config: { usbDebugging: true, encryption: 'active', selinux: 'permissive' },
    processes: ['init', 'com.evil:push'],
    files: [{ path: '/data/local/tmp/x', sha256: 'c'.repeat(64), executable: true }, { path: '/sdcard/y', executable: false }, { path: '/sdcard' }],
    integrity: { rootBinaries: ['/system/bin/su'] },
    properties: { 'ro.boot.serialno': 'S1' }
  })
  t.notOk('unknownSources' in sections.config!, 'not set is not known')
  t.strictSame(skipped, [])
  t.strictSame(read({ 'settings.json': [{ namespace: 'global', user: '0', name: 'development_settings_enabled', value: '1' }] }).sections, { config: { developerMode: true } }, 'rows of the settings provider')
  t.strictSame(read({ 'root_binaries.json': null }).sections, { integrity: { rootBinaries: [] } }, 'looked and found none')
})

t.test('reads what mvt-ios found in a backup', async (t) => {
  const { sections, phone, collectedAt } = read({
    'backup_info.json': { 'Product Version': '17.6.1', 'Build Version': '21G93', 'Product Type': 'iPhone15,2', 'Serial Number': 'F2', 'Last Backup Date': '2026-11-20 10:00:00.000000', 'Installed Applications': ['com.a', 'com.b'] },
    'applications.json': [{ name: 'com.a', softwareVersionBundleId: 'com.a', itemName: 'A', bundleShortVersionString: '2.0', sourceApp: 'com.apple.AppStore' }],
    'configuration_profiles.json': [{ install_date: '2026-01-01', plist: { PayloadUUID: 'U', PayloadIdentifier: 'i', PayloadDisplayName: 'Mail', PayloadContent: [{ PayloadType: 'com.apple.vpn.managed' }, { PayloadType: 'com.apple.vpn.managed' }] } }],
    'safari_history.json': [
      { id: 1, visit_id: 5, url: 'https://old.example/', isodate: '2026-11-18 08:00:00.123456' },
      { id: 2, visit_id: 6, url: 'https://new.example/a', isodate: '2026-11-19 08:00:00.000000' },
      { id: 3, visit_id: 7, url: 'https://when.example/', isodate: null }
    ],
    'datausage.json': [{ proc_name: 'bh', bundle_id: '' }]
  })
  t.strictSame(phone, { serialNumber: 'F2' })
  t.equal(collectedAt, '2026-11-20T10:00:00.000Z')
  t.match(sections, {
    os: { version: '17.6.1', build: '21G93' },
    hardware: { manufacturer: 'Apple', model: 'iPhone15,2' },
    apps: { mode: 'snapshot', items: [{ appId: 'com.a', name: 'A', version: '2.0', fromAppStore: true }, { appId: 'com.b' }] },
    profiles: [{ uuid: 'U', identifier: 'i', displayName: 'Mail', payloadTypes: ['com.apple.vpn.managed'] }],
    processes: ['bh'],
    events: [{ type: 'url-visit', at: '2026-11-19T08:00:00.000Z', url: 'https://new.example/a', action: 'opened' }, { at: '2026-11-18T08:00:00.123Z' }]
  })
  t.equal(sections.events?.length, 2)
})

t.test('the same visit is the same event, whenever it is read', async (t) => {
  const visit = (visitId: number) => read([{ url: 'https://a.example/', isodate: '2026-11-18 08:00:00', visit_id: visitId }]).sections.events![0]!.eventId
  t.equal(visit(1), visit(1))
  t.not(visit(1), visit(2))
})

t.test('a result that cannot be read is told and leaves the others', async (t) => {
  const skips = createSkips()
  const { phones: [translation] } = fromMvtFolder(new Map([['packages.json', '{broken'], ['processes.json', '[{"proc_name":"init"}]'], ['getprop.json', '{}']]), skips)
  t.strictSame(translation!.sections, { processes: ['init'] })
  t.match(translation!.skipped, [{ reason: 'packages.json is not JSON, or nests too deep', count: 1 }, { reason: 'getprop.json must be a list' }])
  t.throws(() => fromMvtJson({ 'notes.txt': 'x' }), { code: 'validation' })
  t.throws(() => fromMvtJson([1, 2]), { code: 'validation' })
})

t.test('every file that is documented is read', async (t) => {
  for (const name of MVT_FILE_NAMES) t.ok(fromMvtJson({ [name]: [] }).phones.length === 1, name)
})

t.test('comes as an archive, as JSON, or as the backup\'s own property list', async (t) => {
  const zip = Buffer.from(zipSync({ 'mvt/packages.json': Buffer.from(JSON.stringify([PACKAGE])), 'mvt/timeline.csv': Buffer.from('x') }))
  t.strictSame(appsOf((await readDocument('mvt', zip)).phones[0]!), [APP])
  const { phone, sections } = (await readDocument('mvt', Buffer.from(buildBinary({ 'Product Version': '17.6.1', 'Product Type': 'iPhone15,2', 'Serial Number': 'F2' })))).phones[0]!
  t.strictSame([phone, sections.os], [{ serialNumber: 'F2' }, { version: '17.6.1' }])
})
