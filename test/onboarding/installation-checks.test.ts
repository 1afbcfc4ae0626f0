import t from 'tap'
import { checkInstallation } from '../../src/onboarding/doctor/installation-checks.js'
import { type InstallationFacts, readInstallationFacts } from '../../src/onboarding/doctor/installation-facts.js'
import { diagnoseInstallation } from '../../src/onboarding/doctor/diagnose-installation.js'
import { openDatabase } from '../../src/platform/database.js'
import { createTestDatabase } from '../helpers/database.js'
import { findRedis } from '../helpers/redis.js'

const SETTINGS = {
  version: 180_001, clockAheadMs: 3, isReadOnly: false, encoding: 'UTF8', timeZone: 'UTC', fsync: true, fullPageWrites: true, synchronousCommit: 'on', autovacuum: true,
  isolation: 'read committed', statementTimeoutMs: 0, idleInTransactionTimeoutMs: 0, lockTimeoutMs: 0, isSchemaOpen: false
}
const HEALTH = {
  databaseBytes: 5e9, connections: 30, maxConnections: 103, reservedConnections: 3, oldestTransactionSeconds: 1, oldestTransactionApplication: 'sallyport api', xidAge: 1_000, disk: { path: '/data', freeBytes: 50e9, totalBytes: 100e9 }
}
const REDIS = { name: 'Redis', version: '8.0.1', evictionPolicy: 'noeviction', isPersistent: true, usedBytes: 1e8, maxBytes: 0 } as const
const FEED = { feed: 'kev', ageSeconds: 100, everySeconds: 3_600, successAgeSeconds: 100, lastError: null }
const WORK = { unscoredReports: 0, unscoredSeconds: 0, quarantinedReports: 0, syncDevices: 0, syncSeconds: 0, deadLetters: 0 }
const WELL: InstallationFacts = {
  node: '22.14.0', settings: { found: SETTINGS }, schema: { found: { missing: [], newer: [] } }, health: { found: HEALTH }, feeds: { found: [FEED] }, work: { found: WORK }, redis: { found: REDIS }, entraAheadMs: { found: 400 }
}

const settings = (more: Partial<typeof SETTINGS>): Partial<InstallationFacts> => ({ settings: { found: { ...SETTINGS, ...more } } })
const health = (more: object): Partial<InstallationFacts> => ({ health: { found: { ...HEALTH, ...more } } })
const redis = (more: object): Partial<InstallationFacts> => ({ redis: { found: { ...REDIS, ...more } } })
const work = (more: object): Partial<InstallationFacts> => ({ work: { found: { ...WORK, ...more } } })
const feeds = (...found: object[]): Partial<InstallationFacts> => ({ feeds: { found: found.map((one) => ({ ...FEED, ...one })) } })

t.test('an installation that is well has nothing to repair', async (t) => {
  t.strictSame(checkInstallation(WELL).filter(({ state }) => state !== 'ok'), [])
  t.strictSame(checkInstallation({ ...WELL, redis: null, entraAheadMs: null }).filter(({ state }) => state !== 'ok'), [])
})

