import t from 'tap'
import { getConnector } from '../../../src/intune/get-connector.js'
import { syncTenant } from '../../../src/intune/sync-tenant.js'
import { createTestDatabase } from '../../helpers/database.js'
import { rememberingProducer } from '../../helpers/devices.js'
import { silentLog } from '../../helpers/log.js'
import { makeAllDue, seedWaitingDevices, waitingIn } from '../helpers.js'
import { startSimulatedIntune } from '../simulator.js'

t.test('200 with failure on provisioning, 204 without effect later: told as not set up, nothing sent, nothing lost', async (t) => {
  const { db } = await createTestDatabase(t)
  const simulated = await startSimulatedIntune(t, db)
  const { tenantId, entraTenantId, control, threatStateOf } = simulated
  const deps = { db, intune: simulated.intune, log: silentLog, publicUrl: 'https://mtd.example', sync: rememberingProducer<'sync'>() }
  const [phone] = await seedWaitingDevices(db, tenantId, 1, 'highSeverity')
  await simulated.enroll([phone!.entraDeviceId])
  const messages = async (): Promise<number> => (await control('GET', '/requests?path=DataUploadMessages&method=PUT') as { items: unknown[] }).items.length

  for (const fault of [{ kind: 'provision-200-failed' }, { kind: 'provision-200-failed', errorDetail: 'Setup of the partner is not complete.' }]) {
    await simulated.setFaults([{ ...fault, times: 1 }])
    t.strictSame(await syncTenant(deps, { tenantId }), { sent: 0, failed: 0, stopped: true })
    t.equal(await messages(), 0, 'Intune would take messages without effect')
    t.match(await getConnector({ db }, { tenantId }), { state: 'failed', healthy: false, waiting: 1, summary: /Intune did not accept the connection: .*tried again by itself; 1 phone waiting/, pausedUntil: String })
    const { pausedUntil } = await getConnector({ db }, { tenantId })
    t.match(await syncTenant(deps, { tenantId }), { stopped: true })
    t.equal((await getConnector({ db }, { tenantId })).pausedUntil, pausedUntil, 'no hot loop')
    await makeAllDue(db)
  }

  await syncTenant(deps, { tenantId })
  t.equal(await threatStateOf(phone!.entraDeviceId), 'highSeverity')

  // The tenant is lost on Microsoft's side: messages are answered 204 with an empty id from then on.
  await control('PUT', `/tenants/${entraTenantId}`, { connector: { provisioned: false } })
  const [second] = await seedWaitingDevices(db, tenantId, 1, 'lowSeverity')
  await simulated.enroll([second!.entraDeviceId])
  t.match(await syncTenant(deps, { tenantId }), { sent: 0, stopped: true })
  t.match(await getConnector({ db }, { tenantId }), { state: 'failed', lastError: /without effect/ })
  t.equal(await waitingIn(db), 1)
  await makeAllDue(db)
  t.match(await syncTenant(deps, { tenantId }), { sent: 2 }, 'provisioned again, and everything sent again')
  t.equal(await threatStateOf(second!.entraDeviceId), 'lowSeverity')
})
