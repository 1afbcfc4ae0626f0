import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createApiKey, listApiKeys } from '../../../src/operators/api-keys.js'
import { findOperator } from '../../../src/operators/find-operator.js'
import type { Operator } from '../../../src/operators/operator.js'
import { createRefusals, MAX_KINDS } from '../../../src/operators/sign-in/refusals.js'
import { createSessions, expireSessions, MAX_SIGN_INS_AN_HOUR, sightingOf } from '../../../src/operators/sign-in/sessions.js'
import type { Database } from '../../../src/platform/database.js'
import { createTestDatabase } from '../../helpers/database.js'
import { seedTenant } from '../../helpers/devices.js'
import { silentLog } from '../../helpers/log.js'

const person = (more: Partial<Operator> = {}): Operator => ({ id: randomUUID(), kind: 'user', name: 'ann <1>', label: 'ann <1>', grants: [], session: randomUUID(), account: { directory: randomUUID(), subject: randomUUID(), clientId: null, groupsOmitted: false }, ...more })
const signIns = async (db: Database) => await db.selectFrom('audit_event').select(['tenant_id', 'actor', 'subject', 'detail']).where('action', '=', 'operator.signed-in').orderBy('id').execute()
const address = '192.0.2.1'

t.test('the first sight of a token in a place is written down, once over all processes', async (t) => {
  const { db } = await createTestDatabase(t)
  const [one, two] = [await seedTenant(db), await seedTenant(db)]
  const operator = person({ grants: [{ role: 'viewer', tenantId: one }, { role: 'admin', tenantId: two }] })
  const processes = Array.from({ length: 4 }, () => createSessions({ db }))
  await Promise.all(processes.flatMap((sessions) => [one, two, null].map(async (tenantId) => await sessions.saw(sightingOf(operator, tenantId, address)))))
  const written = await signIns(db)
  t.strictSame(written.map(({ tenant_id: id }) => id).sort(), [one, two, null].sort())
  t.match(written.find(({ tenant_id: id }) => id === one), { actor: 'ann <1>', subject: operator.id, detail: { kind: 'user', address, roles: [{ role: 'viewer', tenantId: one }], ...operator.account } })
  t.notOk(JSON.stringify(written.find(({ tenant_id: id }) => id === one)).includes(two), 'a tenant does not learn of others')
  await processes[0]!.saw(sightingOf({ ...operator, session: randomUUID() }, one, address))
  t.equal((await signIns(db)).length, 4, 'another token is another sign-in')
})

t.test('a token in use costs a write a minute, no more', async (t) => {
  const { db } = await createTestDatabase(t)
  let now = 0
  const sessions = createSessions({ db, now: () => now })
  const operator = person()
  const seenAt = async () => (await db.selectFrom('operator_session').select('last_seen_at').executeTakeFirstOrThrow()).last_seen_at.getTime()
  await sessions.saw(sightingOf(operator, null, address))
  const first = await seenAt()
  now += 59_999
  await sessions.saw(sightingOf(operator, null, address))
  t.equal(await seenAt(), first)
  now += 1
  await sessions.saw(sightingOf(operator, null, address))
  t.ok(await seenAt() > first)
  t.equal((await signIns(db)).length, 1)
})

t.test('whoever takes a new token for each request fills no log', async (t) => {
  const { db } = await createTestDatabase(t)
  const sessions = createSessions({ db })
  const operator = person()
  for (let n = 0; n < MAX_SIGN_INS_AN_HOUR + 5; n++) await sessions.saw(sightingOf({ ...operator, session: `token ${n}` }, null, address))
  const written = await signIns(db)
  t.equal(written.length, MAX_SIGN_INS_AN_HOUR)
  t.match(written.at(-1)!.detail, { more: /not written down/ })
  t.equal((written.at(-2)!.detail as { more?: string }).more, undefined)
})

