import t, { type Test } from 'tap'
import { pino } from 'pino'
import { getConnector } from '../../../src/intune/get-connector.js'
import { startHeartbeats, type HeartbeatLoopDeps } from '../../../src/intune/send-heartbeat.js'
import { createSyncScheduler } from '../../../src/intune/sync-scheduler.js'
import { createTestDatabase } from '../../helpers/database.js'
import { rememberingProducer, seedTenant } from '../../helpers/devices.js'
import { silentLog } from '../../helpers/log.js'
import { until } from '../../helpers/until.js'
import { recordingPartner, seedBacklog } from '../helpers.js'

const HOUR_MS = 3_600_000

async function setUp (t: Test, tenants: number) {
  const { db } = await createTestDatabase(t)
  const partner = recordingPartner()
  const tenantIds: string[] = []
  for (let count = 0; count < tenants; count++) {
    const tenantId = await seedTenant(db)
    await db.insertInto('intune_connector').values({ tenant_id: tenantId, state: 'provisioned', provisioned_at: new Date(), heartbeat_due_at: new Date(0) }).execute()
    tenantIds.push(tenantId)
  }
  const deps: HeartbeatLoopDeps = { db, intune: { partner }, log: silentLog, publicUrl: 'https://mtd.example', sync: rememberingProducer<'sync'>(), heartbeatMinutes: 60, everyMs: 20 }
  const beaten = async (): Promise<string[]> => (await db.selectFrom('intune_connector').select('tenant_id').where('heartbeat_at', 'is not', null).execute()).map((row) => row.tenant_id)
  return { db, partner, tenantIds, deps, beaten }
}

t.test('connector unresponsive: a sync worker whose every call hangs and a backlog do not hold up heartbeats', async (t) => {
  const { db, partner, tenantIds, deps, beaten } = await setUp(t, 3)
  let release = (): void => {}
  const held = new Promise<void>((resolve) => { release = resolve })
  partner.onUpload = async () => { await held }
  const scheduler = createSyncScheduler({ ...deps, tuning: { lanes: 2 } })
  for (const tenantId of tenantIds) {
    await seedBacklog(db, tenantId, 100)
    void scheduler.run(tenantId)
  }
  await until(() => partner.messages.length === 3, 'everything hangs')
  const heartbeats = startHeartbeats(deps)
  await until(async () => (await beaten()).length === 3, 'all tenants had their heartbeat')
  t.equal((await db.selectFrom('intune_outbox').selectAll().execute()).length, 300, 'while nothing else moved')
  release()
  await heartbeats.close()
  await scheduler.close()
})

t.test('connector unresponsive: one heartbeat that hangs holds up none of the others, and another process takes its place', async (t) => {
  const { db, partner, tenantIds, deps, beaten } = await setUp(t, 40)
  const stuck = new Set((await db.selectFrom('tenant').select('entra_tenant_id').where('id', 'in', tenantIds.slice(0, 3)).execute()).map((row) => row.entra_tenant_id))
  let release = (): void => {}
  const held = new Promise<void>((resolve) => { release = resolve })
  const hanging = { ...partner, sendHeartbeat: async (tenant: string) => { if (stuck.has(tenant)) await held; return { messageErrors: [] } } }
  const first = startHeartbeats({ ...deps, intune: { partner: hanging } })
  await until(async () => (await beaten()).length === 37, 'the others had theirs')
  const second = startHeartbeats(deps)
  // What the process that hangs has leased lapses after a minute.
  await db.updateTable('intune_connector').set({ heartbeat_due_at: new Date(0) }).where('heartbeat_at', 'is', null).execute()
  await until(async () => (await beaten()).length === 40, 'and those by the other process')
  release()
  await Promise.all([first.close(), second.close()])
})

t.test('connector unresponsive: at half of the threshold it is logged as an error, once an hour over all processes, and the connector says so', async (t) => {
  const { db, partner, tenantIds: [tenantId], deps } = await setUp(t, 1)
  partner.sendHeartbeat = async () => { throw new Error('nothing gets through') }
  const logged: Array<Record<string, unknown>> = []
  const log = pino({ level: 'error' }, { write: (line: string) => { logged.push(JSON.parse(line)) } })
  await db.updateTable('intune_connector').set({ heartbeat_at: new Date(Date.now() - 13 * HOUR_MS) }).execute()
  const loops = [startHeartbeats({ ...deps, log }), startHeartbeats({ ...deps, log })]
  await until(() => logged.length > 0, 'an alarm')
  t.match(logged[0], { tenantId, silentHours: 13, limitHours: 24, msg: /no heartbeat/ })
  t.match(await getConnector({ db }, { tenantId: tenantId! }), { healthy: false, summary: /no heartbeat for more than 12 hours/ })

  // Where Intune has told us its threshold, half of that counts.
  await db.updateTable('intune_connector').set({ unresponsive_threshold_days: 7, heartbeat_alarm_at: null }).execute()
  const before = logged.length
  await db.updateTable('intune_connector').set({ heartbeat_due_at: new Date(0) }).execute()
  await until(async () => (await db.selectFrom('intune_connector').select('heartbeat_error').executeTakeFirstOrThrow()).heartbeat_error !== null, 'it was looked again')
  await until(async () => {
    const row = await db.selectFrom('intune_connector').select('heartbeat_due_at').executeTakeFirstOrThrow()
    return row.heartbeat_due_at > new Date()
  }, 'and its heartbeat was tried')
  t.equal(logged.length, before, '13 hours of seven days are no reason yet')
  t.match(await getConnector({ db }, { tenantId: tenantId! }), { summary: /the last heartbeat failed/ })
  await Promise.all(loops.map(async (loop) => await loop.close()))
  t.equal(before, 1, 'told once by two processes')
})
