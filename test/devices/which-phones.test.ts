import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { listBuildIds } from '../../src/devices/app-build-repository.js'
import { createAppInventories } from '../../src/devices/app-inventories.js'
import { listDevices } from '../../src/devices/list-devices.js'
import { hasBuild, isCommon, listDevicesWithBuilds, phonesWithBuild } from '../../src/devices/which-phones.js'
import type { Database } from '../../src/platform/database.js'
import { digestApps } from '../../src/telemetry/app-digest.js'
import type { App } from '../../src/telemetry/report.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedDevice, seedTenant } from '../helpers/devices.js'

async function setUp (t: Test) {
  const { db } = await createTestDatabase(t)
  const inventories = createAppInventories({ db, maxChanges: 2 })
  return {
    db,
    tenantId: await seedTenant(db),
    async install (device: { readonly deviceId: string, readonly tenantId: string }, apps: readonly App[]): Promise<void> {
      const list = { digest: digestApps(apps), items: Object.fromEntries(apps.map((app) => [app.appId, app])) }
      await db.transaction().execute(async (tx) => await inventories.write(tx, [{ ...device, apps: list }]))
    }
  }
}

const byIndex = async (db: Database, builds: number[], tenantId?: string): Promise<string[]> =>
  (await phonesWithBuild({ builds, tenantId }).execute(db)).rows.map(({ device_id: id }) => id)
const byLooking = async (db: Database, builds: number[]): Promise<string[]> =>
  (await sql<{ device_id: string }>`select device_id from device_apps p where ${hasBuild(builds, sql`p.device_id`)} order by 1`.execute(db)).rows.map(({ device_id: id }) => id)

t.test('whatever is installed, updated and removed: the index and a look at each phone say who has an app now', async (t) => {
  const { db, tenantId, install } = await setUp(t)
  const other = await seedTenant(db)
  const devices = await Promise.all([tenantId, tenantId, tenantId, other].map(async (tenant) => await seedDevice(db, tenant)))
  const app = fc.record({ appId: fc.constantFrom('a', 'b', 'c', 'd', 'e'), version: fc.constantFrom('1', '2', '3') })
  const list = fc.uniqueArray(app, { selector: ({ appId }) => appId })
  const present = new Map<string, App[]>()
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(devices.length - 1), list), { maxLength: 4 }), async (steps) => {
    for (const [at, apps] of steps) {
      await install(devices[at]!, apps)
      present.set(devices[at]!.deviceId, apps)
    }
    for (const wanted of [{ appId: 'a' }, { appId: 'b', version: '2' }, { appId: 'c', version: '3' }]) {
      const builds = await listBuildIds(db, wanted)
      const having = devices.filter(({ deviceId }) => present.get(deviceId)?.some(({ appId, version }) => appId === wanted.appId && (wanted.version ?? version) === version))
      const ids = having.map(({ deviceId }) => deviceId).sort()
      t.strictSame(await byIndex(db, builds), ids)
      t.strictSame(await byLooking(db, builds), ids)
      t.strictSame(await byIndex(db, builds, other), having.filter((one) => one.tenantId === other).map(({ deviceId }) => deviceId))
    }
  }), { numRuns: 60 })
  const changed = await db.selectFrom('device_apps_change').selectAll().execute()
  t.ok(changed.every(({ added, removed }) => added.length <= 2 && removed.length <= 2), 'a list that has changed much has a new base')
})

t.test('an update of an app does not rewrite the indexed list; many do', async (t) => {
  const { db, tenantId, install } = await setUp(t)
  const device = await seedDevice(db, tenantId)
  const placeOfBase = async (): Promise<string> => (await sql<{ ctid: string }>`select ctid::text from device_apps`.execute(db)).rows[0]!.ctid
  const apps = (version: string): App[] => [{ appId: 'a', version }, { appId: 'b', version: '1' }, { appId: 'c', version: '1' }]
  await install(device, apps('1'))
  const place = await placeOfBase()
  await install(device, apps('2'))
  t.equal(await placeOfBase(), place)
  t.match(await db.selectFrom('device_apps_change').selectAll().execute(), [{ added: [Number], removed: [Number] }])
  await install(device, apps('1'))
  t.strictSame(await db.selectFrom('device_apps_change').selectAll().execute(), [], 'nothing differs from the base any more')
  await install(device, [])
  t.not(await placeOfBase(), place)
})

