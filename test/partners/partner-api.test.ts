import { randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createAppInventories } from '../../src/devices/app-inventories.js'
import { eraseDevice } from '../../src/devices/erase-device.js'
import { revokeDevice } from '../../src/devices/revoke-device.js'
import { scoreGroup } from '../../src/devices/score-devices.js'
import { expireStateChanges, sequenceStateChanges } from '../../src/devices/state-change-repository.js'
import { EntraKeysUnavailableError } from '../../src/errors.js'
import { createEntraKeys } from '../../src/identity/entra-keys.js'
import { createTenantLookup } from '../../src/identity/tenant-lookup.js'
import type { PartnerCaller } from '../../src/partners/caller.js'
import { createChangeWaiter, type ChangeWaiter } from '../../src/partners/change-waiter.js'
import { verifyCaller } from '../../src/partners/verify-caller.js'
import { openDatabase } from '../../src/platform/database.js'
import { createJournal } from '../../src/telemetry/journal.js'
import { isProblem, startTestApi, type TestApi, type TestApiOptions } from '../helpers/api.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant, type SeededDevice } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { AUDIENCE, AUTHORITY, claimsOf, FakeEntra, makeSigningKey, signed } from '../identity/fake-entra.js'

const DEVICES = '/v1/partner/devices'
const ROOTED = { integrity: { rooted: true, rootBinaries: ['/system/xbin/su'] } }
const CLEAN = { integrity: { rooted: false, rootBinaries: [] } }

interface World extends TestApi {
  readonly waiter: ChangeWaiter
  /** A token of the test's own tenant. */
  readonly token: string
  report (device: SeededDevice, sequence: number, sections: Parameters<typeof makeReport>[1]): Promise<void>
  get (url: string, token?: string, headers?: Readonly<Record<string, string>>): Promise<Awaited<ReturnType<TestApi['call']>>>
  tokenOf (tenantId: string): Promise<string>
}

/** The API with an Entra of the test's own: everything between the token and the database is real. */
async function setUp (t: Test, options: Partial<TestApiOptions> = {}): Promise<World> {
  const entra = new FakeEntra()
  const key = await makeSigningKey()
  entra.publish(key)
  const late: { api?: TestApi, waiter?: ChangeWaiter } = {}
  const keys = createEntraKeys({ authorityHost: AUTHORITY, agent: entra.agent, log: silentLog })
  let lookup: ReturnType<typeof createTenantLookup> | undefined
  const api = await startTestApi(t, {
    verifyCaller: async (token) => await verifyCaller({
      keys, audiences: [AUDIENCE], allowedClients: [], log: silentLog,
      findTenantId: async (tid) => await (lookup ??= createTenantLookup({ db: late.api!.db }))(tid)
    }, token),
    changeWaiter: { wait: async (input) => await late.waiter!.wait(input) },
    ...options
  })
  late.api = api
  const pool = openDatabase({ connectionString: api.databaseUrl, maxConnections: 2 })
  const waiter = createChangeWaiter({ db: pool, log: silentLog, pollMs: 20 })
  late.waiter = waiter
  t.teardown(async () => {
    waiter.close()
    await pool.destroy()
  })
  const apps = createAppInventories({ db: api.db })
  const tokenOf = async (tenantId: string): Promise<string> => {
    const { entra_tenant_id: tid } = await api.db.selectFrom('tenant').select('entra_tenant_id').where('id', '=', tenantId).executeTakeFirstOrThrow()
    return await signed(claimsOf(tid), key)
  }
  const token = await tokenOf(api.tenantId)
  return {
    ...api,
    waiter,
    token,
    tokenOf,
    get: async (url, bearer = token, headers = {}) => await api.call(bearer, 'GET', url, undefined, headers),
    async report (device, sequence, sections) {
      const score = rememberingProducer<'score'>()
      const journal = createJournal({ db: api.db, score, log: silentLog, maxWaiting: 10 })
      await journal.append({ ...device, report: makeReport(sequence, sections) })
      await journal.close()
      await scoreGroup({ ...api, apps }, score.payloads[0]!.groupId!)
    }
  }
}

