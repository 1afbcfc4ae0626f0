import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createApiKey, createOperatorLookup, findOperator, hashApiKey, listApiKeys, revokeApiKey } from '../../src/operators/api-keys.js'
import { hasPermission, PERMISSIONS, type Permission, ROLES } from '../../src/operators/roles.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'

t.test('a key says who it is, and only its hash is stored', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const { id, key } = await createApiKey({ db }, { name: 'Watch', role: 'viewer', tenantId, actor: 'test' })
  t.match(key, /^sp_[\w-]{43}$/)
  t.strictSame(await findOperator(db, key, new Date()), { id, name: 'Watch', role: 'viewer', tenantId })
  const platform = await createApiKey({ db }, { name: 'All', role: 'platform-admin', actor: 'test' })
  t.strictSame(await findOperator(db, platform.key, new Date()), { id: platform.id, name: 'All', role: 'platform-admin', tenantId: null })

  const rows = await db.selectFrom('api_key').selectAll().execute()
  t.strictSame(rows.find((row) => row.id === id)!.key_hash, hashApiKey(key))
  const audit = await db.selectFrom('audit_event').selectAll().orderBy('id').execute()
  t.match(audit, [
    { tenant_id: tenantId, actor: 'test', action: 'api-key.created', subject: id, detail: { name: 'Watch', role: 'viewer' } },
    { tenant_id: null, action: 'api-key.created', subject: platform.id }
  ])
  const stored = JSON.stringify([rows.map((row) => ({ ...row, key_hash: row.key_hash.toString() })), audit])
  t.notOk(stored.includes(key.slice(3)) || stored.includes(platform.key.slice(3)), 'the key itself is nowhere')
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
  let now = Date.parse('2026-11-23T08:00:00Z')
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
  t.strictSame(allowed[0], ['fleet:read'], 'a viewer changes nothing')
  t.strictSame(allowed[1], ['fleet:read', 'policy:preview', 'device:reassess', 'device:describe', 'suppression:write', 'quarantine:retry', 'dead-letter:resend'])
  t.notOk(allowed[2]!.some((permission) => ['intel:write', 'tenant:manage', 'platform-audit:read'].includes(permission)), 'an admin stays in the tenant')
  t.strictSame(receiver, ['ssf:read', 'ssf:manage'], 'who receives signals stands beside them')
  t.strictSame([...allowed[3]!, ...receiver].sort(), [...ALL].sort())
})

t.test('keys are listed without what is secret, and revoked once', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const { id, key } = await createApiKey({ db }, { name: 'x', role: 'viewer', tenantId, actor: 'test' })
  const listed = await listApiKeys({ db })
  t.match(listed, [{ id, name: 'x', role: 'viewer', tenantId, expiresAt: null, revokedAt: null }])
  t.notOk(JSON.stringify(listed).includes(hashApiKey(key).toString('hex')))

  const { revokedAt } = await revokeApiKey({ db }, { id, actor: 'test' })
  t.equal(await findOperator(db, key, new Date()), undefined)
  t.strictSame(await revokeApiKey({ db }, { id, actor: 'test' }), { id, revokedAt })
  t.equal((await db.selectFrom('audit_event').select('id').where('action', '=', 'api-key.revoked').execute()).length, 1)
  await t.rejects(revokeApiKey({ db }, { id: randomUUID(), actor: 'test' }), { code: 'NOT-FOUND' })
})
