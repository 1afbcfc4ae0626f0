import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { createSharedCounts } from '../../src/http/plugins/rate-store.js'
import { connectRateRedis, createCountExchange } from '../../src/platform/rate-exchange.js'
import { countRows, isProblem, startTestApi, type TestApi } from '../helpers/api.js'
import { makeReport, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { findRedis } from '../helpers/redis.js'

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

t.test('a phone has so many requests in hand at a time, and others are none the worse for it', async (t) => {
  const released: Array<() => void> = []
  const api = await startTestApi(t, { journalOf: () => ({ append: async ({ report: { reportId } }) => await new Promise((resolve) => released.push(() => resolve({ reportId, status: 'accepted', resend: [] }))) }) })
  const [one, other] = [await api.enroll(), await api.enroll()]
  const send = async (accessToken: string, sequence: number) => await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(sequence))
  const waiting = Array.from({ length: 16 }, async (_, n) => await send(one.accessToken, n + 1))
  while (released.length < 16) await new Promise(setImmediate)
  const refused = await send(one.accessToken, 17)
  isProblem(t, refused, TOO_MANY)
  t.equal(retryAfterOf(refused), 1)
  const others = send(other.accessToken, 1)
  while (released.length < 17) await new Promise(setImmediate)
  for (const release of released) release()
  t.ok([...await Promise.all(waiting), await others].every(({ statusCode }) => statusCode === 202))
  const again = send(one.accessToken, 17)
  while (released.length < 18) await new Promise(setImmediate)
  released[17]!()
  t.equal((await again).statusCode, 202)
})

t.test('a phone may send so much an hour, unpacked, in however few requests', async (t) => {
  const api = await startTestApi(t, { rateLimits: { deviceBytesPerHour: 2 * 1024 * 1024 } })
  const [one, other] = [await api.enroll(), await api.enroll()]
  const spaces = ' '.repeat(900_000)
  const send = async (accessToken: string, sequence: number) => await api.call(accessToken, 'POST', '/v1/telemetry', gzipSync(JSON.stringify(makeReport(sequence)) + spaces), { 'content-type': 'application/json', 'content-encoding': 'gzip' })
  const plain = async (accessToken: string, sequence: number) => await api.call(accessToken, 'POST', '/v1/telemetry', JSON.stringify(makeReport(sequence)) + spaces, { 'content-type': 'application/json' })
  t.equal((await send(one.accessToken, 1)).statusCode, 202)
  t.equal((await plain(one.accessToken, 2)).statusCode, 202)
  const refused = await send(one.accessToken, 3)
  isProblem(t, refused, TOO_MANY)
  t.ok(retryAfterOf(refused) > 60, 'and is told to come much later')
  isProblem(t, await plain(one.accessToken, 3), TOO_MANY)
  t.equal((await api.call(one.accessToken, 'GET', '/v1/device/status')).statusCode, 200, 'it still may ask what its user must do')
  t.equal((await send(other.accessToken, 1)).statusCode, 202)
})

t.test('the description of the API is limited by address, like all that strangers may call', async (t) => {
  const api = await startTestApi(t, { rateLimits: { perAddress: 3 } })
  for (const url of ['/docs/json', '/docs/', '/docs/static/swagger-ui.css']) t.equal((await api.app.inject(url)).statusCode, 200, url)
  for (const url of ['/docs/json', '/docs/yaml', '/docs/', '/docs/static/swagger-ui.css']) isProblem(t, await api.app.inject(url), TOO_MANY, url)
})

t.test('the phones of a tenant together are limited, and one phone does not use up what is theirs', async (t) => {
  const api = await startTestApi(t, { rateLimits: { perDevice: 2, perTenant: 4 } })
  const [greedy, modest, late] = [await api.enroll(), await api.enroll(), await api.enroll()]
  const stranger = await api.enroll(await seedTenant(api.db))
  const report = async ({ accessToken }: { accessToken: string }, sequence: number) => await api.call(accessToken, 'POST', '/v1/telemetry', makeReport(sequence))
  for (let n = 1; n <= 8; n++) t.equal((await report(greedy, n)).statusCode, n <= 2 ? 202 : 429)
  t.equal((await report(modest, 1)).statusCode, 202, 'what was turned away is not counted for the tenant')
  t.equal((await report(modest, 2)).statusCode, 202)
  const answer = await report(late, 1)
  isProblem(t, answer, TOO_MANY)
  t.ok(retryAfterOf(answer) >= 1 && retryAfterOf(answer) <= 80)
  t.equal((await report(stranger, 1)).statusCode, 202, 'another tenant')
})

