import t, { type Test } from 'tap'
import { findIndicators, listFeeds, listFeedVersions } from '../../src/intel/find-indicators.js'
import { importFeed, type ImportFeedInput, type ImportResult, removeFeed } from '../../src/intel/import-feed.js'
import { publishChanges, openChanges } from '../../src/intel/intel-change-repository.js'
import type { Database } from '../../src/platform/database.js'
import { createTestDatabase } from '../helpers/database.js'
import { stalkerwareFile, starterFile, stixFile } from './files.js'
import { sql } from 'kysely'

const day = (number: number): Date => new Date(Date.UTC(2026, 10, number, 12))
const packages = (...ids: string[]): string => stalkerwareFile({ packages: ids })

async function setUp (t: Test) {
  const { db } = await createTestDatabase(t)
  const importFile = async (body: string, rest: Partial<ImportFeedInput> = {}): Promise<ImportResult> => await importFeed({ db }, { feed: 'a-feed', format: 'auto', body, now: day(1), ...rest })
  const versions = async (feed = 'a-feed') => await listFeedVersions({ db }, { feed, limit: 100 })
  return { db, importFile, versions }
}

const refusalOf = async (work: Promise<unknown>): Promise<{ code?: string, statusCode?: number, message: string }> =>
  await work.then(() => { throw new Error('it was not refused') }, (error: unknown) => error as Error)

/** What is left for whoever re-checks phones. */
const changesOf = async (db: Database): Promise<string[]> =>
  (await db.selectFrom('intel_change').selectAll().orderBy('intel_version').orderBy('kind').orderBy('value').execute()).map(({ intel_version: version, kind, type, value }) => [version, kind, type, value].filter((part) => part !== null).join(' '))

t.test('a feed\'s version rises with each import that changes something, and each is remembered', async (t) => {
  const { db, importFile, versions } = await setUp(t)
  t.equal((await importFile(packages('com.a.spy', 'com.b.spy'), { importedBy: 'Ann' })).version, 1)
  t.equal((await importFile(packages('com.a.spy', 'com.b.spy'), { importedBy: 'Bob', now: day(2) })).version, 1, 'the same file')
  t.equal((await importFile(packages('com.b.spy', 'com.a.spy'), { importedBy: 'Bob', now: day(3) })).version, 1, 'another file that says the same')
  t.equal((await importFile(packages('com.b.spy', 'com.c.spy'), { importedBy: 'Cid', now: day(4) })).version, 2)
  t.match(await versions(), [
    { version: 2, importedBy: 'Cid', importedAt: day(4).toISOString(), added: 1, updated: 0, unchanged: 1, withdrawn: 1, entries: 2, format: 'stalkerware' },
    { version: 1, importedBy: 'Ann', importedAt: day(1).toISOString(), added: 2, updated: 0, unchanged: 0, withdrawn: 0, entries: 2 }
  ])
  t.match(await listFeeds({ db }), [{ name: 'a-feed', version: 2, importedAt: day(4).toISOString(), byType: { 'app-id': 2, domain: 0, vulnerability: 0 }, publishedAt: null, publisherVersion: null }])
  t.strictSame((await listFeedVersions({ db }, { feed: 'a-feed', before: 2, limit: 1 })).map(({ version }) => version), [1])
  t.match(await refusalOf(listFeedVersions({ db }, { feed: 'other', limit: 1 })), { statusCode: 404 })
  await removeFeed({ db }, { feed: 'a-feed', actor: 'ann' })
  t.equal((await importFile(packages('com.a.spy'))).version, 1, 'a feed that was taken away starts anew')
})