interface Item { readonly deviceId: string, readonly entraDeviceId: string, readonly version: number, readonly level: string | null, readonly state: string, readonly threatState: string | null, readonly previousLevel?: string | null, readonly reasons: Array<{ readonly subject: string | null }> }
interface Page { readonly kind: string, readonly items: readonly Item[], readonly nextCursor: string, readonly more: boolean }

const entraIdOf = async ({ db }: TestApi, { deviceId }: SeededDevice): Promise<string> =>
  (await db.selectFrom('device').select('entra_device_id').where('id', '=', deviceId).executeTakeFirstOrThrow()).entra_device_id

/** All that is to be had at once, from a cursor on. */
async function follow (world: World, changedSince?: string, limit = 500, token?: string): Promise<{ readonly items: Item[], readonly cursor: string, readonly kinds: string[] }> {
  const items: Item[] = []
  const kinds: string[] = []
  let cursor = changedSince
  for (;;) {
    const answer = await world.get(`${DEVICES}?limit=${limit}${cursor === undefined ? '' : `&changedSince=${cursor}`}`, token)
    if (answer.statusCode !== 200) throw new Error(answer.body)
    const page = answer.json<Page>()
    items.push(...page.items)
    kinds.push(page.kind)
    cursor = page.nextCursor
    if (!page.more) return { items, cursor, kinds }
  }
}

t.test('a relying party lists all devices of its tenant, then follows their changes', async (t) => {
  const world = await setUp(t)
  const { db, tenantId, report } = world
  const devices = [await seedDevice(db, tenantId), await seedDevice(db, tenantId), await seedDevice(db, tenantId)]
  const foreign = await seedDevice(db, await seedTenant(db))
  for (const device of devices) await report(device, 1, CLEAN)
  await report(foreign, 1, ROOTED)
  await seedDevice(db, tenantId)

  const all = await follow(world, undefined, 2)
  t.strictSame(all.items.map(({ deviceId }) => deviceId), devices.map(({ deviceId }) => deviceId).sort(), 'neither another tenant\'s nor one that was never judged')
  t.strictSame(all.kinds, ['devices', 'devices'])
  t.match(all.items[0], { level: 'secured', state: 'activated', threatState: 'secured', version: 1, reasons: [], levelSince: String, lastReportAt: String })

  t.match(await follow(world, all.cursor), { items: [], kinds: ['changes'] })
  await report(devices[1]!, 2, ROOTED)
  await report(devices[0]!, 2, ROOTED)
  await report(devices[1]!, 3, CLEAN)
  await report(foreign, 2, CLEAN)
  const changes = await follow(world, all.cursor, 2)
  t.match(changes.items.map(({ deviceId, version, previousLevel, level }) => [deviceId, version, previousLevel, level]), [
    [devices[1]!.deviceId, 2, 'secured', 'high'], [devices[0]!.deviceId, 2, 'secured', 'high'], [devices[1]!.deviceId, 3, 'high', 'secured']
  ])
  t.strictSame(changes.kinds, ['changes', 'changes'])
  t.match(changes.items[0], { entraDeviceId: await entraIdOf(world, devices[1]!), state: 'activated', previousState: 'activated', threatState: 'highSeverity', previousThreatState: 'secured', at: String })
  t.ok(changes.items[0]!.reasons.length > 0)
  t.match(await follow(world, changes.cursor), { items: [] })
})

t.test('what changes while devices are listed is not missed', async (t) => {
  const world = await setUp(t)
  const { db, tenantId, report } = world
  const devices = (await Promise.all(Array.from({ length: 6 }, async () => await seedDevice(db, tenantId)))).sort((a, b) => a.deviceId < b.deviceId ? -1 : 1)
  for (const device of devices.slice(0, 5)) await report(device, 1, CLEAN)
  const first = (await world.get(`${DEVICES}?limit=2`)).json<Page>()
  await report(devices[0]!, 2, ROOTED)
  await report(devices[4]!, 2, ROOTED)
  await report(devices[5]!, 1, CLEAN)
  await revokeDevice({ db, cutoffs: { advance: () => {} }, sync: world.sync, log: silentLog }, { ...devices[1]!, actor: 'a test' })
  const rest = await follow(world, first.nextCursor, 2)
  const changes = await follow(world, rest.cursor)
  const known = new Map<string, Item>()
  for (const item of [...first.items, ...rest.items, ...changes.items]) if ((known.get(item.deviceId)?.version ?? 0) <= item.version) known.set(item.deviceId, item)
  t.strictSame(devices.map(({ deviceId }) => [known.get(deviceId)?.level, known.get(deviceId)?.threatState]), [
    ['high', 'highSeverity'], ['secured', 'deactivated'], ['secured', 'secured'], ['secured', 'secured'], ['high', 'highSeverity'], ['secured', 'secured']
  ])
})

