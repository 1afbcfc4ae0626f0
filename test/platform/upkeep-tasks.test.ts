import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { openQueues } from '../../src/platform/queues.js'
import { tendTables } from '../../src/platform/tend-tables.js'
import { listUpkeepTasks, runUpkeepTask } from '../../src/platform/upkeep-tasks.js'
import { createTestDatabase } from '../helpers/database.js'
import { createGate } from '../helpers/gate.js'
import { silentLog } from '../helpers/log.js'
import { findRedis } from '../helpers/redis.js'
import { nextMessage, startScript } from './children.js'

const HOUR_MS = 3_600_000

t.test('of many who are told to do a task at once one does it, and nobody again before it is due', async (t) => {
  const { db } = await createTestDatabase(t)
  let done = 0
  const asked = async (): Promise<boolean[]> => await Promise.all(Array.from({ length: 8 }, async () => await runUpkeepTask({ db, log: silentLog }, { task: 'sweep', everyMs: HOUR_MS }, async () => { done++ })))
  t.equal((await asked()).filter(Boolean).length, 1)
  t.equal((await asked()).filter(Boolean).length, 0)
  t.equal(done, 1)
  await sql`update upkeep_task set due_at = now()`.execute(db)
  t.equal((await asked()).filter(Boolean).length, 1)
  t.match(await listUpkeepTasks(db), [{ task: 'sweep', everySeconds: 3600, runs: 2, failures: 0, abandoned: 0, outcome: 'done', isRunning: false, isLate: false }])
})

t.test('a task is seen while it runs; what it did, and how it failed, is told afterwards', async (t) => {
  const { db } = await createTestDatabase(t)
  const look = async () => (await listUpkeepTasks(db))[0]
  const gate = createGate()
  const begun = createGate()
  const run = runUpkeepTask({ db, log: silentLog }, { task: 'retention', everyMs: 0 }, async () => {
    begun.open()
    await gate.opened
    return { deleted: 3 }
  })
  await begun.opened
  t.match(await look(), { isRunning: true, startedAt: String, finishedAt: null, outcome: null })
  gate.open()
  t.equal(await run, true)
  const before = await look()
  t.match(before, { isRunning: false, finishedAt: String, succeededAt: String, seconds: Number, outcome: 'done', error: null, result: { deleted: 3 } })
  await t.rejects(runUpkeepTask({ db, log: silentLog }, { task: 'retention', everyMs: 0 }, async () => { throw new Error('no room') }), { message: 'no room' })
  t.match(await look(), { outcome: 'failed', error: 'no room', result: null, failures: 1, runs: 2, succeededAt: before!.succeededAt })
  await sql`update upkeep_task set succeeded_at = now() - interval '2 minutes'`.execute(db)
  t.match(await look(), { isLate: true })
})

t.test('a task whose process dies is begun anew by another, and that is seen', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const leaseMs = 1_000
  const child = startScript(t, 'hold-upkeep', [url, String(leaseMs)])
  await nextMessage(child)
  const tryIt = async (): Promise<boolean> => await runUpkeepTask({ db, log: silentLog, leaseMs }, { task: 'sweep', everyMs: 50 }, async () => {})
  // Longer than its lease: it is alive, and renews it.
  const until = performance.now() + 1.5 * leaseMs
  while (performance.now() < until) {
    t.equal(await tryIt(), false)
    await wait(100)
  }
  child.kill('SIGKILL')
  await once(child, 'exit')
  while (!await tryIt()) await wait(50)
  t.match(await listUpkeepTasks(db), [{ abandoned: 1, outcome: 'done', isRunning: false }])
})

t.test('a task that its process leaves because it stops is due at once for others', async (t) => {
  const { db } = await createTestDatabase(t)
  const stop = new AbortController()
  await t.rejects(runUpkeepTask({ db, log: silentLog }, { task: 'tables', everyMs: HOUR_MS, signal: stop.signal }, async () => {
    stop.abort(new Error('the process stops'))
    stop.signal.throwIfAborted()
  }), { message: 'the process stops' })
  t.match(await listUpkeepTasks(db), [{ isRunning: false, outcome: null, failures: 0, abandoned: 0 }])
  t.equal(await runUpkeepTask({ db, log: silentLog }, { task: 'tables', everyMs: HOUR_MS }, async () => {}), true)
})

t.test('of a task that several may do at once only the beginnings are counted together', async (t) => {
  const { db } = await createTestDatabase(t)
  const [begun, gate] = [createGate(), createGate()]
  const one = runUpkeepTask({ db, log: silentLog }, { task: 'subscriptions', everyMs: 10, isShared: true }, async () => {
    begun.open()
    await gate.opened
  })
  await begun.opened
  while (!await runUpkeepTask({ db, log: silentLog }, { task: 'subscriptions', everyMs: 10, isShared: true }, async () => {})) await wait(5)
  gate.open()
  t.equal(await one, true)
  t.match(await listUpkeepTasks(db), [{ runs: 2, abandoned: 0, isRunning: false }])
})

for (const engine of ['PostgreSQL', 'Redis'] as const) {
  t.test(`however many processes are woken by queues on ${engine}, a task never runs twice at once`, async (t) => {
    const { db, url } = await createTestDatabase(t)
    const redis = engine === 'Redis' ? await findRedis(t) : undefined
    if (engine === 'Redis' && redis === undefined) {
      t.pass('nothing to test', { skip: 'neither REDIS_URL nor a redis-server or valkey-server' })
      return
    }
    const prefix = randomBytes(6).toString('hex')
    let running = 0
    let most = 0
    const seen = { runs: 0 }
    const everyMs = 200
    for (let count = 0; count < 3; count++) {
      const queues = await openQueues({ databaseUrl: url, redisUrl: redis?.url, prefix, log: silentLog })
      t.teardown(async () => await queues.close())
      queues.startWorker('upkeep', async () => await runUpkeepTask({ db, log: silentLog }, { task: 'sweep', everyMs }, async () => {
        most = Math.max(most, ++running)
        seen.runs++
        await wait(everyMs)
        running--
      }), { concurrency: 2 })
      await queues.schedule('upkeep', 'sweep', everyMs, { task: 'sweep' })
      // A second one, as of a process that puts in its own.
      await queues.schedule('upkeep', `sweep of ${count}`, everyMs, { task: 'sweep' })
    }
    while (seen.runs < 5) await wait(20)
    t.equal(most, 1)
  })
}

t.test('a table that autovacuum does not keep up with is vacuumed, or told of where our role may not', async (t) => {
  const { db } = await createTestDatabase(t)
  await sql`create table hot (n integer) with (autovacuum_enabled = off)`.execute(db)
  const spoil = async (): Promise<void> => await db.connection().execute(async (connection) => {
    await sql`insert into hot select generate_series(1, 20000)`.execute(connection)
    await sql`delete from hot`.execute(connection)
    await sql`select pg_stat_force_next_flush()`.execute(connection)
  })
  await spoil()
  t.strictSame(await tendTables(db), { vacuumed: ['public.hot'], analyzed: ['public.hot'], hints: [] })
  t.strictSame(await tendTables(db), { vacuumed: [], analyzed: [], hints: [] }, 'once is enough')
  await spoil()
  const result = await db.connection().execute(async (connection) => {
    await sql`set role pg_monitor`.execute(connection)
    try {
      return await tendTables(connection)
    } finally {
      await sql`reset role`.execute(connection)
    }
  })
  t.match(result, { vacuumed: [], analyzed: [], hints: [{ table: 'public.hot', hint: /20000 dead rows.*VACUUM \(ANALYZE\)/ }] })
})
