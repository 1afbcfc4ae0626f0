import { randomUUID } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { countRows, isProblem, startTestApi, type TestApi } from '../helpers/api.js'
import { makeReport } from '../helpers/devices.js'

const PLENTY = 1e6
const TOO_MANY = { status: 429, code: 'too-many-requests' }

/** Calls until it is turned away; how many calls were let through, and the first that was not. */
async function untilRefused (call: () => Promise<LightMyRequestResponse>): Promise<{ readonly through: number, readonly answer: LightMyRequestResponse }> {
  for (let through = 0; through < 50; through++) {
    const answer = await call()
    if (answer.statusCode === 429) return { through, answer }
  }
  throw new Error('never turned away')
}

const retryAfterOf = ({ headers }: LightMyRequestResponse): number => Number(headers['retry-after'])

t.test('one address that guesses API keys is turned away, and told when to come again', async (t) => {
  const api = await startTestApi(t, { rateLimits: { perAddress: PLENTY, perDevice: PLENTY, perApiKey: PLENTY, failures: 5 } })
  const viewer = await api.keyFor('viewer')
  const guess = async () => await api.call(`sp_${randomUUID()}`, 'GET', `/v1/tenants/${api.tenantId}/devices`)
  const { through, answer } = await untilRefused(guess)
  t.equal(through, 5)
  isProblem(t, answer, TOO_MANY)
  t.ok(retryAfterOf(answer) >= 1 && retryAfterOf(answer) <= 60, `Retry-After: ${retryAfterOf(answer)}`)
  const elsewhere = await api.app.inject({ url: `/v1/tenants/${api.tenantId}/devices`, headers: { authorization: `Bearer ${viewer}` }, remoteAddress: '192.0.2.9' })
  t.equal(elsewhere.statusCode, 200, 'others are not in its way')
})

t.test('one address that guesses access tokens is turned away, its phones with good ones are not', async (t) => {
  const api = await startTestApi(t, { rateLimits: { perAddress: PLENTY, perDevice: PLENTY, perApiKey: PLENTY, failures: 5 } })
  const { accessToken } = await api.enroll()
  const { through, answer } = await untilRefused(async () => await api.call('guess', 'POST', '/v1/telemetry', makeReport(1)))
  t.equal(through, 5)
  isProblem(t, answer, TOO_MANY)
  t.equal((await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(1))).statusCode, 202)
})

t.test('one phone or one key that asks too often is turned away alone', async (t) => {
  const api = await startTestApi(t, { rateLimits: { perAddress: PLENTY, perDevice: 3, perApiKey: 3, failures: PLENTY } })
  const [busy, calm] = [await api.enroll(), await api.enroll()]
  let sequence = 0
  const phone = await untilRefused(async () => await api.call(busy.accessToken, 'POST', '/v1/telemetry', makeReport(++sequence)))
  t.equal(phone.through, 3)
  isProblem(t, phone.answer, TOO_MANY)
  t.ok(retryAfterOf(phone.answer) >= 1)
  t.equal((await countRows(api.db)).report, 3, 'what was turned away is not stored')
  t.equal((await api.call(calm.accessToken, 'POST', '/v1/telemetry', makeReport(1))).statusCode, 202)

  const [one, two] = [await api.keyFor('viewer'), await api.keyFor('viewer')]
  const devices = async (key: string) => await api.call(key, 'GET', `/v1/tenants/${api.tenantId}/devices`)
  const key = await untilRefused(async () => await devices(one))
  t.equal(key.through, 3)
  isProblem(t, key.answer, TOO_MANY)
  t.equal((await devices(two)).statusCode, 200, 'a key of the same name')
})

t.test('enrolment and tokens are limited by address', async (t) => {
  const api = await startTestApi(t, { rateLimits: { perAddress: 4, perDevice: PLENTY, perApiKey: PLENTY, failures: PLENTY } })
  const { through, answer } = await untilRefused(async () => await api.call('set_guess', 'POST', '/v1/enroll', {}))
  t.equal(through, 4)
  isProblem(t, answer, TOO_MANY)
  t.ok(retryAfterOf(answer) >= 1)
})

t.test('behind a proxy that is trusted, callers are told apart; nobody else\'s word counts', async (t) => {
  const rateLimits = { perAddress: PLENTY, perDevice: PLENTY, perApiKey: PLENTY, failures: 2 }
  const guessFor = (api: TestApi, caller: string) => async () => await api.call(`sp_${randomUUID()}`, 'GET', '/v1/tenants', undefined, { 'x-forwarded-for': caller })
  const behind = await startTestApi(t, { rateLimits, trustProxy: ['loopback'] })
  t.equal((await untilRefused(guessFor(behind, '192.0.2.1'))).through, 2)
  t.equal((await guessFor(behind, '192.0.2.2')()).statusCode, 401)

  const direct = await startTestApi(t, { rateLimits })
  t.equal((await untilRefused(guessFor(direct, '192.0.2.1'))).through, 2)
  t.equal((await guessFor(direct, '192.0.2.2')()).statusCode, 429)
})

t.test('while the database is away everybody is told to come again, and that nothing was stored', async (t) => {
  const api = await startTestApi(t)
  const { accessToken } = await api.enroll()
  const viewer = await api.keyFor('viewer')
  await api.db.destroy()
  const answers: Array<[what: string, ask: Parameters<TestApi['call']>]> = [
    ['a report', [accessToken, 'POST', '/v1/telemetry', makeReport(1)]],
    ['a batch', [accessToken, 'POST', '/v1/telemetry/batch', { reports: [makeReport(1), makeReport(2)] }]],
    ['a status', [accessToken, 'GET', '/v1/device/status']],
    ['an operator', [viewer, 'GET', `/v1/tenants/${api.tenantId}/devices`]]
  ]
  for (const [what, ask] of answers) {
    const answer = await api.call(...ask)
    isProblem(t, answer, { status: 503, code: 'database-unavailable' }, what)
    t.ok(retryAfterOf(answer) >= 1, `${what}: Retry-After`)
  }
  isProblem(t, await api.call(accessToken, 'POST', '/v1/telemetry', { sequence: 'x' }), { status: 400, code: 'validation' }, 'what is wrong is wrong all the same')
  t.equal((await api.app.inject('/docs/json')).statusCode, 200)
})
