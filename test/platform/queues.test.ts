import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { UnrecoverableError } from 'bullmq'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js'
import { migrate } from '../../src/platform/migrate.js'
import { QUEUE_NAMES } from '../../src/platform/queue-names.js'
import { openQueues, type Queues, type QueuesOptions } from '../../src/platform/queues.js'
import { createTestDatabase } from '../helpers/database.js'
import { createGate } from '../helpers/gate.js'
import { silentLog } from '../helpers/log.js'
import { nextMessage, startScript } from './children.js'
import { findRedis } from '../helpers/redis.js'
import { startCluster } from '../helpers/redis-groups.js'
import { startRedis } from '../../bench/redis-server.js'

type Address = Omit<QueuesOptions, 'log' | 'prefix'>

/** Whether a promise has settled by now, after everything that was ready had its turn. */
async function isSettled (promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.then(() => { settled = true }, () => { settled = true })
  await new Promise(setImmediate)
  return settled
}

t.test('on PostgreSQL', async (t) => {
  const { url } = await createTestDatabase(t)
  await testEngine(t, 'postgres', { databaseUrl: url })
})

t.test('on Redis', async (t) => {
  const redis = await findRedis(t)
  if (redis === undefined) {
    t.pass('nothing to test', { skip: 'neither REDIS_URL nor a redis-server or valkey-server' })
    return
  }
  await testEngine(t, 'redis', { databaseUrl: '', redisUrl: redis.url })

  t.test('two prefixes do not see each other', async (t) => {
    const open = async (): Promise<Queues> => {
      const queues = await openQueues({ databaseUrl: '', redisUrl: redis.url, prefix: randomBytes(6).toString('hex'), log: silentLog })
      t.teardown(async () => {
        await queues.queue('score').obliterate({ force: true })
        await queues.close()
      })
      return queues
    }
    const [one, other] = [await open(), await open()]
    await one.producer('score').add([{ groupId: 1 }])
    t.equal((await one.counts()).score.waiting, 1)
    t.equal((await other.counts()).score.waiting, 0)
  })
})

t.test('on Redis Cluster', async (t) => {
  const cluster = await startCluster(t)
  if (cluster === undefined) {
    t.pass('nothing to test', { skip: 'neither redis-server nor valkey-server' })
    return
  }
  t.test('queues lie on different nodes', async (t) => {
    const queues = await openQueues({ databaseUrl: '', redisUrl: cluster.url, log: silentLog })
    t.teardown(async () => await queues.close())
    await Promise.all([queues.producer('score').add([{ groupId: 1 }]), queues.producer('preview').add([{ previewId: randomUUID() }])])
    t.equal(await cluster.nodesWithKeys(), 2)
  })

  await testEngine(t, 'redis', { databaseUrl: '', redisUrl: cluster.url })
})

t.test('on Valkey', async (t) => {
  const valkey = await startRedis({ program: 'valkey-server' })
  if (valkey === undefined) {
    t.pass('nothing to test', { skip: 'no valkey-server' })
    return
  }
  t.teardown(async () => await valkey.stop())
  await testEngine(t, 'redis', { databaseUrl: '', redisUrl: valkey.url })
})

t.test('queues of a cluster whose nodes are gone can be closed', async (t) => {
  const cluster = await startCluster(t)
  if (cluster === undefined) {
    t.pass('nothing to test', { skip: 'neither redis-server nor valkey-server' })
    return
  }
  const queues = await openQueues({ databaseUrl: '', redisUrl: cluster.url, log: silentLog })
  queues.startWorker('sync', async () => {}, { concurrency: 1 })
  await queues.producer('sync').add([{ tenantId: randomUUID() }])
  await cluster.killHolder('{sallyport:sync}')
  const slow = wait(15_000, 'slow', { ref: false })
  t.equal(await Promise.race([queues.close().then(() => 'closed'), slow]), 'closed')
})