t.test('each thing that can be wrong is told by its check, and at the threshold', async (t) => {
  const cases: ReadonlyArray<readonly [what: string, facts: Partial<InstallationFacts>, check: string, state: string]> = [
    ['Node too old', { node: '20.18.3' }, 'node', 'broken'],
    ['the oldest Node', { node: '20.19.0' }, 'node', 'ok'],
    ['a standby', settings({ isReadOnly: true }), 'database', 'broken'],
    ['PostgreSQL too old', settings({ version: 140_011 }), 'database', 'broken'],
    ['the oldest PostgreSQL', settings({ version: 150_000 }), 'database', 'ok'],
    ['a PostgreSQL newer than any that was tried', settings({ version: 190_000 }), 'database', 'warning'],
    ['a clock two seconds off', settings({ clockAheadMs: -2_000 }), 'clock-database', 'warning'],
    ['a clock not quite so far off', settings({ clockAheadMs: -1_999 }), 'clock-database', 'ok'],
    ['a clock a minute off', settings({ clockAheadMs: 60_000 }), 'clock-database', 'broken'],
    ['fsync off', settings({ fsync: false }), 'database-durability', 'broken'],
    ['full_page_writes off', settings({ fullPageWrites: false }), 'database-durability', 'broken'],
    ['synchronous_commit off', settings({ synchronousCommit: 'off' }), 'database-durability', 'broken'],
    ['synchronous_commit local', settings({ synchronousCommit: 'local' }), 'database-durability', 'ok'],
    ['autovacuum off', settings({ autovacuum: false }), 'database-autovacuum', 'broken'],
    ['a short statement_timeout', settings({ statementTimeoutMs: 59_999 }), 'database-limits', 'warning'],
    ['a long one', settings({ statementTimeoutMs: 60_000 }), 'database-limits', 'ok'],
    ['another encoding', settings({ encoding: 'SQL_ASCII' }), 'database-settings', 'broken'],
    ['another isolation', settings({ isolation: 'serializable' }), 'database-settings', 'broken'],
    ['a schema that is everybody\'s', settings({ isSchemaOpen: true }), 'database-schema', 'broken'],
    ['migrations missing', { schema: { found: { missing: ['0099_x.sql'], newer: [] } } }, 'schema', 'broken'],
    ['a version that is too new', { schema: { error: 'this Sallyport is too old for its database' } }, 'schema', 'broken'],
    ['a newer version', { schema: { found: { missing: [], newer: ['0099_x.sql'] } } }, 'schema', 'warning'],
    ['connections nearly all taken', health({ connections: 91 }), 'database-connections', 'broken'],
    ['no room for a process', health({ connections: 74 }), 'database-connections', 'warning'],
    ['room for one', health({ connections: 73 }), 'database-connections', 'ok'],
    ['no room for one that has its queues there', { ...health({ connections: 62 }), redis: null }, 'database-connections', 'warning'],
    ['room for that', { ...health({ connections: 61 }), redis: null }, 'database-connections', 'ok'],
    ['too few for one process of each kind', health({ connections: 1, maxConnections: 44 }), 'database-connections', 'warning'],
    ['just enough for them', health({ connections: 1, maxConnections: 45 }), 'database-connections', 'ok'],
    ['a transaction of an hour', health({ oldestTransactionSeconds: 3_601 }), 'database-transactions', 'warning'],
    ['no transaction', health({ oldestTransactionSeconds: null }), 'database-transactions', 'ok'],
    ['wraparound ahead', health({ xidAge: 1_000_000_001 }), 'database-wraparound', 'broken'],
    ['a full disk', health({ disk: { path: '/', freeBytes: 9, totalBytes: 100 } }), 'disk', 'broken'],
    ['a disk to watch', health({ disk: { path: '/', freeBytes: 19, totalBytes: 100 } }), 'disk', 'warning'],
    ['a disk elsewhere', health({ disk: null }), 'disk', 'unknown'],
    ['Redis too old', redis({ version: '6.0.16' }), 'queue-engine', 'broken'],
    ['Valkey by its own count', redis({ name: 'Valkey', version: '8.1.0' }), 'queue-engine', 'ok'],
    ['Redis nearly full', redis({ maxBytes: 1.1e8 }), 'queue-engine', 'warning'],
    ['Redis that throws keys away', redis({ evictionPolicy: 'allkeys-lru' }), 'queue-eviction', 'broken'],
    ['Redis that forgets', redis({ isPersistent: false }), 'queue-persistence', 'warning'],
    ['Redis away', { redis: { error: 'connect ECONNREFUSED' } }, 'queue-engine', 'broken'],
    ['Redis that wants a password', { redis: { error: 'NOAUTH HELLO must be called' } }, 'queue-engine', 'broken'],
    ['Entra\'s clock', { entraAheadMs: { found: 10_000 } }, 'clock-entra', 'warning'],
    ['Entra away', { entraAheadMs: { error: 'getaddrinfo ENOTFOUND' } }, 'clock-entra', 'warning'],
    ['no feed', { feeds: { found: [] } }, 'feeds', 'broken'],
    ['no subscription', feeds({ feed: 'sallyport-starter', everySeconds: null, ageSeconds: 1e8 }), 'feeds', 'warning'],
    ['a stale subscription', feeds({ successAgeSeconds: 10_801, lastError: '404' }), 'feed-kev', 'warning'],
    ['one just not stale', feeds({ successAgeSeconds: 10_800 }), 'feeds', 'ok'],
    ['an old import', feeds({}, { feed: 'mine', everySeconds: null, ageSeconds: 46 * 86_400 }), 'feed-mine', 'warning'],
    ['reports not judged', work({ unscoredReports: 7, unscoredSeconds: 301 }), 'work-reports', 'broken'],
    ['reports set aside', work({ quarantinedReports: 1 }), 'work-quarantine', 'warning'],
    ['Intune behind', work({ syncDevices: 7, syncSeconds: 301 }), 'work-intune', 'broken'],
    ['dead letters', work({ deadLetters: 1 }), 'work-dead-letters', 'warning']
  ]
  for (const [what, facts, name, state] of cases) {
    const checks = checkInstallation({ ...WELL, ...facts })
    const found = checks.find(({ check }) => check === name)
    t.equal(found?.state, state, what)
    t.equal(found?.nextAction === null, state === 'ok', `${what}: says what to do`)
    t.strictSame(checks.filter((one) => one.state !== 'ok').map(({ check }) => check), state === 'ok' ? [] : [name], `${what}: and nothing else is wrong`)
  }
})

