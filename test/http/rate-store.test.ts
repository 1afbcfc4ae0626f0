import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { type CallerCount, createSharedCounts, startExchange, WINDOW_MS } from '../../src/http/plugins/rate-store.js'
import { createCountExchange } from '../../src/platform/rate-exchange.js'
import { createTestDatabase } from '../helpers/database.js'
import { silentLog } from '../helpers/log.js'

/** What the table does, in memory. */
function makeTable () {
  const sums = new Map<string, number>()
  const told: CallerCount[][] = []
  return {
    told,
    async exchange (window: number, counts: readonly CallerCount[]): Promise<CallerCount[]> {
      told.push([...counts])
      return counts.map(({ key, count }) => {
        const sum = (sums.get(`${window} ${key}`) ?? 0) + count
        sums.set(`${window} ${key}`, sum)
        return { key, count: sum }
      })
    }
  }
}

const store = (counts: ReturnType<typeof createSharedCounts>) => {
  const one = new counts.Store({}) as InstanceType<typeof counts.Store> & { read: (key: string, done: (error: Error | null, result?: { current: number, ttl: number }) => void) => void }
  let answer!: { current: number, ttl: number }
  return {
    incr (key: string, max: number) {
      one.incr(key, (_error, result) => { answer = result! }, WINDOW_MS, max)
      return answer
    },
    read (key: string) {
      one.read(key, (_error, result) => { answer = result! })
      return answer
    }
  }
}

t.test('counts a minute, then begins anew; to look counts nothing', async (t) => {
  let now = 10 * WINDOW_MS + 15_000
  const one = store(createSharedCounts({ now: () => now }))
  t.strictSame([1, 2, 3].map(() => one.incr('a', 10).current), [1, 2, 3])
  t.strictSame(one.read('a'), { current: 3, ttl: 45_000 })
  t.strictSame(one.read('b').current, 0)
  now += 44_999
  t.strictSame(one.incr('a', 10), { current: 4, ttl: 1 })
  now += 1
  t.strictSame(one.read('a').current, 0)
  t.strictSame(one.incr('a', 10), { current: 1, ttl: WINDOW_MS })
})

t.test('a fleet in order is not worth a word, a busy caller is', async (t) => {
  const table = makeTable()
  const counts = createSharedCounts({ exchangeCounts: table.exchange, now: () => 0 })
  const one = store(counts)
  for (let n = 0; n < 5_000; n++) one.incr(`phone ${n}`, 1_200)
  await counts.exchange()
  t.strictSame(table.told, [], 'no statement at all')
  for (let n = 0; n < 60; n++) one.incr('busy', 1_200)
  await counts.exchange()
  await counts.exchange()
  t.strictSame(table.told, [[{ key: 'busy', count: 60 }]], 'once, and not again while it is quiet')
})

t.test('processes know after an exchange what came in all of them; what could not be told is told later', async (t) => {
  const table = makeTable()
  let fail = true
  const flaky = async (window: number, counts: readonly CallerCount[]) => {
    if (fail) throw new Error('the database is away')
    return await table.exchange(window, counts)
  }
  const a = createSharedCounts({ exchangeCounts: flaky, now: () => 0 })
  const b = createSharedCounts({ exchangeCounts: table.exchange, now: () => 0 })
  const [inA, inB] = [store(a), store(b)]
  for (let n = 0; n < 7; n++) inA.incr('x', 10)
  await t.rejects(a.exchange())
  t.equal(inA.incr('x', 10).current, 8, 'each by its own counts')
  fail = false
  await a.exchange()
  inB.incr('x', 10)
  await b.exchange()
  t.equal(inB.incr('x', 10).current, 10)
  await b.exchange()
  inA.incr('x', 10)
  await a.exchange()
  t.equal(inA.read('x').current, 11)
})

t.test('nobody is counted twice or forgotten, however requests and exchanges fall', async () => {
  const step = fc.tuple(fc.nat(2), fc.constantFrom('come', 'come', 'exchange'))
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
    const table = makeTable()
    const all = [0, 1, 2].map(() => createSharedCounts({ exchangeCounts: table.exchange, now: () => 0 }))
    const stores = all.map(store)
    let came = 0
    for (const [which, what] of steps) {
      if (what === 'exchange') {
        await all[which]!.exchange()
      } else {
        came++
        const { current } = stores[which]!.incr('x', 20)
        if (current > came) throw new Error(`${current} counted of ${came}`)
      }
    }
    // Each tells, and then each has come once more to hear.
    for (const counts of all) await counts.exchange()
    for (const [which, counts] of all.entries()) {
      stores[which]!.incr('x', 20)
      came++
      await counts.exchange()
    }
    if (stores[2]!.read('x').current !== came) throw new Error(`${stores[2]!.read('x').current} counted of ${came}`)
  }), { seed: Number(process.env.FC_SEED ?? Date.now() % 2 ** 31) })
})

t.test('counts of another minute than the one that is over are not mixed with it', async (t) => {
  let now = 0
  let answer!: () => void
  const counts = createSharedCounts({
    now: () => now,
    exchangeCounts: async (_window, told) => await new Promise((resolve) => { answer = () => resolve(told.map(({ key }) => ({ key, count: 1_000 }))) })
  })
  const one = store(counts)
  one.incr('x', 1)
  const exchange = counts.exchange()
  now = WINDOW_MS
  one.incr('x', 1)
  answer()
  await exchange
  t.equal(one.incr('x', 1).current, 2)
})

t.test('the table holds the sums of all processes, a minute or two', async (t) => {
  const { db } = await createTestDatabase(t)
  const all = [1, 2, 3, 4].map(() => createCountExchange(db))
  const keys = Array.from({ length: 200 }, () => randomUUID())
  for (let round = 0; round < 5; round++) {
    // In different orders, which must not make them wait for each other in a circle.
    await Promise.all(all.map(async (exchange, n) => await exchange(7, (n % 2 === 0 ? keys : [...keys].reverse()).map((key) => ({ key, count: n + 1 })))))
  }
  t.strictSame(new Set((await all[0]!(7, keys.map((key) => ({ key, count: 0 })))).map(({ count }) => count)), new Set([50]))
  await all[0]!(8, [{ key: 'x', count: 1 }])
  t.equal((await db.selectFrom('rate_count').select('key').where('window', '=', 7).execute()).length, 200)
  await all[0]!(9, [{ key: 'x', count: 1 }])
  t.strictSame(await db.selectFrom('rate_count').selectAll().orderBy('window').execute(), [{ window: 8, key: 'x', count: 1 }, { window: 9, key: 'x', count: 1 }])
})

t.test('exchanges by itself, goes on after a failure, and stops', async (t) => {
  let calls = 0
  // The exchange keeps no process alive.
  const alive = setInterval(() => {}, 1_000)
  t.teardown(() => clearInterval(alive))
  await new Promise<void>((resolve) => {
    const timer = startExchange({
      async exchange () {
        if (++calls === 3) {
          timer.close()
          resolve()
        }
        throw new Error('away')
      }
    }, { log: silentLog, everyMs: 1 })
  })
  t.equal(calls, 3)
})
