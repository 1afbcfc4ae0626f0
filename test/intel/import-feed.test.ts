import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { importFeed, type ImportFeedInput, type ImportResult, MAX_FEED_BYTES, removeFeed } from '../../src/intel/import-feed.js'
import { INDICATOR_TYPES } from '../../src/intel/indicators/indicator.js'
import { BUNDLED_FEED, installBundledFeed } from '../../src/intel/install-bundled-feed.js'
import { createIntelCache } from '../../src/intel/index/intel-cache.js'
import { listFeeds } from '../../src/intel/find-indicators.js'
import { readIntelVersion } from '../../src/intel/intel-version.js'
import type { Database } from '../../src/platform/database.js'
import { packageRoot } from '../../src/platform/package-root.js'
import { createTestDatabase } from '../helpers/database.js'
import { silentLog } from '../helpers/log.js'
import { stalkerwareFile, starterFile, stixFile } from './files.js'
import { readSharedData } from './shared-data.js'

const NOW = new Date('2026-11-23T12:00:00Z')
const LATER = new Date('2026-11-24T12:00:00Z')

interface World {
  readonly db: Database
  /** How often the fleet would have been judged anew. */
  readonly changes: { count: number }
  importFile (body: string | Buffer, rest?: Partial<ImportFeedInput>): Promise<ImportResult>
  remove (feed: string): Promise<void>
}

async function setUp (t: Test): Promise<World> {
  const { db } = await createTestDatabase(t)
  const changes = { count: 0 }
  const deps = { db, onChanged: async () => { changes.count++ } }
  return {
    db,
    changes,
    importFile: async (body, rest = {}) => await importFeed(deps, { feed: 'a-feed', format: 'auto', body, now: NOW, ...rest }),
    remove: async (feed) => await removeFeed(deps, { feed, actor: 'ann' })
  }
}

/** All that is stored, but for ids. */
async function contentOf (db: Database) {
  return {
    version: await readIntelVersion(db),
    feeds: (await listFeeds({ db })).map(({ ageSeconds, ...feed }) => feed),
    versions: await db.selectFrom('intel_feed_version').selectAll().orderBy('feed').orderBy('version').execute(),
    changes: await db.selectFrom('intel_change').selectAll().orderBy('id').execute(),
    indicators: await db.selectFrom('indicator').selectAll().orderBy('feed').orderBy('type').orderBy('value').orderBy('family').orderBy('role').execute(),
    vulnerabilities: await db.selectFrom('vulnerability').selectAll().orderBy('feed').orderBy('platform').orderBy('cve').execute()
  }
}

const valuesOf = async (db: Database, feed = 'a-feed'): Promise<string[]> =>
  (await db.selectFrom('indicator').select('value').where('feed', '=', feed).orderBy('value').execute()).map(({ value }) => value)

const counts = (byType: Partial<ImportResult['byType']>): ImportResult['byType'] =>
  ({ ...Object.fromEntries([...INDICATOR_TYPES, 'vulnerability'].map((type) => [type, 0])), ...byType }) as ImportResult['byType']

/** The error of a refusal; the test fails when there is none. */
async function refusalOf (work: Promise<unknown>): Promise<{ code?: string, message: string, faults?: ReadonlyArray<{ path: string, message: string }> }> {
  return await work.then(() => { throw new Error('it was not refused') }, (error: unknown) => error as Error)
}

t.test('the public stalkerware list is stored with exactly its counts, and once more changes nothing', async (t) => {
  const text = readSharedData(t, 'stalkerware-indicators/ioc.yaml', 7)
  if (text === undefined) return
  const { db, importFile, changes } = await setUp(t)
  const first = await importFile(text)
  t.equal(first.format, 'stalkerware')
  // 925 C2, 624 websites and 41 of distribution are 1,590 entries and 1,452 domains: makers use one host for several things.
  t.strictSame(first.byType, counts({ domain: 1_452, url: 2, ipv4: 69, 'app-id': 613, 'cert-sha1': 471 }))
  t.strictSame(Object.fromEntries(first.skipped.map(({ reason, count }) => [reason, count])), {
    'certificate_cname_re: cannot be matched exactly': 1,
    'certificate_organizations: cannot be matched exactly': 6
  })
  const { rows } = await sql<{ type: string, unique: number }>`select type, count(distinct value) as unique from indicator group by type`.execute(db)
  t.strictSame(Object.fromEntries(rows.map(({ type, unique }) => [type, unique])), { domain: 1_452, url: 2, ipv4: 69, 'app-id': 613, 'cert-sha1': 471 }, 'the store holds what the answer says')

  const before = await contentOf(db)
  t.equal(before.indicators.length, first.added)
  const again = await importFile(text)
  t.strictSame(again, { ...first, added: 0, unchanged: first.added })
  t.strictSame([await contentOf(db), changes.count], [before, 1])
})

