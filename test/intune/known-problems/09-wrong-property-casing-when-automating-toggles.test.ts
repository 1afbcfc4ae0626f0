import t from 'tap'
import fc from 'fast-check'
import { connectorSettings } from '../../../src/onboarding/setup/graph-bodies.js'
import type { SetupWish } from '../../../src/onboarding/setup/wish.js'
import { checkRequest } from '../graph-facts.js'

const PATH = '/deviceManagement/mobileThreatDefenseConnectors/5a11ab0e-0000-4000-8000-00000000c0de'
const IOS = { bundleId: 'com.example.x', storeUrl: 'https://apps.apple.com/app/id1', limit: 'low' } as const
const ANDROID = { packageId: 'com.example.x', limit: 'low' } as const

t.test('each switch of the portal sets the property that it stands for, spelt as Graph spells it', async (t) => {
  const table: ReadonlyArray<readonly [SetupWish, Record<string, unknown>]> = [
    [{ android: ANDROID }, { androidEnabled: true }],
    [{ ios: IOS }, { iosEnabled: true }],
    [{ ios: IOS, connector: { appSync: true } }, { iosEnabled: true, allowPartnerToCollectIOSApplicationMetadata: true }],
    [{ ios: IOS, connector: { appSync: true, personalAppSync: false } }, { iosEnabled: true, allowPartnerToCollectIOSApplicationMetadata: true, allowPartnerToCollectIOSPersonalApplicationMetadata: false }],
    [{ android: ANDROID, connector: { appSync: true } }, { androidEnabled: true }],
    [{ android: ANDROID, ios: IOS, connector: { appProtection: true } }, { androidEnabled: true, iosEnabled: true, androidMobileApplicationManagementEnabled: true, iosMobileApplicationManagementEnabled: true }],
    [{ android: ANDROID, connector: { blockOnMissingData: true } }, { androidEnabled: true, androidDeviceBlockedOnMissingPartnerData: true }],
    [{ ios: IOS, connector: { blockOnMissingData: false } }, { iosEnabled: true, iosDeviceBlockedOnMissingPartnerData: false }],
    [{ ios: IOS, connector: { blockUnsupportedOs: true, unresponsiveDays: 3 } }, { iosEnabled: true, partnerUnsupportedOsVersionBlocked: true, partnerUnresponsivenessThresholdInDays: 3 }]
  ]
  for (const [wish, expected] of table) t.strictSame(connectorSettings(wish), expected)
})

t.test('no wish makes a body that Graph v1.0 would not know', async () => {
  const flag = fc.option(fc.boolean(), { nil: undefined })
  fc.assert(fc.property(fc.record({
    android: fc.option(fc.constant(ANDROID), { nil: undefined }),
    ios: fc.option(fc.constant(IOS), { nil: undefined }),
    connector: fc.record({ appProtection: flag, appSync: flag, personalAppSync: flag, blockUnsupportedOs: flag, blockOnMissingData: flag, unresponsiveDays: fc.option(fc.integer({ min: 1, max: 90 }), { nil: undefined }) })
  }), (wish) => checkRequest({ method: 'PATCH', version: 'v1.0', path: PATH, body: connectorSettings(wish as SetupWish) }).length === 0))
})

t.test('a slip of the pen would be found', async (t) => {
  for (const name of ['allowPartnerToCollectIosApplicationMetadata', 'AndroidEnabled', 'iOSEnabled', 'allowPartnerToCollectIOSCertificateMetadata', 'allowPartnerToCollectIosCertificateMetadata']) {
    t.match(checkRequest({ method: 'PATCH', version: 'v1.0', path: PATH, body: { [name]: true } }), [/has no/], name)
  }
  t.strictSame(checkRequest({ method: 'PATCH', version: 'beta', path: PATH, body: { allowPartnerToCollectIosCertificateMetadata: true } }), [], 'Ios there, and in beta')
  t.match(checkRequest({ method: 'PATCH', version: 'v1.0', path: PATH, body: { iosEnabled: 'true' } }), [/not a boolean/])
})
