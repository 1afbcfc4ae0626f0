import t from 'tap'
import {
  heartbeatRequest, intuneScope, isUploadTaken, readHeartbeatAnswer, readTenantAnswer, readUploadStatus, statusRequest, tenantRequest,
  uploadRequest, type PartnerWireConfig
} from '../../src/intune/partner-wire.js'

const config: PartnerWireConfig = { entityType: 5, healthField: 'HealthState', deviceApiVersion: '1.2', tenantApiVersion: '1.6' }
const TENANT = '11111111-2222-4333-8444-555555555555'
const DEVICE = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'
const MESSAGE = '99999999-8888-4777-8666-555555555555'
const BASE = 'https://fef.example.manage.microsoft.com/PartnerAPI/Service'
const at = new Date('2026-11-23T08:00:00.123Z')

t.test('the scope of an Intune token has two slashes', async (t) => {
  t.equal(intuneScope('https://api.manage.microsoft.com/'), 'https://api.manage.microsoft.com//.default')
})

t.test('a tenant is provisioned with 1 and deprovisioned with 2', async (t) => {
  const request = tenantRequest(config, BASE, TENANT, { provisioned: true, publicUrl: 'https://mtd.example' })
  t.equal(request.method, 'PUT')
  t.equal(request.url, `${BASE}/PartnerTenants(guid'${TENANT}')?api-version=1.6`)
  t.strictSame(JSON.parse(request.body!), { Provisioned: 1, PartnerEnrollmentUrl: 'https://mtd.example', PartnerRemediationUrl: 'https://mtd.example' })
  t.equal(JSON.parse(tenantRequest(config, BASE, TENANT, { provisioned: false, publicUrl: 'https://mtd.example' }).body!).Provisioned, 2)
})

t.test('a 200 that carries a failure is a failure', async (t) => {
  const read = (body: unknown) => readTenantAnswer({ status: 200, body }, { provisioned: true })
  t.strictSame(read({ Provisioned: 1, ErrorDetail: '', HttpStatusCode: 200 }), { ok: true })
  t.strictSame(read({ Provisioned: 1, ErrorDetail: null }), { ok: true })
  t.match(read({ Provisioned: 0, ErrorDetail: '' }), { ok: false, reason: /0/ })
  t.match(read({ Provisioned: 1, ErrorDetail: 'Consent is missing' }), { ok: false, reason: 'Consent is missing' })
  t.match(read({ Provisioned: 1, ErrorDetail: '', HttpStatusCode: 403 }), { ok: false, reason: /403/ })
  t.match(read(undefined), { ok: false })
  t.match(readTenantAnswer({ status: 200, body: { Provisioned: 1 } }, { provisioned: false }), { ok: false })
})

t.test('a heartbeat asks for an answer with content', async (t) => {
  const request = heartbeatRequest(config, BASE, TENANT, at)
  t.equal(request.url, `${BASE}/PartnerTenantHeartbeat(guid'${TENANT}')?api-version=1.6`)
  t.equal(request.headers.prefer, 'return-content')
  t.strictSame(JSON.parse(request.body!), { Timestamp: '2026-11-23T08:00:00.123Z' })
})

t.test('a heartbeat\'s answer tells since when to send again and what went wrong', async (t) => {
  t.strictSame(readHeartbeatAnswer({ status: 200, body: { ResyncTimestamp: null, MessageErrors: [], ErrorDetail: '' } }), { ok: true, messageErrors: [] })
  t.strictSame(readHeartbeatAnswer({ status: 200, body: { ResyncTimestamp: '2026-11-23T07:00:00Z', MessageErrors: [{ MessageId: MESSAGE }] } }),
    { ok: true, resyncSince: new Date('2026-11-23T07:00:00Z'), messageErrors: [{ MessageId: MESSAGE }] })
  t.notOk(readHeartbeatAnswer({ status: 200, body: { ResyncTimestamp: '0001-01-01T00:00:00' } }).resyncSince)
  t.equal(readHeartbeatAnswer({ status: 204, body: undefined }).ok, false)
  t.equal(readHeartbeatAnswer({ status: 200, body: { ErrorDetail: 'no such tenant' } }).ok, false)
})

t.test('an upload is a JSON array inside a string, in the configured words', async (t) => {
  const renamed = { ...config, entityType: 7, healthField: 'ThreatLevel', healthValues: { highSeverity: 'High', secured: '0' } }
  const request = uploadRequest(renamed, BASE, TENANT, {
    messageId: MESSAGE,
    at,
    records: [
      { entraDeviceId: DEVICE, health: 'highSeverity', updatedAt: at },
      { entraDeviceId: DEVICE, entraUserId: TENANT, health: 'secured', updatedAt: at }
    ]
  })
  t.equal(request.url, `${BASE}/DataUploadMessages(guid'${MESSAGE}')?api-version=1.2`)
  const body = JSON.parse(request.body!)
  t.type(body.Content, 'string')
  t.equal(body.TenantId, TENANT)
  t.equal(body.UploadTime, at.toISOString())
  t.strictSame(JSON.parse(body.Content), [
    { EntityType: 7, TenantId: TENANT, DeviceId: DEVICE, LastUpdateTime: at.toISOString(), ThreatLevel: 'High' },
    { EntityType: 7, TenantId: TENANT, DeviceId: DEVICE, UserId: TENANT, LastUpdateTime: at.toISOString(), ThreatLevel: 0 }
  ])
})

t.test('Completed and Failed end a message, anything else does not', async (t) => {
  t.equal(statusRequest(config, BASE, MESSAGE).url, `${BASE}/DataUploadMessages(guid'${MESSAGE}')?api-version=1.2`)
  const read = (body: unknown) => readUploadStatus({ status: 200, body })
  t.strictSame(read({ Status: 'Completed' }), { state: 'completed' })
  for (const body of [{ Status: 'Queued' }, {}, undefined, 'x']) t.strictSame(read(body), { state: 'running' })
  t.strictSame(read({ Status: 'Failed', ErrorCode: 404, ErrorDetail: `Device not found: ${DEVICE.toUpperCase()}, ${DEVICE}` }),
    { state: 'failed', reason: `Device not found: ${DEVICE.toUpperCase()}, ${DEVICE} (404)`, entraDeviceIds: [DEVICE] })
})

t.test('an answer without content took nothing in', async (t) => {
  t.equal(isUploadTaken({ status: 204, body: undefined }), false)
  t.equal(isUploadTaken({ status: 200, body: { ErrorCode: 0 } }), true)
})
