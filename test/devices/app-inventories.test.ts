import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createAppInventories, type AppInventories } from '../../src/devices/app-inventories.js'
import type { Database } from '../../src/platform/database.js'
import { digestApps } from '../../src/telemetry/app-digest.js'
import type { AppInventory } from '../../src/telemetry/device-state.js'
import type { App } from '../../src/telemetry/report.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedDevice, seedTenant } from '../helpers/devices.js'

const inventoryOf = (apps: readonly App[]): AppInventory => ({ digest: digestApps(apps), items: Object.fromEntries(apps.map((app) => [app.appId, app])) })

async function setUp (t: Test) {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const open = (): AppInventories => createAppInventories({ db })
  const store = async (apps: AppInventories, deviceId: string, list: readonly App[]): Promise<void> =>
    await db.transaction().execute(async (tx) => await apps.write(tx, [{ deviceId, tenantId, apps: inventoryOf(list) }]))
  const load = async (apps: AppInventories, deviceId: string, list: readonly App[]): Promise<AppInventory | undefined> =>
    await db.transaction().execute(async (tx) => (await apps.read(tx, [{ deviceId, digest: digestApps(list) }])).get(deviceId))
  return { db, tenantId, open, store, load, device: async () => (await seedDevice(db, tenantId)).deviceId }
}

const countBuilds = async (db: Database): Promise<number> => (await db.selectFrom('app_build').selectAll().execute()).length

t.test('what two phones have alike is stored once, and held once', async (t) => {
  const { db, open, store, load, device } = await setUp(t)
  const apps = open()
  const [one, two] = [await device(), await device()]
  const common = { appId: 'common', version: '1', sha256: 'aa' }
  await store(apps, one, [common, { appId: 'a' }])
  await store(apps, two, [{ ...common, firstInstalledAt: '2026-01-01T00:00:00Z', updatedAt: '2026-02-01T00:00:00Z' }, { appId: 'b' }])
  t.equal(await countBuilds(db), 3)
  const again = open()
  const first = await load(again, one, [common, { appId: 'a' }])
  const mine = await load(again, one, [common, { appId: 'a' }])
  t.equal(mine, first, 'a list that was read is not read again')
})

t.test('every list comes back as it was, with the same digest, also in another process', async (t) => {
  const { open, store, load, device } = await setUp(t)
  const writer = open()
  const app = fc.record({
    appId: fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', '7', 'ü'),
    version: fc.option(fc.constantFrom('1', '2'), { nil: undefined }),
    installer: fc.option(fc.constant(null), { nil: undefined }),
    permissions: fc.option(fc.array(fc.constantFrom('x', 'y')), { nil: undefined }),
    firstInstalledAt: fc.option(fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000+01:00'), { nil: undefined }),
    updatedAt: fc.option(fc.constant('2026-03-01T00:00:00Z'), { nil: undefined })
  }).map((members) => JSON.parse(JSON.stringify(members)) as App)
  const list = fc.uniqueArray(app, { selector: ({ appId }) => appId })
  const deviceId = await device()
  await fc.assert(fc.asyncProperty(list, async (apps) => {
    await store(writer, deviceId, apps)
    for (const reader of [writer, open()]) {
      const loaded = await load(reader, deviceId, apps)
      t.equal(digestApps(Object.values(loaded!.items)), digestApps(apps))
      t.strictSame(Object.keys(loaded!.items).sort(), apps.map(({ appId }) => appId).sort())
    }
  }), { numRuns: 60 })
})

t.test('several processes may store the same builds at once', async (t) => {
  const { db, open, store, load, device } = await setUp(t)
  const apps = Array.from({ length: 100 }, (_, index) => ({ appId: `app${index}`, version: '1' }))
  const devices = [await device(), await device(), await device(), await device()]
  await Promise.all(devices.map(async (deviceId, index) => await store(open(), deviceId, index % 2 === 0 ? apps : apps.toReversed())))
  t.equal(await countBuilds(db), 100)
  for (const deviceId of devices) t.equal(Object.keys((await load(open(), deviceId, apps))!.items).length, 100)
})

t.test('a transaction that fails leaves nothing that could be mistaken for the phone\'s list', async (t) => {
  const { db, tenantId, open, store, load, device } = await setUp(t)
  const apps = open()
  const deviceId = await device()
  await store(apps, deviceId, [{ appId: 'old' }])
  await t.rejects(db.transaction().execute(async (tx) => {
    await apps.write(tx, [{ deviceId, tenantId, apps: inventoryOf([{ appId: 'new' }]) }])
    throw new Error('undone')
  }), /undone/)
  t.strictSame(Object.keys((await load(apps, deviceId, [{ appId: 'old' }]))!.items), ['old'])
  t.strictSame(Object.keys((await load(open(), deviceId, [{ appId: 'old' }]))!.items), ['old'])
})
