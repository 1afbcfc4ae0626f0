import { randomUUID } from 'node:crypto'
import { exportJWK } from 'jose'
import t, { type Test } from 'tap'
import { JWT_BEARER_GRANT } from '../../src/devices/issue-access-token.js'
import { revokeDevice } from '../../src/devices/revoke-device.js'
import { OverloadedError } from '../../src/errors.js'
import { createLogger } from '../../src/platform/log.js'
import { startTestApi, type TestApiOptions } from '../helpers/api.js'
import { makeAssertion, makeKey } from '../helpers/device-keys.js'
import { makeReport } from '../helpers/devices.js'

interface Line { readonly level: number, readonly msg: string, readonly reqId?: string, readonly deviceId?: string, readonly operator?: string, readonly operatorId?: string, readonly code?: string, readonly status?: number, readonly route?: string, readonly err?: { readonly message: string, readonly stack: string } }

/** The whole API with a log that says all it can, into memory. */
async function setUp (t: Test, options: TestApiOptions = {}) {
  const texts: string[] = []
  const log = createLogger({ level: 'trace', destination: { write: (text) => { texts.push(text) } } })
  const api = await startTestApi(t, { ...options, log })
  return {
    api,
    lines: (): Line[] => texts.map((text) => JSON.parse(text) as Line),
    text: (): string => texts.join('')
  }
}

t.test('an error is logged once, with the request and the phone it is about, and its cause', async (t) => {
  const { api, lines } = await setUp(t, {
    journalOf: () => ({ append: async () => { throw new Error('the journal broke', { cause: new Error('the disk is full') }) } })
  })
  const { deviceId, accessToken } = await api.enroll()
  const answer = await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(1))
  t.equal(answer.statusCode, 500)
  t.notMatch(answer.body, /journal|disk/, 'the caller hears no internals')

  const errors = lines().filter(({ level }) => level >= 50)
  t.equal(errors.length, 1)
  t.match(errors[0], {
    msg: 'request failed', reqId: answer.headers['x-request-id'], deviceId, status: 500, code: 'internal', route: '/v1/telemetry',
    err: { message: 'the journal broke', stack: /logs\.test/, cause: { message: 'the disk is full' } }
  })
})

t.test('who is told to come again by the thousand has a line by the minute', async (t) => {
  const { api, lines } = await setUp(t, { journalOf: () => ({ append: async () => { throw new OverloadedError() } }) })
  const { accessToken } = await api.enroll()
  for (let sequence = 0; sequence < 20; sequence++) t.equal((await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(sequence))).statusCode, 503)
  t.match(lines().filter(({ level }) => level >= 40), [{ level: 40, msg: 'requests were told to come again', code: 'overloaded', requests: 1 }])
})

t.test('a report of a batch that breaks is logged with its phone', async (t) => {
  const { api, lines } = await setUp(t, {
    journalOf: (journal) => ({ append: async (entry) => entry.report.sequence > 1 ? await Promise.reject(new Error('it broke')) : await journal.append(entry) })
  })
  const { deviceId, accessToken } = await api.enroll()
  const answer = await api.call(accessToken, 'POST', '/v1/telemetry/batch', { reports: [makeReport(1), makeReport(2)] })
  t.equal(answer.statusCode, 207)
  t.notMatch(answer.body, /it broke/)
  t.match(lines().filter(({ level }) => level >= 50), [{ reqId: String, deviceId, err: { message: 'it broke' } }])
})

t.test('a refusal is logged with its code and whoever was refused, without a stack', async (t) => {
  const { api, lines } = await setUp(t)
  const { deviceId, accessToken } = await api.enroll()
  await api.call(accessToken, 'POST', '/v1/telemetry', { sequence: 'x' })
  await api.call(await api.keyFor('viewer'), 'GET', `/v1/tenants/${api.tenantId}/audit`)
  await api.call(await api.keyFor('viewer'), 'GET', `/v1/tenants/${api.tenantId}/devices/${randomUUID()}`)
  await api.call(await api.keyFor('viewer'), 'GET', `/v1/tenants/${randomUUID()}/devices`)
  await api.app.inject('/v1/tenants')
  await revokeDevice({ db: api.db, cutoffs: api.cutoffs, sync: api.sync, log: api.log }, { tenantId: api.tenantId, deviceId, actor: 'test' })
  await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(1))
  const refused = lines().filter(({ msg }) => msg === 'request refused')
  t.match(refused, [
    { deviceId, code: 'validation', status: 400, route: '/v1/telemetry' },
    { operator: 'viewer of the test', operatorId: String, code: 'forbidden', status: 403 },
    { operator: 'viewer of the test', code: 'not-found', status: 404, route: '/v1/tenants/:tenantId/devices/:deviceId' },
    { operator: 'viewer of the test', code: 'not-found', status: 404, route: '/v1/tenants/:tenantId/devices' },
    { code: 'unauthenticated', status: 401 },
    { deviceId, code: 'device-revoked', status: 401 }
  ])
  t.ok(refused.every(({ reqId, err }) => reqId !== undefined && err === undefined))
  t.equal(new Set(refused.map(({ reqId }) => reqId)).size, refused.length, 'requests can be told apart')
})

