import t from 'tap'
import { startSignalsWorker } from '../../workers/signals.js'
import { createTestDatabase } from '../helpers/database.js'
import { silentLog } from '../helpers/log.js'

t.test('jobs wake the runner and clean up, and the end ends what is in hand', async (t) => {
  const { db } = await createTestDatabase(t)
  const calls: string[] = []
  const schedules: string[] = []
  let handle!: (payload: { task: 'tell' | 'tend' }) => Promise<unknown>
  const worker = await startSignalsWorker({
    db,
    log: silentLog,
    secrets: undefined,
    queues: {
      startWorker: ((name: string, handler: typeof handle) => {
        calls.push(`start ${name}`)
        handle = handler
        return { close: async () => { calls.push('close worker') } }
      }) as never,
      schedule: async (name, id, everyMs) => { schedules.push(`${name} ${id} ${everyMs}`) }
    },
    runner: { wake: async () => { calls.push('wake') }, idle: async () => {}, close: async () => { calls.push('close runner') } }
  })
  t.strictSame(schedules, ['signals tell 1000', 'signals tend 3600000'])
  await handle({ task: 'tell' })
  await handle({ task: 'tend' })
  await worker.close()
  t.strictSame(calls, ['start signals', 'wake', 'close runner', 'close worker'])
})