t.test('queues whose Redis is gone can be closed', async (t) => {
  for (const noticed of [false, true]) {
    const redis = await findRedis(t)
    if (redis?.pid === undefined) {
      t.pass('nothing to test', { skip: 'no redis-server or valkey-server to kill' })
      return
    }
    const refused = createGate()
    const log = pino({ level: 'error' }, { write: (line) => { if (line.includes('ECONNREFUSED')) refused.open() } })
    const queues = await openQueues({ databaseUrl: '', redisUrl: redis.url, log })
    queues.startWorker('sync', async () => {}, { concurrency: 1 })
    process.kill(redis.pid, 'SIGKILL')
    if (noticed) await refused.opened
    // A part of Sallyport has 20 s to stop (lifecycle.ts).
    const slow = wait(15_000, 'slow', { ref: false })
    t.equal(await Promise.race([queues.close().then(() => 'closed'), slow]), 'closed', noticed ? 'when that is known' : 'when nobody knows yet')
  }
})

t.test('queues whose PostgreSQL is gone can be closed', async (t) => {
  const postgres = await startEmbeddedPostgres({ log: silentLog })
  t.teardown(async () => await postgres.stop())
  await migrate({ databaseUrl: postgres.url })
  const queues = await openQueues({ databaseUrl: postgres.url, log: silentLog })
  queues.startWorker('sync', async () => {}, { concurrency: 1 })
  await postgres.stop()
  const slow = wait(15_000, 'slow', { ref: false })
  t.equal(await Promise.race([queues.close().then(() => 'closed'), slow]), 'closed')
})