t.test('a database as the tests have it is found as it is', async (t) => {
  const { db } = await createTestDatabase(t)
  const redisServer = await findRedis(t)
  const facts = await readInstallationFacts({ db, redisUrl: redisServer?.url, askEntraTime: async () => new Date(Date.now() + 5_000) })
  t.match(facts, {
    settings: { found: { isReadOnly: false, encoding: 'UTF8', autovacuum: Boolean, isolation: 'read committed', statementTimeoutMs: 0, isSchemaOpen: false } },
    schema: { found: { missing: [], newer: [] } },
    health: { found: { maxConnections: Number, databaseBytes: Number, xidAge: Number } },
    feeds: { found: [] },
    work: { found: WORK }
  })
  t.ok('found' in facts.settings && Math.abs(facts.settings.found.clockAheadMs) < 5_000, 'the same machine has the same clock')
  t.ok('found' in facts.health && facts.health.found.connections >= 1)
  if (redisServer !== undefined) t.match(facts.redis, { found: { name: /Redis|Valkey/, version: /^\d+\./, evictionPolicy: 'noeviction', isPersistent: Boolean } })
  await db.insertInto('intel_feed').values({ name: 'a-feed', format: 'stix', imported_at: new Date(Date.now() - 3_600_000), sha256: '0'.repeat(64), entries: 7, skipped: '[]' }).execute()
  await db.deleteFrom('schema_migration' as never).where('name' as never, '=', '0023_traces.sql' as never).execute()
  const later = await readInstallationFacts({ db })
  t.match(later, { schema: { found: { missing: ['0023_traces.sql'] } }, feeds: { found: [{ feed: 'a-feed', everySeconds: null, successAgeSeconds: null }] }, redis: null, entraAheadMs: null })
})

t.test('a database that turns us away is told beside all that can be looked at', async (t) => {
  const { url } = await createTestDatabase(t)
  const { url: empty } = await createTestDatabase(t, { empty: true })
  const cases: ReadonlyArray<readonly [what: string, url: string, check: string, text: RegExp]> = [
    ['no such user', url.replace(/\/\/[^@]*@/, '//nobody-here:wrong@'), 'database', /nobody-here/],
    ['no such database', url.replace(/\/[^/?]*$/, '/nothing_here'), 'database', /nothing_here/],
    ['no schema', empty, 'schema', /lacks \d+ migrations, the first of them 0001/]
  ]
  for (const [what, connectionString, check, text] of cases) {
    const db = openDatabase({ connectionString })
    t.teardown(async () => await db.destroy())
    const { healthy, checks } = await diagnoseInstallation({ db, publicUrl: 'https://mtd.example', apps: {} })
    t.equal(healthy, false, what)
    const found = checks.find((one) => one.check === check)
    t.match([found?.state, found?.text], ['broken', text], what)
    t.ok(checks.some((one) => one.check === 'public-url' && one.state === 'ok'), `${what}: and what does not need it was looked at`)
    t.match(checks.find((one) => one.check === 'tenants'), { state: 'unknown', nextAction: 'Repair the database first.' }, what)
  }
})

t.test('with the database and Redis away the doctor still answers, says so, and tells no secret', async (t) => {
  const db = openDatabase({ connectionString: 'postgres://sallyport:hunter2@127.0.0.1:1/sallyport' })
  t.teardown(async () => await db.destroy())
  const diagnosis = await diagnoseInstallation({
    db, publicUrl: 'https://mtd.example', apps: {}, redisUrl: 'redis://:hunter2@127.0.0.1:1',
    askEntraTime: async () => { throw new Error('proxy http://me:hunter2@proxy:3128 refused') }
  })
  t.equal(diagnosis.healthy, false)
  const states = Object.fromEntries(diagnosis.checks.map(({ check, state }) => [check, state]))
  t.match(states, { database: 'broken', schema: 'unknown', 'queue-engine': 'broken', 'clock-entra': 'warning', tenants: 'unknown' })
  t.match(diagnosis.checks.find(({ check }) => check === 'database')!.text, 'ECONNREFUSED')
  t.notMatch(JSON.stringify(diagnosis), 'hunter2')
})
