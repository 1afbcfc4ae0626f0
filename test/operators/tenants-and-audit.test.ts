import { randomUUID } from 'node:crypto'
import t from 'tap'
import { listAudit } from '../../src/operators/audit.js'
import { createTenant, hasTenant, listTenants } from '../../src/operators/tenants.js'
import { recordAudit } from '../../src/platform/record-audit.js'
import { createTestDatabase } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'

t.test('an Entra tenant becomes a customer once, also when two ask at once', async (t) => {
  const { db } = await createTestDatabase(t)
  const entraTenantId = randomUUID()
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, async (_, n) => await createTenant({ db }, { name: `Contoso ${n}`, entraTenantId, actor: 'test' })))
  const made = outcomes.filter((outcome) => outcome.status === 'fulfilled')
  t.equal(made.length, 1)
  t.match(outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason.code), Array(4).fill('CONFLICT'))
  const { tenantId, name } = made[0]!.value
  t.equal(await hasTenant({ db }, tenantId), true)
  t.equal(await hasTenant({ db }, randomUUID()), false)
  t.match((await listAudit({ db }, { tenantId })).items, [{ action: 'tenant.created', actor: 'test', subject: tenantId, detail: { name } }], 'written down once')
})

t.test('every tenant is on exactly one page', async (t) => {
  const { db } = await createTestDatabase(t)
  const made = await Promise.all(Array.from({ length: 7 }, async () => await seedTenant(db)))
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await listTenants({ db }, { limit: 3, cursor })
    seen.push(...page.items.map(({ tenantId }) => tenantId))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  t.strictSame(seen, made.sort())
  await t.rejects(listTenants({ db }, { cursor: 'x' }), { code: 'validation' })
})

t.test('the audit is the tenant\'s own, the last first, by pages', async (t) => {
  const { db } = await createTestDatabase(t)
  const [tenantId, other] = [await seedTenant(db), await seedTenant(db)]
  for (let n = 1; n <= 5; n++) await recordAudit(db, { tenantId, actor: 'A', action: 'thing.done', subject: String(n), detail: { n } })
  await recordAudit(db, { tenantId: other, actor: 'B', action: 'thing.done' })
  await recordAudit(db, { tenantId: null, actor: 'C', action: 'feed.imported' })

  const first = await listAudit({ db }, { tenantId, limit: 2 })
  const second = await listAudit({ db }, { tenantId, limit: 2, cursor: first.nextCursor! })
  const third = await listAudit({ db }, { tenantId, limit: 2, cursor: second.nextCursor! })
  t.strictSame([...first.items, ...second.items, ...third.items].map(({ subject, detail }) => [subject, detail]), [5, 4, 3, 2, 1].map((n) => [String(n), { n }]))
  t.equal(third.nextCursor, null)
  t.match((await listAudit({ db }, { tenantId: other })).items, [{ actor: 'B', subject: null, detail: {} }])
  t.match((await listAudit({ db }, { tenantId: null })).items, [{ actor: 'C', action: 'feed.imported' }], 'the platform\'s own')
  for (const cursor of ['x', Buffer.from('["1; drop table"]').toString('base64url'), Buffer.from('["99999999999999999"]').toString('base64url')]) {
    await t.rejects(listAudit({ db }, { tenantId, cursor }), { code: 'validation' })
  }
})

t.test('what is undone is not in the audit', async (t) => {
  const { db } = await createTestDatabase(t)
  const tenantId = await seedTenant(db)
  await t.rejects(db.transaction().execute(async (tx) => {
    await recordAudit(tx, { tenantId, actor: 'A', action: 'thing.done' })
    throw new Error('undone')
  }), /undone/)
  t.strictSame((await listAudit({ db }, { tenantId })).items, [])
})
