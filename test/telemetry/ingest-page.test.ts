import t from 'tap'
import { ANDROID_MANAGEMENT_MAP } from '../../src/telemetry/adapters/android-management.js'
import { ANDROIDQF_FILES, fromAndroidQfFolder } from '../../src/telemetry/adapters/androidqf-folder.js'
import { APPLE_MDM_MAP } from '../../src/telemetry/adapters/apple-mdm.js'
import { INTUNE_APP_SYNC_MAP } from '../../src/telemetry/adapters/intune-app-sync.js'
import { MVT_MAP } from '../../src/telemetry/adapters/mvt-map.js'
import { AppSchema, CertificateSchema, ProfileSchema, ReportSchema } from '../../src/telemetry/report.js'

interface Schema { readonly properties?: Readonly<Record<string, Schema>>, readonly allOf?: readonly Schema[], readonly patternProperties?: object }

/** Whether a schema has a member at this path. */
function has (schema: Schema, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return true
  const properties = Object.assign({}, schema.properties, ...(schema.allOf ?? []).map((part) => part.properties)) as Readonly<Record<string, Schema>>
  return Object.hasOwn(properties, name) && has(properties[name]!, rest)
}

const ITEMS = { apps: AppSchema, profiles: ProfileSchema, certificates: CertificateSchema }

for (const [vocabulary, { fields, lists }] of Object.entries({ 'android-management-api': ANDROID_MANAGEMENT_MAP, 'apple-mdm': APPLE_MDM_MAP, 'intune-app-sync': INTUNE_APP_SYNC_MAP, mvt: MVT_MAP })) {
  t.test(`${vocabulary} fills only what a report has`, async (t) => {
    t.notOk(has(ReportSchema as Schema, ['os', 'nothing']), 'the test can tell')
    for (const { to } of fields) t.ok(has(ReportSchema as Schema, to.split('.')), to)
    for (const list of lists) for (const { to } of list.fields) t.ok(has(ITEMS[list.to] as Schema, to.split('.')), `${list.to}[].${to}`)
  })
}

t.test('each AndroidQF file goes where its line in the documentation says', async (t) => {
  const contents: Readonly<Record<string, string>> = {
    'packages.json': JSON.stringify([{ name: 'a', files: [{ path: '/x/base.apk' }, { path: '/x/split.apk' }] }]),
    'getprop.txt': '[ro.build.version.release]: [14]\n[ro.product.model]: [P]\n[ro.crypto.state]: [encrypted]\n[ro.serialno]: [S1]',
    'settings_system.txt': 'adb_enabled=1\nprivate_dns_mode=off',
    'settings_secure.txt': 'adb_enabled=1\nprivate_dns_mode=off',
    'settings_global.txt': 'adb_enabled=1\nprivate_dns_mode=off',
    'root_binaries.json': '["/system/bin/su"]',
    'ps.txt': 'root 1 0 1 1 0 0 S init',
    'processes.txt': '[{"filename":"init"}]',
    'processes.json': '[{"filename":"init"}]',
    'selinux.txt': 'Permissive\n',
    'files.json': '[{"path":"/data/local/tmp/x"}]',
    'acquisition.json': '{"completed":"2026-11-23T08:00:00Z"}'
  }
  for (const { name, goesTo } of ANDROIDQF_FILES) {
    const { sections, collectedAt, skipped } = fromAndroidQfFolder(new Map([[name, contents[name]!]]))
    const named = [...goesTo.matchAll(/`([a-z]+)(?:\.\w+)?`/g)].map(([, section]) => section!)
    t.strictSame(Object.keys(sections).sort(), [...new Set(named)].sort(), name)
    t.equal(collectedAt !== undefined, name === 'acquisition.json')
    t.strictSame(skipped, [], name)
  }
})
