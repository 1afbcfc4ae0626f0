import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { PLATFORM_CHAIN } from '../../src/operators/audit-chain.js'
import { noteHeads, readNotedHeads } from '../../src/operators/audit-heads.js'
import { verifyAudit } from '../../src/operators/verify-audit.js'
import type { Database } from '../../src/platform/database.js'
import { recordAudit } from '../../src/platform/record-audit.js'
import { createSecretBox } from '../../src/platform/secret-box.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'

/** A tenant's chain of five, another's of one, and the platform's of two. */
async function setUp (t: Test) {
  const { db } = await createTestDatabase(t)
  const [tenantId, other] = [await seedTenant(db), await seedTenant(db)]
  for (let n = 1; n <= 5; n++) await recordAudit(db, { tenantId, actor: 'Änn ✓', action: 'thing.done', subject: n === 2 ? undefined : `"${n}\\\n`, detail: { n, text: 'ü\u0001', deep: [{ a: null, b: 1.5e300 }] } } as never)
  await recordAudit(db, { tenantId: other, actor: 'B', action: 'thing.done' })
  for (const feed of ['a', 'b']) await recordAudit(db, { tenantId: null, actor: 'C', action: 'feed.imported', subject: feed })
  return { db, tenantId, other, faults: async (noted: Parameters<typeof verifyAudit>[1]['noted'] = []) => await faultsOf(db, noted) }
}

const faultsOf = async (db: Database, noted: Parameters<typeof verifyAudit>[1]['noted'] = []): Promise<Array<[string, string, number | null]>> => {
  const { intact, chains } = await verifyAudit({ db }, { noted })
  const faults = chains.flatMap(({ chain, faults }) => faults.map(({ kind, number }): [string, string, number | null] => [chain, kind, number]))
  if (intact !== (faults.length === 0)) throw new Error('the verdict is not what the faults say')
  return faults
}

/** What somebody can do who owns the database: the triggers do not stop him. */
async function asOwner (db: Database, change: (tx: Database) => Promise<unknown>): Promise<void> {
  await db.transaction().execute(async (tx) => {
    for (const table of ['audit_event', 'audit_link']) await sql`alter table ${sql.table(table)} disable trigger all`.execute(tx)
    await change(tx)
    for (const table of ['audit_event', 'audit_link']) await sql`alter table ${sql.table(table)} enable trigger all`.execute(tx)
  })
}

t.test('what is written as usual is in its chain, whatever it says', async (t) => {
  const { db, tenantId, other, faults } = await setUp(t)
  t.strictSame(await faults(), [])
  const { intact, chains } = await verifyAudit({ db }, {})
  t.equal(intact, true)
  t.strictSame(chains.map(({ chain, entries }) => [chain, entries]), [[PLATFORM_CHAIN, 2], [tenantId, 5], [other, 1]].sort())
  t.strictSame((await verifyAudit({ db }, { chain: tenantId })).chains.map(({ chain, entries, head }) => [chain, entries, head?.number]), [[tenantId, 5, 5]])
})

t.test('an entry cannot be changed or removed, also not by who plays the replica', async (t) => {
  const { db, faults } = await setUp(t)
  for (const [table, column] of [['audit_event', 'actor'], ['audit_link', 'chain']] as const) {
    for (const role of ['origin', 'replica']) {
      const attempt = async (statement: string): Promise<void> => await db.transaction().execute(async (tx) => {
        await sql.raw(`set local session_replication_role = ${role}`).execute(tx)
        await sql.raw(statement).execute(tx)
      })
      for (const statement of [`update ${table} set ${column} = ${column}`, `delete from ${table}`, `truncate ${table}`]) {
        await t.rejects(attempt(statement), { code: '23001', message: /only added to/ }, `${statement} as ${role}`)
      }
    }
  }
  t.strictSame(await faults(), [])
})

t.test('every change that the database\'s owner makes is found', async (t) => {
  const ways: Readonly<Record<string, readonly [(tx: Database, tenantId: string) => Promise<unknown>, ReadonlyArray<readonly [string, number | null]>]>> = {
    'an actor is changed': [async (tx, tenantId) => await sql`update audit_event set actor = 'nobody' where tenant_id = ${tenantId} and detail->>'n' = '3'`.execute(tx), [['changed', 3]]],
    'a time is changed by a microsecond': [async (tx, tenantId) => await sql`update audit_event set at = at + interval '1 microsecond' where tenant_id = ${tenantId} and detail->>'n' = '3'`.execute(tx), [['changed', 3]]],
    'a detail is changed': [async (tx, tenantId) => await sql`update audit_event set detail = detail || '{"n": 33}' where tenant_id = ${tenantId} and detail->>'n' = '3'`.execute(tx), [['changed', 3]]],
    'an event goes to another tenant': [async (tx, tenantId) => await sql`update audit_event set tenant_id = null where tenant_id = ${tenantId} and detail->>'n' = '3'`.execute(tx), [['moved', 3]]],
    'an event is removed': [async (tx, tenantId) => await sql`delete from audit_event where tenant_id = ${tenantId} and detail->>'n' = '3'`.execute(tx), [['deleted', 3]]],
    'a link is removed': [async (tx, tenantId) => await sql`delete from audit_link where chain = ${tenantId} and number = 3`.execute(tx), [['deleted', 3], ['unchained', null]]],
    'an event is removed with its link': [async (tx, tenantId) => await sql`with l as (delete from audit_link where chain = ${tenantId} and number = 3 returning event_id) delete from audit_event where id in (select event_id from l)`.execute(tx), [['deleted', 3]]],
    'an event is put in': [async (tx, tenantId) => await sql`insert into audit_event (tenant_id, actor, action) values (${tenantId}, 'eve', 'thing.done')`.execute(tx), [['unchained', null]]],
    'two change places': [async (tx, tenantId) => await sql`update audit_link l set event_id = -l.event_id where chain = ${tenantId} and number in (2, 3)`.execute(tx).then(async () =>
      await sql`update audit_link l set event_id = (select -o.event_id from audit_link o where o.chain = l.chain and o.number = 5 - l.number and o.event_id < 0) where chain = ${tenantId} and number = 2`.execute(tx)).then(async () =>
      await sql`update audit_link l set event_id = (select id from audit_event e where e.tenant_id = l.chain and e.detail->>'n' = '2') where chain = ${tenantId} and number = 3`.execute(tx)), [['changed', 2], ['changed', 3]]],
    'the rest is numbered anew': [async (tx, tenantId) => await sql`delete from audit_link where chain = ${tenantId} and number = 3`.execute(tx).then(async () =>
      await sql`update audit_link set number = number - 1 where chain = ${tenantId} and number > 3`.execute(tx)), [['changed', 3], ['changed', 4], ['unchained', null]]]
  }
  for (const [what, [change, expected]] of Object.entries(ways)) {
    const { db, tenantId, faults } = await setUp(t)
    await asOwner(db, async (tx) => await change(tx, tenantId))
    t.strictSame((await faults()).filter(([chain]) => chain === tenantId).map(([, kind, number]) => [kind, number]), expected, what)
  }
})

