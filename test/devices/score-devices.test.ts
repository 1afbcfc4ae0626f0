import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createAppInventories } from '../../src/devices/app-inventories.js'
import { getDevice } from '../../src/devices/get-device.js'
import { ERASED_STATE } from '../../src/devices/score-repository.js'
import { scoreDevices, scoreGroup, type ScoreDeps } from '../../src/devices/score-devices.js'
import { listQuarantine } from '../../src/devices/list-quarantine.js'
import { retryQuarantined } from '../../src/devices/retry-quarantined.js'
import type { Database } from '../../src/platform/database.js'
import { assess, type AssessInput } from '../../src/risk/assess.js'
import type { Assessment } from '../../src/risk/assessment.js'
import type { Detection, Match } from '../../src/risk/detection.js'
import type { Severity } from '../../src/risk/level.js'
import { digestApps } from '../../src/telemetry/app-digest.js'
import { createJournal } from '../../src/telemetry/journal.js'
import type { Report } from '../../src/telemetry/report.js'
import { notToldSince } from '../../src/telemetry/resend.js'
import { createTestDatabase, openAs } from '../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant, type SeededDevice } from '../helpers/devices.js'
import { NO_INTEL } from '../helpers/intel.js'
import { waitingGroups } from '../helpers/journal.js'
import { silentLog } from '../helpers/log.js'

/** A detection that matches what it is told to, by process name. */
function detection (id: string, severity: Severity, detect: (processes: readonly string[]) => readonly Match[]): Detection {
  return {
    id, version: 1, category: 'device', platforms: ['android'], severity, attack: ['T1404'], raisesLevel: true, description: id,
    sections: ['processes'], needs: [], examples: [], remediation: { user: 'u', admin: 'a' },
    detect: ({ state }) => detect(state.processes ?? [])
  }
}

const named = (prefix: string) => (processes: readonly string[]): Match[] => processes.filter((name) => name.startsWith(prefix))
  .map((name) => ({ subject: name, title: `${name} runs`, evidence: [{ path: 'processes', value: { name, b: 1, a: 2 } }] }))

const DETECTIONS = [
  detection('dev-bad', 'high', named('bad')),
  detection('dev-odd', 'low', named('odd')),
  detection('dev-throws', 'medium', (processes) => {
    if (processes.includes('throw')) throw new Error('it threw')
    return named('mid')(processes)
  })
]
const testAssess = (input: AssessInput): Assessment => {
  if (input.state.processes?.includes('break') === true) throw new Error('it broke')
  return assess({ ...input, detections: DETECTIONS })
}

interface World extends ScoreDeps { db: Database, tenantId: string, sync: ReturnType<typeof rememberingProducer<'sync'>> }

async function setUp (t: Test): Promise<World> {
  const { db } = await createTestDatabase(t)
  return {
    db,
    tenantId: await seedTenant(db),
    intel: { current: () => NO_INTEL },
    sync: rememberingProducer<'sync'>(),
    log: silentLog,
    assess: testAssess,
    apps: createAppInventories({ db, maxBuilds: 3, maxLists: 2 })
  }
}

/** Puts reports into one group, as the journal does. */
async function journal ({ db }: { db: Database }, ...entries: Array<[SeededDevice, Report]>): Promise<number> {
  const score = rememberingProducer<'score'>()
  const journal = createJournal({ db, score, log: silentLog, maxWaiting: 10_000, maxFlushes: 1 })
  await Promise.all(entries.map(async ([device, report]) => await journal.append({ ...device, report })))
  await journal.close()
  return score.payloads[0]!.groupId!
}

const events = (sequence: number, count: number): Report => makeReport(sequence, { events: Array.from({ length: count }, () => ({ eventId: randomUUID(), type: 'dns-query' as const, at: new Date().toISOString(), host: 'www.example.org' })) })
const processes = (sequence: number, ...names: string[]): Report => makeReport(sequence, { processes: names })
const stateOf = async (db: Database, { deviceId }: SeededDevice) => await db.selectFrom('device_state').selectAll().where('device_id', '=', deviceId).executeTakeFirstOrThrow()
const findingsOf = async (db: Database, { deviceId }: SeededDevice) => await db.selectFrom('finding').selectAll().where('device_id', '=', deviceId).orderBy('first_seen').orderBy('subject').execute()
const changesOf = async (db: Database, { deviceId }: SeededDevice) => (await db.selectFrom('level_change').selectAll().where('device_id', '=', deviceId).orderBy('id').execute())
const outboxOf = async (db: Database, { deviceId }: SeededDevice) => await db.selectFrom('intune_outbox').selectAll().where('device_id', '=', deviceId).executeTakeFirst()

