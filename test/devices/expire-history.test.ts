import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { deviceHistory } from '../../src/devices/device-history.js'
import { expireHistory } from '../../src/devices/expire-history.js'
import { explainDevice } from '../../src/devices/explain-device.js'
import { advanceHistoryCut } from '../../src/devices/history-repository.js'
import type { Database } from '../../src/platform/database.js'
import { createTestDatabase, openAs } from '../helpers/database.js'
import { seedDevice, seedTenant } from '../helpers/devices.js'

const DAY_MS = 24 * 3_600_000
const LEVELS = ['secured', 'low', 'medium', 'high'] as const

/** Numbers that look random and are the same each time. */
function makeNumbers (seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor(state / 2_147_483_648 * below)
  }
}

/** A phone with forty days of history: findings that come, read otherwise and go, and changes of its level or of what it rests on. */
async function seedHistory (db: Database, tenantId: string, seed: number): Promise<string> {
  const pick = makeNumbers(seed)
  const { deviceId } = await seedDevice(db, tenantId)
  const now = Date.now()
  const daysAgo = (days: number): Date => new Date(now - days * DAY_MS)
  await db.updateTable('device').set({ enrolled_at: daysAgo(41) } as never).where('id', '=', deviceId).execute()
  const common = { detection: 'app-fake', ruleVersion: 1, category: 'app', severity: 'low', raisesLevel: true, evidence: [], intel: null, attack: [], remediation: { user: 'x', admin: 'y' }, expiresAt: null, suppressedBy: null }
  const ids: string[] = []
  for (let n = 0; n < 12; n++) {
    const id = randomUUID()
    ids.push(id)
    const from = 40 - pick(38)
    const middle = from - pick(from * 10) / 20 - 0.01
    const to = pick(3) === 0 ? null : Math.max(0.001, middle - pick(200) / 10)
    await sql`
      insert into finding (id, tenant_id, device_id, detection, rule_version, category, severity, raises_level, subject, title, evidence, intel, attack, remediation, first_seen, last_seen, status, resolved_at, since)
      values (${id}, ${tenantId}, ${deviceId}, 'app-fake', 1, 'app', 'low', true, ${`app-${seed}-${n}`}, 'now', '[]', null, '{}', '{"user":"x","admin":"y"}', ${daysAgo(from)}, ${daysAgo(middle)},
        ${to === null ? 'open' : 'resolved'}, ${to === null ? null : daysAgo(to)}, ${daysAgo(middle)})`.execute(db)
    await db.insertInto('finding_version').values({ finding_id: id, device_id: deviceId, since: daysAgo(from), until: daysAgo(middle), finding: JSON.stringify({ ...common, subject: `app-${seed}-${n}`, title: 'before' }) }).execute()
  }
  let before: string | null = null
  for (let day = 40; day > 0; day -= 1 + pick(4)) {
    const level: string = LEVELS[pick(4)]!
    const standing = await db.selectFrom('finding').select(['id', 'subject']).where('id', 'in', ids).where('first_seen', '<=', daysAgo(day)).where((is) => is.or([is('resolved_at', 'is', null), is('resolved_at', '>', daysAgo(day))])).execute()
    await db.insertInto('level_change').values({
      tenant_id: tenantId, device_id: deviceId, at: daysAgo(day), from_level: before, to_level: level, score: day, policy_version: day,
      findings: JSON.stringify(before === level ? [] : standing.map(({ id, subject }) => ({ findingId: id, detection: 'app-fake', subject, severity: 'low' })))
    }).execute()
    before = level
  }
  return deviceId
}

