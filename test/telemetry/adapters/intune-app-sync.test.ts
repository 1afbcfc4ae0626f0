import t from 'tap'
import { fromIntuneAppSync } from '../../../src/telemetry/adapters/intune-app-sync.js'

const ENTRA = '5f4cf1a2-6d5c-4b7e-9a38-2a1f0c9be001'

t.test('apps, however the fields are written', async (t) => {
  const expected = [{ appId: 'com.example', name: 'E', version: '1.0', versionCode: '100', adHocSigned: true, fromAppStore: false, beta: false, validated: false, managed: true }]
  for (const [how, app] of Object.entries({
    camel: { applicationId: 'com.example', name: 'E', shortVersion: '1.0', bundleVersion: '100', bundleSize: 1, dynamicSize: 2, isAdHocCodeSigned: true, isAppStoreVendable: false, isBetaApp: false, isValidated: false, isManaged: true },
    words: { 'App ID': 'com.example', Name: 'E', 'Short Version': '1.0', Version: '100', 'Ad Hoc Code Signed': 'True', 'App Store Vendable': 'False', 'Beta App': 0, 'Is Validated': 'false', Managed: 1 },
    snake: { bundle_id: 'com.example', display_name: 'E', short_version: '1.0', bundle_version: '100', adhoc_signed: true, app_store_vendable: false, beta: false, validated: false, managed: true }
  })) {
    const { phones, isList } = fromIntuneAppSync({ entraDeviceId: ENTRA.toUpperCase(), apps: [app] })
    t.equal(isList, false)
    t.strictSame(phones[0]!.sections, { apps: { mode: 'snapshot', items: expected } }, how)
    t.strictSame(phones[0]!.phone, { entraDeviceId: ENTRA }, how)
    t.strictSame(phones[0]!.skipped, [], how)
  }
})

t.test('a managedDevice of Graph', async (t) => {
  const device = { azureADDeviceId: ENTRA, serialNumber: 'S1', operatingSystem: 'iOS', osVersion: '18.1', manufacturer: 'Apple', model: 'iPhone 15', jailBroken: 'False', isEncrypted: true, lastSyncDateTime: '2026-11-23T08:00:00Z' }
  const { phones: [phone] } = fromIntuneAppSync({ ...device, detectedApps: [{ id: 'f00', displayName: 'E', version: '1' }] })
  t.match(phone, { phone: { entraDeviceId: ENTRA, serialNumber: 'S1' }, collectedAt: '2026-11-23T08:00:00.000Z', sections: { os: { version: '18.1' }, hardware: { manufacturer: 'Apple', model: 'iPhone 15' }, config: { encryption: 'active' }, integrity: { jailbroken: false } } })
  t.notOk(phone!.sections.apps, 'Graph\'s entries name no app, so nothing is known of the apps')
  t.match(phone!.skipped, [{ reason: 'an entry of detectedApps says nothing without its appId', count: 1 }])
  t.strictSame(fromIntuneAppSync({ operatingSystem: 'Android', jailBroken: 'True', apps: [] }).phones[0]!.sections, { integrity: { rooted: true }, apps: { mode: 'snapshot', items: [] } })
  t.strictSame(fromIntuneAppSync({ jailBroken: 'Unknown', operatingSystem: 'iOS', azureADDeviceId: '00000000-0000-0000-0000-000000000000', apps: [{ appId: 'a', isManaged: 'Unknown' }] }).phones[0]!, {
    phone: {}, sections: { apps: { mode: 'snapshot', items: [{ appId: 'a' }] } }, skipped: [], content: { jailBroken: 'Unknown', operatingSystem: 'iOS', azureADDeviceId: '00000000-0000-0000-0000-000000000000', apps: [{ appId: 'a', isManaged: 'Unknown' }] }
  })
})

t.test('lists of devices in every wrapping, and a bare list of apps', async (t) => {
  const devices = [{ entraDeviceId: ENTRA, apps: [{ appId: 'a' }] }, { entraDeviceId: ENTRA, applications: [] }]
  for (const wrapped of [devices, { devices }, { value: devices }]) {
    const { phones, isList } = fromIntuneAppSync(wrapped)
    t.equal(isList, true)
    t.match(phones, [{ sections: { apps: { items: [{ appId: 'a' }] } } }, { sections: { apps: { items: [] } } }])
  }
  t.match(fromIntuneAppSync([{ appId: 'a' }]), { isList: false, phones: [{ phone: {}, sections: { apps: { items: [{ appId: 'a' }] } } }] })
  for (const wrong of [null, 5, {}, [], { apps: 5 }, { devices: [] }]) t.throws(() => fromIntuneAppSync(wrong), { code: 'validation' }, JSON.stringify(wrong))
})