t.test('a report makes findings, a level, its history and a message for Intune', async (t) => {
  const world = await setUp(t)
  const { db, tenantId } = world
  const device = await seedDevice(db, tenantId)
  const groupId = await journal(world, [device, processes(1, 'bad-one', 'odd-one')])
  t.strictSame(await scoreGroup(world, groupId), { changedTenants: [tenantId] })
  t.strictSame(world.sync.payloads, [{ tenantId }])

  const findings = await findingsOf(db, device)
  t.match(findings, [
    { detection: 'dev-bad', subject: 'bad-one', severity: 'high', status: 'open', rule_version: 1, raises_level: true, attack: ['T1404'], intel: null },
    { detection: 'dev-odd', subject: 'odd-one', severity: 'low', status: 'open' }
  ])
  t.match(await stateOf(db, device), { level: 'high', reporting_state: 'activated', sequence: 1, score: 86, desired_health: 'highSeverity', desired_version: 1, resend: [] })
  t.match(await changesOf(db, device), [{ from_level: null, to_level: 'high', findings: [{ findingId: findings[0]!.id, detection: 'dev-bad', subject: 'bad-one', severity: 'high' }, { detection: 'dev-odd' }] }])
  t.match(await outboxOf(db, device), { version: 1, health: 'highSeverity', attempts: 0 })
  t.strictSame(await waitingGroups(db), [])
})

t.test('many events are stored apart from what each report changes, and are all there when the next one comes', async (t) => {
  const seen: number[] = []
  const world = { ...await setUp(t), assess: (input: AssessInput): Assessment => { seen.push(input.state.events.length); return testAssess(input) } }
  const { db } = world
  const device = await seedDevice(db, world.tenantId)
  const stored = async () => {
    const { state, older_events: older } = await stateOf(db, device)
    return { near: (state as { events: unknown[] }).events.length, older: (older as unknown[] | null)?.length ?? null }
  }
  await scoreGroup(world, await journal(world, [device, events(1, 60)]))
  t.strictSame(await stored(), { near: 60, older: null })
  await scoreGroup(world, await journal(world, [device, events(2, 40)]))
  t.strictSame(await stored(), { near: 24, older: 76 })
  await scoreGroup(world, await journal(world, [device, events(3, 20)]))
  t.strictSame(await stored(), { near: 44, older: 76 })
  await scoreGroup(world, await journal(world, [device, processes(4, 'odd-one')]))
  t.strictSame(seen, [60, 100, 120, 120])

  // Nothing new is told from then on.
  const receivedAgo = async (age: string) => await sql`
    update device_state set older_events = (
      select jsonb_agg(jsonb_set(e, '{receivedAt}', to_jsonb(to_char(now() at time zone 'utc' - ${age}::interval, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))) order by at)
      from jsonb_array_elements(older_events) with ordinality as o (e, at))`.execute(db)
  await receivedAgo('7 days 1 hour')
  await scoreGroup(world, await journal(world, [device, makeReport(5)]))
  t.strictSame(await stored(), { near: 44, older: 76 }, 'not with each that is over')
  await receivedAgo('8 days 1 hour')
  await scoreGroup(world, await journal(world, [device, makeReport(6)]))
  t.strictSame(await stored(), { near: 24, older: 20 }, 'what is over is gone within a day more')
  t.strictSame(seen.slice(-2), [44, 44])
})

t.test('a job that runs twice changes nothing the second time', async (t) => {
  const world = await setUp(t)
  const device = await seedDevice(world.db, world.tenantId)
  const groupId = await journal(world, [device, processes(1, 'bad-one')])
  await Promise.all([scoreGroup(world, groupId), scoreGroup(world, groupId)])
  const dump = async () => [await stateOf(world.db, device), await findingsOf(world.db, device), await changesOf(world.db, device), await outboxOf(world.db, device)]
  const before = await dump()
  t.strictSame(await scoreGroup(world, groupId), { changedTenants: [] })
  t.strictSame(await dump(), before)
  t.equal((await findingsOf(world.db, device)).length, 1)
  t.equal((await changesOf(world.db, device)).length, 1)
  t.strictSame(await scoreGroup(world, 999_999), { changedTenants: [] }, 'a group that is gone')
})

