import t, { type Test } from 'tap'
import { IntuneError } from '../../src/intune/intune-error.js'
import { getConnector } from '../../src/intune/get-connector.js'
import { sendDueHeartbeats, type HeartbeatDeps } from '../../src/intune/send-heartbeat.js'
import { syncTenant } from '../../src/intune/sync-tenant.js'
import { createTestDatabase } from '../helpers/database.js'
import { rememberingProducer, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { recordingPartner, seedWaitingDevices, waitingIn } from './helpers.js'

async function setUp (t: Test) {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const partner = recordingPartner()
  const sync = rememberingProducer<'sync'>()
  const deps = { db, intune: { partner }, log: silentLog, publicUrl: 'https://mtd.example', sync, heartbeatMinutes: 60 } satisfies HeartbeatDeps
  const devices = await seedWaitingDevices(db, tenantId, 3)
  await syncTenant(deps, { tenantId })
  const makeDue = async (): Promise<void> => { await db.updateTable('intune_connector').set({ heartbeat_due_at: new Date(0) }).execute() }
  return { db, tenantId, partner, sync, deps, devices, makeDue }
}

t.test('a provisioned tenant gets its heartbeat, and the next one is due before the hour is over', async (t) => {
  const { db, tenantId, deps, makeDue } = await setUp(t)
  await makeDue()
  t.strictSame(await sendDueHeartbeats(deps), { sent: 1, failed: 0 })
  t.strictSame(await sendDueHeartbeats(deps), { sent: 0, failed: 0 }, 'not twice')
  const connector = await getConnector({ db }, { tenantId })
  t.ok(connector.lastHeartbeatAt)
  const minutes = (Date.parse(connector.nextHeartbeatAt!) - Date.now()) / 60_000
  t.ok(minutes > 40 && minutes <= 60, `${minutes} min`)
})

t.test('what Intune asks to be sent again is sent again, once', async (t) => {
  const { db, tenantId, partner, sync, deps, devices, makeDue } = await setUp(t)
  const since = new Date(Date.now() - 60_000)
  await db.updateTable('device_state').set({ last_update_time: new Date(since.getTime() - 1000) }).where('device_id', '=', devices[0]!.deviceId).execute()
  partner.heartbeat = () => ({ resyncSince: since, messageErrors: [] })
  await makeDue()
  await sendDueHeartbeats(deps)
  t.strictSame((await db.selectFrom('intune_outbox').select('device_id').execute()).map((row) => row.device_id).sort(),
    [devices[1]!.deviceId, devices[2]!.deviceId].sort())
  t.strictSame(sync.payloads, [{ tenantId }])

  await syncTenant(deps, { tenantId })
  t.equal(await waitingIn(db), 0)
  await makeDue()
  await sendDueHeartbeats(deps)
  t.equal(await waitingIn(db), 0, 'the same wish is not done again')
})

t.test('Intune\'s complaints about earlier messages are shown', async (t) => {
  const { db, tenantId, partner, deps, makeDue } = await setUp(t)
  partner.heartbeat = () => ({ messageErrors: [{ MessageId: 'm', ErrorDetail: 'too late' }] })
  await makeDue()
  await sendDueHeartbeats(deps)
  t.match(await getConnector({ db }, { tenantId }), { messageErrors: [{ ErrorDetail: 'too late' }] })
})

t.test('a heartbeat that fails is tried again soon, and holds up no other tenant', async (t) => {
  const { db, tenantId, partner, deps, makeDue } = await setUp(t)
  const otherId = await seedTenant(db)
  await seedWaitingDevices(db, otherId, 1)
  await syncTenant(deps, { tenantId: otherId })
  await makeDue()
  let calls = 0
  partner.sendHeartbeat = async () => {
    if (calls++ === 0) throw new IntuneError('unavailable', 'no answer')
    return { messageErrors: [] }
  }
  t.strictSame(await sendDueHeartbeats(deps), { sent: 1, failed: 1 })
  const connectors = await Promise.all([tenantId, otherId].map(async (id) => await getConnector({ db }, { tenantId: id })))
  const failed = connectors.find(({ lastError }) => lastError !== null)
  t.match(failed, { state: 'provisioned', healthy: false, lastError: /no answer/ })
  t.ok(Date.parse(failed!.nextHeartbeatAt!) < Date.now() + 120_000)
})

t.test('a heartbeat without effect means that Intune has lost the tenant', async (t) => {
  const { db, tenantId, partner, deps, makeDue } = await setUp(t)
  partner.sendHeartbeat = async () => { throw new IntuneError('not-set-up', 'ignored') }
  await makeDue()
  await sendDueHeartbeats(deps)
  t.match(await getConnector({ db }, { tenantId }), { state: 'failed' })
  await syncTenant(deps, { tenantId })
  t.match(await getConnector({ db }, { tenantId }), { state: 'provisioned', lastError: null })
  t.equal(partner.provisionings.length, 2)
})

t.test('a connector without a heartbeat for a day is not healthy', async (t) => {
  const { db, tenantId } = await setUp(t)
  const now = () => new Date(Date.now() + 25 * 3_600_000)
  t.match(await getConnector({ db, now }, { tenantId }), { state: 'provisioned', healthy: false, summary: /no heartbeat/ })
})