t.test('readers that follow while phones change see every version of each, in order', async (t) => {
  const world = await setUp(t)
  const { db, tenantId, report } = world
  const devices = await Promise.all(Array.from({ length: 5 }, async () => await seedDevice(db, tenantId)))
  const start = (await follow(world)).cursor
  const LAST = 8
  const writing = Promise.all(devices.map(async (device) => { for (let n = 1; n <= LAST; n++) await report(device, n, n % 2 === 1 ? CLEAN : ROOTED) }))
  const reading = [1, 3, 500].map(async (limit) => {
    const seen: Item[] = []
    let cursor = start
    while (seen.length < devices.length * LAST) {
      const page = (await world.get(`${DEVICES}?wait=30&limit=${limit}&changedSince=${cursor}`)).json<Page>()
      seen.push(...page.items)
      cursor = page.nextCursor
    }
    return seen
  })
  await writing
  for (const seen of await Promise.all(reading)) {
    for (const { deviceId } of devices) t.strictSame(seen.filter((item) => item.deviceId === deviceId).map(({ version }) => version), [1, 2, 3, 4, 5, 6, 7, 8])
  }
})

t.test('an answer without changes is held back until there is one', async (t) => {
  const world = await setUp(t)
  const device = await seedDevice(world.db, world.tenantId)
  const { cursor } = await follow(world)
  const waiting = world.get(`${DEVICES}?wait=30&changedSince=${cursor}`)
  while (world.waiter.waiting === 0) await new Promise(setImmediate)
  await world.report(device, 1, ROOTED)
  t.match((await waiting).json(), { kind: 'changes', items: [{ deviceId: device.deviceId, level: 'high' }], more: false })
  t.equal(world.waiter.waiting, 0)

  const preferred = world.get(`${DEVICES}?changedSince=${cursor}`, undefined, { prefer: 'respond-async, wait=20' })
  t.match(await preferred, { statusCode: 200, headers: { 'preference-applied': 'wait=20' } }, 'at once: there is something')
  const later = (await preferred).json<Page>().nextCursor
  t.match((await world.get(`${DEVICES}?wait=1&changedSince=${later}`)).json(), { items: [], nextCursor: later, more: false }, 'after its time')
  isProblem(t, await world.get(`${DEVICES}?wait=31`), { status: 400, code: 'validation', paths: ['/querystring/wait'] })
})

t.test('whoever waits is let go when we end, when it hangs up, and when too many of its requests wait', async (t) => {
  const world = await setUp(t)
  const { cursor } = await follow(world)
  await world.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = world.app.server.address() as AddressInfo
  const request = httpRequest({ port, path: `${DEVICES}?wait=30&changedSince=${cursor}`, headers: { authorization: `Bearer ${world.token}` } })
  request.on('error', () => {})
  request.end()
  while (world.waiter.waiting === 0) await new Promise(setImmediate)
  request.destroy()
  while (world.waiter.waiting > 0) await new Promise(setImmediate)

  const answered: number[] = []
  const many = Array.from({ length: 18 }, async () => {
    const answer = await world.get(`${DEVICES}?wait=30&changedSince=${cursor}`)
    answered.push(answer.statusCode)
    return answer
  })
  while (answered.length < 2) await new Promise(setImmediate)
  t.strictSame([answered, world.waiter.waiting], [[200, 200], 16], 'two too many are answered at once')
  world.waiter.close()
  for (const answer of await Promise.all(many)) t.match(answer.json(), { items: [], nextCursor: cursor })
})

