import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createApiKey, hashApiKey, listApiKeys, revokeApiKey, rotateApiKey } from '../../src/operators/api-keys.js'
import { createOperatorLookup, findOperator } from '../../src/operators/find-operator.js'
import { hasPermission, PERMISSIONS, type Permission, ROLES } from '../../src/operators/roles.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'

t.test('a key says who it is, and only its hash is stored', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const { id, key } = await createApiKey({ db }, { name: 'Watch', role: 'viewer', tenantId, actor: 'test' })
  t.match(key, /^sp_[\w-]{43}$/)
  t.strictSame(await findOperator(db, key, new Date()), { id, kind: 'api-key', name: `Watch <${id}>`, label: 'Watch', grants: [{ role: 'viewer', tenantId }], session: id })
  const platform = await createApiKey({ db }, { name: 'All', role: 'platform-admin', actor: 'test' })
  t.match(await findOperator(db, platform.key, new Date()), { id: platform.id, name: 'All', grants: [{ role: 'platform-admin', tenantId: null }] })

  const rows = await db.selectFrom('api_key').selectAll().execute()
  t.strictSame(rows.find((row) => row.id === id)!.key_hash, hashApiKey(key))
  const audit = await db.selectFrom('audit_event').selectAll().orderBy('id').execute()
  t.match(audit, [
    { tenant_id: tenantId, actor: 'test', action: 'api-key.created', subject: id, detail: { name: 'Watch', role: 'viewer', expiresAt: null } },
    { tenant_id: null, action: 'api-key.created', subject: platform.id }
  ])
  const stored = JSON.stringify([rows.map((row) => ({ ...row, key_hash: row.key_hash.toString() })), audit])
  t.notOk(stored.includes(key.slice(3)) || stored.includes(platform.key.slice(3)), 'the key itself is nowhere')
  t.notOk(stored.includes(key.slice(11)) || stored.includes(platform.key.slice(11)), 'nor what follows its beginning')
})

t.test('a key is taken for nobody else in the audit, whatever it was called', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const names = ['ann@example.com <6f9619ff-8b86-8011-b42d-00c04fc964ff>', 'command line', 'Watch', 'Watch']
  const called = await Promise.all(names.map(async (name) => {
    const { id, key } = await createApiKey({ db }, { name, role: 'admin', tenantId, actor: 'test' })
    const operator = await findOperator(db, key, new Date())
    t.equal(operator!.label, name)
    t.match(operator!.name, new RegExp(`^[^<>]+ <${id}>$`), 'one id, and it is the key\'s own')
    return operator!.name
  }))
  t.equal(new Set(called).size, names.length, 'also from one of the same name')
})

t.test('who has no key, an old one or one taken away is nobody', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const expiresAt = new Date(Date.now() + 60_000)
  const { id, key } = await createApiKey({ db }, { name: 'x', role: 'admin', tenantId, expiresAt, actor: 'test' })
  t.ok(await findOperator(db, key, new Date(expiresAt.getTime() - 1)))
  t.equal(await findOperator(db, key, expiresAt), undefined, 'expired at that very moment')
  for (const guess of ['', 'sp_', `${key}x`, key.slice(0, -1), key.slice(3), key.toUpperCase(), `sp_${'\u0000'.repeat(43)}`]) t.equal(await findOperator(db, guess, new Date()), undefined, JSON.stringify(guess))
  await db.updateTable('api_key').set({ revoked_at: new Date() }).where('id', '=', id).execute()
  t.equal(await findOperator(db, key, new Date()), undefined, 'revoked')
})

t.test('a key belongs to one tenant, or to the platform', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  await t.rejects(createApiKey({ db }, { name: 'x', role: 'viewer', actor: 'test' }), { code: 'UNPROCESSABLE' })
  await t.rejects(createApiKey({ db }, { name: 'x', role: 'platform-admin', tenantId, actor: 'test' }), { code: 'UNPROCESSABLE' })
  await t.rejects(createApiKey({ db }, { name: 'x', role: 'viewer', tenantId: randomUUID(), actor: 'test' }), { code: 'NOT-FOUND' })
  t.strictSame(await db.selectFrom('api_key').select('id').execute(), [])
  t.strictSame(await db.selectFrom('audit_event').select('id').execute(), [])
})

