import { randomUUID } from 'node:crypto'
import t from 'tap'
import { getDevice } from '../../../src/devices/get-device.js'
import { syncTenant } from '../../../src/intune/sync-tenant.js'
import { startTestApi } from '../../helpers/api.js'
import { makeKey } from '../../helpers/device-keys.js'
import { silentLog } from '../../helpers/log.js'
import { makeAllDue, wantHealth } from '../helpers.js'
import { setUpReconciling } from '../reconcile/helpers.js'

const HOUR_MS = 3_600_000

t.test('a phone that enrols at Intune again, under a new Entra id and the same serial number, retires its old record', async (t) => {
  const { db, tenantId, intune, entraTenantId, control, atIntune, enrolHere, round, threatStateOf } = await setUpReconciling(t)
  const old = await enrolHere({ serialNumber: 'R58M123456', enrolledAt: new Date(Date.now() - HOUR_MS) })
  await atIntune([{ entraDeviceId: old.entraDeviceId, serialNumber: 'R58M123456' }])
  await db.deleteFrom('intune_connector').execute()
  await wantHealth(db, tenantId, old.deviceId, 'secured')
  const deliver = async (): Promise<unknown> => {
    await makeAllDue(db)
    return await syncTenant({ db, intune, log: silentLog, publicUrl: 'https://mtd.example' }, { tenantId })
  }
  await deliver()
  await control('PUT', '/clock', { offsetSeconds: 60 })
  const entraDeviceId = randomUUID()
  await atIntune([{ entraDeviceId, serialNumber: 'R58M123456' }])

  t.match(await round(), { counts: { reenrolled: 1 } })
  t.match(await getDevice({ db }, { tenantId, deviceId: old.deviceId }), { retiredAt: String, state: 'deactivated', intune: { desired: 'deactivated' } })
  t.match(await db.selectFrom('audit_event').selectAll().where('action', '=', 'device.retired').execute(), [{ subject: old.deviceId, detail: { successorEntraDeviceId: entraDeviceId } }])
  await deliver()
  t.equal(await threatStateOf(old.entraDeviceId), 'deactivated', 'Intune is told that nobody watches the old record')
  t.match(await round(), { counts: { reenrolled: 0 } }, 'once')
  t.ok(entraTenantId)
})

t.test('a phone that still reports is not retired because another record has its serial number', async (t) => {
  const { db, tenantId, atIntune, enrolHere, round } = await setUpReconciling(t)
  const alive = await enrolHere({ serialNumber: 'R58M123456', enrolledAt: new Date(Date.now() - HOUR_MS) })
  await db.updateTable('device_state').set({ last_report_at: new Date(Date.now() + HOUR_MS) }).where('device_id', '=', alive.deviceId).execute()
  await atIntune([{ entraDeviceId: alive.entraDeviceId, serialNumber: 'R58M123456' }, { entraDeviceId: randomUUID(), serialNumber: 'R58M123456' }])
  t.match(await round(), { counts: { reenrolled: 0 } })
  t.match(await getDevice({ db }, { tenantId, deviceId: alive.deviceId }), { retiredAt: null })
})

for (const serialNumber of ['unknown', '0123456789ABCDEF', '00000000']) {
  t.test(`serial number ${serialNumber} makes no two phones the same`, async (t) => {
    const { atIntune, enrolHere, round } = await setUpReconciling(t)
    await enrolHere({ serialNumber, enrolledAt: new Date(Date.now() - HOUR_MS) })
    await atIntune([{ entraDeviceId: randomUUID(), serialNumber }])
    t.match(await round(), { counts: { seen: 1, reenrolled: 0 } })
  })
}

t.test('an iPhone and an Android phone with one serial number are two phones', async (t) => {
  const { atIntune, enrolHere, round } = await setUpReconciling(t)
  await enrolHere({ serialNumber: 'R58M123456', platform: 'ios', enrolledAt: new Date(Date.now() - HOUR_MS) })
  await atIntune([{ entraDeviceId: randomUUID(), serialNumber: 'R58M123456' }])
  t.match(await round(), { counts: { reenrolled: 0 } })
})

t.test('phones enrolled here under an id that Intune does not know are counted; one that Intune gets to know is looked up alone', async (t) => {
  const { db, tenantId, atIntune, enrolHere, round } = await setUpReconciling(t)
  const wrong = await enrolHere({})
  const right = await enrolHere({})
  await round()
  t.match(await round({ isFull: false }), { counts: { unknownAtIntune: 2 } })
  await atIntune([{ entraDeviceId: right.entraDeviceId, serialNumber: 'SERIAL-9' }])
  // As if it had checked in long before the last round: only the look-up can find it.
  await db.updateTable('reconciliation').set({ checked_in_until: new Date(Date.now() + HOUR_MS) }).execute()
  t.match(await round({ isFull: false }), { counts: { unknownAtIntune: 1, seen: 1 } })
  t.match(await getDevice({ db }, { tenantId, deviceId: right.deviceId }), { serialNumber: 'SERIAL-9', intuneDeviceId: String })
  t.match(await getDevice({ db }, { tenantId, deviceId: wrong.deviceId }), { directory: null, intuneDeviceId: null })
})

t.test('a phone that was expected enrols under the id it was listed with, and gets what Intune knows', async (t) => {
  const { app, db, tenantId, call, keyFor } = await startTestApi(t)
  const { number } = await db.selectFrom('tenant').select('number').where('id', '=', tenantId).executeTakeFirstOrThrow()
  const [entraDeviceId, pendingId, intuneDeviceId] = [randomUUID(), randomUUID(), randomUUID()]
  await db.insertInto('directory_device').values({
    tenant_number: number, entra_device_id: entraDeviceId, pending_id: pendingId, intune_device_id: intuneDeviceId, serial_number: 'SERIAL-7', owner_type: 1, platform: 0, seen_round: 1
  }).execute()
  const admin = await keyFor('admin')
  t.match((await call(admin, 'GET', `/v1/tenants/${tenantId}/devices?state=pending`)).json(), { items: [{ deviceId: pendingId, enrolledAt: null }] })
  const { token } = (await call(admin, 'POST', `/v1/tenants/${tenantId}/enrollment-tokens`, { label: 'test' })).json()
  const answer = await app.inject({
    method: 'POST', url: '/v1/enroll', headers: { authorization: `Bearer ${token}` },
    payload: { entraDeviceId, platform: 'android', osVersion: '15', publicKey: (await makeKey()).publicJwk }
  })
  t.match(answer.json(), { deviceId: pendingId })
  t.match((await call(admin, 'GET', `/v1/tenants/${tenantId}/devices/${pendingId}`)).json(), { intuneDeviceId, serialNumber: 'SERIAL-7', ownership: 'corporate', enrolledAt: String, state: 'pending' })
  t.equal((await call(admin, 'GET', `/v1/tenants/${tenantId}/devices`)).json().items.length, 1, 'listed once')
})