/** A caller of each kind that is limited; each comes again with every call. */
async function callersOf (api: TestApi): Promise<Array<[name: string, limit: number, call: (api: TestApi) => Promise<LightMyRequestResponse>]>> {
  const [{ accessToken }, viewer] = [await api.enroll(), await api.keyFor('viewer')]
  return [
    ['a phone', LIMITS.perDevice, async (at) => await at.call(accessToken, 'GET', '/v1/device/status')],
    ['a key', LIMITS.perApiKey, async (at) => await at.call(viewer, 'GET', `/v1/tenants/${api.tenantId}/findings`)],
    ['an address that enrols', LIMITS.perAddress, async ({ app }) => await app.inject({ method: 'POST', url: '/v1/enroll', payload: {}, remoteAddress: '192.0.2.7' })],
    ['an address that guesses', LIMITS.failures, async ({ app }) => await app.inject({ url: '/v1/tenants', headers: { authorization: 'Bearer sp_x' }, remoteAddress: '192.0.2.7' })]
  ]
}
const LIMITS = { perAddress: 8, perDevice: 9, perApiKey: 10, failures: 11, perTenant: PLENTY }

t.test('processes without Redis count together, from one exchange to the next', async (t) => {
  const here = await startTestApi(t)
  const startedAt = Date.now()
  const counts = [1, 2].map(() => createSharedCounts({ exchangeCounts: createCountExchange(here.db), now: () => startedAt }))
  const apis = await Promise.all(counts.map(async (one) => await startTestApi(t, { beside: here, rateLimits: LIMITS, rateCounting: { counts: one } })))
  for (const [name, limit, call] of await callersOf(here)) {
    let through = 0
    // In turn, with an exchange after each.
    for (let n = 0; n < 2 * limit; n++) {
      if ((await call(apis[n % 2]!)).statusCode !== 429) through++
      await counts[n % 2]!.exchange()
    }
    t.ok(through >= limit - 1 && through <= limit + 2, `${name}: ${through} of ${limit} over both`)
  }
})

t.test('processes with Redis count together, to the request', async (t) => {
  const found = await findRedis(t)
  if (found === undefined) {
    t.comment('there is no Redis here')
    return
  }
  const here = await startTestApi(t)
  const redis = [1, 2].map(() => connectRateRedis({ url: found.url, log: silentLog }))
  t.teardown(() => { for (const one of redis) one.disconnect() })
  await Promise.all(redis.map(async (one) => await new Promise<void>((resolve) => one.once('ready', resolve))))
  const apis = await Promise.all(redis.map(async (one) => await startTestApi(t, { beside: here, rateLimits: LIMITS, rateCounting: { redis: { client: one, prefix: 'sallyport' } } })))
  // Phones are counted by exchange also here.
  const [, ...exact] = await callersOf(here)
  for (const [name, limit, call] of exact) {
    let through = 0
    for (let n = 0; n < 2 * limit; n++) if ((await call(apis[n % 2]!)).statusCode !== 429) through++
    t.equal(through, limit, `${name}: no more and no less over both, and no limit counts for another`)
  }
  for (const one of redis) one.disconnect()
  t.not((await exact[0]![2](apis[0]!)).statusCode, 429, 'a Redis that is away keeps nobody out')
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

  // As Azure's gateways write it: each connection has another port.
  let port = 50_000
  t.equal((await untilRefused(async () => await guessFor(behind, `192.0.2.3:${port++}`)())).through, 2, 'a port makes no other caller')
  t.equal((await guessFor(behind, '192.0.2.3')()).statusCode, 429)
  let name = 0
  t.equal((await untilRefused(async () => await guessFor(behind, `made-up-${name++}`)())).through, 2, 'a name makes none at all')

  const direct = await startTestApi(t, { rateLimits })
  t.equal((await untilRefused(guessFor(direct, '192.0.2.1'))).through, 2)
  t.equal((await guessFor(direct, '192.0.2.2')()).statusCode, 429)
})

t.test('while the database is away everybody is told to come again, and that nothing was stored', async (t) => {
  const api = await startTestApi(t)
  const { accessToken } = await api.enroll()
  const viewer = await api.keyFor('viewer')
  await api.takeDatabaseAway()
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
