import { Agent, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose'
import t, { type Test } from 'tap'
import { DEVICE_COMPLIANCE_CHANGE, RISK_LEVEL_CHANGE, VERIFICATION } from '../../src/signals/derive/set-events.js'
import { POLL, PUSH } from '../../src/signals/ssf/metadata.js'
import { rotateSetKey, tendSetKeys } from '../../src/signals/ssf/set-keys.js'
import { isProblem, type TestApiOptions } from '../helpers/api.js'
import { seedTenant } from '../helpers/devices.js'
import { until } from '../helpers/until.js'
import { AUTHORITY, PUBLIC_URL, type SignalWorld, startReceiver, startSignalWorld } from './setup.js'

type Events = Readonly<Record<string, Readonly<Record<string, unknown>>>>
const eventsOf = (token: string): Events => decodeJwt(token).events as Events

async function makeStream (world: SignalWorld, key: string, body: object = {}): Promise<Record<string, unknown> & { stream_id: string, iss: string, aud: string, delivery: { method: string, endpoint_url: string } }> {
  const answer = await world.call(key, 'POST', `/v1/ssf/${world.tenantId}/streams`, body)
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return answer.json()
}

async function poll (world: SignalWorld, key: string, streamId: string, body: object = {}): Promise<{ sets: Record<string, string>, moreAvailable: boolean }> {
  const answer = await world.call(key, 'POST', `/v1/ssf/${world.tenantId}/streams/${streamId}/poll`, { returnImmediately: true, ...body })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return answer.json()
}

async function verify (world: SignalWorld, token: string, stream: { iss: string, aud: string }): Promise<JWTPayload> {
  const metadata = (await world.app.inject(`/.well-known/ssf-configuration${new URL(stream.iss).pathname}`)).json<{ issuer: string, jwks_uri: string }>()
  const keys = (await world.app.inject(new URL(metadata.jwks_uri).pathname)).json<JSONWebKeySet>()
  const { payload } = await jwtVerify(token, createLocalJWKSet(keys), { issuer: metadata.issuer, audience: stream.aud, typ: 'secevent+jwt', algorithms: ['RS256'] })
  return payload
}

const worldOf = async (t: Test, options: TestApiOptions = {}) => {
  const world = await startSignalWorld(t, options)
  return { world, key: await world.keyFor('ssf-receiver') }
}

t.test('a transmitter presents itself where the specification looks for it', async (t) => {
  const { world } = await worldOf(t)
  const answer = await world.app.inject(`/.well-known/ssf-configuration/v1/ssf/${world.tenantId}`)
  t.equal(answer.statusCode, 200)
  const issuer = `${PUBLIC_URL}/v1/ssf/${world.tenantId}`
  t.strictSame(answer.json(), {
    spec_version: '1_0', issuer, jwks_uri: `${issuer}/jwks.json`, delivery_methods_supported: [PUSH, POLL],
    configuration_endpoint: `${issuer}/streams`, status_endpoint: `${issuer}/status`, add_subject_endpoint: `${issuer}/subjects/add`,
    remove_subject_endpoint: `${issuer}/subjects/remove`, verification_endpoint: `${issuer}/verify`,
    critical_subject_members: ['device', 'tenant'], authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6750' }], default_subjects: 'ALL'
  })
  isProblem(t, await world.app.inject('/.well-known/ssf-configuration/v1/ssf/00000000-0000-4000-8000-000000000000'), { status: 404, code: 'not-found' })
})

t.test('a pushed stream gets a signed token for each event, which jwks_uri verifies', async (t) => {
  const { world, key } = await worldOf(t)
  const receiver = await startReceiver(t)
  const stream = await makeStream(world, key, { delivery: { method: PUSH, endpoint_url: `${receiver.origin}/events`, authorization_header: 'Bearer secret' }, description: 'Ours' })
  t.match(stream, { events_supported: [DEVICE_COMPLIANCE_CHANGE, RISK_LEVEL_CHANGE], events_delivered: [DEVICE_COMPLIANCE_CHANGE, RISK_LEVEL_CHANGE], description: 'Ours', min_verification_interval: 60 })

  const phone = await world.addPhone()
  const at = new Date('2026-11-23T08:00:00.500Z')
  await world.change(phone, 'high', 'secured', { at })
  await world.tell()

  t.equal(receiver.received.length, 2)
  for (const { path, headers } of receiver.received) {
    t.equal(path, '/events')
    t.match(headers, { 'content-type': 'application/secevent+jwt', authorization: 'Bearer secret' })
  }
  const claims = await Promise.all(receiver.received.map(async ({ body }) => await verify(world, body, stream)))
  for (const one of claims) {
    t.notOk('sub' in one || 'exp' in one, 'no sub, no exp')
    t.match(one, { jti: /^[0-9a-f-]{36}$/, iat: Number, txn: String })
    t.strictSame(one.sub_id, {
      format: 'complex',
      device: { format: 'iss_sub', iss: `${AUTHORITY}/${world.entraTenantId}/v2.0`, sub: phone.entraDeviceId },
      tenant: { format: 'opaque', id: world.entraTenantId }
    })
    t.equal(Object.keys(one.events as object).length, 1)
  }
  t.equal(new Set(claims.map(({ txn }) => txn)).size, 1, 'one cause')
  t.strictSame(Object.assign({}, ...claims.map(({ events }) => events)), {
    [DEVICE_COMPLIANCE_CHANGE]: {
      previous_status: 'compliant', current_status: 'not-compliant', initiating_entity: 'policy', event_timestamp: Math.floor(at.getTime() / 1000),
      reason_admin: { en: 'Threat level high: app-spyware', de: 'Bedrohungsstufe hoch: app-spyware' }
    },
    [RISK_LEVEL_CHANGE]: {
      principal: 'DEVICE', previous_level: 'LOW', current_level: 'HIGH', risk_reason: 'Threat level high: app-spyware', initiating_entity: 'policy', event_timestamp: Math.floor(at.getTime() / 1000)
    }
  })
  await world.tell()
  t.equal(receiver.received.length, 2, 'nothing is sent twice')
})

t.test('which level counts as not compliant is the stream\'s to say', async (t) => {
  const { world, key } = await worldOf(t)
  const strict = await makeStream(world, key, { not_compliant_from: 'low', events_requested: [DEVICE_COMPLIANCE_CHANGE, 'urn:example:unknown'] })
  const lax = await makeStream(world, key, { not_compliant_from: 'high', events_requested: [DEVICE_COMPLIANCE_CHANGE] })
  t.strictSame(strict.events_delivered, [DEVICE_COMPLIANCE_CHANGE], 'what is not known is ignored')
  const phone = await world.addPhone()
  await world.change(phone, 'low', 'secured')
  await world.change(phone, 'high', 'low')
  await world.change(phone, 'secured', 'high')
  const statuses = async (id: string): Promise<unknown[]> => Object.values((await poll(world, key, id)).sets).map((token) => eventsOf(token)[DEVICE_COMPLIANCE_CHANGE]!.current_status)
  t.strictSame(await statuses(strict.stream_id), ['not-compliant', 'compliant'])
  t.strictSame(await statuses(lax.stream_id), ['not-compliant', 'compliant'])
  t.equal(Object.keys((await poll(world, key, lax.stream_id)).sets).length, 2)
})

t.test('a polled stream answers the same tokens until they are acknowledged', async (t) => {
  const { world, key } = await worldOf(t)
  const stream = await makeStream(world, key, { events_requested: [RISK_LEVEL_CHANGE] })
  t.match(stream.delivery, { method: POLL, endpoint_url: `${PUBLIC_URL}/v1/ssf/${world.tenantId}/streams/${stream.stream_id}/poll` })
  const phone = await world.addPhone()
  await world.change(phone, 'high', 'secured')
  await world.change(phone, 'medium', 'high')
  await world.change(phone, 'secured', 'medium')

  const first = await poll(world, key, stream.stream_id, { maxEvents: 2 })
  t.equal(first.moreAvailable, true)
  t.strictSame(Object.values(first.sets).map((token) => eventsOf(token)[RISK_LEVEL_CHANGE]!.current_level), ['HIGH', 'MEDIUM'], 'in order')
  for (const [jti, token] of Object.entries(first.sets)) t.equal((await verify(world, token, stream)).jti, jti)
  t.strictSame(Object.keys((await poll(world, key, stream.stream_id, { maxEvents: 2 })).sets), Object.keys(first.sets), 'again, with the same ids')

  const [one, other] = Object.keys(first.sets)
  const second = await poll(world, key, stream.stream_id, { ack: [one, 'not-ours', '00000000-0000-4000-8000-000000000000'], setErrs: { [other!]: { err: 'invalid_request', description: 'too\nodd' }, nonsense: { err: 'x' } } })
  t.strictSame(Object.values(second.sets).map((token) => eventsOf(token)[RISK_LEVEL_CHANGE]), [{
    principal: 'DEVICE', previous_level: 'MEDIUM', current_level: 'LOW', risk_reason: 'No threat found', initiating_entity: 'policy', event_timestamp: eventsOf(Object.values(second.sets)[0]!)[RISK_LEVEL_CHANGE]!.event_timestamp
  }])
  t.equal(second.moreAvailable, false)
  t.strictSame(await poll(world, key, stream.stream_id, { ack: Object.keys(second.sets) }), { sets: {}, moreAvailable: false })
  const [dead] = await world.db.selectFrom('signal').select(['id', 'last_error']).where('dead_at', 'is not', null).execute()
  t.match(dead, { id: other, last_error: 'invalid_request: too\nodd' }, 'what was refused is kept for an operator')

  await world.change(phone, 'high', 'secured')
  const [third] = Object.keys((await poll(world, key, stream.stream_id)).sets)
  t.strictSame(await poll(world, key, stream.stream_id, { setErrs: { [third!]: { err: 'odd', description: `${'x'.repeat(494)}😀` } } }), { sets: {}, moreAvailable: false }, 'also a reason that is cut in the middle of a character')
})

t.test('a poll waits for something to tell', async (t) => {
  const { world, key } = await worldOf(t)
  const stream = await makeStream(world, key)
  const phone = await world.addPhone()
  const waiting = world.call(key, 'POST', `/v1/ssf/${world.tenantId}/streams/${stream.stream_id}/poll`, {})
  await world.change(phone, 'high', 'secured')
  t.equal(Object.keys((await waiting).json<{ sets: object }>().sets).length, 2)
  const ack = Object.keys((await poll(world, key, stream.stream_id)).sets)
  t.strictSame((await world.call(key, 'POST', `/v1/ssf/${world.tenantId}/streams/${stream.stream_id}/poll`, { ack })).json(), { sets: {}, moreAvailable: false }, 'but not for ever')
})

t.test('a connection that is polled over again and again is none the heavier for it', async (t) => {
  const { world, key } = await worldOf(t)
  const stream = await makeStream(world, key)
  const sockets = new Set<Socket>()
  world.app.server.on('connection', (socket) => sockets.add(socket))
  await world.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = world.app.server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const pollOnce = async (): Promise<number> => await new Promise((resolve, reject) => {
    request({ agent, host: '127.0.0.1', port, method: 'POST', path: `/v1/ssf/${world.tenantId}/streams/${stream.stream_id}/poll`, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode!))
    }).once('error', reject).end('{"returnImmediately":true}')
  })
  t.equal(await pollOnce(), 200)
  const [socket] = sockets
  const before = socket!.listenerCount('close')
  for (let n = 0; n < 10; n++) await pollOnce()
  t.equal(sockets.size, 1)
  t.equal(socket!.listenerCount('close'), before)
})

