import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { withSessionSettings } from '../../src/platform/access/database-roles.js'
import { openDatabase, type Database, type Tx } from '../../src/platform/database.js'
import { notToldSince } from '../../src/telemetry/resend.js'
import { digestApps } from '../../src/telemetry/app-digest.js'
import { createJournal, type Journal, type JournalOptions } from '../../src/telemetry/journal.js'
import { takeWaitingGroups } from '../../src/telemetry/journal-groups.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant, type SeededDevice } from '../helpers/devices.js'
import { type Journalled, readJournal, waitingGroups } from '../helpers/journal.js'
import { silentLog } from '../helpers/log.js'

interface World { db: Database, url: string, device: SeededDevice, journal: Journal, score: ReturnType<typeof rememberingProducer<'score'>> }

async function setUp (t: Test, options: Partial<JournalOptions> = {}): Promise<World> {
  const { db, url } = await createTestDatabase(t)
  const device = await seedDevice(db, await seedTenant(db))
  const score = rememberingProducer<'score'>()
  const journal = createJournal({ db, score, log: silentLog, maxWaiting: 1000, ...options })
  t.teardown(async () => await journal.close())
  return { db, url, device, journal, score }
}

const groupsOf = async (db: Database) => await db.selectFrom('unscored_group').select(['id', 'reports']).orderBy('id').execute()
const storedIds = async (db: Database) => (await db.selectFrom('report').select('report_id').orderBy('id').execute()).map((row) => row.report_id)

t.test('a lone report is committed at once and handed on', async (t) => {
  const { db, device, journal, score } = await setUp(t)
  const report = makeReport(1, { os: { version: '15' } })
  t.strictSame(await journal.append({ ...device, report }), { reportId: report.reportId, status: 'accepted', resend: [] })
  await journal.close()
  t.match(await readJournal(db), [{ ...device, reportId: report.reportId, source: null, body: report }].map(({ tenantId, ...rest }) => rest))
  t.match(await db.selectFrom('report').selectAll().execute(), [{ sequence: 1, tenant_id: device.tenantId, has_apps: false }])
  t.strictSame(score.payloads, (await waitingGroups(db)).map((groupId) => ({ groupId })))
  await t.rejects(journal.append({ ...device, report }), { code: 'OVERLOADED' })
})

t.test('what arrives meanwhile shares a group, in the order it came', async (t) => {
  const { db, device, journal, score } = await setUp(t, { maxFlushes: 1, maxGroupReports: 50 })
  const reports = Array.from({ length: 120 }, (_, n) => makeReport(n))
  await Promise.all(reports.map(async (report) => await journal.append({ ...device, report })))
  await journal.close()
  t.strictSame(await storedIds(db), reports.map(({ reportId }) => reportId))
  t.strictSame((await groupsOf(db)).map((group) => group.reports), [50, 50, 20])
  t.strictSame(score.payloads.map(({ groupId }) => groupId), (await groupsOf(db)).map(({ id }) => id))
})

t.test('what comes soon after a group shares the next, and does not wait longer than that', async (t) => {
  const { db, device, journal } = await setUp(t, { groupEveryMs: 100 })
  const startedAt = performance.now()
  await journal.append({ ...device, report: makeReport(1) })
  const second = journal.append({ ...device, report: makeReport(2) })
  await new Promise((resolve) => setImmediate(resolve))
  await Promise.all([second, journal.append({ ...device, report: makeReport(3) })])
  t.strictSame((await groupsOf(db)).map((group) => group.reports), [1, 2])
  t.ok(performance.now() - startedAt >= 100)
})

t.test('a group is bounded by bytes too', async (t) => {
  const { db, device, journal } = await setUp(t, { maxFlushes: 1, maxGroupBytes: 10_000 })
  await Promise.all([1, 2, 3].map(async (n) => await journal.append({ ...device, report: makeReport(n, { processes: ['x'.repeat(2000), 'y'.repeat(2000), 'z'.repeat(2000)] }) })))
  t.strictSame((await groupsOf(db)).map((group) => group.reports), [1, 1, 1])
})

