import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createAppInventories } from '../../../src/devices/app-inventories.js'
import { deviceHistory } from '../../../src/devices/device-history.js'
import { expireHistory } from '../../../src/devices/expire-history.js'
import { explainDevice } from '../../../src/devices/explain-device.js'
import { getDevice } from '../../../src/devices/get-device.js'
import { replayDevice } from '../../../src/devices/replay-device.js'
import { rescoreDueDevices } from '../../../src/devices/rescore-due-devices.js'
import { handOnRescorings, listRescorings } from '../../../src/devices/retro/rescorings.js'
import { createCoverageSets } from '../../../src/devices/rules/coverage-sets.js'
import { previewPolicyOf } from '../../../src/devices/rules/preview.js'
import { createTenantRules } from '../../../src/devices/rules/tenant-rules.js'
import { scoreDevices, scoreGroup, type ScoreDeps } from '../../../src/devices/score-devices.js'
import { describeDevice } from '../../../src/operators/describe-device.js'
import { applyPolicy, getPolicy, getPolicyVersion, listPolicies, parsePolicy } from '../../../src/operators/policies.js'
import { endSuppression, pageSuppressions, suppressFindings } from '../../../src/operators/suppressions.js'
import { assess, type AssessInput } from '../../../src/risk/assess.js'
import { createJournal } from '../../../src/telemetry/journal.js'
import type { Report } from '../../../src/telemetry/report.js'
import { createTestDatabase } from '../../helpers/database.js'
import { makeReport, rememberingProducer, seedDevice, seedTenant, type SeededDevice } from '../../helpers/devices.js'
import { NO_INTEL } from '../../helpers/intel.js'
import { waitingGroups } from '../../helpers/journal.js'
import { silentLog } from '../../helpers/log.js'

const DAY_MS = 24 * 60 * 60 * 1000
const NO_LOCK = { config: { passcodeSet: false, encryption: 'active' as const } }
const LOCK = { config: { passcodeSet: true, encryption: 'active' as const } }

async function faultsOf (refused: Promise<unknown>): Promise<string[]> {
  return await refused.then(() => [], (error: { faults?: ReadonlyArray<{ path: string }> }) => (error.faults ?? []).map(({ path }) => path))
}

async function setUp (t: Test) {
  const { db, url } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const clock = { now: new Date() }
  const assessed: AssessInput[] = []
  const deps: ScoreDeps = {
    db, intel: { current: () => NO_INTEL }, sync: rememberingProducer<'sync'>(), log: silentLog, apps: createAppInventories({ db }), rules: createTenantRules(), coverageSets: createCoverageSets({ db }),
    now: () => clock.now,
    assess: (input) => { assessed.push(input); return assess(input) }
  }
  const score = rememberingProducer<'score'>()
  const journal = createJournal({ db, score: rememberingProducer<'score'>(), log: silentLog, maxWaiting: 100 })
  t.teardown(async () => await journal.close())
  const sequences = new Map<string, number>()
  return {
    url,
    db, tenantId, clock, deps, score, assessed,
    phone: async (): Promise<SeededDevice> => await seedDevice(db, tenantId),
    report: async (phone: SeededDevice, sections: Omit<Partial<Report>, 'reportId' | 'sequence' | 'collectedAt'>): Promise<void> => {
      const sequence = (sequences.get(phone.deviceId) ?? 0) + 1
      sequences.set(phone.deviceId, sequence)
      await journal.append({ ...phone, report: { ...makeReport(sequence), collectedAt: new Date().toISOString(), ...sections } as Report })
      for (const group of await waitingGroups(db)) await scoreGroup(deps, group)
    },
    /** Judges whom the last change concerns; answers them in their order. */
    settle: async (): Promise<string[]> => {
      score.payloads.length = 0
      await handOnRescorings({ db, score })
      const ids = score.payloads.flatMap(({ deviceIds = [] }) => deviceIds)
      await scoreDevices(deps, ids)
      await handOnRescorings({ db, score })
      return ids
    },
    put: async (text: string, expected: number | 'any' = 'any') => await applyPolicy({ db, intel: rememberingProducer<'intel'>() }, { tenantId, text, expected, actor: 'anna' }),
    look: async (phone: SeededDevice) => await getDevice({ db }, phone)
  }
}