t.test('a finding closes when it is gone, and opens anew when it comes back', async (t) => {
  const world = await setUp(t)
  const { db } = world
  const device = await seedDevice(db, world.tenantId)
  for (const [n, names] of [['bad-one', 'odd-one'], ['odd-one'], [], ['bad-one']].entries()) {
    await scoreGroup(world, await journal(world, [device, processes(n + 1, ...names)]))
  }
  t.strictSame((await findingsOf(db, device)).map(({ subject, status }) => [subject, status]), [['bad-one', 'resolved'], ['odd-one', 'resolved'], ['bad-one', 'open']])
  t.ok((await findingsOf(db, device)).every(({ status, resolved_at: at }) => (status === 'resolved') === (at !== null)))
  t.strictSame((await changesOf(db, device)).map((row) => [row.from_level, row.to_level]), [[null, 'high'], ['high', 'low'], ['low', 'secured'], ['secured', 'high']])
  t.match(await outboxOf(db, device), { version: 4, health: 'highSeverity' })
  t.match(await stateOf(db, device), { desired_version: 4 })
})

t.test('a heartbeat writes neither findings nor messages', async (t) => {
  const world = await setUp(t)
  const { db } = world
  const device = await seedDevice(db, world.tenantId)
  const snapshot = makeReport(1, { processes: ['bad-one'], apps: { mode: 'snapshot', items: [{ appId: 'a' }] } })
  await scoreGroup(world, await journal(world, [device, snapshot]))
  await db.deleteFrom('intune_outbox').execute()
  const row = async () => (await sql<{ xmin: string }>`select xmin::text from finding`.execute(db)).rows[0]!.xmin
  const before = { finding: await row(), state: await stateOf(db, device) }

  t.strictSame(await scoreGroup(world, await journal(world, [device, makeReport(2)])), { changedTenants: [] })
  t.equal(await row(), before.finding)
  t.equal(await outboxOf(db, device), undefined)
  const after = await stateOf(db, device)
  t.equal(after.sequence, 2)
  t.strictSame([after.state, after.apps_digest, after.level_since], [before.state.state, before.state.apps_digest, before.state.level_since])
  t.ok(after.last_report_at! > before.state.last_report_at!)
})

t.test('reports of one group merge in the order of their sequence', async (t) => {
  const world = await setUp(t)
  const { db } = world
  const [one, two] = [await seedDevice(db, world.tenantId), await seedDevice(db, world.tenantId)]
  const items = [{ appId: 'a' }]
  await scoreGroup(world, await journal(world,
    [one, makeReport(3, { apps: { mode: 'delta', baseDigest: digestApps(items), upsert: [{ appId: 'b' }] }, processes: ['odd'] })],
    [two, processes(1)],
    [one, makeReport(2, { apps: { mode: 'snapshot', items }, processes: ['bad'] })]))
  t.match(await stateOf(db, one), { level: 'low', sequence: 3, apps_digest: digestApps([{ appId: 'a' }, { appId: 'b' }]), resend: [] })
  t.match(await stateOf(db, two), { level: 'secured' })
  t.equal((await changesOf(db, one)).length, 1)
})

t.test('a delta without its base is remembered until a snapshot comes', async (t) => {
  const world = await setUp(t)
  const device = await seedDevice(world.db, world.tenantId)
  await scoreGroup(world, await journal(world, [device, makeReport(1, { apps: { mode: 'delta', baseDigest: '0'.repeat(64) } })]))
  t.strictSame((await stateOf(world.db, device)).resend, ['apps'])
  await scoreGroup(world, await journal(world, [device, makeReport(2)]))
  t.strictSame((await stateOf(world.db, device)).resend, ['apps'])
  await scoreGroup(world, await journal(world, [device, makeReport(3, { apps: { mode: 'snapshot', items: [] } })]))
  t.strictSame((await stateOf(world.db, device)).resend, [])
})

