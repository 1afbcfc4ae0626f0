import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { claimMessage, watchMessages, type Message } from '../../src/intune/outbox-repository.js'
import { createSyncScheduler } from '../../src/intune/sync-scheduler.js'
import { syncTenant, type SyncTenantDeps } from '../../src/intune/sync-tenant.js'
import { type Database, openDatabase } from '../../src/platform/database.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { until } from '../helpers/until.js'
import { recordingPartner, seedWaitingDevices, waitingIn, wantHealth, type RecordingPartner } from './helpers.js'

interface Setup { readonly db: Database, readonly url: string, readonly tenantId: string, readonly partner: RecordingPartner, readonly deps: SyncTenantDeps }

async function setUp (t: Test): Promise<Setup> {
  const { db, url } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  await db.insertInto('intune_connector').values({ tenant_id: tenantId, state: 'provisioned', provisioned_at: new Date() }).execute()
  const partner = recordingPartner()
  return { db, url, tenantId, partner, deps: { db, intune: { partner }, log: silentLog, publicUrl: 'https://mtd.example' } }
}

/** What a worker does before it dies: it has a message in hand, and may have handed it over. */
async function dieWithMessage ({ db, tenantId, partner }: Pick<Setup, 'db' | 'tenantId' | 'partner'>, isHandedOver: boolean): Promise<Message | undefined> {
  const message = await claimMessage(db, { tenantId, limit: 100, refused: false, watchMs: 60_000 })
  if (message === undefined) return undefined
  if (isHandedOver) {
    const records = message.rows.map(({ entraDeviceId, health, updatedAt }) => ({ entraDeviceId, health, updatedAt }))
    await partner.upload(randomUUID(), { messageId: message.id, records, at: new Date() })
  }
  await watchMessages(db, [message.id], -1)
  return message
}

t.test('a message that a dead worker handed over is confirmed by another, and not sent again', async (t) => {
  const setup = await setUp(t)
  const { db, tenantId, partner, deps } = setup
  await seedWaitingDevices(db, tenantId, 3)
  await dieWithMessage(setup, true)
  t.match(await syncTenant(deps, { tenantId }), { sent: 3, failed: 0 })
  t.equal(partner.messages.length, 1)
  t.equal(await waitingIn(db), 0)
  t.equal((await db.selectFrom('intune_message').selectAll().execute()).length, 0)
})

t.test('a message that never reached Intune is sent by another worker, with a later LastUpdateTime', async (t) => {
  const setup = await setUp(t)
  const { db, tenantId, partner, deps } = setup
  await seedWaitingDevices(db, tenantId, 2)
  const lost = await dieWithMessage(setup, false)
  t.match(await syncTenant(deps, { tenantId }), { sent: 2 })
  t.equal(partner.messages.length, 1)
  t.ok(partner.messages[0]!.every(({ updatedAt }) => updatedAt > lost!.rows[0]!.updatedAt))
  t.equal(await waitingIn(db), 0)
})

t.test('a message of a living worker is nobody else\'s', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  await seedWaitingDevices(db, tenantId, 1)
  partner.onStatus = () => ({ state: 'running' })
  const scheduler = createSyncScheduler({ ...deps, tuning: { watchMs: 200 } })
  t.teardown(async () => await scheduler.close())
  void scheduler.run(tenantId)
  await until(() => partner.messages.length === 1, 'it is in hand')
  const [first] = await db.selectFrom('intune_message').select('watched_until').execute()
  await until(async () => (await db.selectFrom('intune_message').select('watched_until').execute())[0]!.watched_until! > first!.watched_until!, 'and stays so')
  t.strictSame(await syncTenant(deps, { tenantId }), { sent: 0, failed: 0, stopped: false })
  partner.onStatus = () => ({ state: 'completed' })
  await until(async () => await waitingIn(db) === 0, 'Intune has it')
  t.equal(partner.messages.length, 1)
})