t.test('a policy is put in force, phones are judged by it with the newest telemetry first, and every version stays', async (t) => {
  const { db, tenantId, phone, report, put, settle, look } = await setUp(t)
  const [first, second, third] = [await phone(), await phone(), await phone()]
  for (const one of [first, second, third]) await report(one, NO_LOCK)
  for (const [index, one] of [second, first, third].entries()) await db.updateTable('device_state').set({ last_report_at: new Date(Date.now() - index * 60_000) }).where('device_id', '=', one.deviceId).execute()
  t.match(await look(first), { level: 'medium', policyVersion: 0 })

  t.match(await put('severities: { dev-no-passcode: high }', 0), { version: 1, changed: true })
  t.match(await listRescorings(db, { limit: 1, tenantId }), [{ cause: 'policy', finishedAt: null, isFinding: true }])
  t.strictSame(await settle(), [second, first, third].map(({ deviceId }) => deviceId))
  t.match(await look(first), { level: 'high', policyVersion: 1 })
  t.match(await listRescorings(db, { limit: 1, tenantId }), [{ found: 3, waiting: 0, isFinding: false, finishedAt: /./ }])

  await t.rejects(put('severities: {}', 0), { code: 'PRECONDITION-FAILED' })
  await t.rejects(put('{ "version": 0, "severities": {} }'), { code: 'CONFLICT' })
  t.strictSame(await faultsOf(put('severities: { nonsense: high, dev-rooted: terrible }')), ['/severities/dev-rooted', '/severities/nonsense'], 'all faults, of form and of meaning')
  t.match(await getPolicy({ db }, { tenantId }), { version: 1, severities: { 'dev-no-passcode': 'high' }, groups: [] }, 'the one before stays in force')
  t.match(await put('severities:\n  dev-no-passcode: high\n', 1), { version: 1, changed: false, rescoringId: null })
  await put('severities: { dev-no-passcode: off }', 1)
  await settle()
  t.match(await look(first), { level: 'secured', findings: [] })
  t.match(await listPolicies({ db }, { tenantId }), { items: [{ version: 2, author: 'anna' }, { version: 1 }] })
  t.match(await getPolicyVersion({ db }, { tenantId, version: 1 }), { source: 'severities: { dev-no-passcode: high }' })
})

t.test('groups go by what is said of a phone', async (t) => {
  const { db, phone, report, put, settle, look, score, deps } = await setUp(t)
  const [vip, other] = [await phone(), await phone()]
  for (const one of [vip, other]) await report(one, NO_LOCK)
  await put('groups: [{ name: vips, match: { tags: [vip] }, policy: { severities: { dev-no-passcode: high } } }]')
  await settle()
  await describeDevice({ db, score }, { ...vip, tags: ['vip', 'vip'], ownership: 'corporate', actor: 'anna' })
  await scoreDevices(deps, score.payloads.at(-1)!.deviceIds!)
  t.match(await look(vip), { level: 'high', tags: ['vip'], ownership: 'corporate' })
  t.match(await look(other), { level: 'medium' })
  t.match(await explainDevice({ db }, vip), { rests: { groups: ['vips'], policyVersion: 1 } })
})

