import { EventEmitter, once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { removeFeed } from '../../../src/intel/import-feed.js'
import { createIntelCache, type IntelCache } from '../../../src/intel/index/intel-cache.js'
import { readIndex } from '../../../src/intel/index/read-index.js'
import { INDICATOR_TYPES } from '../../../src/intel/indicators/indicator.js'
import { replaceIndicators } from '../../../src/intel/indicators/indicator-repository.js'
import { openChanges } from '../../../src/intel/intel-change-repository.js'
import type { IntelEntry, IntelView } from '../../../src/intel/intel-view.js'
import { raiseIntelVersion } from '../../../src/intel/intel-version.js'
import { replaceVulnerabilities } from '../../../src/intel/vulnerabilities/vulnerability-repository.js'
import type { Database } from '../../../src/platform/database.js'
import { createLogger } from '../../../src/platform/log.js'
import { createTestDatabase } from '../../helpers/database.js'
import { silentLog } from '../../helpers/log.js'

const NEVER_MS = 3_600_000
type Options = Partial<Parameters<typeof createIntelCache>[0]>

async function open (t: Test, db: Database, rest: Options): Promise<IntelCache> {
  const cache = await createIntelCache({ db, log: silentLog, pollMs: NEVER_MS, ...rest })
  t.teardown(async () => await cache.close())
  return cache
}

/** Past the import, which is another's: what may stand in the store. */
async function store (db: Database, feed: string, entries: ReadonlyArray<Omit<IntelEntry, 'feed'>>, cves: readonly string[] = []): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx.insertInto('intel_feed').values({ name: feed, format: 'csv', imported_at: new Date(), sha256: '', entries: entries.length, skipped: '[]' }).onConflict((conflict) => conflict.doNothing()).execute()
    await openChanges(tx)
    await replaceIndicators(tx, feed, 1, entries)
    await replaceVulnerabilities(tx, feed, cves.map((cve) => ({ kind: 'os', cve, platform: 'ios', severity: 'high', exploited: true, kevDateAdded: '2024-01-01', kevDueDate: null, fixedIn: ['17.3'], part: null })))
    await raiseIntelVersion(tx)
  })
}

const common = { role: 'c2', threatClass: 'malware', family: 'Familie Ü "x"' } as const
const VALUES: ReadonlyArray<Omit<IntelEntry, 'feed'>> = [
  { type: 'domain', value: 'evil.example', ...common },
  { type: 'domain', value: 'evil.example', ...common, port: 8443, confidence: 0 },
  { type: 'url', value: 'https://evil.example/a/?q=%2F', ...common, confidence: 100 },
  { type: 'url', value: 'http://evil.example/', ...common },
  { type: 'ipv4', value: '203.0.113.9', ...common, port: 443, validFrom: '2026-01-02T03:04:05.678Z' },
  { type: 'ipv6', value: '2001:db8::1', ...common, validUntil: '1999-12-31T23:59:59.999Z' },
  { type: 'cidr', value: '198.51.100.0/24', ...common, validFrom: '1965-01-01T00:00:00.001Z', validUntil: '2100-01-01T00:00:00.000Z' },
  { type: 'cidr', value: '2001:db8:1::/48', ...common },
  { type: 'app-id', value: 'com.evil.*', ...common, role: 'artifact', threatClass: 'adware' },
  { type: 'app-id', value: 'com.evil.spy', ...common, role: 'artifact', threatClass: 'mercenary-spyware' },
  { type: 'file-path', value: '/data/\\evil "ü" 🐛/a b', ...common, role: 'artifact' },
  { type: 'process', value: 'x', ...common, role: 'website', threatClass: 'unknown' },
  { type: 'sha256', value: 'ab'.repeat(32), ...common, role: 'distribution', threatClass: 'fraud' }
]
const HOSTS = ['evil.example', 'a.evil.example', '203.0.113.9', '[2001:DB8::1]', '198.51.100.7', '2001:db8:1::7', 'good.example']
const URLS = ['https://evil.example/a/?q=%2F', 'http://evil.example/a', 'http://good.example/']

/** All that a view answers, as text. */
function answersOf (view: IntelView): string {
  return JSON.stringify([
    ...INDICATOR_TYPES.flatMap((type) => [...VALUES.map(({ value }) => value), 'com.evil.other', 'nothing'].map((value) => [type, value, view.lookup(type, value)])),
    ...HOSTS.flatMap((host) => [undefined, 443, 8443].map((port) => [host, port, view.lookupHost(host, port)])),
    ...URLS.map((url) => [url, view.lookupUrl(url)]),
    view.openVulnerabilities({ platform: 'ios', version: '17.2' }), view.version
  ])
}

