import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { createAccessTokens } from '../../src/devices/access-tokens.js'
import { hashEnrollmentToken } from '../../src/devices/enroll-device.js'
import { JWT_BEARER_GRANT } from '../../src/devices/issue-access-token.js'
import { revokeDevice } from '../../src/devices/revoke-device.js'
import { scoreGroup, type ScoreDeps } from '../../src/devices/score-devices.js'
import { createSigningKeys, type SigningKeys } from '../../src/devices/signing-keys.js'
import { createTokenCutoffs } from '../../src/devices/token-cutoffs.js'
import { addAgentAuth } from '../../src/http/plugins/agent-auth.js'
import { addProblemDetails } from '../../src/http/plugins/problem-details.js'
import { deviceStatusRoutes } from '../../src/http/routes/device-status.js'
import { enrollmentRoutes } from '../../src/http/routes/enrollment.js'
import { telemetryRoutes } from '../../src/http/routes/telemetry.js'
import { tokenRoutes } from '../../src/http/routes/token.js'
import { createValidatorCompiler } from '../../src/http/validator.js'
import type { Database } from '../../src/platform/database.js'
import { createJournal, type Journal } from '../../src/telemetry/journal.js'
import type { Report } from '../../src/telemetry/report.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeAssertion, makeKey } from '../helpers/device-keys.js'
import { makeReport, rememberingProducer, seedTenant } from '../helpers/devices.js'
import { NO_INTEL } from '../helpers/intel.js'
import { type Journalled, readJournal } from '../helpers/journal.js'
import { silentLog } from '../helpers/log.js'

interface World extends ScoreDeps {
  app: FastifyInstance
  db: Database
  tenantId: string
  score: ReturnType<typeof rememberingProducer<'score'>>
  cutoffs: Awaited<ReturnType<typeof createTokenCutoffs>>
  keys: SigningKeys
}

async function setUp (t: Test, journalOf: (journal: Journal) => Pick<Journal, 'append'> = (journal) => journal): Promise<World> {
  const { db } = await createTestDatabase(t)
  const keys = await createSigningKeys({ db, log: silentLog })
  const cutoffs = await createTokenCutoffs({ db, log: silentLog })
  const score = rememberingProducer<'score'>()
  const sync = rememberingProducer<'sync'>()
  const journal = createJournal({ db, score, log: silentLog, maxWaiting: 100 })
  const accessTokens = createAccessTokens({ keys, lifetimeSeconds: 600 })
  const app = Fastify({ onProtoPoisoning: 'ignore', onConstructorPoisoning: 'ignore' })
  app.setValidatorCompiler(createValidatorCompiler())
  addProblemDetails(app)
  await app.register(async (open) => {
    await open.register(enrollmentRoutes, { db, accessTokens, cutoffs, sync, log: silentLog })
    await open.register(tokenRoutes, { db, accessTokens, publicUrl: () => 'https://mtd.example/' })
  }, { prefix: '/v1' })
  await app.register(async (agents) => {
    await addAgentAuth(agents, { keys, cutoffs })
    await agents.register(telemetryRoutes, { journal: journalOf(journal) })
    await agents.register(deviceStatusRoutes, { db })
  }, { prefix: '/v1' })
  t.teardown(async () => {
    await app.close()
    await journal.close()
    keys.close()
    cutoffs.close()
  })
  return {
    app, db, tenantId: await seedTenant(db), score, sync, cutoffs, keys, log: silentLog,
    intel: { current: () => NO_INTEL }
  }
}

async function enroll ({ app, db, tenantId }: World, key?: Awaited<ReturnType<typeof makeKey>>): Promise<{ deviceId: string, accessToken: string }> {
  const token = randomBytes(16).toString('hex')
  await db.insertInto('enrollment_token').values({ tenant_id: tenantId, token_hash: hashEnrollmentToken(token), label: 'test' }).execute()
  const { publicJwk } = key ?? await makeKey()
  const answer = await app.inject({
    method: 'POST', url: '/v1/enroll', headers: { authorization: `Bearer ${token}` },
    payload: { entraDeviceId: randomUUID(), platform: 'android', osVersion: '15', manufacturer: 'Google', model: 'Pixel 8', publicKey: publicJwk }
  })
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return answer.json()
}