t.test('a suppression takes findings out of the level, survives new reports, and runs out on time', async (t) => {
  const { db, tenantId, clock, deps, phone, report, settle, look, score } = await setUp(t)
  const [one, other] = [await phone(), await phone()]
  for (const each of [one, other]) await report(each, NO_LOCK)
  const expiresAt = new Date(clock.now.getTime() + DAY_MS)
  const input = { tenantId, detection: 'dev-no-passcode', subject: null, deviceId: one.deviceId, group: null, reason: 'accepted-risk' as const, comment: 'a lab phone', owner: 'berta', expiresAt, actor: 'anna' }
  const { id } = await suppressFindings({ db, score: rememberingProducer<'score'>() }, input)
  await db.updateTable('rescoring_device').set({ handed_at: null }).execute()
  t.strictSame(await settle(), [one.deviceId], 'those that have such findings are judged anew')
  t.match(await look(one), { level: 'secured', findings: [{ status: 'suppressed', suppressedBy: id, severity: 'medium' }] })
  t.match(await look(other), { level: 'medium' })
  t.match(await explainDevice({ db }, one), { findings: [{ status: 'suppressed', suppression: { id, owner: 'berta', reason: 'accepted-risk' } }], wayBack: [] })
  await report(one, { config: { passcodeSet: false, developerMode: false } })
  t.match(await look(one), { level: 'secured', findings: [{ status: 'suppressed' }] })

  const { due_at: dueAt } = await db.selectFrom('device_state').select('due_at').where('device_id', '=', one.deviceId).executeTakeFirstOrThrow()
  t.ok(dueAt!.getTime() <= expiresAt.getTime(), 'somebody looks when it runs out')
  clock.now = new Date(expiresAt.getTime() + 1)
  await scoreDevices(deps, [one.deviceId])
  t.match(await look(one), { level: 'medium', findings: [{ status: 'open', suppressedBy: null }] })
  clock.now = new Date()

  t.match(await pageSuppressions({ db }, { tenantId }), { items: [{ id, status: 'active', createdBy: 'anna' }] })
  await endSuppression({ db, score }, { tenantId, id, actor: 'anna' })
  await t.rejects(endSuppression({ db, score }, { tenantId, id, actor: 'anna' }), { code: 'CONFLICT' })
  t.match(await pageSuppressions({ db }, { tenantId }), { items: [] })
  t.match(await pageSuppressions({ db }, { tenantId, all: true }), { items: [{ status: 'revoked', revokedBy: 'anna' }] })
  t.strictSame(await faultsOf(suppressFindings({ db, score }, { ...input, detection: 'nonsense', group: 'nobody', deviceId: null, expiresAt: new Date(0) })), ['/detection', '/group', '/expiresAt'])
})

t.test('why, for now and for any past moment, also when the telemetry is gone', async (t) => {
  const { db, clock, phone, report, put, settle } = await setUp(t)
  const one = await phone()
  const start = clock.now.getTime()
  const at = (minutes: number): Date => new Date(start + minutes * 60_000)
  await report(one, NO_LOCK)
  clock.now = at(10)
  await put('severities: { dev-no-passcode: high }')
  await settle()
  clock.now = at(20)
  await report(one, LOCK)
  await sql`truncate report_group, report`.execute(db)

  const why = async (minutes: number) => await explainDevice({ db }, { ...one, at: at(minutes) })
  t.match(await why(-1), { level: null, findings: [], wayBack: [] })
  t.match(await why(5), {
    level: 'medium', since: at(0).toISOString(), score: Number, findings: [{ detection: 'dev-no-passcode', ruleVersion: 1, severity: 'medium', evidence: [{ path: 'config.passcodeSet', value: false }] }],
    wayBack: [{ level: 'low', close: [{ detection: 'dev-no-passcode', remediation: { user: /./, admin: /./ } }] }, { level: 'secured' }], rests: { sections: ['config'], policyVersion: 0 }
  })
  t.match(await why(15), { level: 'high', findings: [{ severity: 'high', since: at(10).toISOString(), firstSeen: at(0).toISOString() }], wayBack: [{ level: 'medium' }, { level: 'low' }, { level: 'secured' }], rests: { policyVersion: 1 } })
  t.match(await why(25), { level: 'secured', findings: [], wayBack: [] })
  t.ok((await why(5)).rests.unknown.includes('dev-rooted'), 'what nobody told is unknown')
  t.strictSame((await deviceHistory({ db }, one)).items.map(({ from, to }) => [from, to]), [['high', 'secured'], ['medium', 'high'], [null, 'medium']], 'history has changes of the level alone')
})