t.test('a few polls of one receiver wait, the others are answered at once', async (t) => {
  const { world, key } = await worldOf(t, { longPollMs: 600_000 })
  const stream = await makeStream(world, key)
  let waiting = 0
  const polls = Array.from({ length: 20 }, async () => {
    waiting++
    await world.call(key, 'POST', `/v1/ssf/${world.tenantId}/streams/${stream.stream_id}/poll`, {})
    waiting--
  })
  await until(() => waiting <= 16, 'those beyond are answered')
  const phone = await world.addPhone()
  await world.change(phone, 'high', 'secured')
  await Promise.all(polls)
  t.equal(waiting, 0, 'and those go when there is something to tell')
})

t.test('a paused stream keeps its place, a disabled one keeps nothing', async (t) => {
  const { world, key } = await worldOf(t)
  const stream = await makeStream(world, key, { events_requested: [RISK_LEVEL_CHANGE] })
  const base = `/v1/ssf/${world.tenantId}/status`
  const set = async (status: string, reason?: string): Promise<unknown> => (await world.call(key, 'POST', base, { stream_id: stream.stream_id, status, ...(reason === undefined ? {} : { reason }) })).json()
  const phone = await world.addPhone()
  t.strictSame(await set('paused', 'we move'), { stream_id: stream.stream_id, status: 'paused', reason: 'we move' })
  await world.change(phone, 'high', 'secured')
  t.strictSame((await poll(world, key, stream.stream_id)).sets, {})
  await set('enabled')
  t.strictSame((await world.call(key, 'GET', `${base}?stream_id=${stream.stream_id}`)).json(), { stream_id: stream.stream_id, status: 'enabled' })
  t.equal(Object.keys((await poll(world, key, stream.stream_id)).sets).length, 1)

  await set('disabled')
  await world.change(phone, 'secured', 'high')
  await set('enabled')
  t.strictSame((await poll(world, key, stream.stream_id)).sets, {}, 'neither what waited nor what happened')
  await world.change(phone, 'medium', 'secured')
  t.equal(Object.keys((await poll(world, key, stream.stream_id)).sets).length, 1)
})