const post = async ({ app }: World, accessToken: string, url: string, payload: unknown) => await app.inject({
  method: 'POST', url, headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
  payload: typeof payload === 'string' ? payload : JSON.stringify(payload)
})

t.test('enrolment answers 201, and names what is wrong with it', async (t) => {
  const world = await setUp(t)
  t.match(await enroll(world), { deviceId: /^[0-9a-f-]{36}$/, accessToken: /^ey/, expiresIn: 600 })
  const { app } = world
  t.match((await app.inject({ method: 'POST', url: '/v1/enroll', payload: { platform: 'symbian', publicKey: {} } })).json(),
    { status: 400, code: 'validation', errors: [{ path: '/entraDeviceId' }] })
  const payload = { entraDeviceId: randomUUID(), platform: 'android', osVersion: '6.0', publicKey: (await makeKey()).publicJwk }
  t.match((await app.inject({ method: 'POST', url: '/v1/enroll', payload })).json(), { status: 401, code: 'unauthenticated' })
  const headers = { authorization: 'Bearer guess' }
  t.match((await app.inject({ method: 'POST', url: '/v1/enroll', headers, payload })).json(), { status: 422, code: 'unsupported-os' })
  t.match((await app.inject({ method: 'POST', url: '/v1/enroll', headers, payload: { ...payload, osVersion: '7.0' } })).json(), { status: 401, code: 'invalid-enrollment-token' })
})

t.test('a token comes for a form as for JSON, under both sets of names', async (t) => {
  const world = await setUp(t)
  const key = await makeKey()
  const { deviceId } = await enroll(world, key)
  const make = async () => ({ grant_type: JWT_BEARER_GRANT, assertion: await makeAssertion(key, deviceId, 'https://mtd.example/v1/token') })
  const form = await world.app.inject({
    method: 'POST', url: '/v1/token', headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: new URLSearchParams(await make()).toString()
  })
  const json = await world.app.inject({ method: 'POST', url: '/v1/token', payload: await make() })
  for (const answer of [form, json]) {
    t.equal(answer.statusCode, 200)
    t.equal(answer.headers['cache-control'], 'no-store')
    const body = answer.json()
    t.match(body, { token_type: 'Bearer', expires_in: 600, expiresIn: 600, access_token: body.accessToken })
    t.equal((await post(world, body.access_token, '/v1/telemetry', makeReport(1))).statusCode, 202)
  }
  t.match((await world.app.inject({ method: 'POST', url: '/v1/token', payload: { ...await make(), grant_type: 'password' } })).json(), { status: 400, code: 'validation' })
  t.match((await world.app.inject({ method: 'POST', url: '/v1/token', payload: { grant_type: JWT_BEARER_GRANT, assertion: 'x' } })).json(), { status: 401, code: 'invalid-token' })
})

t.test('a report is taken with its unknown keys and without its sentinels', async (t) => {
  const world = await setUp(t)
  const { accessToken } = await enroll(world)
  const report = { ...makeReport(1), os: { version: '15', build: 'unknown', verifiedBootState: 'VERIFIED_BOOT_STATE_UNSPECIFIED' }, extra: { a: 1 }, __proto__x: 1 }
  const answer = await post(world, accessToken, '/v1/telemetry', report)
  t.equal(answer.statusCode, 202)
  t.strictSame(answer.json(), { reportId: report.reportId, status: 'accepted', resend: [] })
  const [{ body }] = await readJournal(world.db) as [Journalled]
  t.match(body, { extra: { a: 1 } })
  t.strictSame((body as Report).os, { version: '15' })
  t.match((await post(world, accessToken, '/v1/telemetry', report)).json(), { status: 'duplicate' })
})

