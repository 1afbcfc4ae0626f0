import { execFileSync } from 'node:child_process'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createFeedImports, type FeedImportsOptions } from '../../src/intel/feed-imports.js'
import type { ImportResult } from '../../src/intel/import-feed.js'
import { storeFeed } from '../../src/intel/store-feed.js'
import { createTestDatabase } from '../helpers/database.js'
import { SLOW } from '../helpers/slow.js'
import { stalkerwareFile, stixFile } from './files.js'

const NOW = new Date('2026-11-23T12:00:00Z')

async function setUp (t: Test, limits: FeedImportsOptions['limits'] = {}) {
  const { db, url } = await createTestDatabase(t)
  const feeds = createFeedImports({ databaseUrl: url, limits })
  t.teardown(async () => await feeds.close())
  const store = async (body: Parameters<typeof feeds.store>[0]['body'], feed = 'a-feed'): Promise<ImportResult> => await feeds.store({ feed, format: 'auto', body, now: NOW })
  const held = async (): Promise<number> => (await sql<{ count: number }>`select count(*) as count from indicator`.execute(db)).rows[0]!.count
  return { db, url, feeds, store, held }
}

const errorOf = async (work: Promise<unknown>): Promise<Error & Record<string, unknown>> => await work.then(() => { throw new Error('it did not fail') }, (error: unknown) => error as never)
/** Processes that this one has started. */
const children = (): string => execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)]).toString().split('\n').filter((line) => line.includes('feed-import-process')).join()

t.test('a file is stored by a process of its own as it is without one, in one piece or in many', async (t) => {
  const { store, held } = await setUp(t)
  const file = Buffer.from(stalkerwareFile({ packages: ['com.evil.spy', 'com.evil.two'], c2: { domains: ['evil.example'] } }))
  t.match(await store(file), { feed: 'a-feed', format: 'stalkerware', version: 1, added: 3, byType: { 'app-id': 2, domain: 1 } })
  t.match(await store([file.subarray(0, 7), file.subarray(7)]), { version: 1, added: 0, unchanged: 3 })
  t.equal(await held(), 3)
})

t.test('what is wrong with a file is told as it is without a process of its own, and no process is left', async (t) => {
  const { db, store, held, url } = await setUp(t)
  await storeFeed(db, { feed: 'a-feed', format: 'auto', body: stalkerwareFile({ packages: ['com.evil.spy'] }), now: NOW })
  t.match(await errorOf(store(stixFile('Spy', ["[process:name='x']"]).replace('"objects":[', '"objects":[5,null,'))), { code: 'validation', statusCode: 400, faults: [{ path: '/objects/0' }, { path: '/objects/1' }] })
  t.match(await errorOf(store('')), { code: 'UNPROCESSABLE', statusCode: 422, name: 'FastifyError' })
  t.match(await errorOf(createFeedImports({ databaseUrl: url.replace(/\/[^/]*$/, '/none') }).store({ feed: 'a', format: 'auto', body: stalkerwareFile({ packages: ['a.b'] }), now: NOW })), { code: '3D000' })
  t.equal(await held(), 1)
  t.equal(children(), '')
})

t.test('beyond its memory or its time an import is ended, and nothing has changed', SLOW, async (t) => {
  const { db, url, store, held } = await setUp(t)
  await storeFeed(db, { feed: 'a-feed', format: 'auto', body: stalkerwareFile({ packages: ['com.evil.spy'] }), now: NOW })
  const small = createFeedImports({ databaseUrl: url, limits: { maxHeapMb: 100 } })
  const deep = JSON.stringify({ type: 'bundle', id: 'bundle--1', objects: Array.from({ length: 400_000 }, () => ({ type: 'x', a: {}, b: {}, c: {} })) })
  t.match(await errorOf(small.store({ feed: 'a-feed', format: 'auto', body: deep, now: NOW })), { code: 'UNPROCESSABLE', message: /more than the 100 MB of memory/ })

  // Somebody holds the feed's lock for longer than the import has.
  const short = createFeedImports({ databaseUrl: url, limits: { maxSeconds: 8 } })
  await db.transaction().execute(async (tx) => {
    await sql`lock table intel_feed`.execute(tx)
    t.match(await errorOf(short.store({ feed: 'a-feed', format: 'auto', body: stalkerwareFile({ packages: ['com.other'] }), now: NOW })), { code: 'UNPROCESSABLE', message: /more than 8 seconds/ })
  })
  t.equal(await held(), 1)
  t.match(await store(stalkerwareFile({ packages: ['com.evil.spy', 'com.third'] })), { added: 1, unchanged: 1 }, 'and the next is not in its way')
})

t.test('imports wait for each other, a bounded number of them', async (t) => {
  const { store, feeds, held } = await setUp(t, { maxWaiting: 1 })
  const files = [1, 2, 3].map((number) => stalkerwareFile({ packages: [`com.evil.number${number}`] }))
  const work = files.map(async (file, index) => {
    return await store(file, `feed-${index}`).then(({ added }) => added, (error: Error & { code?: string, statusCode?: number }) => [error.code, error.statusCode])
  })
  const answers = await Promise.all(work)
  t.strictSame(answers, [1, ['OVERLOADED', 503], ['OVERLOADED', 503]])
  t.equal(await held(), 1)
  await feeds.close()
  t.match(await errorOf(store(files[0]!)), { code: 'OVERLOADED' }, 'and when it ends, no more are taken')
})