t.test('a phone can be taken out of a stream, and in again', async (t) => {
  const { world, key } = await worldOf(t)
  const stream = await makeStream(world, key, { events_requested: [RISK_LEVEL_CHANGE] })
  const [one, other] = [await world.addPhone(), await world.addPhone()]
  const subjectOf = (sub: string): object => ({ format: 'complex', device: { format: 'iss_sub', iss: `${AUTHORITY}/${world.entraTenantId}/v2.0`, sub }, tenant: { format: 'opaque', id: world.entraTenantId } })
  const subject = async (verb: 'add' | 'remove', subject: object) => await world.call(key, 'POST', `/v1/ssf/${world.tenantId}/subjects/${verb}`, { stream_id: stream.stream_id, subject })
  await world.change(one, 'high', 'secured')
  await poll(world, key, stream.stream_id)
  t.equal((await subject('remove', subjectOf(one.entraDeviceId))).statusCode, 204)
  await world.change(other, 'high', 'secured')
  await world.change(one, 'medium', 'high')
  const subjects = async (): Promise<unknown[]> => Object.values((await poll(world, key, stream.stream_id)).sets).map((token) => (decodeJwt(token).sub_id as { device: { sub: string } }).device.sub)
  t.strictSame(await subjects(), [other.entraDeviceId], 'also what waited is gone')
  t.equal((await subject('add', { format: 'iss_sub', iss: `${AUTHORITY}/${world.entraTenantId}/v2.0`, sub: one.entraDeviceId.toUpperCase() })).statusCode, 200)
  await world.change(one, 'secured', 'medium')
  t.strictSame(await subjects(), [other.entraDeviceId, one.entraDeviceId])

  const foreign = await world.addPhone(await seedTenant(world.db))
  isProblem(t, await subject('remove', subjectOf(foreign.entraDeviceId)), { status: 404, code: 'not-found' })
  isProblem(t, await subject('remove', { format: 'email', email: 'a@example.com' }), { status: 400, code: 'validation', paths: ['/subject/format'] })
  isProblem(t, await subject('remove', { format: 'iss_sub', iss: 1, sub: 'x' }), { status: 400, code: 'validation', paths: ['/subject/iss', '/subject/sub'] })
})

