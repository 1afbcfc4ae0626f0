import { openQueues, type QueuesOptions } from '../../../src/platform/queues.js'
import { silentLog } from '../../helpers/log.js'

// A worker that takes a job, says so, and never finishes it.
process.on('disconnect', () => process.exit())
const options = JSON.parse(process.argv[2]!) as Omit<QueuesOptions, 'log'> & { silenceMs: number }
const queues = await openQueues({ ...options, log: silentLog })
queues.startWorker('sync', async (payload) => {
  process.send!(payload)
  await new Promise(() => {})
}, { concurrency: 1, silenceMs: options.silenceMs })
process.send!('ready')
