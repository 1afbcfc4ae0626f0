import { randomUUID } from 'node:crypto'
import type { KyselyPlugin } from 'kysely'
import t, { type Test } from 'tap'
import { listSigningKeys, retireSigningKey, rotateSigningKey, tendSigningKeys } from '../../src/devices/signing-key-repository.js'
import { createSigningKeys, type SigningKeys, type SigningKeysOptions } from '../../src/devices/signing-keys.js'
import type { Database } from '../../src/platform/database.js'
import { createTestDatabase } from '../helpers/database.js'
import { silentLog } from '../helpers/log.js'

const HOUR_MS = 3_600_000
/** So rarely that only what a test asks for is read. */
const NEVER_MS = 1e9

async function openKeys (t: Test, db: Database, options: Partial<SigningKeysOptions> = {}): Promise<SigningKeys> {
  const keys = await createSigningKeys({ db, log: silentLog, pollMs: NEVER_MS, ...options })
  t.teardown(() => keys.close())
  return keys
}

/** A database that counts what it is asked. */
function counting (db: Database): { readonly db: Database, readonly asked: () => number } {
  let asked = 0
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      asked++
      return node
    },
    transformResult: async ({ result }) => result
  }
  return { db: db.withPlugin(plugin), asked: () => asked }
}

const age = async (db: Database, id: string, hours: number) => await db.updateTable('signing_key').set({ created_at: new Date(Date.now() - hours * HOUR_MS) as never }).where('id', '=', id).execute()
const idsOf = async (db: Database) => (await listSigningKeys(db)).map(({ id }) => id)

t.test('processes that start at once share one signing key', async (t) => {
  const { db } = await createTestDatabase(t)
  const all = await Promise.all([1, 2, 3].map(async () => await openKeys(t, db)))
  t.equal(new Set(all.map((keys) => keys.current().id)).size, 1)
  t.match(await listSigningKeys(db), [{ state: 'signing', doneAt: null }])
})

t.test('a new key signs, the old one goes on verifying; another process knows the new one at once', async (t) => {
  const { db } = await createTestDatabase(t)
  const [here, there] = [await openKeys(t, db), await openKeys(t, db)]
  const old = here.current()
  const id = await rotateSigningKey({ db }, { actor: 'ann' })
  await here.refresh()
  t.equal(here.current().id, id)
  t.strictSame(await here.find(old.id), old)
  t.equal(there.current().id, old.id, 'it has not looked')
  t.strictSame(await there.find(id!), here.current())
  t.match(await listSigningKeys(db), [{ id, state: 'signing' }, { id: old.id, state: 'verifying', retiredAt: null, doneAt: Date }])
  t.match(await db.selectFrom('audit_event').select(['actor', 'action', 'subject']).orderBy('id', 'desc').limit(1).execute(), [{ actor: 'ann', action: 'signing-key.created', subject: id }])
})

t.test('tokens with made up keys cost few look-ups, and are in nobody\'s way', async (t) => {
  const world = await createTestDatabase(t)
  const { db, asked } = counting(world.db)
  const keys = await openKeys(t, db)
  const before = asked()
  t.equal(await keys.find('no id'), undefined)
  t.equal(asked(), before, 'what is no id is not looked for')
  const startedAt = performance.now()
  const guesses = Promise.all(Array.from({ length: 500 }, async () => await keys.find(randomUUID())))
  // Just when somebody has looked: the look that is due sees it.
  const id = await rotateSigningKey(world, { actor: 'x' })
  t.equal((await keys.find(id!))?.id, id)
  t.ok((await guesses).every((key) => key === undefined))
  t.ok(asked() - before <= 1 + (performance.now() - startedAt) / 100, `${asked() - before} look-ups`)
})

t.test('a key is retired once no token can need it; one that leaked at once, with a successor', async (t) => {
  const { db } = await createTestDatabase(t)
  const keys = await openKeys(t, db, { pollMs: 20 })
  const first = keys.current().id
  const retire = async (id: string, now = false) => await retireSigningKey({ db }, { id, now, actor: 'ann' })
  await t.rejects(retire(randomUUID()), { code: 'NOT-FOUND' })
  await t.rejects(retire(first), { code: 'CONFLICT', message: /Rotate/ })
  const second = (await rotateSigningKey({ db }, { actor: 'ann' }))!
  await t.rejects(retire(first), { code: 'CONFLICT', message: /until \d{4}-/ })
  await Promise.all([age(db, first, 100), age(db, second, 26)])
  t.strictSame(await retire(first), { id: first, successor: null })
  t.strictSame(await retire(first), { id: first, successor: null }, 'again')

  const generation = keys.generation()
  const { successor } = await retire(second, true)
  while (keys.generation() <= generation || await keys.find(second) !== undefined) await keys.refresh()
  t.equal(keys.current().id, successor)
  t.match((await listSigningKeys(db)).map(({ id, state }) => [id, state]), [[successor, 'signing'], [second, 'retired'], [first, 'retired']])
  t.equal((await db.selectFrom('audit_event').select('id').where('action', '=', 'signing-key.retired').execute()).length, 2)
})

t.test('a key that is old enough gets one successor, from however many processes', async (t) => {
  const { db } = await createTestDatabase(t)
  const first = (await openKeys(t, db)).current().id
  const tend = async () => await tendSigningKeys({ db }, { rotateAfterDays: 2 })
  await age(db, first, 47)
  t.strictSame(await tend(), { rotated: false, removed: 0 })
  await age(db, first, 49)
  const outcomes = await Promise.all([tend(), tend(), tend()])
  t.equal(outcomes.filter(({ rotated }) => rotated).length, 1)
  t.equal((await listSigningKeys(db)).length, 2)

  await db.deleteFrom('signing_key').where('id', '<>', first).execute()
  const restarted = await openKeys(t, db, { rotateAfterDays: 2 })
  t.not(restarted.current().id, first, 'a process that starts sees to it')
})

t.test('a key is removed when its last token has died, not before, and never the one that signs', async (t) => {
  const { db } = await createTestDatabase(t)
  const first = (await openKeys(t, db)).current().id
  const second = (await rotateSigningKey({ db }, { actor: 'x' }))!
  const tend = async () => (await tendSigningKeys({ db }, { rotateAfterDays: 1000 })).removed
  await age(db, first, 1000)
  await age(db, second, 24.5)
  t.equal(await tend(), 0, 'a token of the longest life, signed last of all, and a clock that is behind')
  await age(db, second, 25.5)
  t.equal(await tend(), 1)
  t.strictSame(await idsOf(db), [second])
  await age(db, second, 900)
  t.equal(await tend(), 0)

  const { successor } = await retireSigningKey({ db }, { id: second, now: true, actor: 'x' })
  t.equal(await tend(), 0, 'what was retired stays to be seen for a day')
  await db.updateTable('signing_key').set({ retired_at: new Date(Date.now() - 26 * HOUR_MS) }).where('id', '=', second).execute()
  t.equal(await tend(), 1)
  t.strictSame(await idsOf(db), [successor])
})