t.test('a cursor older than what is kept is gone, with words how to start anew', async (t) => {
  const world = await setUp(t)
  const { db, tenantId, report } = world
  const device = await seedDevice(db, tenantId)
  const { cursor: old } = await follow(world)
  await report(device, 1, CLEAN)
  const { cursor: middle } = await follow(world, old)
  await report(device, 2, ROOTED)
  await sequenceStateChanges(db)
  await db.updateTable('state_change').set({ at: new Date(Date.now() - 8 * 24 * 3_600_000) }).where('position', '=', 1).execute()
  t.equal(await expireStateChanges(db, { retentionDays: 7 }), 1)
  const answer = await world.get(`${DEVICES}?changedSince=${old}&wait=30`)
  isProblem(t, answer, { status: 410, code: 'cursor-expired' })
  t.match(answer.json(), { detail: /without changedSince/ })
  t.match(await follow(world, middle), { items: [{ version: 2 }] }, 'who has read what was deleted goes on')
  t.match(await follow(world), { items: [{ version: 2, level: 'high' }], kinds: ['devices'] })
  await db.updateTable('state_feed').set({ position: 1 }).execute()
  isProblem(t, await world.get(`${DEVICES}?changedSince=${(await follow(world, middle)).cursor}`), { status: 410, code: 'cursor-expired' }, 'of a database that was set back')
})

t.test('a cursor that is none of ours, or of another tenant, is refused', async (t) => {
  const world = await setUp(t)
  const other = await seedTenant(world.db)
  const foreign = (await world.get(DEVICES, await world.tokenOf(other))).json<Page>().nextCursor
  const encoded = (key: unknown): string => Buffer.from(JSON.stringify(key)).toString('base64url')
  for (const cursor of [foreign, 'x', 'e30', encoded([]), encoded(['c', world.tenantId, '-1', randomUUID()]), encoded(['c', world.tenantId, '9999999999999999', randomUUID()]), encoded(['c', world.tenantId, 1, randomUUID()]), encoded(['x', world.tenantId, '1', randomUUID()])]) {
    isProblem(t, await world.get(`${DEVICES}?changedSince=${cursor}`), { status: 400, code: 'validation', paths: ['/querystring/changedSince'] }, cursor)
  }
})

t.test('one device by its Entra id: judged, waiting for its first report, erased, another tenant\'s', async (t) => {
  const world = await setUp(t)
  const { db, tenantId, report } = world
  const [judged, pending, foreign] = [await seedDevice(db, tenantId), await seedDevice(db, tenantId), await seedDevice(db, await seedTenant(db))]
  await report(judged, 1, ROOTED)
  const place = async (device: SeededDevice): Promise<string> => `${DEVICES}/${await entraIdOf(world, device)}/threat-state`
  const answer = await world.get(await place(judged))
  t.match(answer, { statusCode: 200, headers: { 'cache-control': 'no-store' } })
  t.match(answer.json(), { deviceId: judged.deviceId, version: 1, level: 'high', state: 'activated', threatState: 'highSeverity', score: Number, reasons: [{ severity: 'high', detection: String, subject: String }], assessedAt: String })
  t.equal((await world.get((await place(judged)).toUpperCase().replace(DEVICES.toUpperCase(), DEVICES).replace('THREAT-STATE', 'threat-state'))).statusCode, 200, 'in capitals')
  t.match((await world.get(await place(pending))).json(), { version: 0, level: null, state: 'pending', threatState: null, reasons: [] })
  isProblem(t, await world.get(await place(foreign)), { status: 404, code: 'not-found' })
  const erased = await place(judged)
  await eraseDevice({ db, cutoffs: { advance: () => {} }, sync: world.sync, log: silentLog }, { ...judged, actor: 'a test' })
  isProblem(t, await world.get(erased), { status: 404, code: 'not-found' })
  t.match((await follow(world, (await follow(world)).cursor)), { items: [] })
  isProblem(t, await world.get(`${DEVICES}/x/threat-state`), { status: 400, code: 'validation' })
})

t.test('the connector\'s health is that of the caller\'s tenant', async (t) => {
  const world = await setUp(t)
  await world.db.insertInto('intune_connector').values({ tenant_id: world.tenantId, state: 'provisioned', provisioned_at: new Date(), heartbeat_at: new Date() }).execute()
  t.match((await world.get('/v1/partner/state')).json(), { entraTenantId: String, connector: { state: 'provisioned', healthy: true, waiting: 0, lastHeartbeatAt: String } })
  t.match((await world.get('/v1/partner/state', await world.tokenOf(await seedTenant(world.db)))).json(), { connector: { state: 'not-provisioned', healthy: false } })
})

