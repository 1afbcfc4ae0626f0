import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createAppInventories } from '../../src/devices/app-inventories.js'
import { eraseDevice } from '../../src/devices/erase-device.js'
import { revokeDevice } from '../../src/devices/revoke-device.js'
import { scoreGroup, type ScoreDeps } from '../../src/devices/score-devices.js'
import {
  expireStateChanges, insertStateChanges, listFeedPositions, listStateChanges, readFeedBounds, sequenceStateChanges, type NewStateChange, type StateChange
} from '../../src/devices/state-change-repository.js'
import { type Database, openDatabase, type Tx } from '../../src/platform/database.js'
import { createJournal } from '../../src/telemetry/journal.js'
import type { Report } from '../../src/telemetry/report.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant, type SeededDevice } from '../helpers/devices.js'
import { NO_INTEL } from '../helpers/intel.js'
import { silentLog } from '../helpers/log.js'

const ALL = 1_000_000

function changeOf (deviceId: string, version: number, more: Partial<NewStateChange> = {}): NewStateChange {
  return {
    deviceId, version, level: 'high', previousLevel: 'secured', reportingState: 'activated', previousReportingState: 'activated',
    health: 'highSeverity', previousHealth: 'secured', score: 90, reasons: [], ...more
  }
}

const feedOf = async (db: Database, tenantId: string): Promise<StateChange[]> => {
  await sequenceStateChanges(db)
  return await listStateChanges(db, { tenantId, after: 0, limit: ALL })
}

/** A transaction that is open until it is told to end. */
async function openTransaction (db: Database, work: (tx: Tx) => Promise<void>): Promise<{ commit (): Promise<void> }> {
  let end = (): void => {}
  const told = new Promise<void>((resolve) => { end = resolve })
  let committed: Promise<unknown> = Promise.resolve()
  await new Promise<void>((resolve, reject) => {
    committed = db.transaction().execute(async (tx) => {
      await work(tx)
      resolve()
      await told
    })
    committed.catch(reject)
  })
  return { async commit () { end(); await committed } }
}

t.test('a change that commits late comes after what was read, not before', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const [early, late] = [await seedDevice(db, tenantId), await seedDevice(db, tenantId)]
  const open = await openTransaction(db, async (tx) => await insertStateChanges(tx, [changeOf(late.deviceId, 1)], new Date()))
  await db.transaction().execute(async (tx) => await insertStateChanges(tx, [changeOf(early.deviceId, 1)], new Date()))
  t.match(await feedOf(db, tenantId), [{ deviceId: early.deviceId, position: 1 }], 'the open transaction holds nobody up')
  await open.commit()
  t.match(await feedOf(db, tenantId), [{ deviceId: early.deviceId, position: 1 }, { deviceId: late.deviceId, position: 2 }])
  t.equal(await sequenceStateChanges(db), 0)
})

