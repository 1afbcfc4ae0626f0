import { createHash } from 'node:crypto'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import t from 'tap'
import { fromAppleMdm } from '../../../src/telemetry/adapters/apple-mdm.js'
import type { Translation } from '../../../src/telemetry/adapters/translation.js'

const one = (value: unknown): Translation => {
  const { phones } = fromAppleMdm(value)
  t.equal(phones.length, 1)
  return phones[0]!
}
const sections = (value: unknown): object => one(value).sections

async function makeCertificate (name: string, ca: boolean): Promise<Buffer> {
  const alg = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(alg, false, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`, issuer: ca ? `CN=${name}` : 'CN=Somebody else', serialNumber: '01', notBefore: new Date('2026-01-01'), notAfter: new Date('2027-01-01'),
    signingAlgorithm: alg, publicKey: keys.publicKey, signingKey: keys.privateKey, extensions: [new x509.BasicConstraintsExtension(ca)]
  })
  return Buffer.from(certificate.rawData)
}

t.test('each key goes where it belongs', async (t) => {
  const table: ReadonlyArray<readonly [object, object]> = [
    [{ QueryResponses: { OSVersion: '18.1', BuildVersion: '22B83', SupplementalBuildVersion: '22B83', ProductName: 'iPhone15,2', ModelName: 'iPhone', IsSupervised: false } }, { os: { version: '18.1', build: '22B83', supplementalBuild: '22B83', beta: false }, hardware: { model: 'iPhone15,2', manufacturer: 'Apple' }, config: { managed: true } }],
    [{ QueryResponses: { OSVersion: '16.5.1', BuildVersion: '20F75', SupplementalBuildVersion: '20F770750b', SupplementalOSVersionExtra: '(a)' } }, { os: { version: '16.5.1', build: '20F75', supplementalBuild: '20F770750b', supplementalVersion: '(a)', beta: false } }],
    [{ QueryResponses: { BuildVersion: '24A5260n' } }, { os: { build: '24A5260n', beta: true } }],
    [{ QueryResponses: { BuildVersion: '8C148a' } }, { os: { build: '8C148a' } }],
    [{ SecurityInfo: { PasscodePresent: false, PasscodeCompliant: false, HardwareEncryptionCaps: 3 } }, { config: { passcodeSet: false, passcodeCompliant: false, encryption: 'default-key' } }],
    [{ SecurityInfo: { PasscodePresent: true, PasscodeCompliantWithProfiles: true, HardwareEncryptionCaps: 3, AutoLockTime: 120 } }, { config: { passcodeSet: true, passcodeCompliant: true, encryption: 'active', autoLockSeconds: 120 } }],
    [{ QueryResponses: { PersonalHotspotEnabled: true } }, { config: { hotspot: true } }],
    [{ SecurityInfo: { HardwareEncryptionCaps: 3 } }, {}],
    [{ SecurityInfo: { HardwareEncryptionCaps: 0 } }, { config: { encryption: 'unsupported' } }],
    [{ ProfileList: [{ PayloadUUID: 'u', PayloadIdentifier: 'i', PayloadDisplayName: 'd', PayloadOrganization: 'o', IsManaged: false, PayloadRemovalDisallowed: true, PayloadContent: [{ PayloadType: 'com.apple.vpn.managed' }, { PayloadType: 'com.apple.vpn.managed' }, { PayloadType: 'com.apple.security.root' }] }] },
      { profiles: [{ uuid: 'u', identifier: 'i', displayName: 'd', organization: 'o', managed: false, removalDisallowed: true, payloadTypes: ['com.apple.vpn.managed', 'com.apple.security.root'] }] }],
    [{ ProfileList: [] }, { profiles: [] }],
    [{ QueryResponses: {}, SecurityInfo: {} }, {}]
  ]
  for (const [answer, expected] of table) t.strictSame(sections(answer), expected, JSON.stringify(answer))
})

t.test('apps', async (t) => {
  const app = (item: object): object | undefined => (one({ InstalledApplicationList: [{ Identifier: 'com.example', ...item }] }).sections.apps as { items: object[] }).items[0]
  const table: ReadonlyArray<readonly [object, object]> = [
    [{ Name: 'E', Version: '100', ShortVersion: '1.0', BundleSize: 5, DynamicSize: 6 }, { name: 'E', version: '1.0', versionCode: '100' }],
    [{ Version: '100' }, { version: '100', versionCode: '100' }],
    [{ AdHocCodeSigned: true, IsValidated: false, BetaApp: true, HasUpdateAvailable: true, DistributorIdentifier: 'com.market' }, { adHocSigned: true, validated: false, beta: true, updateAvailable: true, distributor: 'com.market' }],
    [{ AppStoreVendable: true }, { fromAppStore: true }],
    [{ AppStoreVendable: false, DeviceBasedVPP: true }, { fromAppStore: true }],
    [{ AppStoreVendable: false, DeviceBasedVPP: false }, { fromAppStore: false }],
    [{ AppStoreVendable: false }, {}],
    [{ Source: 'Declarative Device Management' }, { managed: true }],
    [{ Installing: true, IsValidated: 'yes' }, {}]
  ]
  for (const [item, expected] of table) t.strictSame(app(item), { appId: 'com.example', ...expected }, JSON.stringify(item))
  t.equal(app({ DownloadCancelled: true }), undefined, 'never arrived')
})

t.test('certificates by their SHA-256; only what signs for others was added as an authority', async (t) => {
  const ca = await makeCertificate('Root', true)
  const leaf = await makeCertificate('radius.example', false)
  const sha256 = (der: Buffer): string => createHash('sha256').update(der).digest('hex')
  const { certificates } = one({
    CertificateList: [{ CommonName: 'Root', Data: ca.toString('base64'), IsIdentity: false }, { CommonName: 'radius.example', Data: leaf.toString('base64') }, { CommonName: 'broken', Data: 'AAAA', IsIdentity: true }]
  }).sections
  t.strictSame(certificates, [{ sha256: sha256(ca), commonName: 'Root', store: 'user', isIdentity: false }, { sha256: sha256(leaf), commonName: 'radius.example' }, { commonName: 'broken', isIdentity: true }])
  t.match(one({ CertificateList: [{ CommonName: 'broken', Data: 'AAAA' }] }).skipped, [{ reason: 'CertificateList[].Data must be a certificate (DER)', count: 1 }])
})

t.test('several answers of one phone are one report, in every form they come in', async (t) => {
  const info = { UDID: 'U', Status: 'Acknowledged', CommandUUID: '1', QueryResponses: { OSVersion: '18.1', SerialNumber: 'S1' } }
  const security = { UDID: 'U', Status: 'Acknowledged', CommandUUID: '2', SecurityInfo: { PasscodePresent: true } }
  const expected = { phone: { serialNumber: 'S1' }, sections: { os: { version: '18.1' }, config: { passcodeSet: true } } }
  t.match(one([info, security]), expected, 'a list')
  t.match(one({ DeviceInformation: info, SecurityInfo: security }), expected, 'by command')
  t.match(one({ DeviceInformation: info.QueryResponses, SecurityInfo: security.SecurityInfo }), expected, 'only what was asked for')
  t.match(one([info, { SecurityInfo: security.SecurityInfo }]), expected, 'one without a UDID')
})

t.test('answers of several phones stay apart', async (t) => {
  const answer = (UDID: string): object => ({ UDID, QueryResponses: { SerialNumber: `S${UDID}`, OSVersion: '18.1' } })
  const { phones, isList } = fromAppleMdm([answer('1'), answer('2'), { UDID: '1', SecurityInfo: { PasscodePresent: true } }])
  t.equal(isList, true)
  t.match(phones, [{ phone: { serialNumber: 'S1' }, sections: { config: { passcodeSet: true } } }, { phone: { serialNumber: 'S2' } }])
  t.notOk(phones[1]!.sections.config)
})

t.test('tells what the device did not answer, and refuses what is no answer', async (t) => {
  t.match(one([{ UDID: 'U', Status: 'NotNow', CommandUUID: '9' }, { UDID: 'U', ProfileList: [] }]), { sections: { profiles: [] }, skipped: [{ reason: 'the device answered NotNow', examples: ['9'] }] })
  for (const wrong of [null, 5, {}, [], [{}], [{ ProfileList: [] }, 7]]) t.throws(() => fromAppleMdm(wrong), { code: 'validation' }, JSON.stringify(wrong))
})