t.test('phones are found by app, version, signer and OS, together with the other filters', async (t) => {
  const { db, tenantId, install } = await setUp(t)
  const [one, two, three] = [await seedDevice(db, tenantId), await seedDevice(db, tenantId), await seedDevice(db, tenantId, 'ios')]
  const sha256 = 'AB'.repeat(32)
  const sha1 = 'cd'.repeat(20)
  await install(one!, [{ appId: 'a', version: '1', signingCertSha256: [sha256] }, { appId: 'b', version: '1', signingCertSha1: [sha1] }])
  await install(two!, [{ appId: 'a', version: '2', signingCertSha256: [sha256, 'no fingerprint'] }])
  await install(three!, [{ appId: 'b', version: '1' }])
  await db.insertInto('device_state').values([
    { device_id: one!.deviceId, tenant_id: tenantId, sequence: 1, state: JSON.stringify({ os: { version: '15' } }), level: 'high' },
    { device_id: two!.deviceId, tenant_id: tenantId, sequence: -1, state: '{}' }
  ]).execute()
  await db.updateTable('device').set({ os_version: '14' }).where('id', 'in', [one!.deviceId, two!.deviceId]).execute()

  const ids = async (filter: object): Promise<string[]> => (await listDevices({ db }, { tenantId, ...filter })).items.map(({ deviceId }) => deviceId)
  const idsOf = (...devices: Array<{ deviceId: string } | undefined>): string[] => devices.map((device) => device!.deviceId).sort()
  t.strictSame(await ids({ app: 'a' }), idsOf(one, two))
  t.strictSame(await ids({ app: 'a', appVersion: '2' }), idsOf(two))
  t.strictSame(await ids({ app: 'none' }), [])
  t.strictSame(await ids({ signer: sha256.toLowerCase() }), idsOf(one, two))
  t.strictSame(await ids({ signer: sha256.replace(/..(?!$)/g, '$&:') }), idsOf(one, two), 'with colons')
  t.strictSame(await ids({ signer: sha1 }), idsOf(one))
  t.strictSame(await ids({ signer: sha1, app: 'a' }), [], 'the app itself must be signed so')
  t.strictSame(await ids({ app: 'b', platform: 'ios' }), idsOf(three))
  t.strictSame(await ids({ app: 'a', level: 'high' }), idsOf(one))
  t.strictSame(await ids({ osVersion: '15' }), idsOf(one))
  t.strictSame(await ids({ osVersion: '14' }), idsOf(two), 'what was reported is newer than what it enrolled with')
  t.strictSame(await ids({ osVersion: '15', app: 'b' }), idsOf(one))
  t.strictSame(await ids({ osVersion: '14', app: 'b' }), [])
  const strangers = await seedTenant(db)
  t.strictSame((await listDevices({ db }, { tenantId: strangers, app: 'a' })).items, [])
  t.strictSame((await listDevices({ db }, { tenantId: strangers, osVersion: '15' })).items, [])

  const fault = await listDevices({ db }, { tenantId, appVersion: '1', signer: 'xyz' }).catch((error: unknown) => error)
  t.match(fault, { code: 'validation', faults: [{ path: '/querystring/appVersion' }, { path: '/querystring/signer' }] })
})

