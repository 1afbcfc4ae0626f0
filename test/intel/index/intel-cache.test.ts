import { EventEmitter, once } from 'node:events'
import t, { type Test } from 'tap'
import { importFeed, removeFeed } from '../../../src/intel/import-feed.js'
import { createIntelCache, type IntelCache } from '../../../src/intel/index/intel-cache.js'
import { readIntelVersion } from '../../../src/intel/intel-version.js'
import { type Database, openDatabase } from '../../../src/platform/database.js'
import { createLogger } from '../../../src/platform/log.js'
import { createTestDatabase } from '../../helpers/database.js'
import { silentLog } from '../../helpers/log.js'
import { stalkerwareFile, starterFile } from '../files.js'

/** Of a cache that looks only when it is asked to. */
const NEVER_MS = 3_600_000
const SOON_MS = 5

async function open (t: Test, db: Database, rest: Partial<Parameters<typeof createIntelCache>[0]> = {}): Promise<IntelCache> {
  const cache = await createIntelCache({ db, log: silentLog, pollMs: NEVER_MS, ...rest })
  t.teardown(async () => await cache.close())
  return cache
}

async function importPackages (db: Database, ...packages: string[]): Promise<void> {
  await importFeed({ db }, { feed: 'a-feed', format: 'auto', body: stalkerwareFile({ packages }), now: new Date() })
}

const knows = (cache: IntelCache, appId: string): boolean => cache.current().lookup('app-id', appId).length > 0

/** A log whose lines can be waited for. */
function listeningLog () {
  const lines = new EventEmitter()
  const log = createLogger({ level: 'info', destination: { write: (text) => { const line = JSON.parse(text) as { msg: string }; lines.emit(line.msg, line) } } })
  return { log, nextLine: async (message: string) => (await once(lines, message))[0] as { level: number, intelVersion?: number, err?: { message: string } } }
}

const LOADED = 'threat intelligence loaded'
const KEPT = 'threat intelligence could not be reloaded; the old one serves on'

t.test('an empty store is version 0, and asked it knows nothing', async (t) => {
  const { db } = await createTestDatabase(t)
  const cache = await open(t, db)
  t.equal(cache.current().version, 0)
  t.notOk(knows(cache, 'com.spy'))
})

t.test('what is stored before the start is there at once', async (t) => {
  const { db } = await createTestDatabase(t)
  await importPackages(db, 'com.spy')
  await importFeed({ db }, { feed: 'fixes', format: 'auto', body: starterFile("cve: CVE-2024-0001, ios: ['17.3']"), now: new Date() })
  const cache = await open(t, db)
  t.equal(cache.current().version, await readIntelVersion(db))
  t.match(cache.current().lookup('app-id', 'com.spy'), [{ feed: 'a-feed', family: 'Spy', role: 'artifact', threatClass: 'stalkerware' }])
  t.match(cache.current().openVulnerabilities({ platform: 'ios', version: '17.2' }), [{ cve: 'CVE-2024-0001', exploited: true, kevDateAdded: '2024-01-01' }])
})

t.test('an import is seen when asked to look, and the same index serves while nothing changes', async (t) => {
  const { db } = await createTestDatabase(t)
  const cache = await open(t, db)
  const before = cache.current()
  await importPackages(db, 'com.spy')
  t.equal(cache.current(), before, 'not before it looks')
  const after = await cache.refresh()
  t.equal(after, cache.current())
  t.equal(after.version, before.version + 1)
  t.ok(knows(cache, 'com.spy'))
  t.equal(before.lookup('app-id', 'com.spy').length, 0, 'whoever has the old one in hand judges by one truth to the end')

  await importPackages(db, 'com.spy')
  t.equal(await cache.refresh(), after, 'an import that changes nothing costs nothing')
  await removeFeed({ db }, { feed: 'a-feed', actor: 'ann' })
  t.equal((await cache.refresh()).version, after.version + 1)
  t.notOk(knows(cache, 'com.spy'))
})

t.test('another process sees an import by itself', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const elsewhere = openDatabase({ connectionString: url })
  t.teardown(async () => await elsewhere.destroy())
  const { log, nextLine } = listeningLog()
  const cache = await open(t, elsewhere, { log, pollMs: SOON_MS })
  const loaded = nextLine(LOADED)
  await importPackages(db, 'com.spy')
  t.match(await loaded, { level: 30, intelVersion: 1 })
  t.ok(knows(cache, 'com.spy'))
})

