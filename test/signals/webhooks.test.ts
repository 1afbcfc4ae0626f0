import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { eraseDevice } from '../../src/devices/erase-device.js'
import { sequenceStateChanges } from '../../src/devices/state-change-repository.js'
import { adjustAfterRestore } from '../../src/operators/adjust-after-restore.js'
import { isProblem } from '../helpers/api.js'
import { seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { type Received, type SignalWorld, startReceiver, startSignalWorld, type TestReceiver } from './setup.js'

interface MadeWebhook { readonly id: string, readonly secret: string, readonly url: string }

const worldOf = async (t: Test) => {
  const world = await startSignalWorld(t)
  const admin = await world.keyFor('admin')
  const receiver = await startReceiver(t)
  receiver.answer = () => ({ status: 204 })
  const base = `/v1/tenants/${world.tenantId}/signal-destinations`
  return { world, admin, receiver, base }
}

async function makeWebhook (world: SignalWorld, admin: string, receiver: Pick<TestReceiver, 'origin'>, more: object = {}): Promise<MadeWebhook> {
  const answer = await world.call(admin, 'POST', `/v1/tenants/${world.tenantId}/signal-destinations`, { kind: 'webhook', name: 'Ours', url: `${receiver.origin}/hook`, ...more })
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return answer.json()
}

interface Payload { readonly type: string, readonly timestamp: string, readonly data: Record<string, unknown> }
/** What the specification's own library makes of it. @throws when it does not verify */
const verifyBy = (secret: string, { headers, body }: Received): Payload => new Webhook(secret).verify(body, headers as Record<string, string>) as Payload
const idsOf = (receiver: TestReceiver): string[] => receiver.received.map(({ headers }) => String(headers['webhook-id']))
const levelsOf = (receiver: TestReceiver): unknown[] => receiver.received.map(({ body }) => (JSON.parse(body) as Payload).data.level)

t.test('a webhook is signed so that the specification\'s library verifies it', async (t) => {
  const { world, admin, receiver } = await worldOf(t)
  const { secret } = await makeWebhook(world, admin, receiver)
  t.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  const phone = await world.addPhone()
  const at = new Date()
  await world.change(phone, 'high', 'secured', { at })
  await world.change(phone, 'high', 'high', { reportingState: 'unresponsive', health: 'unresponsive', previousHealth: 'highSeverity' })
  await world.tell()
  const [level, state] = receiver.received.map((one) => verifyBy(secret, one))
  t.strictSame(level, {
    type: 'device.level.changed',
    timestamp: at.toISOString(),
    data: {
      tenantId: world.tenantId, deviceId: phone.deviceId, entraDeviceId: phone.entraDeviceId, intuneDeviceId: null, platform: 'android', position: 1,
      level: 'high', previousLevel: 'secured', state: 'activated', previousState: 'activated', score: 10, reasons: [{ detection: 'app-spyware', severity: 'high', subject: 'com.example.spy' }]
    }
  })
  t.match(state, { type: 'device.state.changed', data: { state: 'unresponsive', previousState: 'activated' } })
  t.match(receiver.received[0], { path: '/hook', headers: { 'content-type': 'application/json', 'webhook-id': /^msg_[0-9a-f-]{36}$/, 'user-agent': 'Sallyport/test' } })
  t.throws(() => verifyBy(secret, { ...receiver.received[0]!, body: receiver.received[0]!.body.replace('high', 'low') }), 'changed on the way')
  const stored = await world.db.selectFrom('signal_destination').select('secret').executeTakeFirstOrThrow()
  t.notOk(stored.secret!.includes(secret.slice(6)), 'kept sealed')
})

t.test('after a restore a webhook is told every phone\'s state once more, and how many changes it was never told', async (t) => {
  const { world, admin, receiver } = await worldOf(t)
  const { id } = await makeWebhook(world, admin, receiver)
  const [phone, erased] = [await world.addPhone(), await world.addPhone()]
  for (const { deviceId } of [phone, erased]) {
    await world.db.insertInto('device_state').values({
      device_id: deviceId, tenant_id: world.tenantId, sequence: 1, state: '{}', level: 'high', reporting_state: 'activated', desired_health: 'highSeverity', desired_version: 3, score: 90
    }).execute()
  }
  await eraseDevice({ db: world.db, log: silentLog, cutoffs: { advance () {} }, sync: { async add () {} } }, { tenantId: world.tenantId, deviceId: erased.deviceId, actor: 'test' })
  await world.tell()
  await world.change(phone, 'medium', 'high')
  await world.change(phone, 'high', 'medium')
  await sequenceStateChanges(world.db)
  receiver.received.length = 0

  t.match(await adjustAfterRestore(world.db, { actor: 'test', madeAt: null }), { retold: 2 })
  await world.tell()
  const told = receiver.received.map(({ body }) => JSON.parse(body) as Payload).sort((one, other) => one.type < other.type ? -1 : 1)
  t.match(told, [
    { type: 'device.erased', data: { deviceId: erased.deviceId } },
    { type: 'device.level.changed', data: { deviceId: phone.deviceId, level: 'high', previousLevel: null, retold: true } },
    { type: 'device.state.changed', data: { state: 'activated', retold: true } }
  ])
  t.equal(told.length, 3)
  const { missed } = await world.db.selectFrom('signal_destination').select('missed').where('id', '=', id).executeTakeFirstOrThrow()
  t.equal(missed, 2, 'what lay between')
  await world.change(phone, 'secured', 'high')
  await world.tell()
  t.match(JSON.parse(receiver.received.at(-1)!.body), { data: { level: 'secured', previousLevel: 'high' } }, 'changes follow')
})

t.test('a webhook gets the events it asked for', async (t) => {
  const { world, admin, receiver } = await worldOf(t)
  await makeWebhook(world, admin, receiver, { eventTypes: ['device.state.changed'] })
  const phone = await world.addPhone()
  await world.change(phone, 'high', 'secured')
  await world.change(phone, 'high', 'high', { reportingState: 'misconfigured' })
  await world.tell()
  t.strictSame(receiver.received.map(({ body }) => (JSON.parse(body) as Payload).type), ['device.state.changed'])
})

t.test('while a secret is replaced both sign, and each verifies', async (t) => {
  const { world, admin, receiver, base } = await worldOf(t)
  const { id, secret } = await makeWebhook(world, admin, receiver)
  const rotated = (await world.call(admin, 'POST', `${base}/${id}/rotate-secret`)).json<{ secret: string, previousUntil: string }>()
  t.not(rotated.secret, secret)
  t.ok(Date.parse(rotated.previousUntil) > Date.now() + 23 * 3_600_000)
  await world.change(await world.addPhone(), 'high', 'secured')
  await world.tell()
  for (const one of [secret, rotated.secret]) t.match(verifyBy(one, receiver.received[0]!), { type: 'device.level.changed' })
  await world.call(admin, 'POST', `${base}/${id}/rotate-secret`)
  await world.change(await world.addPhone(), 'high', 'secured')
  await world.tell()
  t.throws(() => verifyBy(secret, receiver.received[1]!), 'the one before the last is out')
  t.match(verifyBy(rotated.secret, receiver.received[1]!), { type: 'device.level.changed' })
})

t.test('whatever goes wrong, a message comes again with its id, and of a phone in order', async (t) => {
  const troubles: ReadonlyArray<readonly [string, ReturnType<TestReceiver['answer']>]> = [
    ['500', { status: 500, body: 'oops' }], ['429', { status: 429, headers: { 'retry-after': '1' } }], ['a redirect', { status: 307, headers: { location: 'http://10.0.0.1/' } }],
    ['no answer', 'hang'], ['a reset', 'reset'], ['404', { status: 404 }]
  ]
  for (const [name, trouble] of troubles) {
    const { world, admin, receiver, base } = await worldOf(t)
    const { id } = await makeWebhook(world, admin, receiver)
    const phone = await world.addPhone()
    receiver.answer = () => trouble
    await world.change(phone, 'low', 'secured')
    await world.change(phone, 'medium', 'low')
    await world.change(phone, 'high', 'medium')
    await world.tell()
    t.strictSame(levelsOf(receiver), ['low'], `${name}: what follows waits`)
    const view = (await world.call(admin, 'GET', `${base}/${id}`)).json<Record<string, unknown>>()
    t.match(view, { status: 'enabled', failures: 1, waiting: 3, delivered: 0, lastError: /./ }, name)
    t.notMatch(view.lastError, /undefined|\[object/, name)
    receiver.answer = () => ({ status: 200 })
    await world.hurry()
    await world.tell()
    t.strictSame(levelsOf(receiver), ['low', 'low', 'medium', 'high'], `${name}: in order`)
    const [first, again, ...others] = idsOf(receiver)
    t.equal(first, again, `${name}: the same id`)
    t.equal(new Set([again, ...others]).size, 3, `${name}: each once`)
    t.match((await world.call(admin, 'GET', `${base}/${id}`)).json(), { failures: 0, failingSince: null, waiting: 0, delivered: 3 }, name)
  }
})

t.test('Retry-After is heeded', async (t) => {
  const { world, admin, receiver, base } = await worldOf(t)
  const { id } = await makeWebhook(world, admin, receiver)
  receiver.answer = () => ({ status: 503, headers: { 'retry-after': '600' } })
  await world.change(await world.addPhone(), 'high', 'secured')
  await world.tell()
  const { retryAt } = (await world.call(admin, 'GET', `${base}/${id}`)).json<{ retryAt: string }>()
  t.ok(Date.parse(retryAt) > Date.now() + 590_000)
  await world.tell()
  t.equal(receiver.received.length, 1)
})

t.test('a message that cannot be told is set aside for an operator, who sends it again', async (t) => {
  const { world, admin, receiver, base } = await worldOf(t)
  const { id } = await makeWebhook(world, admin, receiver)
  const [poor, fine] = [await world.addPhone(), await world.addPhone()]
  receiver.answer = ({ body }) => ({ status: body.includes(poor.deviceId) ? 400 : 200, body: 'that one, no' })
  await world.change(poor, 'high', 'secured')
  await world.change(fine, 'high', 'secured')
  await world.tell()
  t.match((await world.call(admin, 'GET', `${base}/${id}`)).json(), { delivered: 1, waiting: 1, failures: 0 }, 'others are told')
  for (let attempt = 2; attempt <= 10; attempt++) {
    await world.hurry()
    await world.tell()
  }
  t.equal(receiver.received.filter(({ body }) => body.includes(poor.deviceId)).length, 10, 'ten attempts, as the specification\'s schedule has')
  const letters = (await world.call(admin, 'GET', `${base}/${id}/dead-letters`)).json<{ items: Array<Record<string, unknown>> }>()
  t.match(letters.items, [{ type: 'device.level.changed', deviceId: poor.deviceId, attempts: 10, error: 'it answered 400 (that one, no)' }])
  t.equal(letters.items.length, 1)
  receiver.answer = () => ({ status: 200 })
  t.strictSame((await world.call(admin, 'POST', `${base}/${id}/dead-letters/resend`, { ids: [letters.items[0]!.id] })).json(), { resent: 1 })
  await world.tell()
  t.equal(idsOf(receiver).at(-1), `msg_${String(letters.items[0]!.id)}`)
  t.strictSame((await world.call(admin, 'GET', `${base}/${id}/dead-letters`)).json(), { items: [], nextCursor: null })
  t.match(await world.db.selectFrom('audit_event').select(['action', 'detail']).orderBy('id', 'desc').limit(1).execute(), [{ action: 'signal-destination.dead-letters-resent', detail: { resent: 1 } }])
})

t.test('a receiver that is gone, or fails for days, is disabled, and nothing is lost', async (t) => {
  const { world, admin, receiver, base } = await worldOf(t)
  const { id } = await makeWebhook(world, admin, receiver)
  receiver.answer = () => ({ status: 410 })
  await world.change(await world.addPhone(), 'high', 'secured')
  await world.change(await world.addPhone(), 'high', 'secured')
  await world.tell()
  t.match((await world.call(admin, 'GET', `${base}/${id}`)).json(), { status: 'disabled', statusReason: /410/, waiting: 0, dead: 2 })
  await world.tell()
  isProblem(t, await world.call(admin, 'POST', `${base}/${id}/dead-letters/resend`, {}), { status: 409, code: 'conflict' })

  receiver.answer = () => ({ status: 500 })
  t.match((await world.call(admin, 'PATCH', `${base}/${id}`, { status: 'enabled' })).json(), { status: 'enabled', statusReason: null })
  await world.call(admin, 'POST', `${base}/${id}/dead-letters/resend`, {})
  await world.tell()
  t.match((await world.call(admin, 'GET', `${base}/${id}`)).json(), { status: 'enabled', failures: 1 })
  await world.db.updateTable('signal_destination').set({ failing_since: new Date(Date.now() - 5.1 * 86_400_000) }).execute()
  await world.hurry()
  await world.tell()
  t.match((await world.call(admin, 'GET', `${base}/${id}`)).json(), { status: 'disabled', statusReason: /^it has failed since /, dead: 2 })
})

t.test('a receiver that hangs delays nobody else', async (t) => {
  const { world, admin, receiver } = await worldOf(t)
  const dead = await Promise.all(Array.from({ length: 12 }, async () => await startReceiver(t)))
  for (const one of dead) {
    one.answer = () => 'hang'
    await makeWebhook(world, admin, one)
  }
  await makeWebhook(world, admin, receiver)
  const phone = await world.addPhone()
  await world.change(phone, 'high', 'secured')
  await world.tell()
  t.equal(receiver.received.length, 1)
  // Now they are known to fail: they have half of the places at most.
  await world.hurry()
  await world.change(phone, 'low', 'high')
  const started = performance.now()
  await world.runner.wake()
  while (receiver.received.length < 2 && performance.now() - started < 5_000) await new Promise((resolve) => setTimeout(resolve, 5))
  t.ok(receiver.received.length === 2 && dead.some(({ received }) => received.length < 2 || received.length === 2), 'told while others hang')
  await world.runner.idle()
})

t.test('a process that dies between telling and noting it leaves it to be told again, with the same id', async (t) => {
  const { world, admin, receiver } = await worldOf(t)
  await makeWebhook(world, admin, receiver)
  await world.change(await world.addPhone(), 'high', 'secured')
  receiver.answer = () => 'hang'
  const dying = world.openRunner()
  await dying.wake()
  while (receiver.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await dying.close()
  receiver.answer = () => ({ status: 200 })
  await world.tell()
  const ids = idsOf(receiver)
  t.equal(ids.length, 2)
  t.equal(ids[0], ids[1])
  t.match(await world.db.selectFrom('signal').selectAll().execute(), { length: 0 })
})

t.test('several processes share the work, and each message is told once', async (t) => {
  const { world, admin, receiver } = await worldOf(t)
  const receivers = [receiver, ...await Promise.all(Array.from({ length: 5 }, async () => await startReceiver(t)))]
  for (const one of receivers) await makeWebhook(world, admin, one)
  const phones = await Promise.all(Array.from({ length: 20 }, async () => await world.addPhone()))
  for (const phone of phones) await world.change(phone, 'high', 'secured')
  for (const phone of phones) await world.change(phone, 'low', 'high')
  const runners = [world.runner, world.openRunner(), world.openRunner()]
  for (let n = 0; n < 3; n++) {
    await Promise.all(runners.map(async (one) => await one.wake()))
    await Promise.all(runners.map(async (one) => await one.idle()))
  }
  for (const one of receivers) {
    t.equal(one.received.length, 40)
    t.equal(new Set(idsOf(one)).size, 40)
    for (const phone of phones) t.strictSame(one.received.filter(({ body }) => body.includes(phone.deviceId)).map(({ body }) => (JSON.parse(body) as Payload).data.level), ['high', 'low'])
  }
})

t.test('a backlog waits in the feed, not in the table, and all of it is told', async (t) => {
  const { world, admin, receiver } = await worldOf(t)
  const { fanOut, MAX_WAITING } = await import('../../src/signals/fan-out.js')
  const { id } = await makeWebhook(world, admin, receiver)
  const phones = await Promise.all(Array.from({ length: 10 }, async () => await world.addPhone()))
  const { insertStateChanges } = await import('../../src/devices/state-change-repository.js')
  for (let round = 0; round < 120; round++) {
    const [level, previousLevel] = round % 2 === 0 ? ['high', 'low'] as const : ['low', 'high'] as const
    await world.db.transaction().execute(async (tx) => await insertStateChanges(tx, phones.map(({ deviceId }) => ({
      deviceId, version: round, level, previousLevel, reportingState: 'activated', previousReportingState: 'activated', health: 'highSeverity', previousHealth: null, score: null, reasons: []
    })), new Date()))
  }
  const { sequenceStateChanges } = await import('../../src/devices/state-change-repository.js')
  await sequenceStateChanges(world.db)
  const deps = { db: world.db, authorityHost: 'https://login.microsoftonline.com', version: '1' }
  while ((await fanOut(deps, { tenantId: world.tenantId, id })).changes > 0);
  const { n } = await world.db.selectFrom('signal').select(({ fn }) => fn.countAll<number>().as('n')).executeTakeFirstOrThrow()
  t.equal(n, MAX_WAITING)
  for (let tries = 0; receiver.received.length < 1_200 && tries < 30; tries++) await world.tell()
  t.equal(new Set(idsOf(receiver)).size, 1_200)
  const positions = receiver.received.map(({ body }) => (JSON.parse(body) as Payload).data)
  for (const { deviceId } of phones) {
    const own = positions.filter((one) => one.deviceId === deviceId).map(({ position }) => Number(position))
    t.strictSame(own, [...own].sort((a, b) => a - b))
  }
})

t.test('changes that the feed no longer has are counted', async (t) => {
  const { world, admin, receiver, base } = await worldOf(t)
  const { id } = await makeWebhook(world, admin, receiver)
  const phone = await world.addPhone()
  await world.call(admin, 'PATCH', `${base}/${id}`, { status: 'paused' })
  for (const level of ['low', 'medium', 'high'] as const) await world.change(phone, level, 'secured', { at: new Date('2026-01-01T00:00:00Z') })
  const { sequenceStateChanges, expireStateChanges } = await import('../../src/devices/state-change-repository.js')
  await sequenceStateChanges(world.db)
  await expireStateChanges(world.db, { retentionDays: 30 })
  await world.change(phone, 'secured', 'high')
  await world.call(admin, 'PATCH', `${base}/${id}`, { status: 'enabled' })
  await world.tell()
  t.strictSame(levelsOf(receiver), ['secured'])
  t.match((await world.call(admin, 'GET', `${base}/${id}`)).json(), { missed: 3, delivered: 1 })
})

t.test('an erased phone is forgotten, and that it was erased is told', async (t) => {
  const { world, admin, receiver } = await worldOf(t)
  await makeWebhook(world, admin, receiver)
  const { deviceId, entraDeviceId } = await world.enroll()
  await world.change({ deviceId, entraDeviceId, tenantId: world.tenantId }, 'high', 'secured')
  receiver.answer = () => ({ status: 500 })
  await world.tell()
  t.equal((await world.call(admin, 'DELETE', `/v1/tenants/${world.tenantId}/devices/${deviceId}`)).statusCode, 200)
  receiver.answer = () => ({ status: 200 })
  await world.hurry()
  await world.tell()
  const told = receiver.received.slice(1).map(({ body }) => JSON.parse(body) as Payload)
  t.strictSame(told.map(({ type, data }) => [type, data.deviceId, Object.keys(data).sort()]), [['device.erased', deviceId, ['deviceId', 'entraDeviceId', 'position', 'tenantId']]])
})

t.test('a tenant\'s destinations are its own, and for administrators', async (t) => {
  const { world, admin, receiver, base } = await worldOf(t)
  const { id, secret: _, ...made } = await makeWebhook(world, admin, receiver)
  t.strictSame((await world.call(admin, 'GET', base)).json(), { items: [{ id, ...made }], nextCursor: null })
  for (const role of ['viewer', 'analyst', 'ssf-receiver'] as const) isProblem(t, await world.call(await world.keyFor(role), 'GET', base), { status: 403, code: 'forbidden' }, role)
  const elsewhere = await seedTenant(world.db)
  const theirs = await world.keyFor('admin', elsewhere)
  isProblem(t, await world.call(theirs, 'GET', `${base}/${id}`), { status: 404, code: 'not-found' })
  for (const [method, path] of [['GET', ''], ['DELETE', ''], ['PATCH', ''], ['POST', '/test'], ['POST', '/rotate-secret'], ['GET', '/dead-letters'], ['POST', '/dead-letters/resend']] as const) {
    isProblem(t, await world.call(theirs, method, `/v1/tenants/${elsewhere}/signal-destinations/${id}${path}`, method === 'PATCH' || path.endsWith('resend') ? {} : undefined), { status: 404, code: 'not-found' }, `${method} ${path}`)
  }
  await world.change(await world.addPhone(elsewhere), 'high', 'secured')
  await world.tell()
  t.equal(receiver.received.length, 0, 'another tenant\'s phones are none of its business')
})

t.test('faulty destinations are refused with every fault', async (t) => {
  const { world, admin, receiver, base } = await worldOf(t)
  const make = async (body: object) => await world.call(admin, 'POST', base, body)
  isProblem(t, await make({ kind: 'webhook', name: 'x', url: 'http://hook.example/', eventTypes: ['nonsense', 'device.erased'], caCertificate: 'x', format: 'array' }), {
    status: 400, code: 'validation', paths: ['/url', '/eventTypes/0', '/caCertificate', '/format']
  })
  for (const url of ['https://a:b@hook.example/', 'https://192.168.0.1/', 'https://[fd00::1]/', 'tls://hook.example/', 'https://metadata/\u0000']) {
    isProblem(t, await make({ kind: 'webhook', name: 'x', url }), { status: 400, code: 'validation', paths: ['/url'] }, url)
  }
  isProblem(t, await make({ kind: 'ocsf-syslog', name: 'x', url: 'https://siem.example', authorization: 'Bearer x', caCertificate: 'no' }), { status: 400, code: 'validation', paths: ['/authorization', '/caCertificate', '/url'] })
  isProblem(t, await make({ kind: 'ssf', name: 'x', url: 'https://x.example' }), { status: 400, code: 'validation', paths: ['/kind'] })
  isProblem(t, await make({ kind: 'webhook', name: 'x', url: 'https://x.example', secret: 'mine' }), { status: 400, code: 'validation' }, 'unknown properties')
  const { id } = await makeWebhook(world, admin, receiver)
  isProblem(t, await world.call(admin, 'PATCH', `${base}/${id}`, { notCompliantFrom: 'low' }), { status: 400, code: 'validation', paths: ['/notCompliantFrom'] })
})

t.test('a test message comes through, and each step is in the audit', async (t) => {
  const { world, admin, receiver, base } = await worldOf(t)
  const { id, secret } = await makeWebhook(world, admin, receiver)
  t.equal((await world.call(admin, 'POST', `${base}/${id}/test`)).statusCode, 202)
  await world.tell()
  t.match(verifyBy(secret, receiver.received[0]!), { type: 'webhook.test', data: { tenantId: world.tenantId } })
  await world.call(admin, 'PATCH', `${base}/${id}`, { name: 'Renamed' })
  await world.call(admin, 'POST', `${base}/${id}/rotate-secret`)
  t.equal((await world.call(admin, 'DELETE', `${base}/${id}`)).statusCode, 204)
  const audit = await world.db.selectFrom('audit_event').select(['action', 'detail']).where('action', 'like', 'signal-destination.%').orderBy('id').execute()
  t.strictSame(audit.map(({ action }) => action.split('.')[1]), ['created', 'tested', 'changed', 'secret-rotated', 'deleted'])
  t.notMatch(JSON.stringify(audit), /whsec_/)
})