async function setUp (t: Test, phones: number) {
  const { db, url } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const devices: string[] = []
  for (let seed = 1; seed <= phones; seed++) devices.push(await seedHistory(db, tenantId, seed))
  const moments = Array.from({ length: 80 }, (_, index) => new Date(Date.now() - (40.25 - index / 2) * DAY_MS))
  const answers = async (deviceId: string): Promise<Map<number, unknown>> =>
    new Map(await Promise.all(moments.map(async (at): Promise<[number, unknown]> => [at.getTime(), await explainDevice({ db }, { tenantId, deviceId, at }).catch((error: { code: string }) => error.code)])))
  const count = async () => ({
    changes: (await db.selectFrom('level_change').select('id').execute()).length,
    findings: (await db.selectFrom('finding').select('id').execute()).length,
    versions: (await db.selectFrom('finding_version').select('finding_id').execute()).length
  })
  // As the upkeep: with the rights that workers have.
  return { db, url, worker: openAs(t, url, 'worker'), tenantId, devices, answers, count }
}

const keptFromOf = async (db: Database): Promise<number> => (await db.selectFrom('history_cut').select('kept_from').executeTakeFirstOrThrow()).kept_from.getTime()

t.test('what was asked of a moment that is kept is answered as before, and nothing is said of earlier ones', async (t) => {
  const { db, worker, devices, answers, count, tenantId } = await setUp(t, 6)
  const [before, whole] = [new Map(await Promise.all(devices.map(async (id) => [id, await answers(id)] as const))), await count()]
  const told = await expireHistory(worker, { retentionDays: 10, batch: 7 })
  const keptFrom = await keptFromOf(db)
  t.ok(Math.abs(Date.now() - 10 * DAY_MS - keptFrom) < 60_000)
  for (const deviceId of devices) {
    for (const [at, answer] of await answers(deviceId)) {
      if (at < keptFrom) t.equal(answer, 'HISTORY-EXPIRED', new Date(at).toISOString())
      else t.strictSame(answer, before.get(deviceId)!.get(at), new Date(at).toISOString())
    }
    t.match(await deviceHistory({ db }, { tenantId, deviceId }), { keptFrom: new Date(keptFrom).toISOString() })
  }
  const left = await count()
  t.ok(left.changes < whole.changes && left.findings < whole.findings && left.versions < whole.versions, 'and much is gone')
  t.strictSame(told, { levelChanges: whole.changes - left.changes, findings: whole.findings - left.findings, findingVersions: told.findingVersions, suppressions: 0, isDone: true })
  t.ok(told.findingVersions > 0)

  // Of what was before, a phone keeps what still held: its last change of level and the last of what that rested on.
  const old = await db.selectFrom('level_change').select(['device_id', 'findings']).where('at', '<', new Date(keptFrom)).execute()
  for (const deviceId of devices) t.ok(old.filter((row) => row.device_id === deviceId).length <= 2)
  const known = new Set((await db.selectFrom('finding').select('id').execute()).map(({ id }) => id))
  t.strictSame(old.flatMap(({ findings }) => findings as Array<{ findingId: string }>).filter(({ findingId }) => !known.has(findingId)), [], 'and names no finding that is forgotten')
  t.strictSame(await expireHistory(worker, { retentionDays: 10 }), { levelChanges: 0, findings: 0, findingVersions: 0, suppressions: 0, isDone: true }, 'again: nothing')
})

t.test('more phones that changed at one moment than are cut at once do not hold up the cut', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const moments = [40, 40, 39, 20].map((days) => new Date(Date.now() - days * DAY_MS))
  for (let n = 0; n < 5; n++) {
    const { deviceId } = await seedDevice(db, tenantId)
    for (const at of moments) await db.insertInto('level_change').values({ tenant_id: tenantId, device_id: deviceId, at, from_level: 'low', to_level: 'high', findings: '[]' }).execute()
  }
  t.match(await expireHistory(db, { retentionDays: 10, batch: 2 }), { levelChanges: 15, isDone: true })
  t.strictSame((await db.selectFrom('level_change').select('at').execute()).map(({ at }) => at.getTime()), Array(5).fill(moments.at(-1)!.getTime()), 'the last of each phone stays')
})