async function testEngine (t: Test, engine: Queues['engine'], address: Address): Promise<void> {
  /** Queues of this test alone. */
  async function open (t: Test): Promise<Queues & { readonly options: Omit<QueuesOptions, 'log'> }> {
    const options = { ...address, prefix: randomBytes(6).toString('hex') }
    const queues = await openQueues({ ...options, log: silentLog })
    t.teardown(async () => {
      await Promise.all(QUEUE_NAMES.map(async (name) => await queues.queue(name).obliterate({ force: true })))
      await queues.close()
    })
    return { ...queues, options }
  }

  t.test('a job reaches a worker with its payload, and is gone when it is done', async (t) => {
    const queues = await open(t)
    t.equal(queues.engine, engine)
    t.match(await queues.engineHealth(), engine === 'redis' ? { name: /^(Redis|Valkey)$/, evictionPolicy: 'noeviction' } : undefined)
    const payloads = [{ tenantId: randomUUID() }, { tenantId: randomUUID() }, { tenantId: randomUUID() }]
    await queues.producer('sync').add([])
    await queues.producer('sync').add([payloads[0]!])
    await queues.producer('sync').add(payloads.slice(1))
    t.equal((await queues.counts()).sync.waiting, 3)
    t.ok((await queues.oldestWaitingSeconds()).sync > 0)
    t.equal((await queues.oldestWaitingSeconds()).score, 0)

    const received: unknown[] = []
    const all = createGate()
    const worker = queues.startWorker('sync', async (payload) => {
      received.push(payload)
      if (received.length === payloads.length) all.open()
    }, { concurrency: 1 })
    await all.opened
    t.strictSame(queues.workers().map(({ queue }) => queue), ['sync'])
    await t.resolves(queues.workers()[0]!.check(), 'a worker that takes jobs is well')
    await worker.close()
    t.strictSame(queues.workers(), [], 'and one that was closed is not missed')
    t.strictSame(received, payloads, 'in the order they were added')
    t.strictSame(Object.values((await queues.counts()).sync).filter((count) => count > 0), [])
  })

  t.test('the age of the oldest job that waits is that of the next one, not of those that came since', async (t) => {
    const queues = await open(t)
    await queues.queue('sync').add('old', { tenantId: randomUUID() }, { timestamp: Date.now() - 60_000 })
    await queues.producer('sync').add([{ tenantId: randomUUID() }, { tenantId: randomUUID() }])
    await queues.queue('sync').add('ordered behind all', { tenantId: randomUUID() }, { timestamp: Date.now() - 3_600_000, priority: 5 })
    const { sync: seconds } = await queues.oldestWaitingSeconds()
    t.ok(seconds >= 60 && seconds < 600, `${seconds} s`)
  })

  t.test('a worker that has not begun to take jobs says so', async (t) => {
    const queues = await open(t)
    queues.startWorker('sync', async () => {}, { concurrency: 1 })
    await t.rejects(queues.workers()[0]!.check(), { message: /not begun/ })
    while (!await queues.workers()[0]!.check().then(() => true, () => false)) await wait(20)
  })

  t.test('jobs of low priority wait for all others, also for those that come later', async (t) => {
    const queues = await open(t)
    await queues.producer('score').add([{ groupId: 1 }, { groupId: 2 }, { groupId: 3 }], { priority: 10 })
    await queues.producer('score').add([{ groupId: 4 }])
    await queues.producer('score').add([{ groupId: 5 }, { groupId: 6 }])
    const done: number[] = []
    const all = createGate()
    queues.startWorker('score', async ({ groupId }) => {
      done.push(groupId!)
      if (done.length === 6) all.open()
    }, { concurrency: 1 })
    await all.opened
    t.strictSame(done, [4, 5, 6, 1, 2, 3])
  })

  t.test('a job that fails is tried again after a pause', async (t) => {
    const queues = await open(t)
    const triedAt: number[] = []
    const attempts: number[] = []
    const done = createGate()
    const failures: string[] = []
    queues.startWorker('sync', async (_payload, job) => {
      triedAt.push(performance.now())
      attempts.push(job.attemptsMade)
      if (triedAt.length < 3) throw new Error('not yet')
      done.open()
    }, { concurrency: 1, onFailed: (queue) => failures.push(queue) })
    await queues.producer('sync').add([{ tenantId: randomUUID() }])
    await done.opened
    t.strictSame(attempts, [0, 1, 2])
    // Half of 250 ms and of 500 ms at least: the pauses are jittered. Timers may be a little early.
    t.ok(triedAt[1]! - triedAt[0]! >= 120, 'the first pause')
    t.ok(triedAt[2]! - triedAt[1]! >= 245, 'the second is longer')
    t.strictSame(failures, [], 'it did not fail for good')
  })

  t.test('a job that cannot succeed is not tried again, and is kept with its reason', async (t) => {
    const queues = await open(t)
    let tries = 0
    const failed = createGate()
    queues.startWorker('sync', async () => {
      tries++
      throw new UnrecoverableError('no such tenant')
    }, { concurrency: 1, onFailed: failed.open })
    await queues.producer('sync').add([{ tenantId: randomUUID() }])
    await failed.opened
    const [job, ...others] = await queues.queue('sync').getFailed()
    t.equal(job?.failedReason, 'no such tenant')
    t.equal(others.length, 0)
    t.equal(tries, 1)
    t.equal((await queues.counts()).sync.failed, 1)
  })

  t.test('a payload that is not one of its queue never reaches the handler', async (t) => {
    const queues = await open(t)
    const failed = createGate()
    queues.startWorker('sync', async () => t.fail('it was handled'), { concurrency: 1, onFailed: failed.open })
    await queues.queue('sync').add('sync', { tenantId: 'Contoso' })
    await failed.opened
    t.match((await queues.queue('sync').getFailed())[0]?.failedReason, /not a payload of sync/)
  })

  t.test('a job whose id is there already is not added twice', async (t) => {
    const queues = await open(t)
    const payload = { tenantId: randomUUID() }
    await Promise.all([1, 2, 3].map(async () => await queues.queue('sync').add('sync', payload, { jobId: 'the-only-one' })))
    t.equal((await queues.counts()).sync.waiting, 1)
  })

  t.test('whoever has time takes the next job, and nobody waits for one that is slow', async (t) => {
    const queues = await open(t)
    const others = await openQueues({ ...queues.options, log: silentLog })
    t.teardown(async () => await others.close())
    const slow = createGate()
    const all = createGate()
    const taken = { slow: 0, quick: 0 }
    const done = (): void => { if (taken.slow + taken.quick === 20) all.open() }
    const held = createGate()
    queues.startWorker('score', async () => {
      taken.slow++
      held.open()
      await slow.opened
      done()
    }, { concurrency: 1 })
    await queues.producer('score').add([{ groupId: 1 }])
    await held.opened
    others.startWorker('score', async () => {
      taken.quick++
      if (taken.quick === 19) slow.open()
      done()
    }, { concurrency: 1 })
    await queues.producer('score').add(Array.from({ length: 19 }, (_, at) => ({ groupId: at + 2 })))
    await all.opened
    t.strictSame(taken, { slow: 1, quick: 19 })
  })

  t.test('a schedule of several processes is one', async (t) => {
    const queues = await open(t)
    const others = await openQueues({ ...queues.options, log: silentLog })
    t.teardown(async () => await others.close())
    await Promise.all([queues, others].map(async ({ schedule }) => await schedule('upkeep', 'sweep', 3_600_000, { task: 'sweep' })))
    t.equal(await queues.queue('upkeep').getJobSchedulersCount(), 1)

    // Two processes may each put in the first job; after that there is one at a time.
    const worker = queues.startWorker('upkeep', async () => {}, { concurrency: 1 })
    const idle = async (): Promise<boolean> => {
      const { waiting, active } = (await queues.counts()).upkeep
      return waiting === 0 && active === 0
    }
    while (!await idle()) await wait(20)
    await worker.close()
    t.equal((await queues.counts()).upkeep.delayed, 1)
  })

  t.test('a schedule goes on and on', async (t) => {
    const queues = await open(t)
    const thrice = createGate()
    let runs = 0
    queues.startWorker('upkeep', async (payload) => {
      t.strictSame(payload, { task: 'sweep' })
      if (++runs === 3) thrice.open()
    }, { concurrency: 1 })
    await queues.schedule('upkeep', 'sweep', 100, { task: 'sweep' })
    await thrice.opened
  })

  t.test('a job in the hand of a worker that is killed goes to another', async (t) => {
    const queues = await open(t)
    const silenceMs = 2_000
    const payload = { tenantId: randomUUID() }
    const child = startScript(t, 'hold-job', [JSON.stringify({ ...queues.options, silenceMs })])
    await nextMessage(child)
    const taken = nextMessage(child)
    await queues.producer('sync').add([payload])
    t.strictSame(await taken, payload)
    child.kill('SIGKILL')
    await once(child, 'exit')

    const received = await new Promise((resolve) => {
      queues.startWorker('sync', async (payload) => resolve(payload), { concurrency: 1, silenceMs })
    })
    t.strictSame(received, payload)
  })

  t.test('a worker that closes finishes what it has in hand and takes no more', async (t) => {
    const queues = await open(t)
    const taken = createGate()
    const finish = createGate()
    let handled = 0
    const worker = queues.startWorker('sync', async () => {
      handled++
      taken.open()
      await finish.opened
    }, { concurrency: 1 })
    await queues.producer('sync').add([{ tenantId: randomUUID() }, { tenantId: randomUUID() }])
    await taken.opened

    const closed = worker.close()
    t.equal(await isSettled(closed), false, 'it waits for its job')
    finish.open()
    await closed
    t.equal(handled, 1)
    const { waiting, active, failed } = (await queues.counts()).sync
    t.strictSame({ waiting, active, failed }, { waiting: 1, active: 0, failed: 0 })
  })

  t.test('closing the queues closes their workers first', async (t) => {
    const queues = await openQueues({ ...address, prefix: randomBytes(6).toString('hex'), log: silentLog })
    const taken = createGate()
    const finish = createGate()
    queues.startWorker('sync', async () => {
      taken.open()
      await finish.opened
    }, { concurrency: 1 })
    await queues.producer('sync').add([{ tenantId: randomUUID() }])
    await taken.opened
    const closed = queues.close()
    t.equal(await isSettled(closed), false)
    finish.open()
    await closed
  })
}