t.test('who may not in is told what a client library needs to know', async (t) => {
  const world = await setUp(t)
  const key = await makeSigningKey()
  const { entra_tenant_id: tid } = await world.db.selectFrom('tenant').select('entra_tenant_id').where('id', '=', world.tenantId).executeTakeFirstOrThrow()
  const none = await world.app.inject('/v1/partner/state')
  isProblem(t, none, { status: 401, code: 'unauthenticated' })
  t.equal(none.headers['www-authenticate'], 'Bearer')
  const forged = await world.get('/v1/partner/state', await signed(claimsOf(tid), key))
  isProblem(t, forged, { status: 401, code: 'invalid-token' })
  t.match(forged.headers['www-authenticate'], /^Bearer error="invalid_token", error_description="/)
  for (const token of [await world.keyFor('admin'), (await world.enroll()).accessToken]) isProblem(t, await world.get('/v1/partner/state', token), { status: 401, code: 'invalid-token' })
  isProblem(t, await world.call(world.token, 'GET', '/v1/tenants'), { status: 401, code: 'unauthenticated' })
})

t.test('without the role, without Entra, and without a set-up the answers differ', async (t) => {
  const key = await makeSigningKey()
  const entra = new FakeEntra()
  entra.publish(key)
  const keys = createEntraKeys({ authorityHost: AUTHORITY, agent: entra.agent, log: silentLog })
  const tid = randomUUID()
  const deps = { keys, audiences: [AUDIENCE], allowedClients: [], log: silentLog, findTenantId: async () => randomUUID() }
  const { call } = await startTestApi(t, { verifyCaller: async (token) => await verifyCaller(deps, token) })
  const withoutRole = await call(await signed({ ...claimsOf(tid), roles: [] }, key), 'GET', '/v1/partner/state')
  isProblem(t, withoutRole, { status: 403, code: 'forbidden' })
  t.equal(withoutRole.headers['www-authenticate'], 'Bearer error="insufficient_scope", scope="threat_state.read"')
  isProblem(t, await call(await signed({ ...claimsOf(tid), exp: 1 }, key), 'GET', '/v1/partner/state'), { status: 401, code: 'expired-token' })

  const away = await startTestApi(t, { verifyCaller: async () => { throw new EntraKeysUnavailableError() } })
  const answer = await away.call('x', 'GET', DEVICES)
  isProblem(t, answer, { status: 503, code: 'entra-keys-unavailable' })
  t.match(answer.headers['retry-after'], /^\d+$/)
  const bare = await startTestApi(t)
  isProblem(t, await bare.call('x', 'GET', DEVICES), { status: 404, code: 'partner-api-not-configured' })
})

t.test('a caller has a limit of its own, over all its tokens', async (t) => {
  const callers: Record<string, PartnerCaller> = {}
  const { call, tenantId } = await startTestApi(t, { rateLimits: { perPartner: 2 }, verifyCaller: async (token) => callers[token]! })
  const [one, other] = [0, 1].map(() => ({ tenantId, entraTenantId: randomUUID(), objectId: randomUUID(), clientId: randomUUID() }))
  Object.assign(callers, { a: one, b: one, c: other })
  t.equal((await call('a', 'GET', '/v1/partner/state')).statusCode, 200)
  t.equal((await call('b', 'GET', '/v1/partner/state')).statusCode, 200)
  isProblem(t, await call('a', 'GET', '/v1/partner/state'), { status: 429, code: 'too-many-requests' })
  t.equal((await call('c', 'GET', '/v1/partner/state')).statusCode, 200)
})

t.test('guessing tokens from one address comes to an end', async (t) => {
  const world = await setUp(t, { rateLimits: { failures: 3 } })
  for (let n = 0; n < 3; n++) t.equal((await world.get('/v1/partner/state', `guess${n}`)).statusCode, 401)
  isProblem(t, await world.get('/v1/partner/state', 'guess'), { status: 429, code: 'too-many-requests' })
})
