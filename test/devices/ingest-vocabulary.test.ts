import { randomUUID, type webcrypto } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { zipSync } from 'fflate'
import { build, buildBinary } from 'plist'
import { Header } from 'tar'
import t from 'tap'
import { packageRoot } from '../../src/platform/package-root.js'
import { scoreGroup } from '../../src/devices/score-devices.js'
import { OverloadedError } from '../../src/errors.js'
import { DETECTIONS } from '../../src/risk/detections/index.js'
import type { Platform } from '../../src/telemetry/device-state.js'
import { countRows, isProblem, startTestApi, type TestApi } from '../helpers/api.js'
import { NO_INTEL } from '../helpers/intel.js'
import { readJournal, waitingGroups } from '../helpers/journal.js'

interface Result { deviceId: string | null, reportId: string | null, status: string, sections: string[], skipped: Array<{ reason: string, count: number, examples: string[] }>, error?: { status: number, code: string, detail: string } }

const api = await startTestApi(t)
const admin = await api.keyFor('admin')

async function phone (platform: Platform, serialNumber?: string, { db, tenantId }: TestApi = api): Promise<{ deviceId: string, entraDeviceId: string }> {
  const entraDeviceId = randomUUID()
  const { id: deviceId } = await db.insertInto('device')
    .values({ tenant_id: tenantId, entra_device_id: entraDeviceId, platform, serial_number: serialNumber ?? null, public_key: JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x: '' }) })
    .returning('id').executeTakeFirstOrThrow()
  await db.insertInto('device_state').values({ device_id: deviceId, tenant_id: tenantId, sequence: -1, state: '{}' }).execute()
  return { deviceId, entraDeviceId }
}