for (const [name, path, byType] of [
  ['Predator', 'amnesty-investigations/2021-12-16_cytrox/cytrox.stix2', { domain: 336, 'file-path': 6, 'profile-id': 1 }],
  // The seven `domain-name` are addresses.
  ['NoviSpy', 'amnesty-investigations/2024-12-16_serbia_novispy/novispy.stix2', { ipv4: 7, 'app-id': 4, 'cert-sha256': 3, sha256: 4 }]
] as const) {
  t.test(`the public bundle of ${name} is stored with exactly its counts, and once more changes nothing`, async (t) => {
    const text = readSharedData(t, path, 4)
    if (text === undefined) return
    const { db, importFile, changes } = await setUp(t)
    const total = Object.values(byType).reduce((sum, count) => sum + count, 0)
    const first = await importFile(text)
    t.strictSame(first, { feed: 'a-feed', format: 'stix', version: 1, added: total, updated: 0, unchanged: 0, withdrawn: 0, skipped: [], byType: counts(byType) })
    const before = await contentOf(db)
    t.ok(before.indicators.every(({ family, threat_class: threatClass }) => family === name && threatClass === 'mercenary-spyware'))
    t.strictSame(await importFile(text), { ...first, added: 0, unchanged: total })
    t.strictSame([await contentOf(db), changes.count], [before, 1])
  })
}

t.test('a file of a format that it is not is refused, not half understood', async (t) => {
  const text = readSharedData(t, 'cisa-kev/known_exploited_vulnerabilities.json', 2)
  if (text === undefined) return
  const { db, importFile } = await setUp(t)
  t.match(await refusalOf(importFile(text, { format: 'stix' })), { code: 'validation' })
  t.strictSame(await listFeeds({ db }), [])
})

t.test('a newer file adds, changes and withdraws, and what stays keeps its first day', async (t) => {
  const { db, importFile, changes } = await setUp(t)
  const bundle = (...more: Array<Parameters<typeof stixFile>[1][number]>): string => stixFile('Predator', ["[domain-name:value='stays.example']", ...more])
  await importFile(bundle("[domain-name:value='goes.example']", { pattern: "[process:name='changes']", confidence: 10 }))
  const [before] = await db.selectFrom('indicator').selectAll().where('value', '=', 'stays.example').execute()
  const next = await importFile(bundle("[domain-name:value='comes.example']", { pattern: "[process:name='changes']", confidence: 90 }), { now: LATER })
  t.match(next, { added: 1, updated: 1, unchanged: 1, withdrawn: 1 })
  t.strictSame(await valuesOf(db), ['changes', 'comes.example', 'stays.example'])
  t.strictSame((await db.selectFrom('indicator').selectAll().where('value', '=', 'stays.example').execute()), [before])
  t.equal((await db.selectFrom('indicator').select('confidence').where('value', '=', 'changes').executeTakeFirst())?.confidence, 90)
  t.strictSame([await readIntelVersion(db), changes.count], [2, 2])
  t.match(await listFeeds({ db }), [{ name: 'a-feed', format: 'stix', importedAt: LATER.toISOString(), entries: 3 }])
})