t.test('a report sent again is a duplicate, and a group of only such leaves no trace', async (t) => {
  const { db, device, journal } = await setUp(t)
  const [first, second] = [makeReport(1), makeReport(2)]
  await journal.append({ ...device, report: first })
  const same = { ...first, reportId: first.reportId.toUpperCase() }
  t.strictSame(await journal.append({ ...device, report: same }), { reportId: same.reportId, status: 'duplicate', resend: [] })
  t.equal((await groupsOf(db)).length, 1)

  const answers = await Promise.all([first, second, second].map(async (report) => await journal.append({ ...device, report })))
  t.strictSame(answers.map(({ status }) => status), ['duplicate', 'accepted', 'duplicate'])
  t.strictSame((await groupsOf(db)).map((group) => group.reports), [1, 1])

  const other = await seedDevice(db, device.tenantId)
  t.equal((await journal.append({ ...other, report: first })).status, 'accepted', 'ids are of a device')
})

t.test('of two processes that take the same report, one says accepted', async (t) => {
  const { db, device, journal, score } = await setUp(t)
  const other = createJournal({ db, score, log: silentLog, maxWaiting: 10 })
  t.teardown(async () => await other.close())
  for (let round = 0; round < 20; round++) {
    const report = makeReport(round)
    const answers = await Promise.all([journal, other].map(async (one) => await one.append({ ...device, report })))
    t.strictSame(answers.map(({ status }) => status).sort(), ['accepted', 'duplicate'])
  }
  t.ok((await groupsOf(db)).every((group) => group.reports === 1))
  t.equal((await groupsOf(db)).length, 20)
})

t.test('the more groups wait, the less may it matter to who takes some: they are looked up, and the others not read', async (t) => {
  const { db, device, journal } = await setUp(t)
  await journal.append({ ...device, report: makeReport(1) })
  const [groupId] = (await groupsOf(db)).map(({ id }) => id)
  await sql`insert into unscored_group (id, day, reports, received_at) select 1000000 + n, current_date, 10, now() + n * interval '1 ms' from generate_series(1, 5000) n`.execute(db)
  await sql`analyze unscored_group`.execute(db)
  const readSoFar = async (db: Database): Promise<number> => {
    await sql`select pg_stat_force_next_flush()`.execute(db)
    const { rows: [row] } = await sql<{ read: number }>`
      select (t.seq_tup_read + sum(i.idx_tup_read))::integer as read from pg_stat_user_tables t join pg_stat_user_indexes i using (relid) where t.relname = 'unscored_group' group by t.seq_tup_read`.execute(db)
    return row!.read
  }
  await db.connection().execute(async (db) => {
    const before = await readSoFar(db)
    const { groupIds } = await db.transaction().execute(async (tx) => await takeWaitingGroups(tx, { groupId: groupId!, maxGroups: 20, maxReports: 1000 }))
    t.strictSame(groupIds, [groupId], 'those without a body are nobody\'s')
    const read = await readSoFar(db) - before
    t.ok(read > 0 && read < 300, `${read} rows read to take 20 of 5,001`)
  })
})

t.test('who takes groups passes over those that others have in hand, and leaves the rest to others', async (t) => {
  const { db } = await setUp(t)
  await sql`insert into report_group (id, day, received_at, device_ids, body) select n, current_date, now(), '{}', '' from generate_series(1, 9) n`.execute(db)
  await sql`insert into unscored_group (id, day, reports, received_at) select n, current_date, 10, now() + n * interval '1 ms' from generate_series(1, 9) n`.execute(db)
  const take = async (tx: Tx, groupId: number, maxReports = 30) => (await takeWaitingGroups(tx, { groupId, maxGroups: 4, maxReports })).groupIds
  await db.transaction().execute(async (one) => {
    t.strictSame(await take(one, 1), [1, 2, 3])
    await db.transaction().execute(async (other) => {
      t.strictSame(await take(other, 2), [4, 5, 6], 'not its own, which another has')
      t.strictSame(await db.transaction().execute(async (third) => await take(third, 9, 0)), [9], 'its own, however many there are before it')
      t.strictSame(await db.transaction().execute(async (third) => await take(third, 8, 1_000)), [7, 8])
    })
  })
  t.strictSame(await groupsOf(db), [])
})