t.test('verification comes back with the receiver\'s state, and not too often', async (t) => {
  const { world, key } = await worldOf(t)
  const receiver = await startReceiver(t)
  const stream = await makeStream(world, key, { delivery: { method: PUSH, endpoint_url: receiver.origin } })
  const verify = async () => await world.call(key, 'POST', `/v1/ssf/${world.tenantId}/verify`, { stream_id: stream.stream_id, state: 'abc' })
  t.equal((await verify()).statusCode, 204)
  await world.tell()
  const token = decodeJwt(receiver.received[0]!.body)
  t.match(token, { sub_id: { format: 'opaque', id: stream.stream_id }, events: { [VERIFICATION]: { state: 'abc' } } })
  const again = await verify()
  isProblem(t, again, { status: 429, code: 'too-many-requests' })
  t.ok(Number(again.headers['retry-after']) > 0)
})

t.test('a receiver sees its own streams only, also with a new key of its name', async (t) => {
  const { world, key } = await worldOf(t)
  const stream = await makeStream(world, key)
  const streams = `/v1/ssf/${world.tenantId}/streams`
  t.strictSame((await world.call(await world.keyFor('ssf-receiver'), 'GET', streams)).json<unknown[]>().length, 1)
  const { createApiKey } = await import('../../src/operators/api-keys.js')
  const { key: stranger } = await createApiKey(world, { name: 'Somebody else', role: 'ssf-receiver', tenantId: world.tenantId, actor: 'test' })
  t.strictSame((await world.call(stranger, 'GET', streams)).json(), [])
  for (const [method, url, body] of [
    ['GET', `${streams}?stream_id=${stream.stream_id}`, undefined], ['DELETE', `${streams}?stream_id=${stream.stream_id}`, undefined], ['PATCH', streams, { stream_id: stream.stream_id }],
    ['PUT', streams, { stream_id: stream.stream_id }], ['POST', `/v1/ssf/${world.tenantId}/status`, { stream_id: stream.stream_id, status: 'paused' }],
    ['POST', `/v1/ssf/${world.tenantId}/verify`, { stream_id: stream.stream_id }], ['POST', `${streams}/${stream.stream_id}/poll`, {}], ['GET', `${streams}?stream_id=x`, undefined]
  ] as const) isProblem(t, await world.call(stranger, method, url, body), { status: 404, code: 'not-found' }, `${method} ${url}`)

  const elsewhere = await seedTenant(world.db)
  isProblem(t, await world.call(await world.keyFor('ssf-receiver', elsewhere), 'GET', streams), { status: 404, code: 'not-found' })
  for (const role of ['viewer', 'admin', 'platform-admin'] as const) isProblem(t, await world.call(await world.keyFor(role), 'GET', streams), { status: 403, code: 'forbidden' }, role)
  isProblem(t, await world.call(key, 'GET', `/v1/tenants/${world.tenantId}/devices`), { status: 403, code: 'forbidden' }, 'and nothing but streams')
})