t.test('an older file is refused, unless it is asked for; the same file never is', async (t) => {
  const { importFile, versions } = await setUp(t)
  const files = [packages('com.a.spy'), packages('com.b.spy'), packages('com.c.spy')]
  for (const [index, file] of files.entries()) await importFile(file, { now: day(index + 1) })
  const refusal = await refusalOf(importFile(files[0]!, { now: day(5) }))
  t.match(refusal, { statusCode: 409, code: 'CONFLICT' })
  t.match(refusal.message, /version 1 of the feed, imported 2026-11-01T12:00:00\.000Z, and the feed holds version 3, imported 2026-11-03T12:00:00\.000Z/)
  t.equal((await versions()).length, 3)
  t.match(await importFile(files[2]!, { now: day(6) }), { version: 3, added: 0, unchanged: 1 })
  t.match(await importFile(files[0]!, { now: day(7), allowOlder: true }), { version: 4, added: 1, withdrawn: 1 })
  t.match(await importFile(files[0]!, { now: day(8) }), { version: 4, unchanged: 1 }, 'and now it is what the feed holds')
  t.match(await refusalOf(importFile(files[2]!, { now: day(9) })), { statusCode: 409 })
  t.match(await importFile(files[1]!, { feed: 'other' }), { version: 1, added: 1 }, 'of another feed nothing is known')
})

t.test('a file that its publisher dates before what the feed holds is older, too', async (t) => {
  const { db, importFile } = await setUp(t)
  await importFile(packages('com.a.spy'))
  await sql`update intel_feed set published_at = '2026-10-10T00:00:00Z'`.execute(db)
  const misp = (date: string, value: string): string => JSON.stringify({
    Event: { uuid: '5f0a1c6e-0000-4000-8000-000000000001', info: 'Spy', date: date.slice(0, 10), timestamp: String(Date.parse(date) / 1000), published: true, publish_timestamp: String(Date.parse(date) / 1000), Attribute: [{ uuid: '5f0a1c6e-0000-4000-8000-000000000002', type: 'domain', category: 'Network activity', to_ids: true, value }] }
  })
  const refusal = await refusalOf(importFile(misp('2026-10-09T00:00:00Z', 'evil-one.com')))
  t.match(refusal, { statusCode: 409 })
  t.match(refusal.message, /2026-10-09T00:00:00\.000Z, and the feed holds what was published 2026-10-10T00:00:00\.000Z/)
  t.match(await importFile(misp('2026-10-11T00:00:00Z', 'evil-one.com')), { added: 1, version: 2 })
  t.match(await listFeeds({ db }), [{ publishedAt: '2026-10-11T00:00:00.000Z' }])
  t.match(await refusalOf(importFile(misp('2026-10-10T12:00:00Z', 'evil-two.com'))), { statusCode: 409 })
  t.match(await importFile(misp('2026-10-10T12:00:00Z', 'evil-two.com'), { allowOlder: true }), { added: 1, withdrawn: 1 })
})

t.test('every claim knows its feed and the versions in which it came and changed', async (t) => {
  const { db, importFile } = await setUp(t)
  const stix = (...confidences: ReadonlyArray<readonly [string, number]>): string => stixFile('Predator', confidences.map(([host, confidence]) => ({ pattern: `[domain-name:value='${host}']`, confidence })))
  await importFile(stix(['stays-evil.com', 50]))
  await importFile(stix(['stays-evil.com', 50], ['comes-evil.com', 50]), { now: day(2) })
  await importFile(stix(['stays-evil.com', 90], ['comes-evil.com', 50]), { now: day(3) })
  await importFile(stix(['stays-evil.com', 70]), { feed: 'b-feed', now: day(4) })
  const claims = await findIndicators({ db }, { value: 'STAYS-EVIL.com.', limit: 10 })
  t.match(claims, [
    { feed: 'a-feed', confidence: 90, sinceVersion: 1, changedVersion: 3, feedVersion: 3, importedAt: day(3).toISOString() },
    { feed: 'b-feed', confidence: 70, sinceVersion: 1, changedVersion: 1, feedVersion: 1, importedAt: day(4).toISOString() }
  ])
  t.match(await findIndicators({ db }, { value: 'comes-evil.com', limit: 10 }), [{ sinceVersion: 2, changedVersion: 2, feedVersion: 3 }])
  t.match(await findIndicators({ db }, { value: 'stays-evil.com', after: claims[0]!.id, limit: 10 }), [{ feed: 'b-feed' }])
  t.equal((await findIndicators({ db }, { value: 'stays-evil.com', limit: 1 })).length, 1)
})

