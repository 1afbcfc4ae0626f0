import type { Job } from 'bullmq'
import t from 'tap'
import { startScoreWorker } from '../../workers/score.js'
import type { JobHandler } from '../../src/platform/job-in-hand.js'
import { createMetrics } from '../../src/platform/metrics.js'
import { openQueues } from '../../src/platform/queues.js'
import { createJournal } from '../../src/telemetry/journal.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant } from '../helpers/devices.js'
import { NO_INTEL } from '../helpers/intel.js'
import { waitingGroups } from '../helpers/journal.js'
import { silentLog } from '../helpers/log.js'

t.test('what the journal hands on is scored, and a device is judged anew when asked', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const device = await seedDevice(db, await seedTenant(db))
  const queues = await openQueues({ databaseUrl: url, log: silentLog })
  t.teardown(async () => await queues.close())
  const metrics = createMetrics()
  const journal = createJournal({ db, score: queues.producer('score'), log: silentLog, maxWaiting: 100, metrics })
  t.teardown(async () => await journal.close())
  let scored = 0
  startScoreWorker({
    score: queues.producer('score'),
    queues, db, concurrency: 2, onScored: ({ reports }) => { scored += reports.length }, log: silentLog, sync: rememberingProducer<'sync'>(),
    intel: { current: () => NO_INTEL }
  })

  const levelIs = async (level: string): Promise<void> => {
    while (true) {
      const row = await db.selectFrom('device_state').select('level').where('device_id', '=', device.deviceId).executeTakeFirst()
      if (row?.level === level) return
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  await journal.append({ ...device, report: makeReport(1, { integrity: { rooted: true } }) })
  await levelIs('high')
  await journal.append({ ...device, report: makeReport(2, { integrity: { rooted: false } }) })
  await levelIs('secured')
  t.equal(scored, 2)
  t.match(await metrics.journalBatchSize.get(), { values: [{ value: Number }] })

  await db.updateTable('device_state').set({ level: 'low' }).execute()
  await queues.producer('score').add([{ deviceIds: [device.deviceId] }])
  await levelIs('secured')
  t.strictSame(await waitingGroups(db), [])
})

t.test('a job does not end before what it did is committed', async (t) => {
  const { db } = await createTestDatabase(t)
  const device = await seedDevice(db, await seedTenant(db))
  const score = rememberingProducer<'score'>()
  const journal = createJournal({ db, score, log: silentLog, maxWaiting: 100 })
  t.teardown(async () => await journal.close())
  await journal.append({ ...device, report: makeReport(1) })
  await journal.close()
  let work: JobHandler<'score'> | undefined
  startScoreWorker({
    score, db, concurrency: 1, log: silentLog, sync: rememberingProducer<'sync'>(), intel: { current: () => NO_INTEL },
    queues: {
      startWorker (_name, handler) {
        work = handler as unknown as JobHandler<'score'>
        return { close: async () => {} }
      }
    }
  })
  await work!(score.payloads[0]!, {} as Job, new AbortController().signal)
  t.strictSame(await waitingGroups(db), [])
})
