import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createMicrosoft, messagePath, PARTNER, SEED, TENANT } from './microsoft.js'

const OPTED_IN = { ...SEED.connector, allowPartnerToCollectIOSApplicationMetadata: true }
const APPS = [{ appId: 'com.work', name: 'Work', managed: true }, { appId: 'com.own', name: 'Own', version: '12', shortVersion: '1.2', adHocSigned: true, fromAppStore: false }]
const askFor = (deviceId: string, more: object = {}): object => ({ EntityType: 6, TenantId: TENANT, DeviceId: deviceId, LastUpdateTime: new Date().toISOString(), ...more })
const downloadPath = (messageId: string): string => messagePath(messageId).slice(PARTNER.length).replace('DataUploadMessages', 'DataDownloadMessages')

async function createOptedIn (t: Parameters<typeof createMicrosoft>[0], seed: object = {}) {
  const microsoft = await createMicrosoft(t, { connector: OPTED_IN, ...seed })
  await microsoft.provision()
  const ask = async (deviceIds: readonly string[]) => {
    const messageId = randomUUID()
    const { status } = await microsoft.send(deviceIds.map((id) => askFor(id)), { messageId })
    if (status !== 200) throw new Error(String(status))
    return messageId
  }
  const download = async (messageId: string) => await microsoft.partner('GET', downloadPath(messageId))
  const appsOf = async (deviceId: string): Promise<string[]> => {
    const { body } = await download(await ask([deviceId]))
    return JSON.parse(body.Content)[0].Apps.map(({ AppId }: { AppId: string }) => AppId)
  }
  return { ...microsoft, ask, download, appsOf }
}

t.test('a partner asks for a phone\'s apps and reads the answer under the same message id', async (t) => {
  const { enroll, ask, download, status } = await createOptedIn(t)
  const deviceId = await enroll({ platform: 'ios', ownerType: 'company', apps: APPS })
  const messageId = await ask([deviceId])
  t.match((await status(messageId)).body, { Status: 'Completed' })
  const { status: code, body } = await download(messageId)
  t.equal(code, 200)
  t.match(body, { TenantId: TENANT, MessageId: messageId, Status: 'Completed', ErrorCode: 0, Content: String })
  t.match(JSON.parse(body.Content), [{
    EntityType: 7,
    TenantId: TENANT,
    DeviceId: deviceId,
    UserId: String,
    LastUpdateTime: String,
    Apps: [
      { AppId: 'com.work', Name: 'Work', IsManaged: true, AppStoreVendable: true },
      { AppId: 'com.own', Name: 'Own', Version: '12', ShortVersion: '1.2', BundleSize: Number, DynamicSize: Number, AdHocCodeSigned: true, AppStoreVendable: false, BetaApp: false, DeviceBasedVPP: false, IsValidated: true, IsManaged: false }
    ]
  }])
})

t.test('App Sync empty: the switch is off, the phone is no iPhone, or it has not checked in yet', async (t) => {
  const { enroll, appsOf, graph, sim } = await createOptedIn(t)
  const phone = await enroll({ platform: 'ios', apps: APPS })
  t.strictSame(await appsOf(phone), ['com.work', 'com.own'])
  t.strictSame(await appsOf(await enroll({ platform: 'android', apps: APPS })), [])
  const fresh = await enroll({ platform: 'ipados', apps: APPS, checkedIn: false })
  t.strictSame(await appsOf(fresh), [])
  await sim('PUT', '/clock', { offsetSeconds: 15 * 60 + 1 })
  t.strictSame(await appsOf(fresh), ['com.work', 'com.own'], 'a quarter of an hour later it has')
  const off = await enroll({ platform: 'ios', apps: APPS, checkedIn: false, online: false })
  t.strictSame(await appsOf(off), [])
  await sim('POST', `/tenants/${TENANT}/devices/${off}/check-in`)
  t.strictSame(await appsOf(off), ['com.work', 'com.own'])
  await graph('PATCH', `/v1.0/deviceManagement/mobileThreatDefenseConnectors/${OPTED_IN.id}`, { allowPartnerToCollectIOSApplicationMetadata: false })
  t.strictSame(await appsOf(phone), [])
})

t.test('of a personal phone only what Intune installed is passed on, unless its switch is on', async (t) => {
  const { enroll, appsOf, graph } = await createOptedIn(t)
  const phone = await enroll({ platform: 'ios', ownerType: 'personal', apps: APPS })
  t.strictSame(await appsOf(phone), ['com.work'])
  await graph('PATCH', `/v1.0/deviceManagement/mobileThreatDefenseConnectors/${OPTED_IN.id}`, { allowPartnerToCollectIOSPersonalApplicationMetadata: true })
  t.strictSame(await appsOf(phone), ['com.work', 'com.own'])
})

t.test('a phone that is not enrolled fails the message by name, and its neighbours are answered', async (t) => {
  const { enroll, ask, download, status } = await createOptedIn(t)
  const [phone, stranger, unmanaged] = [await enroll({ platform: 'ios' }), randomUUID(), await enroll({ platform: 'ios', mdmEnrolled: false })]
  const messageId = await ask([stranger, phone, unmanaged])
  t.match((await status(messageId)).body, { Status: 'Failed', ErrorCode: 404, ErrorDetail: new RegExp(`${stranger}.*${unmanaged}`) })
  t.strictSame(JSON.parse((await download(messageId)).body.Content).map(({ DeviceId }: { DeviceId: string }) => DeviceId), [phone])
})

t.test('the answer takes its moment, and there is none to what was not asked', async (t) => {
  const { enroll, ask, download, send, provision } = await createOptedIn(t, { partner: { processingDelayMs: 600_000 } })
  const phone = await enroll({ platform: 'ios' })
  t.match((await download(await ask([phone]))).body, { Status: 'Processing', Content: null })
  t.equal((await download(randomUUID())).status, 404)
  const messageId = randomUUID()
  await send([{ EntityType: 5, TenantId: TENANT, DeviceId: phone, LastUpdateTime: new Date().toISOString(), HealthState: 'secured' }], { messageId })
  t.equal((await download(messageId)).status, 404, 'a report is no question')
  await provision(2)
  t.match(await download(messageId), { status: 204, headers: { location: /00000000-0000-0000-0000-000000000000/ } })
})

t.test('what a question must not be', async (t) => {
  const { send, enroll } = await createOptedIn(t)
  const phone = await enroll({ platform: 'ios' })
  t.equal((await send([askFor(phone, { HealthState: 'secured' })])).status, 400)
  t.equal((await send([askFor('x')])).status, 400)
  t.equal((await send([askFor(phone, { LastUpdateTime: undefined })])).status, 400)
  t.equal((await send(Array.from({ length: 101 }, () => askFor(randomUUID())))).status, 400, 'too many at once')
})

t.test('numbers and names of App Sync can be set', async (t) => {
  const { send, enroll, download } = await createOptedIn(t, { partner: { processingDelayMs: 0, entity: { appSync: { requestType: 60, answerType: 70, fields: { apps: 'Applications', appId: 'BundleId' } } } } })
  const phone = await enroll({ platform: 'ios', apps: APPS })
  t.equal((await send([askFor(phone)])).status, 400)
  const messageId = randomUUID()
  t.equal((await send([askFor(phone, { EntityType: 60 })], { messageId })).status, 200)
  t.match(JSON.parse((await download(messageId)).body.Content), [{ EntityType: 70, Applications: [{ BundleId: 'com.work' }, {}] }])
})