t.test('to look means to see what was committed before, whatever is under way', async (t) => {
  const { db } = await createTestDatabase(t)
  const cache = await open(t, db, { pollMs: 1 })
  for (let round = 1; round <= 30; round++) {
    await importPackages(db, `com.spy${round}`)
    const seen = await Promise.all([cache.refresh(), cache.refresh(), cache.refresh()])
    t.strictSame(seen.map((index) => index.lookup('app-id', `com.spy${round}`).length), [1, 1, 1], `import ${round}`)
  }
})

t.test('every index is one state of the store: never half of an import', async (t) => {
  const { db } = await createTestDatabase(t)
  // More than one chunk, so that reading takes several queries.
  const feed = (name: string): string[] => Array.from({ length: 12_000 }, (_, number) => `com.${name}${number}`)
  const names = ['one', 'two', 'three']
  await importPackages(db, ...feed('one'))
  const cache = await open(t, db)
  const states = new Set<string>()
  for (const name of names.slice(1)) {
    const progress = { done: false }
    const importing = importPackages(db, ...feed(name)).finally(() => { progress.done = true })
    while (!progress.done) {
      const index = await cache.refresh()
      const count = (which: string): number => feed(which).filter((appId) => index.lookup('app-id', appId).length > 0).length
      states.add(names.map(count).join(' '))
    }
    await importing
  }
  const whole = names.map((name) => names.map((other) => other === name ? 12_000 : 0).join(' '))
  t.strictSame([...states].filter((state) => !whole.includes(state)), [])
  t.ok(states.size > 1, 'and changes were seen')
})

t.test('while the database is away the old index serves on, and afterwards the new one comes', async (t) => {
  const { db, url } = await createTestDatabase(t)
  await importPackages(db, 'com.spy')
  let away = false
  // Kysely asks for a transaction or a query through these; away they fail as PostgreSQL's absence does.
  const elsewhere = openDatabase({ connectionString: url })
  t.teardown(async () => await elsewhere.destroy())
  const flaky = new Proxy(elsewhere, {
    get (target, name) {
      if (away && (name === 'selectFrom' || name === 'transaction')) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
  const { log, nextLine } = listeningLog()
  const cache = await open(t, flaky, { log, pollMs: SOON_MS })
  away = true
  t.match(await nextLine(KEPT), { level: 40, err: { message: 'connect ECONNREFUSED' } })
  t.ok(knows(cache, 'com.spy'))
  await t.rejects(cache.refresh(), { code: 'ECONNREFUSED' }, 'who asks to look is told')
  await importPackages(db, 'com.new.spy')
  t.ok(knows(cache, 'com.spy'))

  const loaded = nextLine(LOADED)
  away = false
  await loaded
  t.strictSame([knows(cache, 'com.spy'), knows(cache, 'com.new.spy')], [false, true])
})

t.test('a process does not start without having read the store', async (t) => {
  const { db } = await createTestDatabase(t, { empty: true })
  await t.rejects(createIntelCache({ db, log: silentLog, pollMs: SOON_MS }), { code: '42P01' })
})

t.test('closed, it looks no more, and the database can be let go', async (t) => {
  const { url } = await createTestDatabase(t)
  const { log, nextLine } = listeningLog()
  let complaints = 0
  nextLine(KEPT).then(() => { complaints++ }, () => {})
  for (let round = 0; round < 10; round++) {
    const db = openDatabase({ connectionString: url })
    const cache = await createIntelCache({ db, log, pollMs: 1 })
    const looking = cache.refresh()
    await cache.close()
    // What looked on would fail from here, and complain while the next round connects.
    await db.destroy()
    t.equal((await looking).version, 0)
  }
  t.equal(complaints, 0)
})

t.test('every process has an import soon, each by itself', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const caches = await Promise.all([1, 2, 3].map(async () => {
    const elsewhere = openDatabase({ connectionString: url, maxConnections: 2 })
    t.teardown(async () => await elsewhere.destroy())
    const { log, nextLine } = listeningLog()
    // Looking as often as it does by default.
    const cache = await createIntelCache({ db: elsewhere, log })
    t.teardown(async () => await cache.close())
    return { cache, loaded: nextLine(LOADED) }
  }))
  await importPackages(db, 'com.spy')
  const startedAt = performance.now()
  await Promise.all(caches.map(async ({ loaded }) => await loaded))
  const tookMs = performance.now() - startedAt
  t.comment(`${Math.round(tookMs)} ms`)
  t.ok(caches.every(({ cache }) => knows(cache, 'com.spy')))
  // Two seconds are promised, the benchmark says how much of them a million takes; here other test files run beside.
  t.ok(tookMs < 10_000, `${tookMs} ms`)
})
