import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { BUILD_LEASE_MS, createAppInventories, type AppInventories } from '../../src/devices/app-inventories.js'
import { expireAppBuilds, UNUSED_HOURS } from '../../src/devices/expire-app-builds.js'
import { digestApps } from '../../src/telemetry/app-digest.js'
import type { AppInventory } from '../../src/telemetry/device-state.js'
import type { App } from '../../src/telemetry/report.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedDevice, seedTenant } from '../helpers/devices.js'

async function setUp (t: Test) {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const clock = { ms: Date.now() }
  return {
    db,
    clock,
    open: (): AppInventories => createAppInventories({ db, now: () => clock.ms }),
    device: async () => (await seedDevice(db, tenantId)).deviceId,
    async install (inventories: AppInventories, deviceId: string, apps: readonly App[]): Promise<void> {
      const list: AppInventory = { digest: digestApps(apps), items: Object.fromEntries(apps.map((app) => [app.appId, app])) }
      await db.transaction().execute(async (tx) => await inventories.write(tx, [{ deviceId, tenantId, apps: list }]))
    },
    async read (deviceId: string, apps: readonly App[]): Promise<string[]> {
      const list = await db.transaction().execute(async (tx) => await createAppInventories({ db }).read(tx, [{ deviceId, digest: digestApps(apps) }]))
      return Object.values(list.get(deviceId)!.items).map(({ appId, version }) => `${appId} ${version}`).sort()
    },
    builds: async () => (await db.selectFrom('app_build').select(['app_id', 'app', 'unused_since']).orderBy('id').execute())
      .map(({ app_id: appId, app, unused_since: since }) => `${appId} ${(app as App).version}${since === null ? '' : ' unused'}`).sort(),
    /** As if what is marked had been for so long. */
    age: async (hours: number) => await sql`update app_build set unused_since = unused_since - make_interval(hours => ${hours})`.execute(db)
  }
}

const a1 = { appId: 'a', version: '1' }
const a2 = { appId: 'a', version: '2' }
const b1 = { appId: 'b', version: '1' }

t.test('a build that no phone has goes after a day, not before; what a phone has stays', async (t) => {
  const { db, open, device, install, read, builds, age } = await setUp(t)
  const [one, two] = [await device(), await device()]
  const worker = open()
  await install(worker, one, [a1, b1])
  await install(worker, two, [a2])
  t.strictSame(await expireAppBuilds({ db }), { deleted: 0, unused: 0 })

  // Its number still stands in the base of the list, but the phone has it no more.
  await install(worker, one, [a2, b1])
  t.strictSame(await expireAppBuilds({ db }, { lookAt: 1 }), { deleted: 0, unused: 0 }, 'looked at in turn')
  // What many phones had a moment ago is not suspected until their lists have a new base.
  await db.deleteFrom('device_apps_change').execute()
  await sql`update device_apps set builds = array(select id from app_build where app in (${JSON.stringify(a2)}::jsonb, ${JSON.stringify(b1)}::jsonb)) where device_id = ${one}`.execute(db)
  t.strictSame(await expireAppBuilds({ db }), { deleted: 0, unused: 1 })
  t.strictSame(await builds(), ['a 1 unused', 'a 2', 'b 1'])
  await age(UNUSED_HOURS - 1)
  t.strictSame(await expireAppBuilds({ db }), { deleted: 0, unused: 0 })
  await age(2)
  t.strictSame(await expireAppBuilds({ db }), { deleted: 1, unused: 0 })
  t.strictSame(await builds(), ['a 2', 'b 1'])
  t.strictSame(await read(one, [a2, b1]), ['a 2', 'b 1'])
})

t.test('a worker that knows a build from before gives it to a phone: it stays, or is stored again', async (t) => {
  const { db, clock, open, device, install, read, builds, age } = await setUp(t)
  const [one, two, three] = [await device(), await device(), await device()]
  const worker = open()
  await install(worker, one, [a1])
  await db.deleteFrom('device_apps').execute()
  t.match(await expireAppBuilds({ db }), { unused: 1 })

  clock.ms += BUILD_LEASE_MS
  await install(worker, two, [a1])
  t.strictSame(await builds(), ['a 1'], 'the mark is gone before the list is stored')
  t.strictSame(await read(two, [a1]), ['a 1'])

  await db.deleteFrom('device_apps').execute()
  t.match(await expireAppBuilds({ db }), { unused: 1 })
  await age(UNUSED_HOURS + 1)
  t.match(await expireAppBuilds({ db }), { deleted: 1 })
  clock.ms += BUILD_LEASE_MS
  await install(worker, three, [a1, b1])
  t.strictSame(await read(three, [a1, b1]), ['a 1', 'b 1'], 'under another number')
  await install(worker, one, [a1])
  t.strictSame(await read(one, [a1]), ['a 1'], 'which the worker has learnt')
})

t.test('within its lease a worker does not ask, and a build that it used meanwhile is not removed', async (t) => {
  const { db, open, device, install, read, builds, age } = await setUp(t)
  const [one, two] = [await device(), await device()]
  const worker = open()
  await install(worker, one, [a1])
  await db.deleteFrom('device_apps').execute()
  t.match(await expireAppBuilds({ db }), { unused: 1 })
  await install(worker, two, [a1])
  t.strictSame(await builds(), ['a 1 unused'])
  await age(UNUSED_HOURS + 1)
  t.strictSame(await expireAppBuilds({ db }), { deleted: 0, unused: 0 })
  t.strictSame(await builds(), ['a 1'])
  t.strictSame(await read(two, [a1]), ['a 1'])
})