t.test('vulnerabilities are added, changed and withdrawn alike', async (t) => {
  const { db, importFile } = await setUp(t)
  t.match(await importFile(starterFile("cve: CVE-2024-0001, ios: ['17.3']", "cve: CVE-2024-0002, android: '2024-01-05', part: kernel-vendor", "cve: CVE-2024-0003, ios: ['17.4', '16.7.6'], ipados: ['17.4']")),
    { format: 'starter', added: 4, byType: { vulnerability: 3 } })
  t.match(await importFile(starterFile("cve: CVE-2024-0001, ios: ['17.3']", "cve: CVE-2024-0002, android: '2024-02-05', part: kernel-vendor")), { added: 0, updated: 1, unchanged: 1, withdrawn: 2 })
  t.match((await contentOf(db)).vulnerabilities, [
    { platform: 'android', cve: 'CVE-2024-0002', fixed_in: ['2024-02-05'], part: 'kernel-vendor', kev_date_added: '2024-01-01', kev_due_date: '2024-01-22' },
    { platform: 'ios', cve: 'CVE-2024-0001', fixed_in: ['17.3'], part: null }
  ])
})

t.test('a faulty file stores nothing and every fault is named', async (t) => {
  const { db, importFile, changes } = await setUp(t)
  await importFile(stalkerwareFile({ packages: ['com.evil.spy'] }))
  const before = await contentOf(db)
  for (const [name, body, format, expected] of [
    ['families without a name', '[{"name": "Spy", "packages": ["com.other.spy"]}, 5, {"names": ["x"]}]', 'stalkerware', { code: 'validation', faults: [{ path: '/1' }, { path: '/2' }] }],
    ['objects without a type', '{"type": "bundle", "objects": [{"type": "indicator", "pattern": "[process:name=\'x\']"}, null, {}]}', 'stix', { code: 'validation', faults: [{ path: '/objects/1' }, { path: '/objects/2' }] }],
    ['broken YAML', '- name: Spy\n  packages: [a, b\n- name: [', 'stalkerware', { code: 'validation', faults: [{ path: /^line \d+$/ }] }],
    ['broken JSON', '{"type": "bundle", "objects": [', 'stix', { code: 'validation', faults: [{ message: /^is not JSON: / }] }],
    ['versions and days that are none', starterFile("cve: CVE-2024-0001, ios: ['17.3', 'x']", "cve: CVE-2024-0002, android: '2024-02-30'"), 'auto', { code: 'validation', faults: [{ path: '/vulnerabilities/0', message: 'x is no version' }, { path: '/vulnerabilities/1', message: '2024-02-30 is no patch level' }] }],
    ['what is not UTF-8', Buffer.from([0x2d, 0x20, 0x0a, 0xff, 0xfe]), 'auto', { code: 'validation', faults: [{ path: 'line 2', message: /not UTF-8.*Latin-1/ }] }],
    ['nothing', '', 'auto', { code: 'UNPROCESSABLE' }],
    ['a bundle without indicators', '{"type": "bundle", "objects": []}', 'auto', { code: 'UNPROCESSABLE', message: /holds no indicator/ }],
    ['a format that we do not have', '[]', 'tarot', { code: 'UNPROCESSABLE', message: /tarot is not supported; supported are auto, stix, / }],
    ['a format that it is not', stalkerwareFile({ packages: ['com.other.spy'] }), 'stix', { code: 'validation' }],
    ['too many bytes', Buffer.alloc(MAX_FEED_BYTES + 1, ' '), 'auto', { code: 'UNPROCESSABLE', message: /at most 67108864 bytes/ }]
  ] as const) {
    t.match(await refusalOf(importFile(body, { format })), expected, name)
    t.strictSame(await contentOf(db), before, `${name}: nothing is stored`)
  }
  t.match(await refusalOf(importFile(stalkerwareFile({ packages: ['com.other.spy'] }), { feed: 'A Feed' })), { code: 'validation', faults: [{ path: '/feed' }] })
  t.equal(changes.count, 1)
})

t.test('what fails half-way leaves nothing behind', async (t) => {
  const { db, importFile, changes } = await setUp(t)
  await importFile(stalkerwareFile({ packages: ['com.evil.spy'] }))
  const before = await contentOf(db)
  await sql`alter table vulnerability add constraint no_more check (false) not valid`.execute(db)
  const file = ['format: sallyport-starter/1', 'families: [{ name: Spy, class: stalkerware, app-id: [com.other.spy] }]', ...starterFile("cve: CVE-2024-0001, ios: ['17.3']").split('\n').slice(2)].join('\n')
  await t.rejects(importFile(file), { code: '23514' })
  t.strictSame(await contentOf(db), before)
  t.equal(changes.count, 1)
})

