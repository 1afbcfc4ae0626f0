import t, { type Test } from 'tap'
import { randomUUID } from 'node:crypto'
import { IntuneError } from '../../src/intune/intune-error.js'
import { syncTenant, type SyncTenantDeps } from '../../src/intune/sync-tenant.js'
import { getConnector } from '../../src/intune/get-connector.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { makeAllDue, recordingPartner, seedWaitingDevices, waitingIn, wantHealth, writeWantedHealth, type RecordingPartner } from './helpers.js'
import type { Database } from '../../src/platform/database.js'

interface Setup { readonly db: Database, readonly tenantId: string, readonly partner: RecordingPartner, readonly deps: SyncTenantDeps }

async function setUp (t: Test): Promise<Setup> {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const partner = recordingPartner()
  return { db, tenantId, partner, deps: { db, intune: { partner }, log: silentLog, publicUrl: 'https://mtd.example' } }
}

const stateOf = async (db: Database, deviceId: string) =>
  await db.selectFrom('device_state').selectAll().where('device_id', '=', deviceId).executeTakeFirstOrThrow()

t.test('a waiting state reaches Intune, is noted and leaves the outbox; the tenant is provisioned first', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  const [device] = await seedWaitingDevices(db, tenantId, 1, 'highSeverity')
  t.strictSame(await syncTenant(deps, { tenantId }), { sent: 1, failed: 0, stopped: false })
  t.strictSame(partner.provisionings, [true])
  t.match(partner.messages, [[{ entraDeviceId: device!.entraDeviceId, health: 'highSeverity' }]])
  t.match(await stateOf(db, device!.deviceId), { reported_health: 'highSeverity', reported_version: 1, acknowledged_at: Date, last_sync_error: null })
  t.equal(await waitingIn(db), 0)
  t.match(await getConnector({ db }, { tenantId }), { state: 'provisioned', healthy: true, waiting: 0 })

  await syncTenant(deps, { tenantId })
  t.equal(partner.messages.length, 1, 'nothing is sent twice')
  t.equal(partner.provisionings.length, 1)
})

t.test('a tenant without phones is not provisioned', async (t) => {
  const { tenantId, partner, deps } = await setUp(t)
  await syncTenant(deps, { tenantId })
  t.strictSame(partner.provisionings, [])
  t.strictSame(await syncTenant(deps, { tenantId: randomUUID() }), { sent: 0, failed: 0, stopped: false }, 'nor one that is gone')
})

t.test('a state that changes while its predecessor is on its way is sent as well', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  const [device] = await seedWaitingDevices(db, tenantId, 1, 'highSeverity')
  partner.onUpload = async () => {
    partner.onUpload = () => {}
    await wantHealth(db, tenantId, device!.deviceId, 'secured')
  }
  await syncTenant(deps, { tenantId })
  t.strictSame(partner.messages.map(([record]) => record!.health), ['highSeverity', 'secured'])
  t.match(await stateOf(db, device!.deviceId), { reported_health: 'secured', reported_version: 2 })
  t.equal(await waitingIn(db), 0)
})

t.test('out-of-order updates: LastUpdateTime rises for a phone, whoever sends and whatever the clock says', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  const [device] = await seedWaitingDevices(db, tenantId, 1)
  const ahead = new Date(Date.now() + 3_600_000)
  await db.updateTable('device_state').set({ last_update_time: ahead }).execute()
  for (const health of ['lowSeverity', 'highSeverity', 'secured'] as const) {
    await wantHealth(db, tenantId, device!.deviceId, health)
    await syncTenant(deps, { tenantId })
  }
  t.strictSame(partner.messages.map(([record]) => record!.updatedAt.getTime() - ahead.getTime()), [1, 2, 3])
})

t.test('the newest wanted state is sent even if an older one stands in the outbox', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  const [device] = await seedWaitingDevices(db, tenantId, 1, 'highSeverity')
  await db.updateTable('device_state').set({ desired_health: 'secured', desired_version: 5 }).execute()
  await syncTenant(deps, { tenantId })
  t.strictSame(partner.messages.map(([record]) => record!.health), ['secured'])
  t.match(await stateOf(db, device!.deviceId), { reported_version: 5 })
  t.equal(await waitingIn(db), 0)
})