t.test('a report older than what is merged is stale', async (t) => {
  const { db, device, journal } = await setUp(t)
  await db.insertInto('device_state').values({ device_id: device.deviceId, tenant_id: device.tenantId, sequence: 7, state: '{}' }).execute()
  t.equal((await journal.append({ ...device, report: makeReport(7) })).status, 'stale')
  t.equal((await journal.append({ ...device, report: makeReport(8) })).status, 'accepted')
})

t.test('a delta whose base is nowhere is answered with resend', async (t) => {
  const { db, device, journal } = await setUp(t)
  const items = [{ appId: 'a' }]
  const delta = (sequence: number, baseDigest: string) => makeReport(sequence, { apps: { mode: 'delta', baseDigest, upsert: [{ appId: 'b' }] } })
  t.strictSame((await journal.append({ ...device, report: delta(1, '0'.repeat(64)) })).resend, ['apps'])

  await db.deleteFrom('unscored_group').execute()
  const snapshot = makeReport(2, { apps: { mode: 'snapshot', items } })
  t.strictSame((await journal.append({ ...device, report: snapshot })).resend, [])
  t.strictSame((await journal.append({ ...device, report: delta(3, digestApps(items)) })).resend, [], 'the base is on its way')
  t.strictSame((await journal.append({ ...device, report: delta(4, '1'.repeat(64)) })).resend, [], 'may be what the delta before leaves behind')

  await db.deleteFrom('unscored_group').execute()
  t.strictSame((await journal.append({ ...device, report: delta(5, '1'.repeat(64)) })).resend, ['apps'])
  await db.insertInto('device_state').values({ device_id: device.deviceId, tenant_id: device.tenantId, sequence: 5, state: '{}', apps_digest: '1'.repeat(64) }).execute()
  t.strictSame((await journal.append({ ...device, report: delta(6, '1'.repeat(64)) })).resend, [])
})

t.test('what the device owes is said with every answer, until it is on its way', async (t) => {
  const { db, device, journal } = await setUp(t)
  await db.insertInto('device_state').values({ device_id: device.deviceId, tenant_id: device.tenantId, sequence: 0, state: '{}', resend: ['apps'] }).execute()
  t.strictSame((await journal.append({ ...device, report: makeReport(1) })).resend, ['apps'])
  t.strictSame((await journal.append({ ...device, report: makeReport(2, { apps: { mode: 'snapshot', items: [] } }) })).resend, [])
})

t.test('after a restore a phone is asked for all sections, with every receipt until it was told so; what a report brings only then counts as the answer', async (t) => {
  const { db, device, journal } = await setUp(t)
  await db.insertInto('device_state').values({ device_id: device.deviceId, tenant_id: device.tenantId, sequence: 0, state: '{}', resend: [notToldSince(new Date()), 'apps', 'config', 'os'] }).execute()
  t.strictSame((await journal.append({ ...device, report: makeReport(1, { config: { passcodeSet: true } }) })).resend, ['apps', 'config', 'os'], 'a change of a section is no answer to what was not asked')
  await db.updateTable('device_state').set({ resend: ['apps', 'config', 'os'] }).execute()
  t.strictSame((await journal.append({ ...device, report: makeReport(2, { config: { passcodeSet: true }, os: { version: '15' } }) })).resend, ['apps'])
})

t.test('characters that the database cannot hold do not stop a report', async (t) => {
  const { db, device, journal } = await setUp(t)
  const report = makeReport(1, { network: { wifi: { ssid: 'a\0b\ud800c\u{1f600}' } }, properties: { 'k\0': 'v' }, processes: ['\\u0000'] })
  t.equal((await journal.append({ ...device, report })).status, 'accepted')
  const [{ body }] = await readJournal(db) as [Journalled]
  t.match(body, { network: { wifi: { ssid: 'a\ufffdb\ufffdc\u{1f600}' } }, properties: { 'k\ufffd': 'v' }, processes: ['\\u0000'] })
  await t.rejects(journal.append({ ...device, report: { ...makeReport(2), collectedAt: '0000-01-01T00:00:00Z' } }), { code: 'validation' })
})

