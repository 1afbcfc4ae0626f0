import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { syncTenant } from '../../../src/intune/sync-tenant.js'
import { createTestDatabase } from '../../helpers/database.js'
import { silentLog } from '../../helpers/log.js'
import type { Health } from '../../../src/devices/health.js'
import { until } from '../../helpers/until.js'
import { seedWaitingDevices, waitingIn, wantHealth } from '../helpers.js'
import { startSimulatedIntune } from '../simulator.js'

t.test('out-of-order updates: with several workers and messages that overtake each other, no phone ever goes back to an older level', async (t) => {
  const { db } = await createTestDatabase(t)
  const { intune, tenantId, entraTenantId, enroll, control, setFaults, threatStateOf } = await startSimulatedIntune(t, db)
  const deps = { db, intune, log: silentLog, publicUrl: 'https://mtd.example', tuning: { messageDevices: 3 } }
  const devices = await seedWaitingDevices(db, tenantId, 6)
  await enroll(devices.map(({ entraDeviceId }) => entraDeviceId))
  // A third of the messages stays with Intune for longer than those sent after them.
  await setFaults([
    { kind: 'message-delayed', delayMs: 150, probability: 0.3 },
    { kind: 'reset', when: 'after', probability: 0.1, match: { service: 'partner' } }
  ])
  const changes = { areOver: false }
  const work = [1, 2].map(async () => {
    while (!changes.areOver) {
      await syncTenant(deps, { tenantId })
      await wait(5)
    }
  })
  const healths: Health[] = ['secured', 'lowSeverity', 'mediumSeverity', 'highSeverity']
  for (let round = 0; round < 12; round++) {
    for (const { deviceId } of devices) await wantHealth(db, tenantId, deviceId, healths[(round + 1) % 4]!)
    await wait(30)
  }
  changes.areOver = true
  await Promise.all(work)
  await setFaults([])
  await until(async () => {
    await db.updateTable('intune_connector').set({ retry_at: null }).execute()
    await db.updateTable('intune_outbox').set({ next_attempt_at: new Date(0) }).execute()
    await syncTenant(deps, { tenantId })
    return await waitingIn(db) === 0
  }, 'all is told')

  for (const { deviceId, entraDeviceId } of devices) {
    const { desired_health: wanted } = await db.selectFrom('device_state').select('desired_health').where('device_id', '=', deviceId).executeTakeFirstOrThrow()
    t.equal(await threatStateOf(entraDeviceId), wanted)
    const { items } = await control('GET', `/tenants/${entraTenantId}/devices/${entraDeviceId}/history`) as { items: Array<{ lastUpdateTime: string, threatState: Health }> }
    const times = items.map(({ lastUpdateTime }) => Date.parse(lastUpdateTime))
    t.strictSame(times, [...times].sort((a, b) => a - b), 'what Intune took is in the order of LastUpdateTime')
    // States come round in a fixed order, so a step back would show.
    const steps = items.map(({ threatState }) => healths.indexOf(threatState))
    t.ok(steps.length >= 2, `${steps.length} states arrived`)
  }
})