t.test('a backlog goes out in large messages, each phone once, also with several workers', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  const devices = await seedWaitingDevices(db, tenantId, 230)
  const tuned = { ...deps, tuning: { messageDevices: 40 } }
  await syncTenant(tuned, { tenantId: randomUUID() })
  const results = await Promise.all([1, 2, 3].map(async () => await syncTenant(tuned, { tenantId })))
  t.equal(results.reduce((sum, { sent }) => sum + sent, 0), 230)
  t.strictSame(partner.messages.flat().map(({ entraDeviceId }) => entraDeviceId).sort(), devices.map(({ entraDeviceId }) => entraDeviceId).sort())
  t.equal(await waitingIn(db), 0)
})

t.test('one phone that Intune does not know is refused alone, and tried again later', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  const devices = await seedWaitingDevices(db, tenantId, 20)
  const unknown = devices[7]!
  for (const names of [true, false]) {
    partner.messages.length = 0
    partner.onStatus = (records) => records.some(({ entraDeviceId }) => entraDeviceId === unknown.entraDeviceId)
      ? { state: 'failed', reason: 'no such device', entraDeviceIds: names ? [unknown.entraDeviceId] : [] }
      : { state: 'completed' }
    t.strictSame(await syncTenant(deps, { tenantId }), { sent: 19, failed: 1, stopped: false })
    t.ok(partner.messages.length <= (names ? 2 : 11), `${partner.messages.length} messages`)
    t.match(await stateOf(db, unknown.deviceId), { reported_health: null, last_sync_error: /no such device/ })
    const row = await db.selectFrom('intune_outbox').selectAll().executeTakeFirstOrThrow()
    t.match(row, { device_id: unknown.deviceId, attempts: 1, last_error: /no such device/, refused: true, message_id: null })
    t.ok(row.next_attempt_at.getTime() > Date.now() + 1_000, 'later')
    t.match(await getConnector({ db }, { tenantId }), { state: 'provisioned', healthy: false, waiting: 1, failing: 1 })
    for (const { deviceId } of devices) await wantHealth(db, tenantId, deviceId, 'secured')
    await db.updateTable('device_state').set({ reported_health: null }).execute()
  }
  partner.onStatus = () => ({ state: 'completed' })
  await makeAllDue(db)
  await syncTenant(deps, { tenantId })
  t.match(await stateOf(db, unknown.deviceId), { reported_health: 'secured', last_sync_error: null })
})

t.test('when Intune asks to slow down, the whole tenant waits as long as asked, and nothing is lost', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  const [device] = await seedWaitingDevices(db, tenantId, 3)
  partner.onUpload = () => { throw new IntuneError('throttled', 'Too many requests', { retryAfterMs: 60_000 }) }
  t.strictSame(await syncTenant(deps, { tenantId }), { sent: 0, failed: 0, stopped: true })
  t.equal(await waitingIn(db), 3)
  const connector = await getConnector({ db }, { tenantId })
  t.match(connector, { state: 'provisioned', healthy: false, lastError: /Too many requests/ })
  t.ok(Date.parse(connector.pausedUntil!) > Date.now() + 50_000)
  t.match(await stateOf(db, device!.deviceId), { last_sync_error: /Too many requests/ })

  await syncTenant(deps, { tenantId })
  t.equal(partner.messages.length, 1, 'not asked again meanwhile')

  partner.onUpload = () => {}
  await makeAllDue(db)
  t.match(await syncTenant(deps, { tenantId }), { sent: 3 })
  t.match(await getConnector({ db }, { tenantId }), { healthy: true, lastError: null })
})