/** Many phones at once, as rows; every `every`-th has the second build, all the first. */
async function seedMany (db: Database, tenantId: string, phones: number, every: number): Promise<string[]> {
  await sql`insert into app_build (hash, app_id, app) select sha256(a::bytea), a, jsonb_build_object('appId', a) from unnest(array['common', 'rare']) a on conflict do nothing`.execute(db)
  const [[common], [rare]] = [await listBuildIds(db, { appId: 'common' }), await listBuildIds(db, { appId: 'rare' })]
  const ids = Array.from({ length: phones }, () => randomUUID()).sort()
  await sql`insert into device (id, tenant_id, entra_device_id, platform, public_key) select i, ${tenantId}, gen_random_uuid(), 'android', '{}' from unnest(${ids}::uuid[]) i`.execute(db)
  await sql`insert into device_state (device_id, tenant_id, state) select i, ${tenantId}, '{}' from unnest(${ids}::uuid[]) i`.execute(db)
  await sql`
    insert into device_apps (device_id, tenant_number, builds)
    select i, t.number, case when n % ${every} = 0 then array[${common!}, ${rare!}]::integer[] else array[${common!}]::integer[] end
    from unnest(${ids}::uuid[]) with ordinality as list(i, n) join tenant t on t.id = ${tenantId}`.execute(db)
  return ids
}

t.test('pages of common and of rare apps are complete, in order, and the tenant\'s own', async (t) => {
  const { db, tenantId } = await setUp(t)
  const mine = await seedMany(db, tenantId, 700, 70)
  await seedMany(db, await seedTenant(db), 600, 2)
  const [builds, common] = [await listBuildIds(db, { appId: 'rare' }), await listBuildIds(db, { appId: 'common' })]
  t.notOk(await isCommon(db, { builds, tenantId }), 'what few have is looked up in the index')
  t.ok(await isCommon(db, { builds: common, tenantId }))

  async function all (filter: object, limit: number): Promise<string[]> {
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await listDevices({ db }, { tenantId, limit, cursor, ...filter })
      seen.push(...page.items.map(({ deviceId }) => deviceId))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    return seen
  }
  const rare = mine.filter((_, index) => (index + 1) % 70 === 0)
  t.strictSame(await all({ app: 'rare' }, 3), rare)
  t.strictSame(await all({ app: 'rare', platform: 'ios' }, 3), [])
  t.strictSame(await all({ app: 'common' }, 300), mine)

  const fleet: string[] = []
  for (let page = await listDevicesWithBuilds(db, { builds, limit: 40 }); page.length > 0; page = await listDevicesWithBuilds(db, { builds, limit: 40, after: page.at(-1)! })) fleet.push(...page)
  t.equal(fleet.length, 310, 'phones of all tenants')
  t.strictSame(fleet, [...fleet].sort())
  t.strictSame(await listDevicesWithBuilds(db, { builds: [], limit: 5 }), [])
  t.strictSame(await listDevicesWithBuilds(db, { builds, tenantId, limit: 500 }), rare)
})

t.test('a heartbeat writes to no index of the state; another version of the OS does', async (t) => {
  const { db, tenantId } = await setUp(t)
  const { deviceId } = await seedDevice(db, tenantId)
  await db.insertInto('device_state').values({ device_id: deviceId, tenant_id: tenantId, sequence: 1, state: '{"os":{"version":"1"},"network":{}}' }).execute()
  const updates = await db.connection().execute(async (one) => {
    const change = async (path: string, value: object): Promise<void> => {
      await sql`update device_state set state = jsonb_set(state, ${path}::text[], ${JSON.stringify(value)}::jsonb), sequence = sequence + 1`.execute(one)
    }
    for (let at = 0; at < 5; at++) await change('{network}', { type: 'wifi', at })
    await change('{os}', { version: '2' })
    // What this session counted, now and not within a second.
    await sql`select pg_stat_force_next_flush()`.execute(one)
    return (await sql<{ all: number, hot: number }>`select n_tup_upd as "all", n_tup_hot_upd as hot from pg_stat_user_tables where relname = 'device_state'`.execute(one)).rows
  })
  t.strictSame(updates, [{ all: 6, hot: 5 }], 'all but one are heap-only')
})