const ingest = async (vocabulary: string, body: unknown, { query = '', key = admin, type }: { query?: string, key?: string, type?: string } = {}) =>
  await api.call(key, 'POST', `/v1/tenants/${api.tenantId}/ingest/${vocabulary}${query}`, Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body), { 'content-type': type ?? (Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json') })
const resultsOf = (answer: { json (): unknown }): Result[] => (answer.json() as { results: Result[] }).results

async function score (): Promise<void> {
  for (const groupId of await waitingGroups(api.db)) await scoreGroup({ db: api.db, intel: { current: () => NO_INTEL }, sync: api.sync, log: api.log }, groupId)
}
const detail = async (deviceId: string) => (await api.call(admin, 'GET', `/v1/tenants/${api.tenantId}/devices/${deviceId}`)).json() as { level: string | null, coverage: string[], findings: Array<{ detection: string, subject: string, severity: string, status: string }> }
const open = async (deviceId: string): Promise<string[]> => (await detail(deviceId)).findings.filter(({ status }) => status === 'open').map(({ detection, subject }) => `${detection} ${subject}`).sort()

t.test('a rooted phone that only Android Management API knows comes out high, and secured when it is repaired', async (t) => {
  const { deviceId } = await phone('android', 'AMAPI1')
  const device = (lastStatusReportTime: string, devicePosture: string, risks: string[]): object => ({
    name: 'enterprises/e/devices/1',
    lastStatusReportTime,
    hardwareInfo: { serialNumber: 'AMAPI1', manufacturer: 'Google', model: 'Pixel 8' },
    softwareInfo: { androidVersion: '15', securityPatchLevel: new Date().toISOString().slice(0, 10) },
    deviceSettings: { isDeviceSecure: true, encryptionStatus: 'ACTIVE_PER_USER', adbEnabled: false },
    securityPosture: { devicePosture, postureDetails: risks.map((securityRisk) => ({ securityRisk })) }
  })
  const answer = await ingest('android-management-api', device('2026-11-23T08:00:00Z', 'POTENTIALLY_COMPROMISED', ['COMPROMISED_OS']))
  t.equal(answer.statusCode, 202, answer.body)
  t.match(resultsOf(answer), [{ deviceId, status: 'accepted', sections: ['os', 'hardware', 'config', 'integrity'], skipped: [] }])
  t.match((await readJournal(api.db)).at(-1), { deviceId, source: 'android-management-api', body: { collectedAt: '2026-11-23T08:00:00.000Z', sequence: Date.parse('2026-11-23T08:00:00Z') } })
  await score()
  t.equal((await detail(deviceId)).level, 'high')
  t.strictSame(await open(deviceId), ['dev-attestation-failed attestation', 'dev-rooted rooted'])

  await ingest('android-management-api', device('2026-11-23T09:00:00Z', 'SECURE', []))
  await score()
  t.equal((await detail(deviceId)).level, 'secured')
  t.strictSame(await open(deviceId), [])
})

/** The files as a tar archive. */
function tarOf (files: Readonly<Record<string, string>>): Buffer {
  const blocks = Object.entries(files).map(([path, content]) => {
    const body = Buffer.from(content)
    const block = Buffer.alloc(512 + Math.ceil(body.length / 512) * 512)
    new Header({ path, size: body.length, type: 'File', mode: 0o644, mtime: new Date(0) }).encode(block, 0)
    body.copy(block, 512)
    return block
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

async function makeRootCertificate (): Promise<Buffer> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']) as webcrypto.CryptoKeyPair
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=Strange Root', keys, signingAlgorithm: algorithm, extensions: [new x509.BasicConstraintsExtension(true)] })
  return Buffer.from(certificate.rawData)
}

t.test('an iPhone that only MDM knows is judged by what its answers say, as property lists and as JSON', async (t) => {
  const { deviceId } = await phone('ios', 'F2LMDM')
  const answers = [
    { UDID: 'U1', Status: 'Acknowledged', CommandUUID: 'a', QueryResponses: { SerialNumber: 'F2LMDM', OSVersion: '18.1', ProductName: 'iPhone15,2', IsSupervised: true } },
    { UDID: 'U1', Status: 'Acknowledged', CommandUUID: 'b', SecurityInfo: { PasscodePresent: false, HardwareEncryptionCaps: 3 } },
    { UDID: 'U1', Status: 'Acknowledged', CommandUUID: 'c', InstalledApplicationList: [{ Identifier: 'com.example.inhouse', Name: 'In-house', ShortVersion: '1.0', AdHocCodeSigned: true, IsValidated: false }] },
    { UDID: 'U1', Status: 'Acknowledged', CommandUUID: 'd', ProfileList: [{ PayloadUUID: 'p', PayloadIdentifier: 'x', IsManaged: false, PayloadContent: [{ PayloadType: 'com.apple.security.root' }] }] },
    { UDID: 'U1', Status: 'Acknowledged', CommandUUID: 'e', CertificateList: [{ CommonName: 'Strange Root', Data: await makeRootCertificate(), IsIdentity: false }] }
  ]
  const forms: ReadonlyArray<readonly [string, Buffer, string]> = [
    ['XML', Buffer.from(build(answers as never)), 'application/x-apple-aspen-mdm'],
    ['binary', Buffer.from(buildBinary(answers as never)), 'application/x-plist'],
    ['JSON', Buffer.from(JSON.stringify(answers, (_key, value: unknown) => value !== null && typeof value === 'object' && (value as { type?: string }).type === 'Buffer' ? Buffer.from((value as unknown as { data: number[] }).data).toString('base64') : value)), 'application/json']
  ]
  for (const [index, [form, body, type]] of forms.entries()) {
    const answer = await ingest('apple-mdm', body, { type })
    t.equal(answer.statusCode, 202, `${form}: ${answer.body}`)
    t.match(resultsOf(answer), [{ deviceId, status: index === 0 ? 'accepted' : 'duplicate', sections: ['os', 'hardware', 'apps', 'config', 'profiles', 'certificates'], skipped: [] }], form)
  }
  await score()
  const found = await open(deviceId)
  t.ok(found.includes('dev-no-passcode passcodeSet'), found.join())
  t.ok(found.some((finding) => finding.startsWith('net-user-ca ')), found.join())
  t.match(await detail(deviceId), { level: 'medium', coverage: ['os', 'hardware', 'apps', 'config', 'profiles', 'certificates'] })

  // What the built-in detections make of an app that is not validated or signed ad hoc is theirs to say; they must be able to see it.
  const { body } = (await readJournal(api.db)).findLast((entry) => entry.deviceId === deviceId)!
  t.match(body?.apps, { mode: 'snapshot', items: [{ appId: 'com.example.inhouse', adHocSigned: true, validated: false }] })
  for (const detection of ['app-adhoc-signed-ios', 'app-unvalidated-ios']) {
    if (DETECTIONS.some(({ id }) => id === detection)) t.ok(found.includes(`${detection} com.example.inhouse`), detection)
  }

  await ingest('apple-mdm', { UDID: 'U1', CommandUUID: 'f', SecurityInfo: { PasscodePresent: true } }, { query: `?device=${deviceId}` })
  await ingest('apple-mdm', { UDID: 'U1', CommandUUID: 'g', CertificateList: [] }, { query: `?device=${deviceId}` })
  await score()
  t.strictSame((await open(deviceId)).filter((finding) => /^(?:dev-no-passcode|net-user-ca)/.test(finding)), [], 'repaired')
})

const FOLDER = {
  'id/getprop.txt': '[ro.serialno]: [AQF1]\n[ro.build.version.release]: [15]\n[ro.crypto.state]: [encrypted]',
  'id/root_binaries.json': '["/system/bin/su"]',
  'id/packages.json': JSON.stringify([{ name: 'com.example.side', installer: 'null', system: false, third_party: true, files: [] }]),
  'id/acquisition.json': '{"completed":"2026-11-23T07:00:00Z"}',
  'id/apks/x.apk': 'not read'
}

t.test('an AndroidQF folder in every packing is the same report', async (t) => {
  const { deviceId } = await phone('android', 'AQF1')
  const packings = {
    tar: tarOf(FOLDER),
    'tar.gz': gzipSync(tarOf(FOLDER)),
    zip: Buffer.from(zipSync(Object.fromEntries(Object.entries(FOLDER).map(([path, content]) => [path, Buffer.from(content)])))),
    JSON: Buffer.from(JSON.stringify(FOLDER))
  }
  let expected = 'accepted'
  for (const [packing, body] of Object.entries(packings)) {
    const answer = await ingest('androidqf', body)
    t.equal(answer.statusCode, 202, `${packing}: ${answer.body}`)
    t.match(resultsOf(answer), [{ deviceId, status: expected, sections: ['os', 'apps', 'config', 'integrity', 'properties'], skipped: [] }], packing)
    expected = 'duplicate'
  }
  await score()
  t.equal((await detail(deviceId)).level, 'high')
  t.strictSame(await open(deviceId), ['app-sideloaded com.example.side', 'dev-root-binary /system/bin/su'])
})

const shared = join(packageRoot, '../shared/data/mvt-artifacts/androidqf')
t.test('real AndroidQF files', { skip: existsSync(shared) ? false : '1 test left out: no shared data' }, async (t) => {
  const { deviceId } = await phone('android')
  const files = Object.fromEntries(readdirSync(shared).map((name) => [name, readFileSync(join(shared, name), 'utf8')]))
  const answer = await ingest('androidqf', tarOf(files), { query: `?device=${deviceId}` })
  t.equal(answer.statusCode, 202, answer.body)
  t.match(resultsOf(answer), [{ sections: ['apps', 'integrity', 'processes', 'properties'] }])
  await score()
  t.equal((await detail(deviceId)).level, 'high')
  const found = await open(deviceId)
  t.ok(found.includes('dev-root-binary /system/bin/su'), found.join())
  const single = await ingest('androidqf', files['packages.json']!, { query: `?device=${deviceId}` })
  t.match(resultsOf(single), [{ status: 'accepted', sections: ['apps'] }], 'packages.json alone')
})

t.test('Intune App Sync finds its phone by the Entra device id', async (t) => {
  const { deviceId, entraDeviceId } = await phone('ipados')
  const answer = await ingest('intune-app-sync', { entraDeviceId, apps: [{ 'App ID': 'com.example', Validated: false }] })
  t.match(resultsOf(answer), [{ deviceId, status: 'accepted', sections: ['apps'] }], answer.body)
  t.match(resultsOf(await ingest('intune-app-sync', [{ 'App ID': 'com.example' }], { query: `?device=entra:${entraDeviceId}&collectedAt=2026-11-23T08:00:00Z` })), [{ deviceId, status: 'accepted' }])
  t.match(resultsOf(await ingest('intune-app-sync', [{ 'App ID': 'com.example' }], { query: `?device=entra:${entraDeviceId}&collectedAt=2026-11-23T09:00:00Z` })), [{ deviceId, status: 'accepted' }], 'another time, another report')
  isProblem(t, await ingest('intune-app-sync', [{ 'App ID': 'com.example' }], { query: `?device=${deviceId}&collectedAt=2026-12-31T23:59:60Z` }), { status: 400, code: 'validation' }, 'a leap second')
})

t.test('each phone of a list is answered on its own', async (t) => {
  const { deviceId } = await phone('android', 'LIST1')
  await phone('android', 'TWIN')
  await phone('android', 'TWIN')
  const of = (serialNumber: string, rest: object = { apiLevel: 35 }): object => ({ hardwareInfo: { serialNumber }, ...rest })
  const answer = await ingest('android-management-api', { devices: [of('LIST1'), of('NOBODY'), of('TWIN'), { apiLevel: 35 }, 5, of('LIST1', {})] })
  t.equal(answer.statusCode, 207, answer.body)
  t.match(resultsOf(answer), [
    { deviceId, status: 'accepted', sections: ['os'] },
    { deviceId: null, reportId: null, status: 'rejected', error: { status: 404, code: 'not-found', detail: /NOBODY/ } },
    { status: 'rejected', error: { status: 422, code: 'unprocessable', detail: /Several phones/ } },
    { status: 'rejected', error: { status: 422, detail: /does not say which phone/ } },
    { status: 'rejected', error: { status: 400, code: 'validation' } },
    { deviceId, status: 'rejected', error: { status: 400 } }
  ])
  t.equal((await ingest('android-management-api', { devices: [of('LIST1')] })).statusCode, 202)
  isProblem(t, await ingest('android-management-api', { devices: [of('LIST1'), of('TWIN')] }, { query: `?device=${deviceId}` }), { status: 422, code: 'unprocessable' })
})

t.test('refuses in clear words, and stores nothing', async (t) => {
  const { deviceId, entraDeviceId } = await phone('android', 'REF1')
  const iphone = await phone('ios', 'REF1')
  const revoked = await phone('android', 'REF2')
  await api.db.updateTable('device').set({ revoked_at: new Date() }).where('id', '=', revoked.deviceId).execute()
  const device = { apiLevel: 35, hardwareInfo: { serialNumber: 'REF1' } }
  const analyst = await api.keyFor('analyst')
  const before = await countRows(api.db)
  const refusals: ReadonlyArray<readonly [string, Promise<{ statusCode: number, headers: object, body: string }>, number, string]> = [
    ['an unknown vocabulary', ingest('jamf', {}), 400, 'validation'],
    ['a device id that is none', ingest('androidqf', {}, { query: '?device=x' }), 400, 'validation'],
    ['an unknown phone', ingest('android-management-api', device, { query: `?device=${randomUUID()}` }), 404, 'not-found'],
    ['another platform', ingest('android-management-api', device, { query: `?device=${iphone.deviceId}` }), 422, 'unprocessable'],
    ['a revoked phone', ingest('android-management-api', device, { query: `?device=entra:${revoked.entraDeviceId}` }), 409, 'conflict'],
    ['a revoked phone by its serial number', ingest('android-management-api', { ...device, hardwareInfo: { serialNumber: 'REF2' } }), 409, 'conflict'],
    ['no phone named', ingest('android-management-api', { apiLevel: 35 }), 422, 'unprocessable'],
    ['nothing said', ingest('android-management-api', { name: 'd' }, { query: `?device=entra:${entraDeviceId}` }), 400, 'validation'],
    ['NotNow', ingest('apple-mdm', { Status: 'NotNow', UDID: 'U' }, { query: `?device=${iphone.deviceId}` }), 400, 'validation'],
    ['an empty body', ingest('android-management-api', Buffer.alloc(0), { query: `?device=${deviceId}` }), 400, 'validation'],
    ['no JSON', ingest('android-management-api', '{', { query: `?device=${deviceId}` }), 400, 'validation'],
    ['an archive of nothing', ingest('androidqf', tarOf({ 'x.txt': 'x' }), { query: `?device=${deviceId}` }), 400, 'validation'],
    ['an archive that leaves itself', ingest('androidqf', tarOf({ '../getprop.txt': '[a]: [b]' }), { query: `?device=${deviceId}` }), 400, 'validation'],
    ['a type of content that is none of these', ingest('androidqf', 'x', { type: 'text/html' }), 415, 'unsupported-media-type'],
    ['more than 32 MiB', ingest('androidqf', Buffer.alloc(32 * 1024 * 1024 + 1), { query: `?device=${deviceId}` }), 413, 'body-too-large'],
    ['an analyst', ingest('android-management-api', device, { key: analyst }), 403, 'forbidden']
  ]
  for (const [name, answer, status, code] of refusals) isProblem(t, await answer as never, { status, code }, name)
  t.match((await ingest('apple-mdm', { Status: 'NotNow', UDID: 'U' }, { query: `?device=${iphone.deviceId}` })).json(), { errors: [{ message: 'the device answered NotNow' }] })
  t.strictSame(await countRows(api.db), before)
  t.match(resultsOf(await ingest('android-management-api', device)), [{ deviceId, status: 'accepted' }], 'a serial number that an iPhone has too')
})

t.test('another tenant\'s phone is not there', async (t) => {
  const { id: tenantId } = await api.db.insertInto('tenant').values({ name: 'Other', entra_tenant_id: randomUUID() }).returning('id').executeTakeFirstOrThrow()
  const { deviceId } = await phone('android', 'FOREIGN', { ...api, tenantId })
  const device = { apiLevel: 35, hardwareInfo: { serialNumber: 'FOREIGN' } }
  isProblem(t, await ingest('android-management-api', device), { status: 404, code: 'not-found' })
  isProblem(t, await ingest('android-management-api', device, { query: `?device=${deviceId}` }), { status: 404, code: 'not-found' })
})

t.test('what an operator sent is in the audit, duplicates are not', async (t) => {
  const { deviceId } = await phone('android', 'AUDIT1')
  const audits = async (): Promise<Array<{ action: string, subject: string, detail: unknown }>> => (await api.call(admin, 'GET', `/v1/tenants/${api.tenantId}/audit?limit=500`)).json<{ items: Array<{ action: string, subject: string, detail: unknown }> }>().items
  const device = { apiLevel: 35, hardwareInfo: { serialNumber: 'AUDIT1' } }
  await ingest('android-management-api', device)
  const first = await audits()
  t.match(first[0], { action: 'telemetry.ingested', subject: 'android-management-api', detail: { devices: [deviceId] } })
  t.match(resultsOf(await ingest('android-management-api', device)), [{ status: 'duplicate' }])
  t.equal((await audits()).length, first.length)
})

t.test('a journal that is full for a moment refuses the whole list, to be sent again', async (t) => {
  const full = await startTestApi(t, { journalOf: () => ({ append: async () => { throw new OverloadedError() } }) })
  await phone('android', 'FULL1', full)
  await phone('android', 'FULL2', full)
  const send = async (...serialNumbers: string[]) => await full.call(await full.keyFor('admin'), 'POST', `/v1/tenants/${full.tenantId}/ingest/android-management-api`,
    JSON.stringify({ devices: serialNumbers.map((serialNumber) => ({ apiLevel: 35, hardwareInfo: { serialNumber } })) }), { 'content-type': 'application/json' })
  const answer = await send('FULL1', 'FULL2')
  isProblem(t, answer, { status: 503, code: 'overloaded' })
  t.ok(Number(answer.headers['retry-after']) > 0)
  const mixed = await send('NOBODY', 'FULL2')
  t.equal(mixed.statusCode, 207)
  t.match(resultsOf(mixed), [{ error: { status: 404 } }, { error: { status: 503, code: 'overloaded' } }])
})