t.test('re-send after provisioning: a tenant that Intune lost is provisioned again and gets every state again', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  const devices = await seedWaitingDevices(db, tenantId, 3)
  await syncTenant(deps, { tenantId })
  t.equal(partner.messages.flat().length, 3)

  await wantHealth(db, tenantId, devices[0]!.deviceId, 'highSeverity')
  partner.onUpload = () => { throw new IntuneError('not-set-up', 'The tenant is not provisioned.') }
  await syncTenant(deps, { tenantId })
  t.match(await getConnector({ db }, { tenantId }), { state: 'failed', healthy: false })

  partner.onUpload = () => {}
  partner.messages.length = 0
  await makeAllDue(db)
  await syncTenant(deps, { tenantId })
  t.strictSame(partner.provisionings, [true, true])
  t.strictSame([...partner.newest().values()].map(({ health }) => health).sort(), ['highSeverity', 'secured', 'secured'])
})

t.test('200-with-failure provisioning leaves the phones waiting and says so', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  await seedWaitingDevices(db, tenantId, 1)
  partner.onProvision = () => { throw new IntuneError('not-set-up', 'Intune did not provision the tenant: 0') }
  t.match(await syncTenant(deps, { tenantId }), { stopped: true })
  t.equal(partner.messages.length, 0)
  t.match(await getConnector({ db }, { tenantId }), { state: 'failed', healthy: false, waiting: 1, summary: /did not provision/ })
})

t.test('a message that Intune does not finish is tried again later', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  await seedWaitingDevices(db, tenantId, 2)
  partner.onStatus = () => ({ state: 'running' })
  t.match(await syncTenant({ ...deps, tuning: { processingLimitMs: 40 } }, { tenantId }), { sent: 0, failed: 2 })
  t.equal(partner.messages.length, 1, 'and not split')
  t.equal(await waitingIn(db), 2)
})

t.test('a retired phone does not speak over its successor with the same Entra id', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  const [retired, successor] = await seedWaitingDevices(db, tenantId, 2)
  await wantHealth(db, tenantId, retired!.deviceId, 'deactivated')
  await db.updateTable('device').set({ retired_at: new Date() }).where('id', '=', retired!.deviceId).execute()
  await db.updateTable('device').set({ entra_device_id: retired!.entraDeviceId }).where('id', '=', successor!.deviceId).execute()
  await syncTenant(deps, { tenantId })
  t.strictSame(partner.messages.flat().map(({ health }) => health), ['secured'])
  t.equal(await waitingIn(db), 0)
})

t.test('our own fault frees the rows and fails the job', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  await seedWaitingDevices(db, tenantId, 1)
  partner.onUpload = () => { throw new TypeError('a bug') }
  await t.rejects(syncTenant(deps, { tenantId }), TypeError)
  t.match(await db.selectFrom('intune_outbox').selectAll().executeTakeFirst(), { message_id: null, attempts: 0 })
})

t.test('phones that are scored while they are sent neither block nor lose anything', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  const devices = await seedWaitingDevices(db, tenantId, 30)
  const ids = devices.map(({ deviceId }) => deviceId).sort()
  const score = async (): Promise<void> => {
    for (let round = 0; round < 15; round++) {
      const health = round % 2 === 0 ? 'highSeverity' : 'lowSeverity'
      await db.transaction().execute(async (tx) => {
        await tx.selectFrom('device_state').select('device_id').where('device_id', 'in', ids).orderBy('device_id').forUpdate().execute()
        for (const deviceId of ids) await writeWantedHealth(tx, tenantId, deviceId, health)
      })
    }
  }
  const scoring = { going: true }
  const sync = async (): Promise<void> => { while (scoring.going) await syncTenant({ ...deps, tuning: { messageDevices: 7 } }, { tenantId }) }
  await Promise.all([score().finally(() => { scoring.going = false }), sync(), sync()])
  await syncTenant(deps, { tenantId })
  t.equal(await waitingIn(db), 0)
  t.equal([...partner.newest().values()].filter(({ health }) => health === 'highSeverity').length, 30)
  const times = new Map<string, number>()
  for (const { entraDeviceId, updatedAt } of partner.messages.flat()) {
    if (times.has(entraDeviceId) && times.get(entraDeviceId)! >= updatedAt.getTime()) t.fail('LastUpdateTime went back')
    times.set(entraDeviceId, updatedAt.getTime())
  }
})
