import t from 'tap'
import { openQueues } from '../../src/platform/queues.js'
import { startSyncWorker } from '../../workers/sync.js'
import { createTestDatabase } from '../helpers/database.js'
import { silentLog } from '../helpers/log.js'
import { seedWaitingDevices, waitingIn, wantHealth } from '../intune/helpers.js'
import { startSimulatedIntune } from '../intune/simulator.js'

t.test('a job of the sync queue brings Intune up to date within tens of milliseconds', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const { intune, tenantId, enroll, threatStateOf } = await startSimulatedIntune(t, db)
  const queues = await openQueues({ databaseUrl: url, log: silentLog })
  t.teardown(async () => await queues.close())
  const synced: number[] = []
  startSyncWorker({
    queues, db, intune, log: silentLog, publicUrl: 'https://mtd.example', concurrency: 2,
    onSynced: ({ lagSeconds }) => synced.push(...lagSeconds)
  })
  const [device] = await seedWaitingDevices(db, tenantId, 1, 'highSeverity')
  await enroll([device!.entraDeviceId])
  const sync = queues.producer('sync')

  const arrived = async (health: string): Promise<void> => {
    while ((await db.selectFrom('device_state').select('reported_health').executeTakeFirstOrThrow()).reported_health !== health || await waitingIn(db) > 0) {
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  await sync.add([{ tenantId }])
  await arrived('highSeverity')
  t.equal(await threatStateOf(device!.entraDeviceId), 'highSeverity')

  for (let round = 0; round < 20; round++) {
    const health = round % 2 === 0 ? 'secured' : 'highSeverity'
    await wantHealth(db, tenantId, device!.deviceId, health)
    await sync.add([{ tenantId }])
    await arrived(health)
  }
  const times = synced.slice(1).sort((a, b) => a - b)
  t.equal(times.length, 20)
  t.comment(`outbox row to acknowledged, job included: p50 ${times[10]! * 1000} ms, slowest ${times.at(-1)! * 1000} ms`)
})