t.test('kept reports judged once more give the same answer, byte for byte', async (t) => {
  const { db, clock, phone, report } = await setUp(t)
  const one = await phone()
  await report(one, { ...NO_LOCK, apps: { mode: 'snapshot', items: [{ appId: 'com.example.side', installer: null, system: false }] } })
  await report(one, { integrity: { rooted: true, reasons: ['su'] }, events: [{ eventId: 'e', type: 'tls-interception', at: clock.now.toISOString(), probeHost: 'probe.example', expectedSha256: 'aa', observedSha256: 'bb' }] })
  await report(one, { config: { passcodeSet: true } })
  const replayed = await replayDevice({ db, intel: { refresh: async () => NO_INTEL } }, one)
  t.match(replayed, { reports: 3, whole: true, same: true })
  t.equal(replayed.replayed, replayed.stored)
  t.ok(replayed.stored.includes('dev-rooted'))
  await db.updateTable('finding').set({ title: 'tampered' }).execute()
  t.match(await replayDevice({ db, intel: { refresh: async () => NO_INTEL } }, one), { same: false })
})

t.test('only what changed is judged anew, unless rules or time say otherwise', async (t) => {
  const { phone, report, put, settle, assessed, clock, look } = await setUp(t)
  const one = await phone()
  await report(one, NO_LOCK)
  t.equal(assessed.at(-1)!.earlier, undefined)
  await report(one, { agent: { version: '2' } })
  t.match(assessed.at(-1)!.earlier, { findings: [{ detection: 'dev-no-passcode' }] })
  t.match(await look(one), { level: 'medium' })
  await put('severities: { dev-no-passcode: low }')
  await settle()
  t.equal(assessed.at(-1)!.earlier, undefined, 'another policy')
  await report(one, { os: { securityPatchLevel: new Date(clock.now.getTime() - 85 * DAY_MS).toISOString().slice(0, 10) } })
  t.ok(assessed.at(-1)!.earlier)
  clock.now = new Date(clock.now.getTime() + 30 * DAY_MS)
  await report(one, { agent: { version: '3' } })
  t.equal(assessed.at(-1)!.earlier, undefined, 'a time has come that the judgement named')
  t.match(await look(one), { findings: [{}, {}] })
})

t.test('what comes back within its quiet time does not alert again', async (t) => {
  const { db, clock, phone, report, put, settle, look } = await setUp(t)
  await put('quiet: { dev-no-passcode: 7 }')
  const one = await phone()
  const start = clock.now.getTime()
  for (const [day, quiet] of [[0, false], [3, true], [6, true], [9, false]] as const) {
    clock.now = new Date(start + day * DAY_MS)
    await report(one, NO_LOCK)
    t.match((await look(one)).findings, [{ quiet, status: 'open' }], `day ${day}`)
    t.match(await look(one), { level: 'medium' }, 'it counts all the same')
    await report(one, LOCK)
  }
  await settle()
  t.equal((await db.selectFrom('finding').select('id').execute()).length, 4)
})

t.test('what comes back when its history is forgotten is new: it alerts again, also within its quiet time, and what an operator suppressed stays suppressed', async (t) => {
  const { db, tenantId, clock, phone, report, put, look } = await setUp(t)
  await put('quiet: { dev-no-passcode: 60 }')
  const [soon, late, suppressed] = [await phone(), await phone(), await phone()]
  const now = clock.now
  await suppressFindings({ db, score: rememberingProducer<'score'>() }, { tenantId, detection: 'dev-no-passcode', subject: null, deviceId: suppressed.deviceId, group: null, reason: 'accepted-risk', comment: 'a lab phone', owner: 'berta', expiresAt: new Date(now.getTime() + 90 * DAY_MS), actor: 'anna' })
  clock.now = new Date(now.getTime() - 40 * DAY_MS)
  for (const one of [soon, late, suppressed]) {
    await report(one, NO_LOCK)
    await report(one, LOCK)
  }
  const first = (await db.selectFrom('finding').select(['id', 'device_id']).execute())
  clock.now = now

  await expireHistory(db, { retentionDays: 50 })
  await report(soon, NO_LOCK)
  t.match((await look(soon)).findings, [{ quiet: true, status: 'open' }], 'while its history is kept, it is within its quiet time')
  await expireHistory(db, { retentionDays: 30 })
  for (const one of [late, suppressed]) await report(one, NO_LOCK)
  t.match((await look(late)).findings, [{ quiet: false, status: 'open', firstSeen: now.toISOString() }], 'as if it had never been')
  t.match((await look(suppressed)).findings, [{ status: 'suppressed' }])
  const ids = new Set((await db.selectFrom('finding').select('id').execute()).map(({ id }) => id))
  t.notOk(first.some(({ id }) => ids.has(id)), 'nothing that was forgotten comes back')
})

