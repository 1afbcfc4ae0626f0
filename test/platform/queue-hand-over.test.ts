import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Job } from 'bullmq'
import t, { type Test } from 'tap'
import { QUEUE_NAMES } from '../../src/platform/queue-names.js'
import { openQueues, type Queues, type QueuesOptions } from '../../src/platform/queues.js'
import { createTestDatabase } from '../helpers/database.js'
import { createGate } from '../helpers/gate.js'
import { silentLog } from '../helpers/log.js'
import { findRedis } from '../helpers/redis.js'

type Options = Omit<QueuesOptions, 'log'>
type Open = (options: Options) => Promise<Queues>

t.test('on PostgreSQL', async (t) => {
  const { url } = await createTestDatabase(t)
  await testHandOver(t, { databaseUrl: url })
})

t.test('on Redis', async (t) => {
  const redis = await findRedis(t)
  if (redis === undefined) {
    t.pass('nothing to test', { skip: 'neither REDIS_URL nor a redis-server or valkey-server' })
    return
  }
  await testHandOver(t, { databaseUrl: '', redisUrl: redis.url })
})

/** Processes of one installation: each call opens one more. */
function processesOf (t: Test, address: Options): () => ReturnType<Open> {
  const options = { ...address, prefix: randomBytes(6).toString('hex') }
  let first: Queues | undefined
  return async () => {
    const queues = await openQueues({ ...options, log: silentLog })
    const isFirst = first === undefined
    first ??= queues
    t.teardown(async () => {
      if (isFirst) await Promise.all(QUEUE_NAMES.map(async (name) => await queues.queue(name).obliterate({ force: true })))
      await queues.close()
    })
    return queues
  }
}

async function testHandOver (t: Test, address: Options): Promise<void> {
  t.test('a job whose handler heeds the end of its process is done by another at once, and no attempt is counted', async (t) => {
    const open = processesOf(t, address)
    const [leaving, staying] = [await open(), await open()]
    const payload = { tenantId: randomUUID() }
    const taken = createGate()
    const worker = leaving.startWorker('sync', async (_payload, _job, signal) => {
      taken.open()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      signal.throwIfAborted()
    }, { concurrency: 1, silenceMs: 60_000 })
    await leaving.producer('sync').add([payload])
    await taken.opened
    await worker.close()
    const job = await nextJob(staying)
    t.strictSame([job.data, job.attemptsMade], [payload, 0])
  })

  t.test('a job whose handler does not end is given to another when the time is over', async (t) => {
    const open = processesOf(t, address)
    const [leaving, staying] = [await open(), await open()]
    const taken = createGate()
    const stuck = createGate()
    t.teardown(() => stuck.open())
    const worker = leaving.startWorker('sync', async () => {
      taken.open()
      await stuck.opened
    }, { concurrency: 1, silenceMs: 60_000, closeLimitMs: 50 })
    await leaving.producer('sync').add([{ tenantId: randomUUID() }])
    await taken.opened
    const startedAt = performance.now()
    await worker.close()
    t.equal((await nextJob(staying)).attemptsMade, 0)
    t.ok(performance.now() - startedAt < 30_000, 'nobody waited for its lock to lapse')
    stuck.open()
  })

  t.test('a job of a version that a process does not know waits for one that does', async (t) => {
    const queues = await processesOf(t, address)()
    // What a newer process would have put in.
    for (const name of ['sync@2', 'sync-of-a-kind-to-come']) await queues.queue('sync').add(name, { something: 'new' })
    await queues.producer('sync').add([{ tenantId: randomUUID() }])
    const done: string[] = []
    const failed: string[] = []
    const worker = queues.startWorker('sync', async (_payload, job) => { done.push(job.name) }, { concurrency: 1, onFailed: (queue) => failed.push(queue) })
    await until(async () => done.length === 1 && (await queues.counts()).sync.delayed === 2)
    await worker.close()
    t.strictSame(done, ['sync'])
    t.strictSame(failed, [])
    for (const job of await queues.queue('sync').getDelayed()) t.strictSame([job.data, job.attemptsMade, job.failedReason], [{ something: 'new' }, 0, undefined], job.name)
  })

  t.test('while an older worker and a newer one run side by side, each job is done by one that knows it', async (t) => {
    const open = processesOf(t, address)
    const [old, young] = [await open(), await open()]
    const done = { old: [] as string[], young: [] as string[] }
    const onFailed = (): void => { t.fail('a job failed') }
    old.startWorker('sync', async (_payload, job) => { done.old.push(job.name) }, { concurrency: 2, onFailed, versioning: { leftForMs: 50 } })
    young.startWorker('sync', async (_payload, job) => { done.young.push(job.name) }, { concurrency: 2, onFailed, versioning: { known: 2, leftForMs: 50 } })
    for (let count = 0; count < 20; count++) {
      // What a version may add: a field that older ones ignore needs no new name.
      await old.queue('sync').add('sync', { tenantId: randomUUID(), more: count })
      await young.queue('sync').add('sync@2', { tenantId: randomUUID() })
    }
    await until(() => done.old.length + done.young.length === 40)
    t.strictSame([...new Set(done.old)], done.old.length === 0 ? [] : ['sync'])
    t.equal(done.young.filter((name) => name === 'sync@2').length, 20)
  })

  t.test('a job that nobody knew for a day fails with the reason', async (t) => {
    const queues = await processesOf(t, address)()
    await queues.queue('sync').add('sync@2', {}, { timestamp: Date.now() - 25 * 3_600_000 })
    const failed = new Promise<void>((resolve) => { queues.startWorker('sync', async () => {}, { concurrency: 1, onFailed: () => resolve() }) })
    await failed
    t.match((await queues.queue('sync').getFailed())[0]?.failedReason, /"sync@2".*for a day/)
  })

  t.test('a schedule that was lost with its queue, or lost its next job, is put in again', async (t) => {
    const queues = await processesOf(t, address)()
    await queues.schedule('upkeep', 'sweep', 100, { task: 'sweep' })
    let runs = 0
    queues.startWorker('upkeep', async () => { runs++ }, { concurrency: 1 })
    await until(() => runs > 0)
    await queues.queue('upkeep').obliterate({ force: true })
    await queues.queue('upkeep').removeJobScheduler('sweep')
    const before = runs
    await queues.repairSchedules()
    await until(() => runs > before + 1)
    t.equal(await queues.queue('upkeep').getJobSchedulersCount(), 1)
    await queues.repairSchedules()
    t.equal(await queues.queue('upkeep').getJobSchedulersCount(), 1, 'what is there stays')
  })
}

/** Takes the next job that comes to this process. */
async function nextJob (queues: Queues): Promise<Job> {
  return await new Promise((resolve) => { queues.startWorker('sync', async (_payload, job) => resolve(job), { concurrency: 1 }) })
}

async function until (condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!await condition()) await wait(20)
}