t.test('whoever stops in order leaves what Intune still works on to the others at once', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  await seedWaitingDevices(db, tenantId, 1)
  partner.onStatus = () => ({ state: 'running' })
  const scheduler = createSyncScheduler(deps)
  void scheduler.run(tenantId)
  await until(() => partner.messages.length === 1, 'it is in hand')
  await scheduler.close()
  partner.onStatus = () => ({ state: 'completed' })
  t.match(await syncTenant(deps, { tenantId }), { sent: 1 })
  t.equal(partner.messages.length, 1)
})

/**
 * A database whose clock can be moved: functions of the same names stand before PostgreSQL's own.
 * This is what a fail-over to a machine with another clock looks like.
 */
async function moveableClock (t: Test, url: string): Promise<{ readonly db: Database, move (seconds: number): Promise<void> }> {
  const db = openDatabase({ connectionString: `${url}?options=-c%20search_path%3Dfake,public,pg_catalog` })
  t.teardown(async () => await db.destroy())
  await sql`create schema fake`.execute(db)
  await sql`create table fake.clock (seconds float8 not null)`.execute(db)
  await sql`insert into fake.clock values (0)`.execute(db)
  for (const name of ['clock_timestamp', 'now']) {
    await sql.raw(`create function fake.${name}() returns timestamptz language sql stable as $$ select pg_catalog.${name}() + make_interval(secs => (select seconds from fake.clock)) $$`).execute(db)
  }
  return { db, move: async (seconds) => { await sql`update fake.clock set seconds = seconds + ${seconds}`.execute(db) } }
}

t.test('property: LastUpdateTime rises for a phone and the newest message says what is wanted, over workers, deaths, and clocks that are set back', async (t) => {
  const { url, tenantId, partner } = await setUp(t)
  const clock = await moveableClock(t, url)
  const deps: SyncTenantDeps = { db: clock.db, intune: { partner }, log: silentLog, publicUrl: 'https://mtd.example' }
  const devices = await seedWaitingDevices(clock.db, tenantId, 2)
  const healths = ['secured', 'lowSeverity', 'highSeverity', 'deactivated'] as const
  const step = fc.oneof(
    fc.record({ do: fc.constant('want' as const), device: fc.nat(1), health: fc.constantFrom(...healths) }),
    fc.record({ do: fc.constant('sync' as const), workers: fc.integer({ min: 1, max: 2 }) }),
    fc.record({ do: fc.constant('die' as const), handedOver: fc.boolean() }),
    fc.record({ do: fc.constant('clock' as const), seconds: fc.integer({ min: -7_200, max: 3_600 }) })
  )
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
    for (const one of steps) {
      if (one.do === 'want') await wantHealth(clock.db, tenantId, devices[one.device]!.deviceId, one.health)
      if (one.do === 'sync') await Promise.all(Array.from({ length: one.workers }, async () => await syncTenant(deps, { tenantId })))
      if (one.do === 'die') await dieWithMessage({ db: clock.db, tenantId, partner }, one.handedOver)
      if (one.do === 'clock') await clock.move(one.seconds)
    }
    // Clocks that went back do not keep it from being found that its worker died.
    await sql`update intune_message set watched_until = '-infinity'`.execute(clock.db)
    await syncTenant(deps, { tenantId })
    if (await waitingIn(clock.db) !== 0) throw new Error('something was left')
    for (const { deviceId, entraDeviceId } of devices) {
      const { desired_health: wanted } = await clock.db.selectFrom('device_state').select('desired_health').where('device_id', '=', deviceId).executeTakeFirstOrThrow()
      const told = partner.newest().get(entraDeviceId)?.health
      if (told !== wanted) throw new Error(`the newest message says ${told}, wanted is ${wanted}`)
      const times = partner.messages.flat().filter((record) => record.entraDeviceId === entraDeviceId).map(({ updatedAt }) => updatedAt.getTime())
      if (times.some((time, at) => at > 0 && time <= times[at - 1]!)) throw new Error(`not rising: ${times.join(' ')}`)
    }
  }), { numRuns: 15 })
})