t.test('what is cut off at the end, and a chain that is gone, is found by the heads that were noted', async (t) => {
  const { db, tenantId, other, faults } = await setUp(t)
  const secrets = createSecretBox(randomBytes(32).toString('base64'))
  const note = await noteHeads({ db, secrets })
  const { noted, sealed } = readNotedHeads(JSON.stringify(note), secrets)
  t.equal(sealed, true)
  t.strictSame(noted.heads.map(({ chain, number }) => [chain, number]), [[PLATFORM_CHAIN, 2], [tenantId, 5], [other, 1]].sort())
  await recordAudit(db, { tenantId, actor: 'A', action: 'thing.done' })
  t.strictSame(await faults(noted.heads), [], 'what is written afterwards changes nothing of it')

  await asOwner(db, async (tx) => {
    for (const [chain, from] of [[tenantId, 5], [other, 1]] as const) await sql`with l as (delete from audit_link where chain = ${chain} and number >= ${from} returning event_id) delete from audit_event where id in (select event_id from l)`.execute(tx)
  })
  t.strictSame(await faults(), [], 'without a note it is not seen')
  t.strictSame((await faults(noted.heads)).sort(), [[tenantId, 'head-missing', 5], [other, 'head-missing', 1]].sort())
  await recordAudit(db, { tenantId, actor: 'eve', action: 'thing.done' })
  t.strictSame((await faults(noted.heads)).filter(([chain]) => chain === tenantId), [[tenantId, 'head-differs', 5]], 'also when others took the place')
})

t.test('a note that was changed, or made with another key, is not believed; one that is none is refused', async (t) => {
  const { db } = await setUp(t)
  const [secrets, others] = [createSecretBox(randomBytes(32).toString('base64')), createSecretBox(randomBytes(32).toString('base64'))]
  const note = await noteHeads({ db, secrets })
  const sealedOf = (text: object, box: typeof secrets | undefined = secrets): boolean | undefined => readNotedHeads(JSON.stringify(text), box).sealed
  t.equal(sealedOf({ ...note, at: '2020-01-01T00:00:00.000Z' }), false)
  t.equal(sealedOf({ ...note, heads: note.heads.slice(1) }), false)
  t.equal(sealedOf(note, others), false)
  t.equal(sealedOf({ ...note, seal: 'AAAA' }), false)
  t.equal(sealedOf(await noteHeads({ db, secrets: undefined })), undefined, 'without a seal nothing is certain')
  for (const text of ['', '{', '[]', '{}', JSON.stringify({ ...note, heads: [{ chain: 'x', number: 0, hash: '' }] })]) t.throws(() => readNotedHeads(text, secrets), /note of heads/)
})

t.test('those who write at once stand one after the other, in the chains of many tenants', async (t) => {
  const { db, tenantId, other, faults } = await setUp(t)
  await Promise.all(Array.from({ length: 60 }, async (_, n) => {
    const chain = [tenantId, other, null][n % 3]!
    await db.transaction().execute(async (tx) => {
      await recordAudit(tx, { tenantId: chain, actor: 'A', action: 'thing.done', subject: `first of ${n}` })
      await recordAudit(tx, { tenantId: chain, actor: 'A', action: 'thing.done', subject: `second of ${n}` })
      // Some come to nothing and leave no gap.
      if (n % 4 === 0) throw new Error('undone')
    }).catch((error: Error) => { if (error.message !== 'undone') throw error })
  }))
  t.strictSame(await faults(), [])
  t.strictSame((await verifyAudit({ db }, {})).chains.map(({ entries }) => entries).sort((one, two) => one - two), [31, 32, 35])
})

t.test('a transaction that has written keeps nobody waiting before its commit', async (t) => {
  const { db, tenantId, faults } = await setUp(t)
  await db.transaction().execute(async (slow) => {
    await recordAudit(slow, { tenantId, actor: 'slow', action: 'thing.done' })
    await recordAudit(db, { tenantId, actor: 'quick', action: 'thing.done' })
  })
  const { rows } = await sql<{ actor: string }>`select e.actor from audit_link l join audit_event e on e.id = l.event_id where l.chain = ${tenantId} and l.number > 5 order by l.number`.execute(db)
  t.strictSame(rows.map(({ actor }) => actor), ['quick', 'slow'], 'in the order in which they became true')
  t.strictSame(await faults(), [])
})