t.test('a key says when it was last used, and after a day of silence it signs in again', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const { id, key } = await createApiKey({ db }, { name: 'Watch', role: 'viewer', tenantId, actor: 'test' })
  const operator = (await findOperator(db, key, new Date()))!
  t.match((await listApiKeys({ db })).items, [{ lastUsedAt: null }])
  await createSessions({ db }).saw(sightingOf(operator, tenantId, address))
  t.match((await listApiKeys({ db })).items, [{ id, lastUsedAt: /^\d{4}-/ }])
  t.equal(await expireSessions(db), 0)
  await createSessions({ db }).saw(sightingOf(operator, tenantId, address))
  t.equal((await signIns(db)).length, 1)
  await db.updateTable('operator_session').set({ last_seen_at: new Date(Date.now() - 25 * 3_600_000) }).execute()
  t.equal(await expireSessions(db), 1)
  await createSessions({ db }).saw(sightingOf(operator, tenantId, address))
  t.equal((await signIns(db)).length, 2)
})

const refusal = { action: 'sign-in.refused', tenantId: null, actor: 'unknown', subject: 'api-key', reason: 'unknown key', address } as const
const refusalsIn = async (db: Database) => (await db.selectFrom('audit_event').select(['subject', 'detail']).where('action', '=', 'sign-in.refused').orderBy('id').execute()) as Array<{ subject: string, detail: { count: number, reason: string, since: string } }>

t.test('refusals are written by kind and counted, at once and then once in a while', async (t) => {
  const { db } = await createTestDatabase(t)
  let now = Date.parse('2026-11-23T08:00:00Z')
  const refusals = createRefusals({ db, log: silentLog, flushMs: 2 ** 30, windowMs: 60_000, now: () => now })
  for (let n = 0; n < 100; n++) refusals.count(refusal)
  refusals.count({ ...refusal, subject: 'token', reason: 'audience' })
  t.strictSame(await refusalsIn(db), [], 'a guess writes nothing')
  await refusals.flush()
  t.match(await refusalsIn(db), [{ subject: 'api-key', detail: { count: 100, reason: 'unknown key', address, since: '2026-11-23T08:00:00.000Z' } }, { subject: 'token', detail: { count: 1 } }])
  now += 30_000
  for (let n = 0; n < 7; n++) refusals.count(refusal)
  await refusals.flush()
  t.equal((await refusalsIn(db)).length, 2, 'not yet')
  now += 30_000
  await refusals.flush()
  t.match((await refusalsIn(db)).slice(2), [{ detail: { count: 7, since: '2026-11-23T08:00:30.000Z' } }])
  refusals.count(refusal)
  await refusals.close()
  t.match((await refusalsIn(db)).slice(3), [{ detail: { count: 1 } }], 'what waits is written at the end')
})

t.test('guesses from everywhere are a bounded number of events, and none is left out', async (t) => {
  const { db } = await createTestDatabase(t)
  let now = Date.now()
  const refusals = createRefusals({ db, log: silentLog, flushMs: 2 ** 30, windowMs: 60_000, now: () => now })
  for (let n = 0; n < 5_000; n++) refusals.count({ ...refusal, address: `2001:db8::${n.toString(16)}` })
  await refusals.close()
  const written = await refusalsIn(db)
  t.equal(written.length, MAX_KINDS + 1)
  t.equal(written.reduce((sum, { detail }) => sum + detail.count, 0), 5_000)
  now += 120_000
  await refusals.flush()
  await refusals.flush()
  refusals.count(refusal)
  await refusals.close()
  t.match((await refusalsIn(db)).at(-1), { detail: { address, count: 1 } }, 'there is room again')
})

t.test('while the database is away refusals wait', async (t) => {
  const { db } = await createTestDatabase(t)
  let isAway = true
  const failing = { transaction: () => { if (isAway) throw new Error('away'); return db.transaction() } }
  const refusals = createRefusals({ db: failing as Database, log: silentLog, flushMs: 2 ** 30 })
  refusals.count(refusal)
  await refusals.flush()
  refusals.count(refusal)
  isAway = false
  await refusals.flush()
  t.match(await refusalsIn(db), [{ detail: { count: 2 } }])
  await refusals.close()
})
