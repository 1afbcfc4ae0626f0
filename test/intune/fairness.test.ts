import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createSyncScheduler, type SyncScheduler } from '../../src/intune/sync-scheduler.js'
import type { SyncTenantDeps, SyncTuning } from '../../src/intune/sync-deps.js'
import type { Database } from '../../src/platform/database.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { until } from '../helpers/until.js'
import { recordingPartner, seedBacklog, seedWaitingDevices, waitingIn, type RecordingPartner } from './helpers.js'

interface Setup { readonly db: Database, readonly partner: RecordingPartner, readonly deps: SyncTenantDeps, start (tuning?: Partial<SyncTuning>): SyncScheduler }

async function setUp (t: Test): Promise<Setup> {
  const { db } = await createTestDatabase(t)
  const partner = recordingPartner()
  const deps: SyncTenantDeps = { db, intune: { partner }, log: silentLog, publicUrl: 'https://mtd.example' }
  return {
    db,
    partner,
    deps,
    start (tuning = {}) {
      const scheduler = createSyncScheduler({ ...deps, tuning })
      t.teardown(async () => await scheduler.close())
      return scheduler
    }
  }
}

t.test('with more busy tenants than lanes, another tenant\'s single high goes out within a second', async (t) => {
  const { db, partner, start } = await setUp(t)
  const scheduler = start({ lanes: 4, messageDevices: 50 })
  const busy: string[] = []
  for (let count = 0; count < 12; count++) {
    const tenantId = await seedTenant(db)
    await seedBacklog(db, tenantId, 1_000)
    busy.push(tenantId)
  }
  const single = await seedTenant(db)
  const [device] = await seedWaitingDevices(db, single, 1, 'highSeverity')
  partner.onUpload = async () => { await wait(20) }

  const runs = Promise.all(busy.map(async (tenantId) => await scheduler.run(tenantId)))
  await until(() => partner.messages.length >= 20, 'the lanes are busy')
  const startedAt = performance.now()
  await scheduler.run(single)
  const tookMs = performance.now() - startedAt
  const left = await waitingIn(db)
  t.comment(`acknowledged after ${Math.round(tookMs)} ms, while ${left} of 12000 waited`)
  t.match(partner.newest().get(device!.entraDeviceId), { health: 'highSeverity' })
  t.ok(left > 2_000, 'the others were busy all the time')
  t.ok(tookMs < 1_000, `${tookMs} ms`)

  // And among the busy ones nobody is favoured.
  const counts = await db.selectFrom('intune_outbox').select(['tenant_id', ({ fn }) => fn.countAll<number>().as('count')]).groupBy('tenant_id').execute()
  const waiting = busy.map((tenantId) => Number(counts.find((row) => row.tenant_id === tenantId)?.count ?? 0))
  t.ok(Math.max(...waiting) - Math.min(...waiting) <= 400, `left by tenant: ${waiting.join(' ')}`)
  const results = await runs
  t.strictSame(results.map(({ sent }) => sent), busy.map(() => 1_000))
})

t.test('tenants whose calls hang do not keep the lanes', async (t) => {
  const { db, partner, start } = await setUp(t)
  const scheduler = start({ lanes: 2 })
  const hanging: string[] = []
  for (let count = 0; count < 5; count++) {
    const tenantId = await seedTenant(db)
    await seedWaitingDevices(db, tenantId, 1, 'lowSeverity')
    hanging.push(tenantId)
  }
  const well = await seedTenant(db)
  await seedWaitingDevices(db, well, 1, 'highSeverity')
  let release = (): void => {}
  const held = new Promise<void>((resolve) => { release = resolve })
  partner.onUpload = async ([record]) => { if (record!.health === 'lowSeverity') await held }
  const runs = Promise.all(hanging.map(async (tenantId) => await scheduler.run(tenantId)))
  await until(() => partner.messages.length === 5, 'all of them hang, although there are two lanes')
  t.match(await scheduler.run(well), { sent: 1 })
  release()
  t.match(await runs, hanging.map(() => ({ sent: 1 })))
})

t.test('a message that Intune takes its time over holds no lane, and is polled until it is done', async (t) => {
  const { db, partner, start } = await setUp(t)
  const scheduler = start({ lanes: 1 })
  const slow = await seedTenant(db)
  await seedWaitingDevices(db, slow, 1, 'lowSeverity')
  const other = await seedTenant(db)
  await seedWaitingDevices(db, other, 1, 'highSeverity')
  let done = false
  let looks = 0
  partner.onStatus = ([record]) => {
    if (record!.health !== 'lowSeverity') return { state: 'completed' }
    looks++
    return { state: done ? 'completed' : 'running' }
  }
  const run = scheduler.run(slow)
  await until(() => looks >= 2, 'Intune works on it')
  t.match(await scheduler.run(other), { sent: 1 })
  done = true
  t.match(await run, { sent: 1 })
})

t.test('what became worse goes first and the newest of it first, then what became better, then what is sent again', async (t) => {
  const { db, partner, start } = await setUp(t)
  const tenantId = await seedTenant(db)
  const order: string[] = []
  for (const [health, reported] of [['secured', 'highSeverity'], ['lowSeverity', 'secured'], ['lowSeverity', 'highSeverity'], ['highSeverity', 'secured'], ['mediumSeverity', null]] as const) {
    await seedBacklog(db, tenantId, 1, health, reported)
    await wait(2)
  }
  await db.updateTable('intune_connector').set({ state: 'provisioned' }).execute()
  const scheduler = start({ messageDevices: 1, tenantLanes: 1, tenantMessages: 1 })
  partner.onUpload = ([record]) => { order.push(record!.health) }
  await scheduler.run(tenantId)
  t.strictSame(order, ['mediumSeverity', 'highSeverity', 'lowSeverity', 'secured', 'lowSeverity'])
})

t.test('a quarter of each message is for those who wait longest, so nobody starves behind ever new ones', async (t) => {
  const { db, partner, start } = await setUp(t)
  const tenantId = await seedTenant(db)
  await seedBacklog(db, tenantId, 10, 'secured', 'highSeverity')
  await wait(2)
  await seedBacklog(db, tenantId, 400, 'highSeverity', 'secured')
  const scheduler = start({ messageDevices: 40, tenantLanes: 1, tenantMessages: 1 })
  await scheduler.run(tenantId)
  t.equal(partner.messages[0]!.filter(({ health }) => health === 'secured').length, 10)
  t.equal(partner.messages[0]!.filter(({ health }) => health === 'highSeverity').length, 30)
})