t.test('a stream is changed by what is named, or replaced as a whole', async (t) => {
  const { world, key } = await worldOf(t)
  const receiver = await startReceiver(t)
  const streams = `/v1/ssf/${world.tenantId}/streams`
  const stream = await makeStream(world, key, { description: 'First', events_requested: [RISK_LEVEL_CHANGE], not_compliant_from: 'high' })
  const patched = (await world.call(key, 'PATCH', streams, { stream_id: stream.stream_id, description: 'Second', delivery: { method: PUSH, endpoint_url: receiver.origin, authorization_header: 'Basic eA==' } })).json()
  t.match(patched, { ...stream, description: 'Second', delivery: { method: PUSH, endpoint_url: receiver.origin, authorization_header: 'Basic eA==' } })
  const same = await world.call(key, 'PATCH', streams, patched)
  t.strictSame(same.json(), patched, 'what was read may be sent back')
  isProblem(t, await world.call(key, 'PATCH', streams, { stream_id: stream.stream_id, aud: 'urn:other', iss: 'x' }), { status: 400, code: 'validation', paths: ['/aud', '/iss'] })
  const replaced = (await world.call(key, 'PUT', streams, { stream_id: stream.stream_id })).json<Record<string, unknown>>()
  t.match(replaced, { delivery: { method: POLL }, events_delivered: [DEVICE_COMPLIANCE_CHANGE, RISK_LEVEL_CHANGE], not_compliant_from: 'medium' })
  t.notOk('description' in replaced || 'events_requested' in replaced)
  const push = await makeStream(world, key, { delivery: { method: PUSH, endpoint_url: receiver.origin } })
  isProblem(t, await world.call(key, 'POST', `${streams}/${push.stream_id}/poll`, {}), { status: 409, code: 'conflict' })
  t.equal((await world.call(key, 'DELETE', `${streams}?stream_id=${stream.stream_id}`)).statusCode, 204)
  isProblem(t, await world.call(key, 'GET', `${streams}?stream_id=${stream.stream_id}`), { status: 404, code: 'not-found' })
  const actions = (await world.db.selectFrom('audit_event').select('action').where('action', 'like', 'stream.%').orderBy('id').execute()).map(({ action }) => action)
  t.strictSame(actions, ['stream.created', 'stream.changed', 'stream.changed', 'stream.changed', 'stream.created', 'stream.deleted'])
})