t.test('a file of which nothing can be used does not empty a feed, but its publisher may', async (t) => {
  const { db, importFile } = await setUp(t)
  const used = "[domain-name:value='evil.example']"
  await importFile(stixFile('Predator', [used]))
  t.match(await refusalOf(importFile(stixFile('Predator', ["[mutex:name='x']"]))), { code: 'UNPROCESSABLE', message: /Delete the feed/ })
  t.strictSame(await valuesOf(db), ['evil.example'])
  t.match(await importFile(stixFile('Predator', [{ pattern: used, revoked: true }])), { added: 0, withdrawn: 1, skipped: [{ reason: 'revoked by its publisher', count: 1, examples: [used] }] })
  t.strictSame(await valuesOf(db), [])
  t.match(await importFile(stixFile('Predator', ["[mutex:name='x']"])), { added: 0, skipped: [{ reason: 'pattern on mutex:name' }] }, 'and an empty feed may stay empty')
})

t.test('two feeds that name the same keep both, and one may go', async (t) => {
  const { db, importFile, remove } = await setUp(t)
  const cache = await createIntelCache({ db, log: silentLog, pollMs: 3_600_000 })
  t.teardown(async () => await cache.close())
  await importFile(stalkerwareFile({ name: 'Spy', c2: { domains: ['evil.example'] } }), { feed: 'echap' })
  await importFile(stixFile('Predator', ["[domain-name:value='EVIL.example.']"]), { feed: 'amnesty' })
  const told = async () => (await cache.refresh()).lookup('domain', 'evil.example').map(({ feed, family, threatClass }) => [feed, family, threatClass]).sort()
  t.strictSame(await told(), [['amnesty', 'Predator', 'mercenary-spyware'], ['echap', 'Spy', 'stalkerware']])
  await remove('echap')
  t.strictSame(await told(), [['amnesty', 'Predator', 'mercenary-spyware']])
  t.match(await refusalOf(remove('echap')), { code: 'NOT-FOUND' })
  t.strictSame((await listFeeds({ db })).map(({ name }) => name), ['amnesty'])
})

t.test('what was withdrawn is gone from the index, what a newer file says is in it', async (t) => {
  const { db, importFile } = await setUp(t)
  const cache = await createIntelCache({ db, log: silentLog, pollMs: 3_600_000 })
  t.teardown(async () => await cache.close())
  await importFile(stalkerwareFile({ packages: ['com.old.spy', 'com.spy'] }))
  const found = async (): Promise<number[]> => {
    const index = await cache.refresh()
    return ['com.old.spy', 'com.spy', 'com.new.spy'].map((value) => index.lookup('app-id', value).length)
  }
  t.strictSame(await found(), [1, 1, 0])
  await importFile(stalkerwareFile({ packages: ['com.new.spy', 'com.spy'] }))
  t.strictSame(await found(), [0, 1, 1])
})

t.test('imports of one feed at the same time come one after the other', async (t) => {
  const { db, importFile, changes } = await setUp(t)
  const same = await Promise.all(Array.from({ length: 6 }, async () => await importFile(stalkerwareFile({ packages: ['com.a', 'com.b'] }))))
  t.strictSame(same.map(({ added, unchanged }) => [added, unchanged]).sort(), [[0, 2], [0, 2], [0, 2], [0, 2], [0, 2], [2, 0]])
  t.strictSame([await readIntelVersion(db), changes.count], [1, 1])

  const files = Array.from({ length: 6 }, (_, number) => ({ packages: ['com.a', `com.file${number}`] }))
  const different = await Promise.all(files.map(async (family) => await importFile(stalkerwareFile(family))))
  t.equal(different.reduce((sum, { added, withdrawn }) => sum + added - withdrawn, 0), 0, 'each replaced one value by one')
  const stored = await valuesOf(db)
  t.ok(files.some(({ packages }) => JSON.stringify([...packages].sort()) === JSON.stringify(stored)), 'the store is one of the files, whole')
  t.equal(await readIntelVersion(db), 7)
})