t.test('cut in whatever steps, interrupted or at one go, the same is left', async (t) => {
  const [one, other] = [await setUp(t, 3), await setUp(t, 3)]
  await expireHistory(one.worker, { retentionDays: 10, batch: 10_000 })
  for (let run = 0; run < 200; run++) {
    // A process that dies right after it has said what is to go.
    if (run % 3 === 0) await advanceHistoryCut(other.worker, { retentionDays: 10, changes: 2 })
    if ((await expireHistory(other.worker, { retentionDays: 10, batch: 2, maxBatches: 1 })).isDone) break
  }
  await expireHistory(other.worker, { retentionDays: 10, batch: 2 })
  t.strictSame(await other.count(), await one.count())
})

t.test('a moment is not kept from when that is said, not only from when it is deleted; and a longer time brings nothing back', async (t) => {
  const { db, worker, devices: [deviceId], tenantId, count } = await setUp(t, 1)
  const at = new Date(Date.now() - 39 * DAY_MS)
  t.match(await explainDevice({ db }, { tenantId, deviceId: deviceId!, at }), { deviceId })
  t.equal((await deviceHistory({ db }, { tenantId, deviceId: deviceId! })).keptFrom, null)
  const before = await count()
  await advanceHistoryCut(worker, { retentionDays: 10, changes: 1_000 })
  t.strictSame(await count(), before)
  await t.rejects(explainDevice({ db }, { tenantId, deviceId: deviceId!, at }), { code: 'HISTORY-EXPIRED', statusCode: 410 })
  await expireHistory(worker, { retentionDays: 10 })
  const cut = await count()
  const keptFrom = await keptFromOf(db)
  t.match(await expireHistory(worker, { retentionDays: 20 }), { levelChanges: 0, isDone: true })
  t.strictSame([await count(), await keptFromOf(db)], [cut, keptFrom])
  // A phone that enrolled since has lost nothing: that it was not there is the answer.
  const { deviceId: young } = await seedDevice(db, tenantId)
  t.match(await explainDevice({ db }, { tenantId, deviceId: young, at }), { level: null, state: 'pending' })
})

t.test('a run that is to stop ends between two statements, and what somebody else holds is left to them', async (t) => {
  const { db, worker, devices: [deviceId], count } = await setUp(t, 1)
  const stop = AbortSignal.abort(new Error('stopped'))
  await t.rejects(expireHistory(worker, { retentionDays: 10, signal: stop }), { message: 'stopped' })
  const before = await count()
  await db.transaction().execute(async (tx) => {
    await tx.selectFrom('finding').select('id').where('device_id', '=', deviceId!).forUpdate().execute()
    await tx.selectFrom('level_change').select('id').where('device_id', '=', deviceId!).forUpdate().execute()
    t.match(await expireHistory(worker, { retentionDays: 10 }), { levelChanges: 0, findings: 0 }, 'it does not wait')
  })
  t.strictSame((await count()).findings, before.findings)
})

t.test('suppressions that ended long ago go, with the name of who answered for them', async (t) => {
  const { db, worker, tenantId } = await setUp(t, 1)
  const days = (count: number): Date => new Date(Date.now() + count * DAY_MS)
  const row = { tenant_id: tenantId, detection: 'dev-no-passcode', reason: 'accepted-risk', comment: '', created_by: 'ann' }
  await db.insertInto('suppression').values([
    { ...row, owner: 'ended long ago', expires_at: days(-12) }, { ...row, owner: 'revoked long ago', expires_at: days(100), revoked_at: days(-12) },
    { ...row, owner: 'ended', expires_at: days(-9) }, { ...row, owner: 'holds', expires_at: days(9) }
  ]).execute()
  t.match(await expireHistory(worker, { retentionDays: 10 }), { suppressions: 2 })
  t.strictSame((await db.selectFrom('suppression').select('owner').orderBy('owner').execute()).map(({ owner }) => owner), ['ended', 'holds'])
})