t.test('a report that cannot be stored fails alone', async (t) => {
  const { db, device, journal } = await setUp(t, { maxFlushes: 1 })
  const reports = Array.from({ length: 40 }, (_, n) => makeReport(n))
  const erased = { tenantId: device.tenantId, deviceId: randomUUID() }
  const answers = await Promise.allSettled(reports.map(async (report, n) => await journal.append({ ...(n === 13 ? erased : device), report })))
  t.strictSame(answers.flatMap(({ status }, n) => status === 'rejected' ? [n] : []), [13])
  t.match(answers[13], { reason: { code: 'DEVICE-REVOKED' } })
  t.equal((await storedIds(db)).length, 39)
  const groups = await groupsOf(db)
  t.equal(groups.reduce((sum, group) => sum + group.reports, 0), 39)
  t.ok(groups.every((group) => group.reports > 0))
})

t.test('a report stays accepted when the queue is away', async (t) => {
  const { db, device, journal, score } = await setUp(t)
  score.fail = true
  t.equal((await journal.append({ ...device, report: makeReport(1) })).status, 'accepted')
  await journal.close()
  t.equal((await waitingGroups(db)).length, 1)
})

t.test('callers beyond what may wait are turned away', async (t) => {
  const { device, journal } = await setUp(t, { maxWaiting: 5, maxFlushes: 1 })
  const answers = await Promise.allSettled(Array.from({ length: 8 }, async (_, n) => await journal.append({ ...device, report: makeReport(n) })))
  t.equal(answers.filter(({ status }) => status === 'fulfilled').length, 5)
  t.match(answers.at(-1), { reason: { code: 'OVERLOADED', statusCode: 503 } })
})

t.test('while the database is away nothing is stored, and it goes on when it is back', async (t) => {
  const { db, url, device, score } = await setUp(t)
  const away = openDatabase({ connectionString: 'postgres://nobody@127.0.0.1:1/none' })
  const lost = createJournal({ db: away, score, log: silentLog, maxWaiting: 10 })
  const answers = await Promise.allSettled([1, 2].map(async (n) => await lost.append({ ...device, report: makeReport(n) })))
  for (const answer of answers) t.match(answer, { reason: { code: 'DATABASE-UNAVAILABLE', statusCode: 503 } })
  await lost.close()
  await away.destroy()

  const own = openDatabase({ connectionString: url, maxConnections: 1, onError: () => {} })
  const journal = createJournal({ db: own, score, log: silentLog, maxWaiting: 10 })
  t.teardown(async () => {
    await journal.close()
    await own.destroy()
  })
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(own)
  await db.transaction().execute(async (tx) => {
    await sql`lock table report in exclusive mode`.execute(tx)
    const cut = journal.append({ ...device, report: makeReport(3) })
    cut.catch(() => {})
    await waitFor(async () => {
      const { rows: waiting } = await sql`select 1 from pg_locks where pid = ${rows[0]!.pid} and not granted`.execute(db)
      return waiting.length > 0
    })
    await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(tx)
    await t.rejects(cut, { code: 'DATABASE-UNAVAILABLE' })
  })
  t.strictSame(await storedIds(db), [])
  // The broken connection may be lent out once more before its end is noticed.
  await waitFor(async () => await journal.append({ ...device, report: makeReport(4) }).then(() => true, ({ code }) => {
    t.equal(code, 'DATABASE-UNAVAILABLE')
    return false
  }))
  t.equal((await storedIds(db)).length, 1)
})

t.test('a statement that takes longer than an administrator allows is a reason to come again, not a fault of the report', async (t) => {
  const { db, url, device, score } = await setUp(t)
  const limited = openDatabase({ connectionString: withSessionSettings(url, { statement_timeout: '50' }), maxConnections: 1 })
  const journal = createJournal({ db: limited, score, log: silentLog, maxWaiting: 10 })
  t.teardown(async () => {
    await journal.close()
    await limited.destroy()
  })
  await db.transaction().execute(async (tx) => {
    await sql`lock table report in exclusive mode`.execute(tx)
    await t.rejects(journal.append({ ...device, report: makeReport(1) }), { code: 'DATABASE-UNAVAILABLE', statusCode: 503 })
  })
  t.equal((await journal.append({ ...device, report: makeReport(1) })).status, 'accepted')
})

async function waitFor (condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