t.test('what an import or a removal changes is left for whoever re-checks phones', async (t) => {
  const { db, importFile } = await setUp(t)
  await importFile(packages('com.a.spy', 'com.b.spy'))
  await importFile(packages('com.a.spy', 'com.b.spy'))
  await importFile(packages('com.b.spy', 'com.c.spy'))
  await importFile(packages('com.b.spy', 'com.c.spy'), { threatClass: 'malware' })
  t.strictSame(await changesOf(db), [
    '1 added app-id com.a.spy', '1 added app-id com.b.spy',
    '2 added app-id com.c.spy', '2 withdrawn app-id com.a.spy',
    '3 updated app-id com.b.spy', '3 updated app-id com.c.spy'
  ])
  await sql`delete from intel_change`.execute(db)
  await removeFeed({ db }, { feed: 'a-feed', actor: 'ann' })
  await importFile(starterFile("cve: CVE-2024-0001, ios: ['17.3']"))
  await importFile(starterFile("cve: CVE-2024-0001, ios: ['17.4']"))
  t.strictSame(await changesOf(db), ['4 withdrawn app-id com.b.spy', '4 withdrawn app-id com.c.spy', '5 added vulnerability CVE-2024-0001', '6 updated vulnerability CVE-2024-0001'])
})

t.test('more than can be listed, or what has no value, is everything', async (t) => {
  const { db, importFile } = await setUp(t)
  await importFile(packages('com.a.spy'))
  const publish = async (version: number, ...changed: Array<readonly [kind: string, value: string | null]>): Promise<string[]> => {
    await db.transaction().execute(async (tx) => {
      await openChanges(tx)
      for (const [kind, value] of changed) await sql`insert into changed values (${kind}, ${value === null ? null : 'app-id'}, ${value})`.execute(tx)
      await publishChanges(tx, version, 2)
    })
    return await changesOf(db)
  }
  t.strictSame(await publish(2, ['added', 'com.x'], ['added', 'com.x'], ['added', 'com.y']), ['1 added app-id com.a.spy', '2 added app-id com.x', '2 added app-id com.y'], 'each once, and two are not too many')
  t.strictSame(await publish(3, ['added', 'com.x'], ['withdrawn', 'com.x'], ['added', 'com.y']), ['3 all'], 'also what was waiting is part of it')
  t.strictSame(await publish(4, ['updated', 'com.x']), ['3 all', '4 updated app-id com.x'])
  t.strictSame(await publish(5, ['updated', 'com.x'], ['all', null]), ['5 all'])
  t.strictSame(await publish(6), ['6 all'], 'a version rose and nobody said why')
  for (let version = 7; version < 12; version++) await publish(version, ['added', 'com.x'], ['added', 'com.y'])
  t.strictSame(await changesOf(db), ['11 all'], 'nobody works them through: they do not grow for ever')
})

t.test('the history of a feed does not grow for ever', async (t) => {
  const { db, importFile, versions } = await setUp(t)
  await importFile(packages('com.a.spy'))
  await sql`insert into intel_feed_version (feed, version, sha256, format, imported_at, added, updated, unchanged, withdrawn, entries)
    select 'a-feed', number, 'x', 'list', now(), 1, 0, 0, 0, 1 from generate_series(2, 1100) number`.execute(db)
  await sql`update intel_feed set version = 1100`.execute(db)
  t.equal((await importFile(packages('com.b.spy'))).version, 1_101)
  const [{ count }] = (await sql<{ count: number }>`select count(*) as count from intel_feed_version`.execute(db)).rows as [{ count: number }]
  t.equal(count, 1_000)
  t.equal((await versions())[0]!.version, 1_101)
})