t.test('with transactions committing in any order, every reader sees each change once, and a phone\'s in order', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const writers = openDatabase({ connectionString: url, maxConnections: 12 })
  const readers = openDatabase({ connectionString: url, maxConnections: 6 })
  t.teardown(async () => { await Promise.all([writers.destroy(), readers.destroy()]) })
  const tenants = [await seedTenant(db), await seedTenant(db)]
  const devices: SeededDevice[] = []
  for (let n = 0; n < 24; n++) devices.push(await seedDevice(db, tenants[n % 2]!))
  for (const { deviceId, tenantId } of devices) await db.insertInto('device_state').values({ device_id: deviceId, tenant_id: tenantId, sequence: 0, state: '{}' }).execute()
  const TRANSACTIONS = 400

  class TakenBack extends Error {}
  let committed = 0
  const write = async (): Promise<void> => {
    const ids = [...new Set(Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => devices[Math.floor(Math.random() * devices.length)]!.deviceId))].sort()
    await writers.transaction().execute(async (tx) => {
      const { rows } = await sql<{ device_id: string, desired_version: number }>`select device_id, desired_version from device_state where device_id = any(${ids}::uuid[]) order by device_id for update`.execute(tx)
      await sql`update device_state set desired_version = desired_version + 1 where device_id = any(${ids}::uuid[])`.execute(tx)
      await sql`select pg_sleep(${Math.random() * 0.004})`.execute(tx)
      await insertStateChanges(tx, rows.map((row) => changeOf(row.device_id, row.desired_version + 1)), new Date())
      // What makes the commits come in another order than the ids.
      await sql`select pg_sleep(${Math.random() ** 3 * 0.04})`.execute(tx)
      if (Math.random() < 0.1) throw new TakenBack()
      committed += ids.length
    }).catch((error: unknown) => { if (!(error instanceof TakenBack)) throw error })
  }
  let left = TRANSACTIONS
  const writing = Promise.all(Array.from({ length: 12 }, async () => { while (left-- > 0) await write() }))
  let over = false
  void writing.finally(() => { over = true })

  const read = async (tenantId: string): Promise<StateChange[]> => {
    const seen: StateChange[] = []
    for (;;) {
      const wasOver = over
      await sequenceStateChanges(readers)
      const page = await listStateChanges(readers, { tenantId, after: seen.at(-1)?.position ?? 0, limit: 1 + Math.floor(Math.random() * 20) })
      seen.push(...page)
      if (wasOver && page.length === 0) return seen
    }
  }
  const reading = [0, 1, 2, 3, 4, 5].map(async (n) => await read(tenants[n % 2]!))
  await writing
  const seen = await Promise.all(reading)

  const finalVersions = new Map((await db.selectFrom('device_state').select(['device_id', 'desired_version']).execute()).map((row) => [row.device_id, row.desired_version]))
  for (const [n, changes] of seen.entries()) {
    t.strictSame(changes.map(({ position }) => position), changes.map((_, index) => index + 1), 'no position is missing or doubled')
    const versions = new Map<string, number[]>()
    for (const { deviceId, version } of changes) versions.set(deviceId, [...versions.get(deviceId) ?? [], version])
    for (const { deviceId, tenantId } of devices) {
      if (tenantId !== tenants[n % 2]) continue
      t.strictSame(versions.get(deviceId) ?? [], Array.from({ length: finalVersions.get(deviceId)! }, (_, index) => index + 1), 'each version of the phone, in order')
    }
    t.strictSame(changes, seen[n % 2], 'all readers of a tenant see the same')
  }
  t.equal(seen[0]!.length + seen[1]!.length, committed)
  t.strictSame(new Map((await listFeedPositions(db)).map(({ tenantId, latest }) => [tenantId, latest])), new Map(tenants.map((tenantId, n) => [tenantId, seen[n]!.length])))
})

async function setUp (t: Test, more: Partial<ScoreDeps> = {}) {
  const { db } = await createTestDatabase(t)
  const deps: ScoreDeps = { db, intel: { current: () => NO_INTEL }, sync: rememberingProducer<'sync'>(), log: silentLog, apps: createAppInventories({ db }), ...more }
  const score = async (device: SeededDevice, report: Report): Promise<void> => {
    const jobs = rememberingProducer<'score'>()
    const journal = createJournal({ db, score: jobs, log: silentLog, maxWaiting: 10 })
    await journal.append({ ...device, report })
    await journal.close()
    await scoreGroup(deps, jobs.payloads[0]!.groupId!)
  }
  return { db, tenantId: await seedTenant(db), score }
}

const ROOTED = { integrity: { rooted: true, rootBinaries: ['/system/xbin/su'] } }
const CLEAN = { integrity: { rooted: false, rootBinaries: [] } }
const endDeps = (db: Database) => ({ db, cutoffs: { advance: () => {} }, sync: rememberingProducer<'sync'>(), log: silentLog })

t.test('a phone\'s judgements are in the feed when they change something, with what is behind them', async (t) => {
  const { db, tenantId, score } = await setUp(t)
  const device = await seedDevice(db, tenantId)
  await score(device, makeReport(1, CLEAN))
  await score(device, makeReport(2, CLEAN))
  await score(device, makeReport(3, ROOTED))
  const { entra_device_id: entraDeviceId } = await db.selectFrom('device').select('entra_device_id').where('id', '=', device.deviceId).executeTakeFirstOrThrow()
  const changes = await feedOf(db, tenantId)
  t.match(changes, [
    { ...device, entraDeviceId, position: 1, version: 1, level: 'secured', previousLevel: null, reportingState: 'activated', previousReportingState: 'pending', health: 'secured', previousHealth: null, reasons: [] },
    { position: 2, version: 2, level: 'high', previousLevel: 'secured', health: 'highSeverity', previousHealth: 'secured', score: Number }
  ])
  t.equal(changes.length, 2, 'the second report changed nothing')
  const behind = await db.selectFrom('level_change').select('findings').where('to_level', '=', 'high').executeTakeFirstOrThrow()
  const known = (behind.findings as Array<{ detection: string, severity: string, subject: string }>).map(({ detection, severity, subject }) => ({ detection, severity, subject }))
  t.ok(changes[1]!.reasons.length > 0 && changes[1]!.reasons.length <= 5)
  t.equal(changes[1]!.reasons[0]!.severity, 'high', 'the worst comes first')
  for (const reason of changes[1]!.reasons) t.ok(known.some((one) => JSON.stringify(one) === JSON.stringify(reason)), `${reason.detection} is behind the level`)
})

