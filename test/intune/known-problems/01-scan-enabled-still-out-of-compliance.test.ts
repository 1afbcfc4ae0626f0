import t from 'tap'
import { provisionTenant } from '../../../src/intune/provision-tenant.js'
import { resyncTenant } from '../../../src/intune/resync-tenant.js'
import { sendDueHeartbeats } from '../../../src/intune/send-heartbeat.js'
import { syncTenant } from '../../../src/intune/sync-tenant.js'
import { createTestDatabase } from '../../helpers/database.js'
import { rememberingProducer } from '../../helpers/devices.js'
import { silentLog } from '../../helpers/log.js'
import { seedWaitingDevices, waitingIn, wantHealth } from '../helpers.js'
import { startSimulatedIntune } from '../simulator.js'

t.test('scan enabled, still out of compliance: the state is sent again after every activation and provisioning, changed or not', async (t) => {
  const { db } = await createTestDatabase(t)
  const simulated = await startSimulatedIntune(t, db)
  const { tenantId, entraTenantId, control, threatStateOf } = simulated
  const deps = { db, intune: simulated.intune, log: silentLog, publicUrl: 'https://mtd.example', sync: rememberingProducer<'sync'>(), heartbeatMinutes: 60 }
  const devices = await seedWaitingDevices(db, tenantId, 2, 'secured')
  const [phone, other] = devices
  await simulated.enroll(devices.map(({ entraDeviceId }) => entraDeviceId))
  await syncTenant(deps, { tenantId })
  t.equal(await threatStateOf(phone!.entraDeviceId), 'secured')
  const forget = async (): Promise<void> => {
    // The phone is wiped and enrolled again at Intune, which remembers nothing of it.
    await control('DELETE', `/tenants/${entraTenantId}/devices/${phone!.entraDeviceId}`)
    await simulated.enroll([phone!.entraDeviceId])
    t.equal(await threatStateOf(phone!.entraDeviceId), 'unknown')
  }

  await t.test('after the app was reinstalled and activated: deactivated, then what is judged, although that is what it was', async (t) => {
    await forget()
    await wantHealth(db, tenantId, phone!.deviceId, 'deactivated')
    await syncTenant(deps, { tenantId })
    await wantHealth(db, tenantId, phone!.deviceId, 'secured')
    await syncTenant(deps, { tenantId })
    t.equal(await threatStateOf(phone!.entraDeviceId), 'secured')
  })

  await t.test('after provisioning', async (t) => {
    await forget()
    await provisionTenant(deps, { tenantId, actor: 'ann' })
    t.equal(await waitingIn(db), 2)
    await syncTenant(deps, { tenantId })
    t.equal(await threatStateOf(phone!.entraDeviceId), 'secured')
    t.equal(await threatStateOf(other!.entraDeviceId), 'secured')
  })

  await t.test('when Intune asks for what changed since a moment', async (t) => {
    await forget()
    await simulated.setFaults([{ kind: 'heartbeat-answer', resyncTimestamp: new Date(Date.now() - 3_600_000).toISOString(), times: 1 }])
    await db.updateTable('intune_connector').set({ heartbeat_due_at: new Date(0) }).execute()
    await sendDueHeartbeats(deps)
    await syncTenant(deps, { tenantId })
    t.equal(await threatStateOf(phone!.entraDeviceId), 'secured')
  })

  await t.test('when an operator asks', async (t) => {
    await forget()
    await resyncTenant(deps, { tenantId, actor: 'ann' })
    await syncTenant(deps, { tenantId })
    t.equal(await threatStateOf(phone!.entraDeviceId), 'secured')
  })
})
