import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { Agent } from '../../src/agent/agent.js'
import { JWT_BEARER_GRANT } from '../../src/devices/issue-access-token.js'
import { retireSigningKey, rotateSigningKey } from '../../src/devices/signing-key-repository.js'
import { createEnrollmentToken } from '../../src/operators/enrollment-tokens.js'
import { isProblem, startTestApi, type TestApi, type TestApiOptions } from '../helpers/api.js'
import { makeAssertion, makeKey } from '../helpers/device-keys.js'
import { makeReport } from '../helpers/devices.js'

/** What the contract allows ("within seconds"), and what we promise. */
const LIMIT_MS = 5_000
/** The tests ask again and again. */
const PLENTY = { perDevice: 1e9 }

/** Two API processes of one installation. */
async function startTwo (t: Test, options: TestApiOptions = {}): Promise<[TestApi, TestApi]> {
  const here = await startTestApi(t, { rateLimits: PLENTY, ...options })
  return [here, await startTestApi(t, { rateLimits: PLENTY, ...options, beside: here })]
}

const enrolment = async () => ({ entraDeviceId: randomUUID(), platform: 'android', osVersion: '15', publicKey: (await makeKey()).publicJwk })
const report = async (api: TestApi, token: string, sequence = 1) => await api.call(token, 'POST', '/v1/telemetry', makeReport(sequence))

/** Calls until it is refused so; how long that took. */
async function untilRefused (t: Test, call: () => ReturnType<TestApi['call']>, code: string): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const answer = await call()
    const tookMs = performance.now() - startedAt
    // A phone that is erased is not found before its token is refused.
    if (answer.statusCode === 401) {
      isProblem(t, answer, { status: 401, code })
      return tookMs
    }
    if (tookMs > 2 * LIMIT_MS) throw new Error('never refused')
  }
}

t.test('a phone revoked, erased or enrolled anew here is out there within five seconds, whatever token it holds', async (t) => {
  const [here, there] = await startTwo(t)
  const admin = await here.keyFor('admin')
  const phones = [await here.enroll(), await here.enroll(), await here.enroll()] as const
  for (const { accessToken } of phones) t.equal((await report(there, accessToken)).statusCode, 202, 'it is known there')
  const fleet = `/v1/tenants/${here.tenantId}`
  t.equal((await here.call(admin, 'POST', `${fleet}/devices/${phones[0].deviceId}/revoke`)).statusCode < 300, true)
  t.equal((await here.call(admin, 'DELETE', `${fleet}/devices/${phones[1].deviceId}`)).statusCode < 300, true)
  const { token } = await createEnrollmentToken(here, { tenantId: here.tenantId, label: 'x', actor: 'test' })
  const again = await here.call(token, 'POST', '/v1/enroll', { ...await enrolment(), entraDeviceId: phones[2].entraDeviceId })
  t.equal(again.json().deviceId, phones[2].deviceId)

  for (const { accessToken } of phones) isProblem(t, await report(here, accessToken, 2), { status: 401, code: 'device-revoked' }, 'here at once')
  const took = await Promise.all(phones.map(async ({ accessToken }) => await untilRefused(t, async () => await there.call(accessToken, 'GET', '/v1/device/status'), 'device-revoked')))
  t.ok(Math.max(...took) <= LIMIT_MS, `there after ${took.map((ms) => Math.round(ms)).join(', ')} ms`)
  t.equal((await report(there, again.json().accessToken, 3)).statusCode, 202, 'the new key is in')
})

t.test('an assertion counts once over all processes, and after a restart', async (t) => {
  const [here, there] = await startTwo(t)
  const { token } = await createEnrollmentToken(here, { tenantId: here.tenantId, label: 'x', actor: 'test' })
  const key = await makeKey('ES256')
  const { deviceId } = (await here.call(token, 'POST', '/v1/enroll', { ...await enrolment(), publicKey: key.publicJwk })).json()
  const exchange = async ({ call }: TestApi, assertion: string) => (await call(undefined, 'POST', '/v1/token', { grant_type: JWT_BEARER_GRANT, assertion })).statusCode
  for (let round = 0; round < 10; round++) {
    const assertion = await makeAssertion(key, deviceId, 'https://mtd.example/v1/token')
    const answers = await Promise.all([here, there, here, there].map(async (api) => await exchange(api, assertion)))
    t.strictSame(answers.sort(), [200, 401, 401, 401])
    if (round > 0) continue
    t.equal(await exchange(await startTestApi(t, { beside: here }), assertion), 401, 'a process that has just started')
  }
})