t.test('in privacy mode the feed does not tell which thing is behind a level', async (t) => {
  const { db, tenantId, score } = await setUp(t, { privacyMode: true })
  const device = await seedDevice(db, tenantId)
  await score(device, makeReport(1, ROOTED))
  const [change] = await feedOf(db, tenantId)
  t.ok(change!.reasons.length > 0)
  t.ok(change!.reasons.every(({ subject }) => subject === null))
})

t.test('a revoked phone is deactivated in the feed, once', async (t) => {
  const { db, tenantId, score } = await setUp(t)
  const device = await seedDevice(db, tenantId)
  await score(device, makeReport(1, CLEAN))
  for (let n = 0; n < 2; n++) await revokeDevice(endDeps(db), { tenantId, deviceId: device.deviceId, actor: 'a test' })
  t.match(await feedOf(db, tenantId), [
    { version: 1 },
    { version: 2, level: 'secured', reportingState: 'deactivated', previousReportingState: 'activated', health: 'deactivated', previousHealth: 'secured' }
  ])
  t.equal((await feedOf(db, tenantId)).length, 2)
})

t.test('of an erased phone the feed keeps no more than that it is deactivated', async (t) => {
  const { db, tenantId, score } = await setUp(t)
  const [device, other] = [await seedDevice(db, tenantId), await seedDevice(db, tenantId)]
  await score(device, makeReport(1, CLEAN))
  await score(other, makeReport(1, CLEAN))
  t.equal((await feedOf(db, tenantId)).length, 2)
  await score(device, makeReport(2, ROOTED))
  await eraseDevice(endDeps(db), { tenantId, deviceId: device.deviceId, actor: 'a test' })
  t.match(await feedOf(db, tenantId), [
    { deviceId: other.deviceId, position: 2 },
    { deviceId: device.deviceId, position: 3, version: 3, level: null, previousLevel: null, reportingState: 'deactivated', health: 'deactivated', score: null, reasons: [] }
  ])
  t.equal((await feedOf(db, tenantId)).length, 2)
  await db.deleteFrom('device').where('id', '=', device.deviceId).execute()
  t.equal((await feedOf(db, tenantId)).length, 2, 'also when the rest of it is gone')
})

t.test('what is older than is kept goes, and the feed says how far', async (t) => {
  const { db } = await createTestDatabase(t)
  const [tenantId, quiet] = [await seedTenant(db), await seedTenant(db)]
  const [device, quietDevice] = [await seedDevice(db, tenantId), await seedDevice(db, quiet)]
  const daysAgo = (days: number): Date => new Date(Date.now() - days * 24 * 60 * 60 * 1000)
  const add = async (deviceId: string, version: number, at: Date): Promise<void> => { await db.transaction().execute(async (tx) => await insertStateChanges(tx, [changeOf(deviceId, version)], at)) }
  for (const [index, days] of [9, 8, 6.9, 8, 0].entries()) await add(device.deviceId, index + 1, daysAgo(days))
  await add(quietDevice.deviceId, 1, daysAgo(30))
  await sequenceStateChanges(db)
  t.strictSame(await readFeedBounds(db, tenantId), { latest: 5, dropped: 0 })
  t.equal(await expireStateChanges(db, { retentionDays: 7 }), 3)
  t.strictSame((await feedOf(db, tenantId)).map(({ position }) => position), [3, 4, 5], 'nothing is taken out of the middle')
  t.strictSame(await readFeedBounds(db, tenantId), { latest: 5, dropped: 2 })
  t.strictSame(await readFeedBounds(db, quiet), { latest: 1, dropped: 1 }, 'nothing is left, and the positions go on')
  await add(quietDevice.deviceId, 2, daysAgo(0))
  t.match(await feedOf(db, quiet), [{ position: 2, version: 2 }])
  t.equal(await expireStateChanges(db, { retentionDays: 7 }), 0)
  t.strictSame(await readFeedBounds(db, await seedTenant(db)), { latest: 0, dropped: 0 }, 'a tenant without changes')
})