t.test('no secret is in the log, whatever happens', async (t) => {
  let breaks = false
  const { api, text, lines } = await setUp(t, {
    journalOf: (journal) => ({
      append: async (entry) => {
        // Errors of libraries carry more than a message.
        if (breaks) throw Object.assign(new Error('it broke'), { config: { headers: { authorization: `Bearer ${accessToken}` } }, connectionParameters: { password: 'hunter2-hunter2' } })
        return await journal.append(entry)
      }
    })
  })
  const { app, tenantId } = api
  const key = await makeKey()
  const admin = await api.keyFor('admin')
  const platform = await api.keyFor('platform-admin')
  const json = { 'content-type': 'application/json' }

  const enrollmentToken = (await api.call(admin, 'POST', `/v1/tenants/${tenantId}/enrollment-tokens`, { label: 'x' })).json<{ token: string }>().token
  const device = { entraDeviceId: randomUUID(), platform: 'android', osVersion: '15', publicKey: key.publicJwk }
  const { d: privatePart } = await exportJWK(key.privateKey)
  const enrolled = await api.call(enrollmentToken, 'POST', '/v1/enroll', device)
  t.equal(enrolled.statusCode, 201)
  const { accessToken, deviceId } = enrolled.json<{ accessToken: string, deviceId: string }>()
  const assertion = await makeAssertion(key, deviceId, 'https://mtd.example/v1/token')
  const body = { grant_type: JWT_BEARER_GRANT, assertion }
  const second = (await app.inject({ method: 'POST', url: '/v1/token', payload: body })).json<{ accessToken: string }>().accessToken

  const statuses: number[] = []
  const call = async (...args: Parameters<typeof api.call>): Promise<void> => { statuses.push((await api.call(...args)).statusCode) }
  // Good ones, faulty ones, and secrets where they do not belong.
  await call(second, 'POST', '/v1/telemetry', makeReport(1))
  await call(enrollmentToken, 'POST', '/v1/enroll', { ...device, osVersion: '6.0' })
  await call(enrollmentToken, 'POST', '/v1/enroll', { ...device, platform: 'symbian', publicKey: { ...key.publicJwk, d: privatePart } })
  await call(enrollmentToken, 'POST', '/v1/enroll', { ...device, publicKey: { ...key.publicJwk, d: privatePart } })
  await call(undefined, 'POST', '/v1/token', body)
  await call(undefined, 'POST', '/v1/token', { ...body, grant_type: assertion })
  await call(undefined, 'POST', '/v1/token', `{"assertion":"${assertion}"`, json)
  await call(enrollmentToken, 'POST', '/v1/telemetry', makeReport(2))
  await call(admin, 'POST', '/v1/telemetry', makeReport(2))
  await call(accessToken, 'GET', '/v1/tenants')
  await call(`${admin}x`, 'GET', '/v1/tenants')
  await call(admin, 'GET', '/v1/tenants')
  await call(platform, 'GET', `/v1/tenants/${tenantId}/devices?cursor=${admin}`)
  await call(platform, 'GET', `/v1/tenants/${tenantId}/devices/${admin}`)
  await call(undefined, 'GET', `/v1/${platform}?access_token=${accessToken}`)
  await call(undefined, 'GET', `/v1/%zz${platform}`)
  breaks = true
  await call(accessToken, 'POST', '/v1/telemetry', makeReport(3))
  await call(accessToken, 'POST', '/v1/telemetry/batch', { reports: [makeReport(4)] })
  await app.close()
  t.strictSame([...new Set(statuses)].sort(), [202, 207, 400, 401, 403, 404, 422, 500], 'all kinds of answers')
  t.ok(lines().length >= statuses.length - 1, `${lines().length} lines`)

  const secrets: Readonly<Record<string, string>> = {
    'enrolment token': enrollmentToken, assertion, 'access token': accessToken, 'second access token': second, 'API key': admin, 'platform key': platform,
    'private key': privatePart!, password: 'hunter2-hunter2'
  }
  for (const [what, secret] of Object.entries(secrets)) {
    t.ok(secret.length >= 15, what)
    t.notOk(text().includes(secret), `no ${what}`)
    t.notOk(text().includes(secret.slice(-15)), `nor its end: ${what}`)
  }
})

t.test('secrets are blotted out also where somebody logs them by name', async (t) => {
  const { api, text } = await setUp(t)
  api.log.info({ authorization: 'Bearer abc-secret', headers: { authorization: 'abc-secret' }, req: { body: { assertion: 'abc-secret', token: 'abc-secret' } } }, 'careless')
  t.match(text(), /careless/)
  t.notMatch(text(), /abc-secret/)
})
