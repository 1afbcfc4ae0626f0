import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { deprovisionTenant } from '../../src/intune/deprovision-tenant.js'
import { getConnector } from '../../src/intune/get-connector.js'
import { IntuneError } from '../../src/intune/intune-error.js'
import { provisionTenant } from '../../src/intune/provision-tenant.js'
import { resyncTenant } from '../../src/intune/resync-tenant.js'
import { syncTenant } from '../../src/intune/sync-tenant.js'
import { wakeSyncs } from '../../src/intune/wake-syncs.js'
import { createTestDatabase } from '../helpers/database.js'
import { rememberingProducer, seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { makeAllDue, recordingPartner, seedWaitingDevices, waitingIn, wantHealth } from './helpers.js'

async function setUp (t: Test) {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const partner = recordingPartner()
  const sync = rememberingProducer<'sync'>()
  return { db, tenantId, partner, sync, deps: { db, intune: { partner }, log: silentLog, publicUrl: 'https://mtd.example', sync } }
}

t.test('an administrator connects the tenant, and again without harm', async (t) => {
  const { db, tenantId, sync, deps } = await setUp(t)
  t.match(await getConnector({ db }, { tenantId }), { state: 'not-provisioned', healthy: false, provisionedAt: null })
  t.match(await provisionTenant(deps, { tenantId, actor: 'ann' }), { state: 'provisioned', healthy: true, provisionedAt: String })
  t.match(await provisionTenant(deps, { tenantId, actor: 'ann' }), { state: 'provisioned' })
  t.strictSame(sync.payloads, [{ tenantId }, { tenantId }])
})

t.test('what Intune answered stands in the connector, and is tried again by itself', async (t) => {
  const { db, tenantId, partner, sync, deps } = await setUp(t)
  partner.onProvision = () => { throw new IntuneError('unauthorized', 'Entra refuses our app: AADSTS65001') }
  t.match(await provisionTenant(deps, { tenantId, actor: 'ann' }), { state: 'failed', healthy: false, lastError: /AADSTS65001/, pausedUntil: String })
  t.strictSame(sync.payloads, [])
  t.strictSame(await wakeSyncs({ db, sync }), { tenants: 0 }, 'not before the pause is over')
  await makeAllDue(db)
  t.strictSame(await wakeSyncs({ db, sync }), { tenants: 1 })
  partner.onProvision = () => {}
  await syncTenant(deps, { tenantId })
  t.match(await getConnector({ db }, { tenantId }), { state: 'provisioned', lastError: null })
})

t.test('a disconnected tenant is sent nothing until an administrator connects it again; then everything', async (t) => {
  const { db, tenantId, partner, sync, deps } = await setUp(t)
  const devices = await seedWaitingDevices(db, tenantId, 2)
  await syncTenant(deps, { tenantId })
  t.match(await deprovisionTenant(deps, { tenantId, actor: 'ann' }), { state: 'deprovisioned', healthy: false })

  await wantHealth(db, tenantId, devices[0]!.deviceId, 'highSeverity')
  t.match(await syncTenant(deps, { tenantId }), { sent: 0, stopped: true })
  t.strictSame(await wakeSyncs({ db, sync }), { tenants: 0 })
  t.match(await getConnector({ db }, { tenantId }), { waiting: 1, summary: /1 phone/ })
  t.equal(partner.messages.flat().length, 2)

  await provisionTenant(deps, { tenantId, actor: 'ann' })
  await syncTenant(deps, { tenantId })
  t.strictSame(partner.provisionings, [true, false, true])
  t.equal(partner.messages.flat().length, 4)
})

t.test('disconnecting that Intune does not do changes nothing', async (t) => {
  const { db, tenantId, partner, deps } = await setUp(t)
  await provisionTenant(deps, { tenantId, actor: 'ann' })
  partner.onProvision = () => { throw new IntuneError('unavailable', 'no answer') }
  await t.rejects(deprovisionTenant(deps, { tenantId, actor: 'ann' }), { code: 'intune-unavailable', statusCode: 503 })
  t.match(await getConnector({ db }, { tenantId }), { state: 'provisioned' })
})

t.test('a resync sends every phone that has a state', async (t) => {
  const { db, tenantId, partner, sync, deps } = await setUp(t)
  await seedWaitingDevices(db, tenantId, 3)
  await syncTenant(deps, { tenantId })
  t.strictSame(await resyncTenant({ db, sync, log: silentLog }, { tenantId, actor: 'ann' }), { devices: 3 })
  t.strictSame(sync.payloads, [{ tenantId }])
  await syncTenant(deps, { tenantId })
  t.equal(partner.messages.flat().length, 6)
  t.equal(await waitingIn(db), 0)
})

t.test('an unknown tenant is not found', async (t) => {
  const { db, sync, deps } = await setUp(t)
  const input = { tenantId: randomUUID(), actor: 'ann' }
  await t.rejects(getConnector({ db }, input), { code: 'NOT-FOUND' })
  await t.rejects(provisionTenant(deps, input), { code: 'NOT-FOUND' })
  await t.rejects(deprovisionTenant(deps, input), { code: 'NOT-FOUND' })
  await t.rejects(resyncTenant({ db, sync, log: silentLog }, input), { code: 'NOT-FOUND' })
})