t.test('what a phone owes since a restore it owes until it was told so and a report with the section was merged', async (t) => {
  const world = await setUp(t)
  const device = await seedDevice(world.db, world.tenantId)
  const resendAfter = async (report: Report): Promise<string[]> => {
    await scoreGroup(world, await journal(world, [device, report]))
    return (await stateOf(world.db, device)).resend.sort()
  }
  await resendAfter(makeReport(1, { apps: { mode: 'snapshot', items: [{ appId: 'a' }] } }))
  const waiting = await journal(world, [device, makeReport(2, { processes: ['odd'], apps: { mode: 'delta', baseDigest: digestApps([{ appId: 'a' }]), upsert: [{ appId: 'b' }] } })])
  const restoredAt = new Date()
  const owed = [notToldSince(restoredAt), 'apps', 'os', 'processes']
  await world.db.updateTable('device_state').set({ resend: owed }).execute()
  await sql`update report_group set received_at = ${restoredAt}::timestamptz - interval '1 minute' where id = ${waiting}`.execute(world.db)
  await scoreGroup(world, waiting)
  t.strictSame((await stateOf(world.db, device)).resend.sort(), owed.sort(), 'what waited at the backup is no answer')
  t.strictSame(await resendAfter(processes(3)), ['apps', 'os', 'processes'], 'its receipt told the phone')
  t.strictSame(await resendAfter(processes(4)), ['apps', 'os'])
  t.strictSame(await resendAfter(makeReport(5, { os: { version: '15' }, apps: { mode: 'delta', baseDigest: '0'.repeat(64) } })), ['apps'], 'a change of a list is not the list')
  t.strictSame(await resendAfter(makeReport(6, { apps: { mode: 'snapshot', items: [] } })), [])
})

t.test('a worker, in its role, judges the others when a phone of theirs was erased meanwhile, and takes it off the list', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const world = { ...await setUp(t), db, tenantId: await seedTenant(db) }
  const [erased, other] = [await seedDevice(db, world.tenantId), await seedDevice(db, world.tenantId)]
  await db.insertInto('device_state').values([{ device_id: erased.deviceId, tenant_id: world.tenantId, sequence: 1, state: JSON.stringify(ERASED_STATE) }, { device_id: other.deviceId, tenant_id: world.tenantId, sequence: -1, state: '{}' }]).execute()
  const groupId = await journal(world, [erased, processes(2, 'bad')], [other, processes(1, 'bad')])
  await sql`
    with made as (insert into rescoring (intel_version, cause, tenant_id, rules_version) values (0, 'policy', ${world.tenantId}, 0) returning id)
    insert into rescoring_device (device_id, rescoring_id, intel_version, rules_version) select ${erased.deviceId}, id, 0, 0 from made`.execute(db)
  const asWorker = openAs(t, url, 'worker')
  await scoreGroup({ ...world, db: asWorker, apps: createAppInventories({ db: asWorker }) }, groupId)
  t.match(await stateOf(db, other), { level: 'high' })
  await scoreDevices({ ...world, db: asWorker, apps: createAppInventories({ db: asWorker }) }, [erased.deviceId])
  t.strictSame(await db.selectFrom('rescoring_device').selectAll().execute(), [])
  t.strictSame(await waitingGroups(db), [])
})

t.test('a report that breaks the group is set aside, and its neighbours are scored', async (t) => {
  const world = await setUp(t)
  const { db, tenantId } = world
  const devices = await Promise.all(Array.from({ length: 9 }, async () => await seedDevice(db, tenantId)))
  const groupId = await journal(world, ...devices.map((device, n): [SeededDevice, Report] => [device, processes(1, n === 4 ? 'break' : 'bad')]))
  await scoreGroup(world, groupId)
  t.match((await listQuarantine(world, { tenantId })).items, [{ deviceId: devices[4]!.deviceId, error: 'it broke' }])
  const levels = await db.selectFrom('device_state').select('level').where('level', 'is not', null).execute()
  t.strictSame(levels, Array(8).fill({ level: 'high' }))
  t.strictSame(await waitingGroups(db), [])

  // The fault is mended, and an operator has it tried again.
  const id = (await listQuarantine(world, { tenantId })).items[0]!.id
  await t.rejects(retryQuarantined({ db: world.db, scoring: world }, { tenantId: randomUUID(), id, actor: 'ann' }), { code: 'NOT-FOUND' })
  await retryQuarantined({ db: world.db, scoring: world }, { tenantId, id, actor: 'ann' })
  t.equal((await listQuarantine(world, { tenantId })).items.length, 1, 'it still fails')
  await retryQuarantined({ db: world.db, scoring: { ...world, assess: (input) => assess({ ...input, detections: DETECTIONS }) } }, { tenantId, id, actor: 'ann' })
  t.equal((await listQuarantine(world, { tenantId })).items.length, 0)
  t.match(await stateOf(db, devices[4]!), { level: 'secured', sequence: 1 })
})