t.test('whom the look-up remembers it forgets in time; a guess is not remembered', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const { id, key } = await createApiKey({ db }, { name: 'x', role: 'viewer', tenantId, actor: 'test' })
  const remembering = createOperatorLookup(db, { rememberMs: 60_000 })
  const forgetful = createOperatorLookup(db, { rememberMs: 0 })
  t.match([await remembering(key), await forgetful(key)], [{ id }, { id }])
  const unknown = `sp_${'a'.repeat(43)}`
  t.equal(await remembering(unknown), undefined)

  await db.updateTable('api_key').set({ revoked_at: new Date() }).where('id', '=', id).execute()
  t.match(await remembering(key), { id }, 'for a while it asks nobody')
  t.equal(await forgetful(key), undefined)

  await db.insertInto('api_key').values({ name: 'late', role: 'viewer', tenant_id: tenantId, key_hash: hashApiKey(unknown) }).execute()
  t.match(await remembering(unknown), { name: 'late' }, 'a key made after it was guessed counts at once')
})

t.test('a remembered key does not outlive its expiry', async (t) => {
  const { db } = await createTestDatabase(t)
  let now = Date.now() + 60_000
  const { key } = await createApiKey({ db }, { name: 'x', role: 'platform-admin', expiresAt: new Date(now + 1_000), actor: 'test' })
  const lookup = createOperatorLookup(db, { rememberMs: 60_000, now: () => now })
  t.match(await lookup(key), { name: 'x' })
  now += 999
  t.match(await lookup(key), { name: 'x' })
  now += 1
  t.equal(await lookup(key), undefined)
})

t.test('each role may all that the one below may, and the last may everything', async (t) => {
  const ALL = Object.keys(PERMISSIONS) as Permission[]
  const allowed = ROLES.map((role) => ALL.filter((permission) => hasPermission(role, permission)))
  const receiver = allowed.splice(ROLES.indexOf('ssf-receiver'), 1)[0]!
  for (const [at, permissions] of allowed.entries()) {
    if (at > 0) t.ok(allowed[at - 1]!.every((permission) => permissions.includes(permission)), ROLES[at]!)
  }
  t.strictSame(allowed[0], ['self:read', 'fleet:read'], 'a viewer changes nothing')
  t.strictSame(allowed[1], ['self:read', 'fleet:read', 'policy:preview', 'device:reassess', 'device:describe', 'suppression:write', 'quarantine:retry', 'dead-letter:resend'])
  t.notOk(allowed[2]!.some((permission) => ['intel:write', 'tenant:manage', 'platform-audit:read'].includes(permission)), 'an admin stays in the tenant')
  t.strictSame(receiver, ['self:read', 'ssf:read', 'ssf:manage'], 'who receives signals stands beside them')
  t.strictSame([...new Set([...allowed[3]!, ...receiver])].sort(), [...ALL].sort())
})

t.test('keys are listed without what is secret, and revoked once', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const { id, key } = await createApiKey({ db }, { name: 'x', role: 'viewer', tenantId, actor: 'test' })
  const listed = await listApiKeys({ db })
  t.strictSame(listed.items, [{ id, prefix: key.slice(0, 11), name: 'x', role: 'viewer', tenantIds: [tenantId], shared: false, permissions: null, createdAt: listed.items[0]!.createdAt, expiresAt: null, lastUsedAt: null, revokedAt: null, replaces: null }])
  t.notOk(JSON.stringify(listed).includes(key.slice(11)))
  t.notOk(JSON.stringify(listed).includes(hashApiKey(key).toString('hex')))

  const { revokedAt } = await revokeApiKey({ db }, { id, actor: 'test' })
  t.equal(await findOperator(db, key, new Date()), undefined)
  t.strictSame(await revokeApiKey({ db }, { id, actor: 'test' }), { id, revokedAt })
  t.equal((await db.selectFrom('audit_event').select('id').where('action', '=', 'api-key.revoked').execute()).length, 1)
  await t.rejects(revokeApiKey({ db }, { id: randomUUID(), actor: 'test' }), { code: 'NOT-FOUND' })
})

