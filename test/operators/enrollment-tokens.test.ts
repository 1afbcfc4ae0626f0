import { randomUUID } from 'node:crypto'
import t from 'tap'
import { hashEnrollmentToken } from '../../src/devices/enroll-device.js'
import { createEnrollmentToken, listEnrollmentTokens, revokeEnrollmentToken } from '../../src/operators/enrollment-tokens.js'
import { startTestApi, type TestApi } from '../helpers/api.js'
import { createTestDatabase } from '../helpers/database.js'
import { makeKey } from '../helpers/device-keys.js'
import { seedTenant } from '../helpers/devices.js'

const actor = 'test'

async function enroll ({ call }: TestApi, token: string, platform = 'android'): Promise<number> {
  const { publicJwk } = await makeKey()
  return (await call(token, 'POST', '/v1/enroll', { entraDeviceId: randomUUID(), platform, osVersion: '17.1', publicKey: publicJwk })).statusCode
}

t.test('a token for three phones lets in three of twenty that come at once', async (t) => {
  const api = await startTestApi(t)
  const { db, tenantId } = api
  const { id, token } = await createEnrollmentToken(api, { tenantId, label: 'Three', maxUses: 3, actor })
  const statuses = await Promise.all(Array.from({ length: 20 }, async () => await enroll(api, token)))
  t.strictSame(statuses.sort(), [...Array(3).fill(201), ...Array(17).fill(401)])
  t.match((await listEnrollmentTokens(api, { tenantId })).items, [{ id, uses: 3, maxUses: 3 }])
  t.equal((await db.selectFrom('device').select('id').execute()).length, 3, 'no phone is stored for a refused one')
})

t.test('a token counts for its platform, until it expires or is revoked', async (t) => {
  const api = await startTestApi(t)
  const { db, tenantId } = api
  const { id, token } = await createEnrollmentToken(api, { tenantId, label: 'x', platform: 'ios', expiresAt: new Date(Date.now() + 60_000), actor })
  t.equal(await enroll(api, token, 'android'), 401)
  t.equal(await enroll(api, token, 'ios'), 201)
  await db.updateTable('enrollment_token').set({ expires_at: new Date(Date.now() - 1) }).where('id', '=', id).execute()
  t.equal(await enroll(api, token, 'ios'), 401, 'expired')
  await db.updateTable('enrollment_token').set({ expires_at: null }).where('id', '=', id).execute()
  t.equal(await enroll(api, token, 'ios'), 201)

  await revokeEnrollmentToken(api, { tenantId, id, actor })
  t.equal(await enroll(api, token, 'ios'), 401, 'revoked')
  const [first] = (await listEnrollmentTokens(api, { tenantId })).items
  await revokeEnrollmentToken(api, { tenantId, id, actor })
  t.match((await listEnrollmentTokens(api, { tenantId })).items, [{ revokedAt: first!.revokedAt, uses: 2 }], 'again: it keeps the time')
})

t.test('only the hash is stored, and what was done is written down without the token', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  const { id, token } = await createEnrollmentToken({ db }, { tenantId, label: 'Sales', actor })
  await revokeEnrollmentToken({ db }, { tenantId, id, actor })
  const row = await db.selectFrom('enrollment_token').selectAll().executeTakeFirstOrThrow()
  t.strictSame(row.token_hash, hashEnrollmentToken(token))
  const audit = await db.selectFrom('audit_event').selectAll().orderBy('id').execute()
  t.match(audit, [
    { tenant_id: tenantId, actor, action: 'enrollment-token.created', subject: id, detail: { label: 'Sales' } },
    { tenant_id: tenantId, actor, action: 'enrollment-token.revoked', subject: id }
  ])
  t.notOk(JSON.stringify([{ ...row, token_hash: row.token_hash.toString() }, audit]).includes(token.slice(4)))
})

t.test('nothing is made for a wrong tenant or a time gone by, nor revoked by another tenant', async (t) => {
  const { db } = await createTestDatabase(t)
  const [tenantId, foreign] = [await seedTenant(db), await seedTenant(db)]
  await t.rejects(createEnrollmentToken({ db }, { tenantId: randomUUID(), label: 'x', actor }), { code: 'NOT-FOUND' })
  for (const expiresAt of [new Date(Date.now() - 1), new Date(NaN)]) {
    await t.rejects(createEnrollmentToken({ db }, { tenantId, label: 'x', expiresAt, actor }), { code: 'validation' })
  }
  t.strictSame(await db.selectFrom('enrollment_token').select('id').execute(), [])

  const { id } = await createEnrollmentToken({ db }, { tenantId, label: 'x', actor })
  await t.rejects(revokeEnrollmentToken({ db }, { tenantId: foreign, id, actor }), { code: 'NOT-FOUND' })
  t.match((await listEnrollmentTokens({ db }, { tenantId })).items, [{ id, revokedAt: null }])
  t.strictSame((await listEnrollmentTokens({ db }, { tenantId: foreign })).items, [])
})

t.test('tokens made in the same moment are each on one page, and a foreign cursor leads nowhere', async (t) => {
  const { db } = await createTestDatabase(t)
  const [tenantId, foreign] = [await seedTenant(db), await seedTenant(db)]
  const at = new Date()
  const make = async (tenant: string, count: number) => await db.insertInto('enrollment_token')
    .values(Array.from({ length: count }, () => ({ tenant_id: tenant, token_hash: hashEnrollmentToken(randomUUID()), label: 'x', created_at: at }))).returning('id').execute()
  const made = await make(tenantId, 7)
  await make(foreign, 3)
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await listEnrollmentTokens({ db }, { tenantId, limit: 3, cursor })
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  t.strictSame(seen, made.map(({ id }) => id).sort())
  const abroad = await listEnrollmentTokens({ db }, { tenantId: foreign, limit: 1 })
  t.ok((await listEnrollmentTokens({ db }, { tenantId, cursor: abroad.nextCursor! })).items.every(({ id }) => seen.includes(id)), 'only one\'s own, whatever the cursor')
})
