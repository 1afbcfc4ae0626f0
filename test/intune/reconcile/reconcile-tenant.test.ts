import { randomUUID } from 'node:crypto'
import t from 'tap'
import { setUpReconciling } from './helpers.js'

t.test('phones that Intune lists are known afterwards, and those enrolled here get what only Intune knows', async (t) => {
  const { db, tenantId, atIntune, enrolHere, round } = await setUpReconciling(t)
  const known = await enrolHere({})
  await atIntune([{ entraDeviceId: known.entraDeviceId, serialNumber: 'SERIAL-1', ownerType: 'personal' }, { entraDeviceId: randomUUID() }, { entraDeviceId: randomUUID(), platform: 'windows' }])
  const done = await round()
  t.match(done, { isFull: true, counts: { seen: 2, new: 2, otherDevices: 1, vanished: 0, drifted: 0 }, parts: { managedDevices: { state: 'ok' }, connector: { state: 'ok' } } })
  const device = await db.selectFrom('device').selectAll().where('id', '=', known.deviceId).executeTakeFirstOrThrow()
  t.match(device, { serial_number: 'SERIAL-1', directory_ownership: 'personal', ownership: null, intune_device_id: String })
  t.match(await db.selectFrom('intune_connector').selectAll().where('tenant_id', '=', tenantId).executeTakeFirst(), { unresponsive_threshold_days: 7, partner_switches: { androidEnabled: true } })
})