t.test('feeds of different names are imported side by side, and each counts in the version', async (t) => {
  const { db, importFile } = await setUp(t)
  await Promise.all(Array.from({ length: 8 }, async (_, number) => await importFile(stalkerwareFile({ packages: ['com.a', `com.b${number}`] }), { feed: `feed-${number}` })))
  t.equal(await readIntelVersion(db), 8)
  t.equal((await listFeeds({ db })).length, 8)
  t.equal((await contentOf(db)).indicators.length, 16)
})

t.test('the class that the importer names counts more than the file', async (t) => {
  const { db, importFile } = await setUp(t)
  const file = stalkerwareFile({ packages: ['com.kids.watch'] })
  await importFile(file)
  t.match(await importFile(file, { threatClass: 'watchware' }), { added: 0, updated: 1 })
  t.match(await db.selectFrom('indicator').selectAll().execute(), [{ value: 'com.kids.watch', threat_class: 'watchware' }])
})

t.test('a feed remembers what file it is and what was left out', async (t) => {
  const { db, importFile } = await setUp(t)
  await importFile('\uFEFF' + stalkerwareFile({ packages: ['com.evil.spy', 'not a package'] }))
  t.match(await listFeeds({ db }), [{
    name: 'a-feed', format: 'stalkerware', importedAt: NOW.toISOString(), sha256: /^[0-9a-f]{64}$/, entries: 1, bundled: false,
    skipped: [{ reason: 'packages: not a valid app-id', count: 1, examples: ['not a package'] }]
  }])
})

t.test('the longest texts that are taken can be stored', async (t) => {
  const { db, importFile } = await setUp(t)
  // Random, because PostgreSQL compresses what repeats before it measures.
  const noise = (length: number): string => Array.from({ length }, () => String.fromCharCode(0x4E00 + Math.floor(Math.random() * 20_000))).join('')
  const path = `/${noise(682)}x`
  t.equal(Buffer.byteLength(path), 2_048)
  t.match(await importFile(stixFile(noise(500), [{ pattern: `[file:path='${path}']` }]), { feed: 'f'.repeat(100) }), { added: 1, skipped: [] })
  t.strictSame(await valuesOf(db, 'f'.repeat(100)), [path])
})

t.test('a big feed is stored in chunks and read back whole', async (t) => {
  const { db, importFile } = await setUp(t)
  const patterns = Array.from({ length: 25_000 }, (_, number) => `[domain-name:value='h${number}.evil.example']`)
  t.match(await importFile(stixFile('Predator', patterns)), { added: 25_000, byType: { domain: 25_000 } })
  t.match(await importFile(stixFile('Predator', patterns.slice(1))), { unchanged: 24_999, withdrawn: 1 })
  const cache = await createIntelCache({ db, log: silentLog, pollMs: 3_600_000 })
  t.teardown(async () => await cache.close())
  t.equal(patterns.filter((_, number) => cache.current().lookup('domain', `h${number}.evil.example`).length === 1).length, 24_999)
})

t.test('the starter feed is installed once, again when it changed, and says that it is bundled', async (t) => {
  const { db, importFile } = await setUp(t)
  t.strictSame(await Promise.all([installBundledFeed({ db }, { now: NOW }), installBundledFeed({ db }, { now: NOW })]), [true, true], 'two processes that start at once')
  t.equal(await readIntelVersion(db), 1, 'store it once')
  t.equal(await installBundledFeed({ db }, { now: NOW }), false)
  t.match(await listFeeds({ db }), [{ name: BUNDLED_FEED, bundled: true, format: 'starter' }])
  const older = readFileSync(join(packageRoot, 'src/intel/bundled/starter.yaml'), 'utf8').replace(/^.*CVE-2025-43300.*\n/m, '')
  t.match(await importFile(older, { feed: BUNDLED_FEED, bundled: true }), { withdrawn: 2 })
  t.equal(await installBundledFeed({ db }, { now: NOW }), true)
  t.equal((await contentOf(db)).vulnerabilities.filter(({ cve }) => cve === 'CVE-2025-43300').length, 2)
})