t.test('groups that wait as well are taken along, and their own jobs find them scored', async (t) => {
  const world = await setUp(t)
  const { db, tenantId } = world
  const [one, two] = [await seedDevice(db, tenantId), await seedDevice(db, tenantId)]
  const groups = [await journal(world, [one, processes(1, 'bad')]), await journal(world, [one, processes(2, 'odd')]), await journal(world, [two, processes(1, 'bad')])]
  t.strictSame(await scoreGroup(world, groups[2]!), { changedTenants: [tenantId] })
  t.strictSame(await waitingGroups(db), [])
  t.match([await stateOf(db, one), await stateOf(db, two)], [{ level: 'low', sequence: 2 }, { level: 'high' }])
  t.strictSame(await scoreGroup(world, groups[0]!), { changedTenants: [] })
})

t.test('a group at fault does not keep those that would take it along', async (t) => {
  const world = await setUp(t)
  const { db, tenantId } = world
  const [one, two] = [await seedDevice(db, tenantId), await seedDevice(db, tenantId)]
  const groups = [await journal(world, [one, processes(1, 'break')]), await journal(world, [two, processes(1, 'bad')])]
  await scoreGroup(world, groups[1]!)
  t.match(await stateOf(db, two), { level: 'high' })
  t.strictSame(await waitingGroups(db), [groups[0]])
  await scoreGroup(world, groups[0]!)
  t.match((await listQuarantine(world, { tenantId })).items, [{ deviceId: one.deviceId }])
})