t.test('where a receiver may not be is refused with every fault', async (t) => {
  const { world, key } = await worldOf(t)
  const streams = `/v1/ssf/${world.tenantId}/streams`
  const push = async (url: unknown, more: object = {}) => await world.call(key, 'POST', streams, { delivery: { method: PUSH, endpoint_url: url, ...more } })
  for (const url of [
    'http://receiver.example/', 'https://user:pass@receiver.example/', 'https://10.0.0.1/', 'https://[::1]/', 'https://169.254.169.254/latest', 'https://167772161/', 'ftp://receiver.example/', 'javascript:alert(1)', 'x', '', `https://receiver.example/${'x'.repeat(2_040)}`
  ]) isProblem(t, await push(url), { status: 400, code: 'validation', paths: ['/delivery/endpoint_url'] }, url.slice(0, 60))
  isProblem(t, await world.call(key, 'POST', streams, { delivery: { method: 'urn:other' } }), { status: 400, code: 'validation', paths: ['/delivery/method', '/delivery/endpoint_url'] })
  isProblem(t, await push('https://receiver.example/', { authorization_header: 'a\r\nb: c' }), { status: 400, code: 'validation', paths: ['/delivery/authorization_header'] })
  t.equal((await world.call(key, 'POST', streams, { surprise: { deep: [1] }, delivery: { method: POLL, endpoint_url: 'https://anything.example', other: 1 } })).statusCode, 201, 'unknown properties are no fault')
  for (let n = 1; n < 10; n++) await makeStream(world, key)
  isProblem(t, await world.call(key, 'POST', streams, {}), { status: 409, code: 'conflict' }, 'ten are enough')
})

t.test('a new key is published a day before it signs, and the old one a week after', async (t) => {
  const { world, key } = await worldOf(t)
  const stream = await makeStream(world, key)
  const kids = async (): Promise<string[]> => (await world.app.inject(`/v1/ssf/${world.tenantId}/jwks.json`)).json<JSONWebKeySet>().keys.map((one) => one.kid!)
  const [old] = await kids()
  const phone = await world.addPhone()
  await world.change(phone, 'high', 'secured')
  const before = Object.values((await poll(world, key, stream.stream_id)).sets)
  const next = await rotateSetKey(world, { actor: 'test' })
  t.strictSame((await kids()).sort(), [old!, next].sort())
  t.match(await verify(world, before[0]!, stream), { jti: String })
  t.match((await verify(world, Object.values((await poll(world, key, stream.stream_id)).sets)[0]!, stream)), { jti: String }, 'still the old one')
  await world.db.updateTable('set_signing_key').set({ signs_from: new Date(Date.now() - 1) }).where('id', '=', next).execute()
  const { createSetSigner } = await import('../../src/signals/ssf/set-keys.js')
  const signed = await createSetSigner(world).sign({ iat: 1, sub_id: {}, events: {} }, { id: 'x', issuer: stream.iss, audience: stream.aud })
  t.equal(JSON.parse(Buffer.from(signed.split('.')[0]!, 'base64url').toString()).kid, next)
  t.equal((await tendSetKeys(world)).removed, 0)
  await world.db.updateTable('set_signing_key').set({ signs_from: new Date(Date.now() - 30 * 86_400_000) }).where('id', '=', old!).execute()
  await world.db.updateTable('set_signing_key').set({ signs_from: new Date(Date.now() - 8 * 86_400_000) }).where('id', '=', next).execute()
  t.equal((await tendSetKeys(world)).removed, 1)
  t.strictSame(await kids(), [next])
  await world.db.updateTable('set_signing_key').set({ created_at: new Date(Date.now() - 91 * 86_400_000) }).execute()
  t.strictSame(await tendSetKeys(world), { rotated: true, removed: 0 }, 'after three months')
  t.strictSame(await tendSetKeys(world), { rotated: false, removed: 0 })
  const stored = await world.db.selectFrom('set_signing_key').select('private_key').execute()
  t.ok(stored.every(({ private_key: sealed }) => !sealed.includes('PRIVATE KEY')), 'sealed')
})

t.test('without SECRETS_KEY there is no transmitter', async (t) => {
  const world = await startSignalWorld(t, { secrets: undefined })
  const key = await world.keyFor('ssf-receiver')
  isProblem(t, await world.app.inject(`/.well-known/ssf-configuration/v1/ssf/${world.tenantId}`), { status: 404, code: 'not-found' })
  isProblem(t, await world.call(key, 'POST', `/v1/ssf/${world.tenantId}/streams`, {}), { status: 422, code: 'unprocessable' })
})