t.test('a bad report is refused with everything that is wrong, and nothing is stored', async (t) => {
  const world = await setUp(t)
  const { accessToken } = await enroll(world)
  const bad = await post(world, accessToken, '/v1/telemetry', { reportId: 'x', sequence: -1, os: { apiLevel: 'many' }, events: [{ type: 'unknown' }] })
  t.equal(bad.statusCode, 400)
  t.match(bad.headers['content-type'], 'application/problem+json')
  const { errors } = bad.json<{ errors: Array<{ path: string }> }>()
  t.strictSame([...new Set(errors.map(({ path }) => path))].filter((path) => path !== '').sort(),
    ['/collectedAt', '/events/0/at', '/events/0/eventId', '/os/apiLevel', '/reportId', '/sequence'])
  for (const body of ['{', '', '[]', 'null', `{"a":${'['.repeat(5000)}`]) {
    t.equal((await post(world, accessToken, '/v1/telemetry', body)).statusCode, 400, body.slice(0, 10))
  }
  t.equal((await post(world, accessToken, '/v1/telemetry', { ...makeReport(1), collectedAt: '0000-01-01T00:00:00Z' })).statusCode, 400)
  t.strictSame(await world.db.selectFrom('report').select('id').execute(), [])
})

t.test('nobody gets in without a token that counts', async (t) => {
  const world = await setUp(t)
  const { deviceId, accessToken } = await enroll(world)
  for (const headers of [{}, { authorization: 'Bearer x.y.z' }, { authorization: `Bearer ${accessToken.slice(0, -4)}AAAA` }]) {
    t.equal((await world.app.inject({ method: 'POST', url: '/v1/telemetry', headers, payload: makeReport(1) })).statusCode, 401)
  }
  t.equal((await post(world, accessToken, '/v1/telemetry', makeReport(1))).statusCode, 202)
  await revokeDevice(world, { tenantId: world.tenantId, deviceId, actor: 'test' })
  t.match((await post(world, accessToken, '/v1/telemetry', makeReport(2))).json(), { status: 401, code: 'device-revoked' })
})