t.test('what a thread reads is what is read in place, to the last field', async (t) => {
  const { db, url } = await createTestDatabase(t)
  await store(db, 'one', VALUES, ['CVE-2024-0001'])
  await store(db, 'two', VALUES.slice(0, 5).map((one) => ({ ...one, family: 'Other', confidence: 7 })), ['CVE-2024-0002'])
  await sql`insert into guarded_host (host, guarded, reason, changed_by) values ('203.0.113.9', true, 'ours', 'me'), ('github.io', false, 'no', 'me')`.execute(db)
  const inPlace = await open(t, db, {})
  const inThread = await open(t, db, { databaseUrl: url, maxInPlace: 0 })
  t.equal(answersOf(inThread.current()), answersOf(inPlace.current()))
  t.strictSame(inThread.current().lookup('domain', 'evil.example').map(({ feed, family, port, confidence }) => [feed, family, port, confidence]), [
    ['one', 'Familie Ü "x"', undefined, undefined], ['one', 'Familie Ü "x"', 8443, 0], ['two', 'Other', undefined, 7], ['two', 'Other', 8443, 7]])
  t.strictSame(inThread.current().lookup('ipv4', '203.0.113.9'), [], 'a guarded host counts no more')
  for (const one of VALUES.filter(({ type }) => type !== 'ipv4')) t.match(inThread.current().lookup(one.type, one.value).filter(({ feed, port }) => feed === 'one' && port === one.port), [{ ...one, feed: 'one' }], one.value)

  await store(db, 'one', VALUES.slice(1), ['CVE-2024-0001'])
  await removeFeed({ db }, { feed: 'two', actor: 'ann' })
  await Promise.all([inPlace.refresh(), inThread.refresh()])
  t.equal(answersOf(inThread.current()), answersOf(inPlace.current()))
  t.strictSame(inThread.current().openVulnerabilities({ platform: 'ios', version: '17.2' }).map(({ cve }) => cve), ['CVE-2024-0001'])
})

t.test('vulnerabilities that did not change are neither sent nor lost', async (t) => {
  const { db, url } = await createTestDatabase(t)
  await store(db, 'one', VALUES, ['CVE-2024-0001'])
  const first = await readIndex({ databaseUrl: url, knownVulnerabilities: undefined })
  t.equal(first.vulnerabilities?.length, 1)
  await store(db, 'one', VALUES.slice(1), ['CVE-2024-0001'])
  const second = await readIndex({ databaseUrl: url, knownVulnerabilities: first.vulnerabilityDigest })
  t.equal(second.vulnerabilities, undefined)
  t.equal(second.vulnerabilityDigest, first.vulnerabilityDigest)
  await store(db, 'one', [], ['CVE-2024-0001', 'CVE-2024-0002'])
  const third = await readIndex({ databaseUrl: url, knownVulnerabilities: first.vulnerabilityDigest })
  t.match(JSON.parse(Buffer.from(third.vulnerabilities![0]!).toString()), [{ fact: { cve: 'CVE-2024-0001' } }, { fact: { cve: 'CVE-2024-0002' } }])
  t.equal(third.parts.slots.length, 0, 'a store without indicators is read too')
})

t.test('a thread that cannot read leaves the old index in its place, and is tried again', async (t) => {
  const { db, url } = await createTestDatabase(t)
  await store(db, 'one', [{ type: 'app-id', value: 'com.old', ...common }])
  const lines = new EventEmitter()
  const log = createLogger({ level: 'info', destination: { write: (text) => { const line = JSON.parse(text) as { msg: string }; lines.emit(line.msg, line) } } })
  // A thread takes seconds to start under a test's loaders: the first index is read in place.
  const cache = await open(t, db, { databaseUrl: url, maxInPlace: 1, log, pollMs: 5 })
  const kept = once(lines, 'threat intelligence could not be reloaded; the old one serves on')
  // What no version of ours writes: the thread stops in the midst of reading.
  await sql`insert into indicator (feed, type, value, role, threat_class, family) values ('one', 'riddle', 'x', 'c2', 'malware', 'x')`.execute(db)
  await db.transaction().execute(raiseIntelVersion)
  t.match(await kept, [{ level: 40, err: { message: /unknown type riddle/ } }])
  t.equal(cache.current().lookup('app-id', 'com.old').length, 1)
  t.equal(cache.current().version, 1)
  const loaded = once(lines, 'threat intelligence loaded')
  await sql`update indicator set type = 'process' where type = 'riddle'`.execute(db)
  t.match(await loaded, [{ level: 30, intelVersion: 2 }])
  t.strictSame([cache.current().lookup('app-id', 'com.old').length, cache.current().lookup('process', 'x').length], [1, 1])
})

t.test('closed while a thread reads, it stops at once', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const cache = await createIntelCache({ db, log: silentLog, pollMs: NEVER_MS, databaseUrl: url, maxInPlace: 5 })
  await store(db, 'one', VALUES)
  const refused = t.rejects(cache.refresh(), { message: /the process stops/ })
  await cache.close()
  await refused
  t.equal(cache.current().version, 0)
})

t.test('look-ups go on while the index is swapped, each by one state of the store', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const COUNT = 10_000
  const listOf = (name: string): Array<Omit<IntelEntry, 'feed'>> => Array.from({ length: COUNT }, (_, number) => ({ type: 'app-id', value: `com.${name}.n${number}`, ...common }))
  await store(db, 'one', listOf('before'))
  const cache = await open(t, db, { databaseUrl: url, maxInPlace: COUNT })
  // One more than is read in place.
  await store(db, 'one', [...listOf('after'), { type: 'app-id', value: 'com.more', ...common }])
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const states = new Set<string>()
  const ask = (): void => {
    const view = cache.current()
    const found = (name: string): number => {
      let count = 0
      for (let number = 0; number < COUNT; number += 97) count += view.lookup('app-id', `com.${name}.n${number}`).length
      return count
    }
    states.add(`${found('before')} ${found('after')}`)
  }
  const progress = { done: false }
  const refreshing = cache.refresh().finally(() => { progress.done = true })
  while (!progress.done) {
    ask()
    await turn()
  }
  await refreshing
  ask()
  delay.disable()
  t.strictSame([...states].sort(), ['0 104', '104 0'])
  t.equal(cache.current().lookup('app-id', 'com.more').length, 1)
  const longestMs = delay.max / 1e6
  t.comment(`longest pause ${longestMs.toFixed(1)} ms`)
  // Other test files run beside; the benchmark prints what a process of its own has.
  t.ok(longestMs < 1_000, `a pause of ${longestMs} ms`)
})
