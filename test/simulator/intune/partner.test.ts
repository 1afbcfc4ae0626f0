import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createMicrosoft, entity, GRAPH_SCOPE, INTUNE_SCOPE, messagePath, PARTNER, SEED, TENANT } from './microsoft.js'

const TENANT_SERVICE = '/StatelessPartnerTenantDataSyncService'
const time = (seconds: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString()

t.test('a provisioned partner\'s report decides compliance and access', async (t) => {
  const { provision, heartbeat, enroll, send, status, device } = await createMicrosoft(t)
  const deviceId = await enroll()
  t.match(await provision(), { status: 200, body: { Provisioned: 1, ContextId: TENANT, HttpStatusCode: 200, ErrorDetail: '', Key: String } })
  t.match(await heartbeat(), { status: 200, body: { TenantId: TENANT, ResyncTimestamp: null, MessageErrors: [], ErrorDetail: '' } })

  const messageId = randomUUID()
  t.match(await send([entity(deviceId, 'highSeverity')], { messageId }), { status: 200, body: { TenantId: TENANT, MessageId: messageId, ErrorCode: 0, ErrorDetail: '' } })
  t.match(await status(messageId), { status: 200, body: { Status: 'Completed', ErrorCode: 0 } })
  const blocked = { exchange: 'blocked', sharepoint: 'blocked', onedrive: 'blocked', wifi: 'blocked', companyApps: 'blocked' }
  t.strictSame(await device(deviceId), { threatState: 'highSeverity', complianceState: 'noncompliant', access: blocked })
  await send([entity(deviceId, 'secured', { LastUpdateTime: new Date(Date.now() + 1000).toISOString() })])
  const granted = { exchange: 'granted', sharepoint: 'granted', onedrive: 'granted', wifi: 'granted', companyApps: 'granted' }
  t.strictSame(await device(deviceId), { threatState: 'secured', complianceState: 'compliant', access: granted })
})

t.test('what the tenant service refuses', async (t) => {
  const { partner, call, tokenOf } = await createMicrosoft(t)
  const body = { Provisioned: 1, PartnerEnrollmentUrl: 'https://mtd.example/enroll', PartnerRemediationUrl: 'https://mtd.example/fix' }
  const path = (key = TENANT, query = '?api-version=1.6'): string => `${TENANT_SERVICE}/PartnerTenants(guid'${key}')${query}`
  const cases: Array<[string, number, string, unknown]> = [
    ['no api-version', 400, path(TENANT, ''), body],
    ['unknown api-version', 400, path(TENANT, '?api-version=9.9'), body],
    ['another tenant', 403, path(randomUUID()), body],
    ['a key that is no GUID', 400, path('x'), body],
    ['an unknown property', 400, path(), { ...body, Extra: 1 }],
    ['wrong casing', 400, path(), { ...body, provisioned: 1, Provisioned: undefined }],
    ['a wrong type', 400, path(), { ...body, Provisioned: '1' }],
    ['an unknown number', 400, path(), { ...body, Provisioned: 3 }],
    ['an insecure URL', 400, path(), { ...body, PartnerEnrollmentUrl: 'http://mtd.example' }],
    ['a missing URL', 400, path(), { ...body, PartnerRemediationUrl: undefined }],
    ['an unknown resource', 404, `${TENANT_SERVICE}/Partners(guid'${TENANT}')?api-version=1.6`, body],
    ['no body', 400, path(), undefined]
  ]
  for (const [what, expected, url, candidate] of cases) {
    const answer = await partner('PUT', url, candidate === undefined ? undefined : JSON.parse(JSON.stringify(candidate)))
    t.match(answer, { status: expected, body: { ErrorCode: expected, ErrorDetail: String } }, what)
  }
  t.equal((await call('PUT', PARTNER + path(), { body })).status, 401, 'no token')
  t.equal((await call('PUT', PARTNER + path(), { body, token: await tokenOf(GRAPH_SCOPE) })).status, 401, 'a token for Graph')
  t.equal((await partner('PUT', path(TENANT.toUpperCase()), body)).status, 200)
  t.equal((await partner('PUT', `${TENANT_SERVICE}/PartnerTenants(guid%27${TENANT}%27)?api-version=1.4`, body)).status, 200, 'percent-encoded, older version')
})

t.test('the role update_device_health is needed, and taking it away leaves the connector not set up', async (t) => {
  const { provision, call, sim, tokenOf } = await createMicrosoft(t)
  await provision()
  await sim('PUT', `/tenants/${TENANT}`, { clients: [{ ...SEED.clients[0], roles: { intune: ['update_device_attributes'] } }] })
  t.equal((await sim('GET', `/tenants/${TENANT}`)).body.connector.partnerState, 'notSetUp')
  const token = await tokenOf(INTUNE_SCOPE)
  t.match(await call('PUT', messagePath(randomUUID()), { token, body: {} }), { status: 403, body: { ErrorDetail: /update_device_health/ } })
})

t.test('what the device service refuses, and then nothing is stored', async (t) => {
  const { provision, enroll, send, partner, device, status, call, tokenOf } = await createMicrosoft(t)
  await provision()
  const deviceId = await enroll()
  const good = entity(deviceId, 'highSeverity')
  const contents: Array<[string, unknown]> = [
    ['not JSON', '[{'],
    ['not an array', good],
    ['empty', []],
    ['not an object', [1]],
    ['an unknown EntityType', [{ ...good, EntityType: 4 }]],
    ['EntityType as text', [{ ...good, EntityType: '5' }]],
    ['an unknown property', [{ ...good, Extra: 1 }]],
    ['wrong casing', [{ ...good, healthState: 'highSeverity', HealthState: undefined }]],
    ['a missing key', [{ ...good, LastUpdateTime: undefined }]],
    ['another tenant', [{ ...good, TenantId: randomUUID() }]],
    ['an unknown state', [{ ...good, HealthState: 'HighSeverity' }]],
    ['the state that nobody reports', [{ ...good, HealthState: 'unknown' }]],
    ['a time without zone', [{ ...good, LastUpdateTime: '2026-01-01T00:00:00' }]],
    ['an impossible time', [{ ...good, LastUpdateTime: '2026-13-01T00:00:00Z' }]],
    ['a device id that is no GUID', [{ ...good, DeviceId: 'phone' }]],
    ['a user id that is no GUID', [{ ...good, UserId: 'ann' }]],
    ['one bad among good ones', [good, { ...good, Extra: 1 }]]
  ]
  const messageId = randomUUID()
  for (const [what, content] of contents) t.match(await send(content, { messageId }), { status: 400, body: { ErrorDetail: /^Content/ } }, what)

  const envelopes: Array<[string, number, object]> = [
    ['Content as an array', 400, { Content: [good] }],
    ['another tenant', 403, { TenantId: randomUUID() }],
    ['a wrong time', 400, { UploadTime: 'now' }],
    ['an unknown property', 400, { Extra: 1 }]
  ]
  for (const [what, expected, more] of envelopes) t.equal((await send([good], { messageId, ...more })).status, expected, what)
  t.equal((await partner('PUT', messagePath(messageId).slice(PARTNER.length).replace('1.2', '1.6'), {})).status, 400, 'the tenant service\'s api-version')
  const broken = await call('PUT', messagePath(messageId), { token: await tokenOf(INTUNE_SCOPE), form: {}, headers: { 'content-type': 'application/json' } })
  t.equal(broken.status, 400, 'a body that is not JSON')

  t.equal((await status(messageId)).status, 404)
  t.equal((await device(deviceId)).threatState, 'unknown')
})

t.test('a device that is not enrolled fails the message by name, and its neighbours keep their report', async (t) => {
  const { provision, enroll, send, status, device } = await createMicrosoft(t)
  await provision()
  const [deviceId, stranger, messageId] = [await enroll(), randomUUID(), randomUUID()]
  t.equal((await send([entity(stranger, 'secured'), entity(deviceId, 'secured')], { messageId })).status, 200)
  t.match((await status(messageId)).body, { Status: 'Failed', ErrorCode: 404, ErrorDetail: new RegExp(stranger) })
  t.notMatch((await status(messageId)).body.ErrorDetail, deviceId)
  t.equal((await device(deviceId)).threatState, 'secured')
})

t.test('an older report never overwrites a newer one', async (t) => {
  const { provision, enroll, send, device, sim } = await createMicrosoft(t)
  await provision()
  const deviceId = await enroll()
  const report = async (state: string, seconds: number) => {
    await send([entity(deviceId, state, { LastUpdateTime: time(seconds) })])
    return (await device(deviceId)).threatState
  }
  t.equal(await report('highSeverity', 10), 'highSeverity')
  t.equal(await report('secured', 9), 'highSeverity', 'older')
  t.equal(await report('secured', 10), 'highSeverity', 'of the same moment')
  t.equal(await report('lowSeverity', 11), 'lowSeverity')
  const { body } = await sim('GET', `/tenants/${TENANT}/devices/${deviceId}/history`)
  t.match(body, { items: [{ threatState: 'highSeverity', lastUpdateTime: time(10), receivedAtMs: Number, appliedAtMs: Number }, { threatState: 'lowSeverity' }], staleUpdates: 2 })
  t.equal(body.items.length, 2)
})

t.test('a message sent twice counts once, and its id cannot carry another content', async (t) => {
  const { provision, enroll, send, sim } = await createMicrosoft(t)
  await provision()
  const [deviceId, messageId] = [await enroll(), randomUUID()]
  const body = [entity(deviceId, 'lowSeverity')]
  t.strictSame([(await send(body, { messageId })).status, (await send(body, { messageId })).status], [200, 200])
  t.match((await sim('GET', `/tenants/${TENANT}`)).body.messages, { received: 1, completed: 1, updatesApplied: 1, updatesStale: 0 })
  t.equal((await send([entity(deviceId, 'secured')], { messageId })).status, 409)
})

t.test('processing takes a moment, in which the message is neither completed nor failed', async (t) => {
  const { provision, enroll, send, status, device, sim } = await createMicrosoft(t, { partner: { processingDelayMs: 50 } })
  await provision()
  const [deviceId, messageId] = [await enroll(), randomUUID()]
  await send([entity(deviceId, 'lowSeverity')], { messageId })
  t.notOk(['Completed', 'Failed'].includes((await status(messageId)).body.Status))
  t.equal((await device(deviceId)).threatState, 'unknown')
  t.match(await sim('GET', `/tenants/${TENANT}/devices/${deviceId}/wait?threatState=lowSeverity`), { status: 200, body: { threatState: 'lowSeverity', lastUpdate: { messageId } } })
  t.equal((await status(messageId)).body.Status, 'Completed')
})

t.test('before provisioning and after deprovisioning calls succeed with nothing behind them', async (t) => {
  const { provision, heartbeat, enroll, send, status, device, sim } = await createMicrosoft(t)
  const [deviceId, messageId] = [await enroll(), randomUUID()]
  const noOp = { status: 204, headers: { location: /00000000-0000-0000-0000-000000000000/ } }
  t.match(await send([entity(deviceId, 'highSeverity')], { messageId }), noOp)
  t.equal((await status(messageId)).status, 404)
  t.match(await heartbeat(), noOp)
  await provision()
  await send([entity(deviceId, 'highSeverity')])
  t.equal((await device(deviceId)).threatState, 'highSeverity')
  t.match(await provision(2), { status: 200, body: { Provisioned: 2, ErrorDetail: '' } })
  t.equal((await device(deviceId)).threatState, 'unknown', 'the partner\'s data is gone')
  t.equal((await sim('GET', `/tenants/${TENANT}`)).body.connector.partnerState, 'unavailable')
  t.match(await send([entity(deviceId, 'highSeverity')]), noOp)
})

t.test('a tenant whose set-up is unfinished answers 200 and is not provisioned', async (t) => {
  const { provision, sim, send, enroll } = await createMicrosoft(t, { connector: { ...SEED.connector, setupComplete: false } })
  t.match(await provision(), { status: 200, body: { Provisioned: 0, ErrorDetail: /setup/ } })
  t.equal((await sim('GET', `/tenants/${TENANT}`)).body.connector.partnerState, 'notSetUp')
  t.equal((await send([entity(await enroll(), 'secured')])).status, 204)
  await sim('PUT', `/tenants/${TENANT}`, { connector: { setupComplete: true } })
  t.match(await provision(), { body: { Provisioned: 1 } })
})

t.test('a silent partner becomes unresponsive, is ignored, and is restored by its heartbeat', async (t) => {
  const { provision, heartbeat, enroll, send, device, sim } = await createMicrosoft(t)
  await provision()
  const deviceId = await enroll()
  await send([entity(deviceId, 'highSeverity')])
  t.equal((await device(deviceId)).complianceState, 'noncompliant')
  await sim('PUT', '/clock', { offsetSeconds: 8 * 86_400 })
  t.equal((await sim('GET', `/tenants/${TENANT}`)).body.connector.partnerState, 'unresponsive')
  t.match(await device(deviceId), { threatState: 'highSeverity', complianceState: 'compliant', access: { exchange: 'granted' } })
  t.equal((await heartbeat()).status, 200)
  t.equal((await sim('GET', `/tenants/${TENANT}`)).body.connector.partnerState, 'enabled')
  t.match(await device(deviceId), { complianceState: 'noncompliant', access: { exchange: 'blocked' } })
})

t.test('a heartbeat is answered with content only when asked for', async (t) => {
  const { provision, partner } = await createMicrosoft(t)
  await provision()
  const beat = async (body: object, headers = {}) => await partner('PUT', `${TENANT_SERVICE}/PartnerTenantHeartbeat(guid'${TENANT}')?api-version=1.3`, body, headers)
  t.equal((await beat({ Timestamp: time(0) })).status, 204)
  t.equal((await beat({ Timestamp: time(0) }, { prefer: 'return-content' })).status, 200)
  t.equal((await beat({ TimeStamp: time(0) })).status, 400)
  t.equal((await beat({ Timestamp: 1 })).status, 400)
})

t.test('the entity\'s names and values can be set', async (t) => {
  const { provision, enroll, send, device } = await createMicrosoft(t, {
    partner: { processingDelayMs: 0, entity: { entityType: 3, fields: { healthState: 'threatLevel' }, values: { highSeverity: 'High' } } }
  })
  await provision()
  const deviceId = await enroll()
  t.equal((await send([entity(deviceId, 'highSeverity')])).status, 400)
  t.equal((await send([{ EntityType: 3, TenantId: TENANT, DeviceId: deviceId, LastUpdateTime: time(1), threatLevel: 'High' }])).status, 200)
  t.equal((await device(deviceId)).threatState, 'highSeverity')
})

t.test('a few hundred devices fit into one message, and ten thousand pass in seconds', async (t) => {
  const { provision, send, sim } = await createMicrosoft(t)
  await provision()
  const devices = Array.from({ length: 10_000 }, () => randomUUID())
  await sim('PUT', `/tenants/${TENANT}/devices`, devices.map((entraDeviceId) => ({ entraDeviceId, platform: 'android' })))
  const startedAt = performance.now()
  for (let start = 0; start < devices.length; start += 400) {
    t.equal((await send(devices.slice(start, start + 400).map((id) => entity(id, 'secured')))).status, 200)
  }
  t.comment(`${Math.round(devices.length / (performance.now() - startedAt) * 1000)} devices a second`)
  t.match((await sim('GET', `/tenants/${TENANT}`)).body.devices, { total: 10_000, byThreatState: { secured: 10_000 } })
  t.equal((await sim('GET', `/tenants/${TENANT}/wait?threatState=secured&count=10000&timeoutMs=0`)).status, 200)
})