t.test('a token that was tampered with in any way gets nobody in', async (t) => {
  const world = await setUp(t)
  const [{ accessToken }, other] = [await enroll(world), await enroll(world)]
  const { id: kid, secret } = world.keys.current()
  const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url')
  const [head, body, signature] = accessToken.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
  const header = { alg: 'HS256', typ: 'JWT', kid }
  const made = (by: object, of: object, key: Buffer | string = secret, hash = 'sha256'): string => {
    const text = `${part(by)}.${part(of)}`
    return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`
  }
  const without = (name: string): object => ({ ...claims, [name]: undefined })
  const now = Math.floor(Date.now() / 1000)
  t.equal((await post(world, made(header, claims), '/v1/telemetry', makeReport(1))).statusCode, 202, 'made as we make them it counts, so what follows is refused for what it is')
  const tokens: Readonly<Record<string, string>> = {
    'no signature': `${head}.${body}.`,
    'no algorithm': `${part({ ...header, alg: 'none' })}.${body}.`,
    'no algorithm, with a signature': `${part({ ...header, alg: 'none' })}.${body}.${signature}`,
    'another algorithm': made({ ...header, alg: 'HS512' }, claims, secret, 'sha512'),
    'an algorithm of pairs of keys': made({ ...header, alg: 'RS256' }, claims),
    'another key': made(header, claims, randomBytes(32)),
    'no secret': made(header, claims, ''),
    'the key\'s name as the key': made(header, claims, kid),
    'an unknown key': made({ ...header, kid: randomUUID() }, claims),
    'a key that is a number': made({ ...header, kid: 1 }, claims),
    'a key of every object': made({ ...header, kid: '__proto__' }, claims),
    'another phone': `${head}.${part({ ...claims, sub: other.deviceId })}.${signature}`,
    'another tenant': `${head}.${part({ ...claims, tid: randomUUID() })}.${signature}`,
    'a later version': `${head}.${part({ ...claims, ver: 1_000 })}.${signature}`,
    'a longer life': `${head}.${part({ ...claims, exp: now + 1e6 })}.${signature}`,
    'another phone\'s signature': `${head}.${body}.${other.accessToken.split('.')[2]!}`,
    'an end that is past': made(header, { ...claims, exp: now - 1 }),
    'no end': made(header, without('exp')),
    'no phone': made(header, without('sub')),
    'no tenant': made(header, without('tid')),
    'not yet': made(header, { ...claims, nbf: now + 600 }),
    twice: `${accessToken}.${signature}`
  }
  for (const [what, token] of Object.entries(tokens)) t.equal((await post(world, token, '/v1/telemetry', makeReport(2))).statusCode, 401, what)
  t.equal((await world.db.selectFrom('report').select('id').execute()).length, 1)
})

t.test('in a batch each report has its own answer', async (t) => {
  const world = await setUp(t)
  const { accessToken } = await enroll(world)
  const [one, two] = [makeReport(1), makeReport(2)]
  const fine = await post(world, accessToken, '/v1/telemetry/batch', { reports: [one, two] })
  t.equal(fine.statusCode, 202)
  t.strictSame(fine.json().results.map(({ status }: { status: string }) => status), ['accepted', 'accepted'])

  const mixed = await post(world, accessToken, '/v1/telemetry/batch', [one, { ...makeReport(3), sequence: 'x' }, 7, makeReport(4)])
  t.equal(mixed.statusCode, 207)
  t.match(mixed.json().results, [
    { reportId: one.reportId, status: 'duplicate' },
    { status: 'rejected', error: { status: 400, code: 'validation', errors: [{ path: '/sequence' }] } },
    { reportId: null, status: 'rejected', error: { status: 400, code: 'validation' } },
    { status: 'accepted' }
  ])
  t.equal((await world.db.selectFrom('report').select('id').execute()).length, 3)
  t.equal((await post(world, accessToken, '/v1/telemetry/batch', { reports: Array.from({ length: 101 }, (_, n) => makeReport(n)) })).statusCode, 400)
  t.equal((await post(world, accessToken, '/v1/telemetry/batch', { reports: [] })).statusCode, 400)
})

t.test('when nothing of a batch can be taken now, the agent is told to come again', async (t) => {
  const world = await setUp(t, (journal) => ({
    async append (entry) {
      if (entry.report.sequence > 10) throw new (await import('../../src/errors.js')).OverloadedError()
      return await journal.append(entry)
    }
  }))
  const { accessToken } = await enroll(world)
  const none = await post(world, accessToken, '/v1/telemetry/batch', { reports: [makeReport(11), makeReport(12)] })
  t.equal(none.statusCode, 503)
  t.ok(none.headers['retry-after'])
  const some = await post(world, accessToken, '/v1/telemetry/batch', { reports: [makeReport(1), makeReport(12)] })
  t.equal(some.statusCode, 207)
  t.match(some.json().results, [{ status: 'accepted' }, { status: 'rejected', error: { status: 503, code: 'overloaded' } }])
})

t.test('the status tells the user what is wrong in their language', async (t) => {
  const world = await setUp(t)
  const { accessToken } = await enroll(world)
  const status = async (language?: string) => await world.app.inject({
    url: '/v1/device/status', headers: { authorization: `Bearer ${accessToken}`, ...(language === undefined ? {} : { 'accept-language': language }) }
  })
  t.match((await status()).json(), { state: 'pending', level: null, since: null, language: 'en', findings: [], access: { outlook: 'unknown' } })

  await post(world, accessToken, '/v1/telemetry', makeReport(1, { config: { passcodeSet: false } }))
  await scoreGroup(world, world.score.payloads[0]!.groupId!)
  const [english, german] = [await status('fr, en;q=0.8'), await status('de-AT')]
  t.equal(german.headers['content-language'], 'de')
  t.match(english.json(), { state: 'activated', level: 'medium', language: 'en', access: { outlook: 'at-risk', reported: false }, findings: [{ detection: 'dev-no-passcode', severity: 'medium', title: String, steps: [String] }] })
  t.not(english.json().findings[0].title, german.json().findings[0].title)
  t.not(english.json().access.text, german.json().access.text)
})