t.test('a group in the hands of another is waited for, so that its job does not end too soon', async (t) => {
  const world = await setUp(t)
  const { db } = world
  const device = await seedDevice(db, world.tenantId)
  const groupId = await journal(world, [device, processes(1, 'bad')])
  let scoring: Promise<unknown> | undefined
  await t.rejects(db.transaction().execute(async (tx) => {
    await tx.selectFrom('unscored_group').select('id').where('id', '=', groupId).forUpdate().execute()
    scoring = scoreGroup(world, groupId)
    // It waits for our lock, which PostgreSQL tells (outside: a transaction sees such facts as of its first look).
    for (let waiting = 0; waiting === 0;) {
      waiting = (await sql<{ n: number }>`select count(*)::integer as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(db)).rows[0]!.n
    }
    throw new Error('killed')
  }), /killed/)
  await scoring
  t.match(await stateOf(db, device), { level: 'high' })
})

t.test('a detection that throws lists the report, its findings stay open, the rest judges', async (t) => {
  const world = await setUp(t)
  const { db, tenantId } = world
  const device = await seedDevice(db, tenantId)
  const neighbour = await seedDevice(db, tenantId)
  await scoreGroup(world, await journal(world, [device, processes(1, 'mid-one', 'odd-one')]))
  await scoreGroup(world, await journal(world, [device, processes(2)], [device, processes(3, 'throw')], [neighbour, processes(1, 'bad')]))
  const culprit = await db.selectFrom('report').select('id').where('sequence', '=', 3).executeTakeFirstOrThrow()
  t.match((await listQuarantine(world, { tenantId })).items, [{ id: culprit.id, error: 'dev-throws: it threw' }])
  t.strictSame((await findingsOf(db, device)).map(({ subject, status }) => [subject, status]), [['mid-one', 'open'], ['odd-one', 'resolved']])
  t.match(await stateOf(db, device), { level: 'medium', sequence: 3 }, 'what nobody could deny still counts')
  t.ok((await getDevice(world, device)).unknown.includes('dev-throws'), 'operators see that it has no answer')
  t.notOk((await getDevice(world, neighbour)).unknown.includes('dev-throws'))
  t.match(await stateOf(db, neighbour), { level: 'high' })

  await scoreGroup(world, await journal(world, [device, makeReport(4)]))
  t.equal((await listQuarantine(world, { tenantId })).items.length, 1, 'a report that only comes after is not to blame')
  await retryQuarantined({ db: world.db, scoring: world }, { tenantId, id: culprit.id, actor: 'ann' })
  t.equal((await listQuarantine(world, { tenantId })).items.length, 1, 'tried again, it is listed again')
  await scoreGroup(world, await journal(world, [device, processes(5)]))
  t.match(await stateOf(db, device), { level: 'secured' })
})

t.test('a phone whose clock is two hours ahead is judged as any other, and operators see it', async (t) => {
  const world = await setUp(t)
  const device = await seedDevice(world.db, world.tenantId)
  const at = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString()
  await scoreGroup(world, await journal(world, [device, { ...processes(1, 'bad'), collectedAt: at(122) }]))
  t.match(await getDevice(world, device), { level: 'high', clockOffsetSeconds: 7200 })
  await scoreGroup(world, await journal(world, [device, { ...processes(2), collectedAt: at(0) }]))
  t.match(await getDevice(world, device), { level: 'secured', clockOffsetSeconds: null })
})

t.test('silence makes a phone unresponsive, its next report brings it back', async (t) => {
  const world = await setUp(t)
  const { db } = world
  const device = await seedDevice(db, world.tenantId)
  const silent = await seedDevice(db, world.tenantId)
  t.strictSame(await scoreDevices(world, [silent.deviceId]), { changedTenants: [] })
  t.match(await stateOf(db, silent), { level: null, reporting_state: 'pending', desired_health: null })

  await scoreGroup(world, await journal(world, [device, processes(1, 'odd')]))
  const { due_at: dueAt, last_report_at: lastReportAt } = await stateOf(db, device)
  const days = (dueAt!.getTime() - lastReportAt!.getTime()) / 86_400_000
  t.ok(days >= 7 && days <= 7 + 1 / 24, 'it is due when the silence is long enough')
  await scoreDevices({ ...world, now: () => new Date(dueAt!.getTime() - 1) }, [device.deviceId])
  t.match(await stateOf(db, device), { reporting_state: 'activated' })
  t.strictSame(await scoreDevices({ ...world, now: () => dueAt! }, [device.deviceId]), { changedTenants: [world.tenantId] })
  t.match(await stateOf(db, device), { reporting_state: 'unresponsive', level: 'low', desired_health: 'unresponsive' })
  t.ok((await stateOf(db, device)).due_at! > dueAt!)
  await scoreGroup(world, await journal(world, [device, makeReport(2)]))
  t.match(await stateOf(db, device), { reporting_state: 'activated', desired_health: 'lowSeverity' })
  t.match(await outboxOf(db, device), { version: 3, health: 'lowSeverity' })
})

t.test('two workers on groups of the same phones end where one does', async (t) => {
  const world = await setUp(t)
  const { db, tenantId } = world
  const devices = await Promise.all(Array.from({ length: 12 }, async () => await seedDevice(db, tenantId)))
  const names = ['bad-1', 'odd-1', 'odd-2', 'mid-1']
  const groups: number[] = []
  for (let round = 0; round < 10; round++) {
    groups.push(await journal(world, ...devices.map((device, n): [SeededDevice, Report] =>
      [device, processes(round, ...names.filter((_, at) => (round + n + at) % 3 === 0))])))
  }
  await Promise.all([0, 1, 2].map(async (worker) => {
    for (let at = worker; at < groups.length; at += 3) await scoreGroup(world, groups[at]!)
  }))
  for (const [n, device] of devices.entries()) {
    const last = names.filter((_, at) => (9 + n + at) % 3 === 0)
    const open = (await findingsOf(db, device)).filter(({ status }) => status === 'open')
    t.strictSame(open.map(({ subject }) => subject).sort(), [...last].sort())
    const { level, desired_version: version, desired_health: health, sequence } = await stateOf(db, device)
    t.equal(sequence, 9)
    t.match(await outboxOf(db, device), { version, health })
    t.equal((await changesOf(db, device)).at(-1)?.to_level, level)
  }
})

t.test('a queue that is away does not undo what was scored', async (t) => {
  const world = await setUp(t)
  world.sync.fail = true
  const device = await seedDevice(world.db, world.tenantId)
  t.strictSame(await scoreGroup(world, await journal(world, [device, processes(1, 'bad')])), { changedTenants: [world.tenantId] })
  t.match(await outboxOf(world.db, device), { health: 'highSeverity' })
})