t.test('a preview says what would change and why, and changes nothing', async (t) => {
  const { db, url, tenantId, clock, phone, report, put, settle } = await setUp(t)
  await put('severities: { dev-no-passcode: low }\napps: { deny: [com.example.old] }')
  const [safe, open, rooted] = [await phone(), await phone(), await phone()]
  await report(safe, { ...LOCK, apps: { mode: 'snapshot', items: [{ appId: 'com.example.game' }] } })
  await report(open, NO_LOCK)
  await report(rooted, { ...LOCK, integrity: { rooted: true } })
  await settle()
  const dump = async (): Promise<string> => JSON.stringify((await sql`select * from device_state order by device_id`.execute(db)).rows) + JSON.stringify((await sql`select * from finding order by id`.execute(db)).rows)
  const before = await dump()
  const rules = (await createTenantRules().read(db, [tenantId])).get(tenantId)!
  const question = { tenantId, rules, document: parsePolicy('severities: { dev-no-passcode: high, dev-rooted: audit }\napps: { deny: [com.example.game] }') }
  const preview = await previewPolicyOf({ db, intel: NO_INTEL, now: clock.now }, question)
  t.match(preview, {
    devices: 3,
    byLevel: { now: { secured: 1, low: 1, medium: 0, high: 1 }, then: { secured: 1, low: 0, medium: 0, high: 2 } },
    newlyNoncompliant: { secured: 1, low: 2, medium: 2 },
    newlyCompliant: { secured: 1, low: 1, medium: 1 }
  })
  const changes = Object.fromEntries(preview.changes.map(({ from, to, count, because }) => [`${from} ${to}`, `${count} ${because.map(({ detection }) => detection).join()}`]))
  t.strictSame(changes, { 'low high': '1 dev-no-passcode', 'secured high': '1 app-denylisted', 'high secured': '1 dev-rooted' })
  t.match(preview.examples.find(({ deviceId }) => deviceId === rooted.deviceId), { from: 'high', to: 'secured', findings: [{ detection: 'dev-rooted' }] })
  t.equal(await dump(), before)
  const { seconds: _, ...inPlace } = preview
  const { seconds: __, ...inThreads } = await previewPolicyOf({ db, databaseUrl: url, manyPhones: 1, intel: NO_INTEL, now: clock.now }, question)
  t.strictSame(inThreads, inPlace, 'the same in threads')
})

t.test('silence makes a phone unresponsive on time, and the last level stays, marked stale', async (t) => {
  const { db, clock, deps, phone, report, look, score } = await setUp(t)
  const one = await phone()
  await report(one, NO_LOCK)
  const { due_at: dueAt } = await db.selectFrom('device_state').select('due_at').where('device_id', '=', one.deviceId).executeTakeFirstOrThrow()
  t.equal(Math.round((dueAt!.getTime() - clock.now.getTime()) / DAY_MS), 7)
  await report(one, NO_LOCK)
  t.strictSame((await db.selectFrom('device_state').select('due_at').executeTakeFirstOrThrow()).due_at, dueAt, 'an earlier look that is planned already stays')
  await db.updateTable('device_state').set({ due_at: new Date(Date.now() - 1_000) }).execute()
  t.match(await rescoreDueDevices({ db, score }), { devices: 1 })
  clock.now = new Date(clock.now.getTime() + 7 * DAY_MS + 1_000)
  await scoreDevices(deps, [one.deviceId])
  t.match(await look(one), { state: 'unresponsive', stale: true, level: 'medium' })
  clock.now = new Date()
  await report(one, LOCK)
  t.match(await look(one), { state: 'activated', stale: false, level: 'secured' })
})