t.test('a key may count in several tenants, and each can be taken from it', async (t) => {
  const { db } = await createTestDatabase(t)
  const [one, two, three] = [await seedTenant(db), await seedTenant(db), await seedTenant(db)]
  const { id, key } = await createApiKey({ db }, { name: 'Provider', role: 'analyst', tenantId: one, alsoIn: [two, three, two], actor: 'test' })
  const placesOf = async () => (await findOperator(db, key, new Date()))?.grants.map(({ tenantId }) => tenantId).sort()
  t.strictSame(await placesOf(), [one, two, three].sort())
  t.match((await listApiKeys({ db }, { tenantId: two })).items, [{ id, tenantIds: [two], shared: true }], 'a tenant sees no others')
  t.match((await listApiKeys({ db })).items, [{ id, tenantIds: { length: 3 } }])

  await t.rejects(rotateApiKey({ db }, { id, tenantId: two, graceSeconds: 0, actor: 'test' }), { code: 'FORBIDDEN' })
  await revokeApiKey({ db }, { id, tenantId: one, actor: 'test' })
  t.strictSame(await placesOf(), [two, three].sort(), 'also the first')
  await t.rejects(revokeApiKey({ db }, { id, tenantId: one, actor: 'test' }), { code: 'NOT-FOUND' })
  await revokeApiKey({ db }, { id, tenantId: three, actor: 'test' })
  await revokeApiKey({ db }, { id, tenantId: two, actor: 'test' })
  t.equal(await placesOf(), undefined, 'with the last one it ends')
  t.strictSame((await listApiKeys({ db }, { tenantId: one })).items, [])
  for (const tenantId of [one, two, three]) {
    t.strictSame((await db.selectFrom('audit_event').select('action').where('tenant_id', '=', tenantId).orderBy('id').execute()).map(({ action }) => action), ['api-key.created', 'api-key.revoked'])
  }
})

t.test('a rotated key counts until its time is over, the new one is allowed the same', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const days = (n: number): Date => new Date(Date.now() + n * 86_400_000)
  const old = await createApiKey({ db }, { name: 'Watch', role: 'analyst', tenantId, permissions: ['fleet:read', 'device:reassess'], expiresAt: days(10), actor: 'test' })
  const fresh = await rotateApiKey({ db }, { id: old.id, graceSeconds: 3_600, actor: 'test' })
  t.not(fresh.key, old.key)
  t.equal(Math.round((Date.parse(fresh.expiresAt!) - Date.now()) / 86_400_000), 10, 'for as long as the first was made for')
  const [before, after] = [await findOperator(db, old.key, new Date()), await findOperator(db, fresh.key, new Date())]
  t.strictSame({ ...after!, id: old.id, session: old.id, name: `Watch <${old.id}>` }, before)
  t.strictSame([...after!.permissions!], ['fleet:read', 'device:reassess'])
  t.ok(await findOperator(db, old.key, new Date(Date.now() + 3_590_000)))
  t.equal(await findOperator(db, old.key, new Date(Date.now() + 3_610_000)), undefined)
  t.match((await listApiKeys({ db })).items, [{ id: fresh.id, replaces: old.id }, { id: old.id, replaces: null }])

  await rotateApiKey({ db }, { id: fresh.id, graceSeconds: 0, actor: 'test' })
  t.equal(await findOperator(db, fresh.key, new Date()), undefined, 'without grace it is out at once')
  await t.rejects(rotateApiKey({ db }, { id: fresh.id, graceSeconds: 60, actor: 'test' }), { code: 'CONFLICT' })
  t.match(await db.selectFrom('audit_event').select(['subject', 'detail']).where('action', '=', 'api-key.rotated').orderBy('id').execute(), [{ subject: fresh.id, detail: { replaces: old.id } }, { detail: { replaces: fresh.id } }])
})

t.test('what is wrong with a key to be made is named all at once', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const faultsOf = async (input: Partial<Parameters<typeof createApiKey>[1]>) =>
    (await createApiKey({ db }, { name: 'x', role: 'admin', tenantId, actor: 'test', ...input }).catch((error: unknown) => error) as { faults?: Array<{ path: string }> }).faults?.map(({ path }) => path)
  t.strictSame(await faultsOf({ name: ' ', role: 'viewer', permissions: ['fleet:read', 'policy:write', 'x', '__proto__'], expiresAt: new Date(0) }), ['/name', '/permissions/1', '/permissions/2', '/permissions/3', '/expiresAt'])
  t.strictSame(await faultsOf({ permissions: ['access:manage'] }), ['/permissions/0'], 'it could make itself one of all')
  t.strictSame(await faultsOf({ expiresAt: new Date(Date.now() + 400 * 86_400_000), maxDays: 366 }), ['/expiresAt'])
  t.strictSame(await db.selectFrom('api_key').select('id').execute(), [])
})
