import { randomUUID } from 'node:crypto'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { InjectOptions } from 'fastify'
import { SignJWT } from 'jose'
import t from 'tap'
import { createAccessTokens } from '../../src/devices/access-tokens.js'
import { JWT_BEARER_GRANT } from '../../src/devices/issue-access-token.js'
import { revokeDevice } from '../../src/devices/revoke-device.js'
import { countRows, isProblem, type Refusal, startTestApi } from '../helpers/api.js'
import { makeAssertion, makeKey } from '../helpers/device-keys.js'
import { makeReport, seedTenant } from '../helpers/devices.js'
import { type Journalled, readJournal } from '../helpers/journal.js'

interface Case extends Refusal {
  readonly name: string
  readonly request: InjectOptions & { readonly url: string }
}

const api = await startTestApi(t)
const { app, db, keys, tenantId } = api
const json = { 'content-type': 'application/json' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

const phone = await api.enroll()
const revoked = await api.enroll()
await revokeDevice({ db, cutoffs: api.cutoffs, sync: api.sync, log: api.log }, { tenantId, deviceId: revoked.deviceId, actor: 'test' })
const admin = await api.keyFor('admin')
const platform = await api.keyFor('platform-admin')
const foreignTenant = await seedTenant(db)
const fleet = `/v1/tenants/${tenantId}`

const telemetry = (payload: InjectOptions['payload'], headers: Record<string, string> = {}): Case['request'] =>
  ({ method: 'POST', url: '/v1/telemetry', headers: { ...bearer(phone.accessToken), ...json, ...headers }, payload: payload! })
const withToken = (token: string): Case['request'] => telemetry(JSON.stringify(makeReport(1)), bearer(token))
const asOperator = (path: string, key = admin, method: 'GET' | 'POST' | 'DELETE' = 'GET', payload?: unknown): Case['request'] =>
  ({ method, url: path, headers: bearer(key), ...(payload === undefined ? {} : { payload: payload as object }) })
const enrol = (payload: object): Case['request'] => ({ method: 'POST', url: '/v1/enroll', headers: bearer('set_guess'), payload })
const token = (payload: object | string, headers: Record<string, string> = json): Case['request'] => ({ method: 'POST', url: '/v1/token', headers, payload })

const signed = async (kid: string, secret: Uint8Array): Promise<string> =>
  await new SignJWT({ tid: tenantId }).setProtectedHeader({ alg: 'HS256', kid }).setSubject(phone.deviceId).setIssuedAt().setExpirationTime('10m').sign(secret)
const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub: phone.deviceId, tid: tenantId, exp: 9e9 })).toString('base64url')}.`
const expired = (await createAccessTokens({ keys, lifetimeSeconds: 60 }).issue({ deviceId: phone.deviceId, tenantId, credentialsVersion: 0 }, Date.now() - 3_600_000)).accessToken

// An assertion may be used once; here it is already.
const key = await makeKey()
await db.updateTable('device').set({ public_key: JSON.stringify(key.publicJwk) }).where('id', '=', phone.deviceId).execute()
const assertionFor = async (...rest: [claims?: object]): Promise<object> =>
  ({ grant_type: JWT_BEARER_GRANT, assertion: await makeAssertion(key, phone.deviceId, 'https://mtd.example/v1/token', ...rest) })
const used = await assertionFor()
const firstUse = await app.inject(token(used))
const byStranger = { grant_type: JWT_BEARER_GRANT, assertion: await makeAssertion(await makeKey(), phone.deviceId, 'https://mtd.example/v1/token') }

const unencodable = makeReport(1, { os: { build: 'a\u0000b' } })
const tooLong = 'a'.repeat(1024 * 1024 + 1)
const bomb = Buffer.alloc(9 * 1024 * 1024, 0x20)

const CASES: readonly Case[] = [
  { name: 'half an object', request: telemetry('{"reportId":'), status: 400, code: 'malformed-json' },
  { name: 'not UTF-8', request: telemetry(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])), status: 400, code: 'malformed-json' },
  { name: 'nesting beyond reason', request: telemetry(`{"a":${'['.repeat(100_000)}`), status: 400, code: 'validation' },
  { name: 'no body', request: telemetry(''), status: 400, code: 'malformed-json' },
  { name: 'no body for an enrolment', request: { method: 'POST', url: '/v1/enroll', headers: { ...bearer('set_x'), ...json } }, status: 400, code: 'malformed-json' },
  { name: 'an array', request: telemetry('[]'), status: 400, code: 'validation', paths: [''] },
  { name: 'null', request: telemetry('null'), status: 400, code: 'validation', paths: [''] },
  {
    name: 'many faults',
    request: telemetry(JSON.stringify({ reportId: 'x', sequence: '1', collectedAt: 'yesterday', os: { apiLevel: 'many' }, apps: { mode: 'snapshot', items: [{ name: 7 }] } })),
    status: 400,
    code: 'validation'
  },
  { name: 'a faulty enrolment', request: enrol({ entraDeviceId: 'x', platform: 'symbian', publicKey: { kty: 'OKP' }, model: 7 }), status: 400, code: 'validation', paths: ['/entraDeviceId', '/platform', '/publicKey/crv', '/publicKey/x', '/model'] },
  { name: 'another content type', request: telemetry('a=1', { 'content-type': 'text/plain' }), status: 415, code: 'unsupported-media-type' },
  { name: 'a form where JSON belongs', request: telemetry('a=1', { 'content-type': 'application/x-www-form-urlencoded' }), status: 415, code: 'unsupported-media-type' },
  { name: 'a body too long', request: telemetry(tooLong), status: 413, code: 'body-too-large' },
  { name: 'an enrolment too long', request: enrol({ pad: 'a'.repeat(65 * 1024) }), status: 413, code: 'body-too-large' },
  { name: 'a gzip bomb', request: telemetry(gzipSync(bomb), { 'content-encoding': 'gzip' }), status: 413, code: 'body-too-large' },
  { name: 'a brotli bomb', request: telemetry(brotliCompressSync(bomb), { 'content-encoding': 'br' }), status: 413, code: 'body-too-large' },
  { name: 'an unknown encoding', request: telemetry('{}', { 'content-encoding': 'lzma' }), status: 415, code: 'unsupported-encoding' },
  { name: 'not gzip', request: telemetry('{}', { 'content-encoding': 'gzip' }), status: 400, code: 'malformed-encoding' },
  { name: 'half a gzip', request: telemetry(gzipSync(JSON.stringify(makeReport(1))).subarray(0, 40), { 'content-encoding': 'gzip' }), status: 400, code: 'malformed-encoding' },

  { name: 'no token', request: { method: 'POST', url: '/v1/telemetry', payload: makeReport(1) }, status: 401, code: 'unauthenticated' },
  { name: 'another scheme', request: telemetry('{}', { authorization: 'Basic YTpi' }), status: 401, code: 'unauthenticated' },
  { name: 'no JWT', request: withToken('guess'), status: 401, code: 'invalid-token' },
  { name: 'an expired token', request: withToken(expired), status: 401, code: 'expired-token' },
  { name: 'an unknown key', request: withToken(await signed(randomUUID(), Buffer.alloc(32, 1))), status: 401, code: 'invalid-token' },
  { name: 'a wrong signature', request: withToken(await signed(keys.current().id, Buffer.alloc(32, 1))), status: 401, code: 'invalid-token' },
  { name: 'no signature', request: withToken(unsigned), status: 401, code: 'invalid-token' },
  { name: 'an API key where a phone belongs', request: withToken(admin), status: 401, code: 'invalid-token' },
  { name: 'a revoked phone', request: withToken(revoked.accessToken), status: 401, code: 'device-revoked' },
  { name: 'an enrolment token nobody made', request: enrol({ entraDeviceId: randomUUID(), platform: 'ios', osVersion: '17.1', publicKey: (await makeKey()).publicJwk }), status: 401, code: 'invalid-enrollment-token' },
  { name: 'too old a system', request: enrol({ entraDeviceId: randomUUID(), platform: 'ios', osVersion: '10.3', publicKey: (await makeKey()).publicJwk }), status: 422, code: 'unsupported-os' },
  { name: 'no key at all', request: enrol({ entraDeviceId: randomUUID(), platform: 'ios', osVersion: '17.1', publicKey: { kty: 'OKP', crv: 'Ed25519', x: 'short' } }), status: 422, code: 'invalid-key' },
  { name: 'an assertion used before', request: token(used), status: 401, code: 'replayed-assertion' },
  { name: 'an assertion too old', request: token(await assertionFor({ iat: -900, exp: -600 })), status: 401, code: 'expired-token' },
  { name: 'an assertion without an id', request: token(await assertionFor({ jti: undefined })), status: 401, code: 'invalid-token' },
  { name: 'a stranger\'s assertion', request: token(byStranger), status: 401, code: 'invalid-token' },
  { name: 'another grant', request: token({ grant_type: 'password' }), status: 400, code: 'validation', paths: ['/grant_type', '/assertion'] },

  { name: 'a foreign tenant', request: asOperator(`/v1/tenants/${foreignTenant}/devices`), status: 404, code: 'not-found' },
  { name: 'no such tenant', request: asOperator(`/v1/tenants/${randomUUID()}/devices`, platform), status: 404, code: 'not-found' },
  { name: 'an unknown route', request: { url: '/v1/telemetri' }, status: 404, code: 'not-found' },
  { name: 'the wrong method', request: { method: 'DELETE', url: '/v1/telemetry' }, status: 405, code: 'method-not-allowed' },
  { name: 'bad percent-encoding', request: asOperator(`${fleet}/devices/%zz`), status: 400, code: 'malformed-address' },
  { name: 'bad UTF-8 in a path', request: asOperator(`${fleet}/devices/%ff`), status: 400, code: 'malformed-address' },
  { name: 'a urn as a tenant', request: asOperator(`/v1/tenants/urn:uuid:${tenantId}/devices`, platform), status: 400, code: 'validation', paths: ['/params/tenantId'] },
  { name: 'a urn as a phone', request: asOperator(`${fleet}/devices/urn:uuid:${phone.deviceId}`), status: 400, code: 'validation', paths: ['/params/deviceId'] },
  { name: 'NUL in a question', request: asOperator(`${fleet}/devices?q=a%00b&detection=%00`), status: 400, code: 'validation', paths: ['/querystring/q', '/querystring/detection'] },
  { name: 'NUL in a subject', request: asOperator(`${fleet}/findings?subject=%00`), status: 400, code: 'validation', paths: ['/querystring/subject'] },
  { name: 'wrong filters', request: asOperator(`${fleet}/devices?level=awful&state=x&platform=symbian&limit=501`), status: 400, code: 'validation', paths: ['/querystring/level', '/querystring/state', '/querystring/platform', '/querystring/limit'] },
  { name: 'the same filter twice', request: asOperator(`${fleet}/devices?q=a&q=b`), status: 400, code: 'validation', paths: ['/querystring/q'] },
  ...['devices', 'findings', 'quarantine', 'audit', 'enrollment-tokens'].flatMap((list) => ['x', Buffer.from('["\u0000"]').toString('base64url'), Buffer.from('[1]').toString('base64url')].map((cursor): Case => (
    { name: `a cursor of ${list} that is none`, request: asOperator(`${fleet}/${list}?cursor=${cursor}`), status: 400, code: 'validation', paths: ['/querystring/cursor'] }))),
  { name: 'a cursor of tenants that is none', request: asOperator('/v1/tenants?cursor=x', platform), status: 400, code: 'validation', paths: ['/querystring/cursor'] },
  { name: 'NUL in a label', request: asOperator(`${fleet}/enrollment-tokens`, admin, 'POST', { label: 'a\u0000', maxUses: 0, expiresAt: 'never' }), status: 400, code: 'validation', paths: ['/label', '/maxUses', '/expiresAt'] },
  { name: 'a time beyond the last year', request: asOperator(`${fleet}/enrollment-tokens`, admin, 'POST', { label: 'x', expiresAt: '9999-12-31T23:59:59-23:59' }), status: 400, code: 'validation', paths: ['/expiresAt'] },
  { name: 'nothing where a body belongs', request: asOperator('/v1/tenants', platform, 'POST'), status: 400, code: 'validation' },
  { name: 'an address too long', request: asOperator(`${fleet}/devices/${'a'.repeat(5_000)}`), status: 414, code: 'address-too-long' },
  { name: 'a tenant without a name', request: asOperator('/v1/tenants', platform, 'POST', { name: '', entraTenantId: `urn:uuid:${tenantId}` }), status: 400, code: 'validation', paths: ['/name', '/entraTenantId'] },
  { name: 'a row number that is none', request: asOperator(`${fleet}/quarantine/99999999999999999999/retry`, admin, 'POST'), status: 400, code: 'validation', paths: ['/params/id'] },
  { name: 'NUL in what feeds are asked', request: asOperator('/v1/intel/indicators?value=%00', platform), status: 400, code: 'validation', paths: ['/querystring/value'] }
]

t.test('every bad request is refused as a problem, and nothing is stored', async (t) => {
  t.equal(firstUse.statusCode, 200, 'an assertion counts once')
  const before = await countRows(db)
  for (const { name, request, ...refusal } of CASES) isProblem(t, await app.inject(request), refusal, name)
  t.strictSame(await countRows(db), before)
})

t.test('a refusal names all that is wrong', async (t) => {
  const { request } = CASES.find(({ name }) => name === 'many faults')!
  const { errors } = (await app.inject(request)).json<{ errors: Array<{ path: string }> }>()
  const paths = new Set(errors.map(({ path }) => path))
  for (const path of ['/reportId', '/sequence', '/collectedAt', '/os/apiLevel', '/apps/items/0/appId', '/apps/items/0/name']) t.ok(paths.has(path), path)
})

t.test('401 says how to sign in, 405 what there is, 415 what can be read', async (t) => {
  t.equal((await app.inject({ method: 'POST', url: '/v1/telemetry', payload: {} })).headers['www-authenticate'], 'Bearer')
  t.equal((await app.inject({ method: 'DELETE', url: '/v1/telemetry' })).headers.allow, 'POST')
  t.match((await app.inject(telemetry('{}', { 'content-encoding': 'lzma' }))).headers['accept-encoding'], /gzip/)
})

t.test('after all this the API takes a report with keys it does not know, and text PostgreSQL cannot hold', async (t) => {
  const report = { ...makeReport(1), novelty: { deep: [1, { constructor: 'x' }] }, os: { version: '15', novelty: true } }
  t.equal((await app.inject(telemetry(JSON.stringify(report)))).statusCode, 202)
  const [{ body }] = await readJournal(db) as [Journalled]
  t.match(body, { novelty: { deep: [1, { constructor: 'x' }] }, os: { version: '15', novelty: true } })
  t.equal((await app.inject(telemetry(JSON.stringify({ ...unencodable, sequence: 2 })))).statusCode, 202)
})