t.test('the last use of an enrolment token is one use over all processes', async (t) => {
  const [here, there] = await startTwo(t)
  for (let round = 0; round < 5; round++) {
    const { token } = await createEnrollmentToken(here, { tenantId: here.tenantId, label: 'x', maxUses: 1, actor: 'test' })
    const answers = await Promise.all([here, there, here, there].map(async (api) => (await api.call(token, 'POST', '/v1/enroll', await enrolment())).statusCode))
    t.strictSame(answers.sort(), [201, 401, 401, 401])
  }
})

t.test('signing keys change without logging anybody out, and one that leaked ends everywhere within five seconds', async (t) => {
  const [here, there] = await startTwo(t)
  const old = await here.enroll()
  t.equal((await report(there, old.accessToken)).statusCode, 202)
  const leaked = here.keys.current().id
  await rotateSigningKey(here, { actor: 'test' })
  await here.keys.refresh()
  const young = await here.enroll()
  t.equal((await report(there, young.accessToken)).statusCode, 202, 'signed with a key that was made a moment ago elsewhere')
  t.equal((await report(there, old.accessToken, 2)).statusCode, 202)

  await retireSigningKey(here, { id: leaked, now: true, actor: 'test' })
  const took = await untilRefused(t, async () => await there.call(old.accessToken, 'GET', '/v1/device/status'), 'invalid-token')
  t.ok(took <= LIMIT_MS, `there after ${Math.round(took)} ms`)
  t.equal((await report(there, young.accessToken, 2)).statusCode, 202)
})

t.test('a token is checked without the database; a database that is away is no reason to doubt it', async (t) => {
  const [here] = await startTwo(t, { journalOf: () => ({ append: async ({ report }) => ({ reportId: report.reportId, status: 'accepted', resend: [] }) }) })
  const { accessToken } = await here.enroll()
  const beside = await startTestApi(t, { beside: here })
  // Late, so that the first does not look by itself before the database goes.
  await rotateSigningKey(here, { actor: 'test' })
  await beside.keys.refresh()
  const unknown = (await beside.enroll()).accessToken
  await here.takeDatabaseAway()
  t.equal((await report(here, accessToken)).statusCode, 202)
  isProblem(t, await report(here, unknown), { status: 503, code: 'database-unavailable' }, 'a key that it cannot look up')
})

for (const hours of [-7, 7]) {
  t.test(`a phone whose clock is off by ${hours} hours enrols, reports and fetches tokens`, async (t) => {
    let url = ''
    const api = await startTestApi(t, { publicUrl: () => url })
    url = await api.app.listen({ port: 0, host: '127.0.0.1' })
    const { token } = await createEnrollmentToken(api, { tenantId: api.tenantId, label: 'x', actor: 'test' })
    const agent = await Agent.enroll(url, token, { entraDeviceId: randomUUID(), platform: 'android' }, { now: () => Date.now() + hours * 3_600_000 })
    t.match(await agent.report({}), { status: 'accepted' })
    const first = agent.accessToken
    // The key that signed its token is gone, so it has to fetch a new one.
    await retireSigningKey(api, { id: api.keys.current().id, now: true, actor: 'test' })
    await api.keys.refresh()
    t.match(await agent.report({}), { status: 'accepted' })
    t.not(agent.accessToken, first)
  })
}

t.test('an assertion dated by a wrong clock is refused with the right time', async (t) => {
  const api = await startTestApi(t)
  const url = await api.app.listen({ port: 0, host: '127.0.0.1' })
  const { token } = await createEnrollmentToken(api, { tenantId: api.tenantId, label: 'x', actor: 'test' })
  const key = await makeKey()
  const { deviceId } = (await api.call(token, 'POST', '/v1/enroll', { ...await enrolment(), publicKey: key.publicJwk })).json()
  for (const [seconds, code] of [[-7200, 'expired-token'], [7200, 'invalid-token'], [-400, 'expired-token'], [100, 'invalid-token'], [50, undefined], [-330, undefined]] as const) {
    const assertion = await makeAssertion(key, deviceId, 'https://mtd.example/v1/token', { iat: seconds, exp: seconds + 300 })
    const answer = await fetch(`${url}/v1/token`, { method: 'POST', body: new URLSearchParams({ grant_type: JWT_BEARER_GRANT, assertion }) })
    t.match(await answer.json(), code === undefined ? { token_type: 'Bearer' } : { status: 401, code }, `${seconds} s`)
    t.ok(Math.abs(Date.parse(answer.headers.get('date')!) - Date.now()) < 5_000, 'Date')
  }
})
