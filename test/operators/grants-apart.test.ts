import { randomUUID } from 'node:crypto'
import t from 'tap'
import { addGrant, listGrants, removeGrant } from '../../src/operators/grants.js'
import { inTenant } from '../../src/platform/tenant-scope.js'
import { createTestDatabase, openAs } from '../helpers/database.js'
import { seedTenant } from '../helpers/devices.js'

t.test('a tenant\'s grants are kept apart by the database, also where a condition is forgotten', async (t) => {
  const { db, url } = await createTestDatabase(t)
  const [ours, theirs] = [await seedTenant(db), await seedTenant(db)]
  const operators = openAs(t, url, 'operator')
  const grant = { role: 'analyst', directory: randomUUID(), kind: 'subject', label: 'Somebody', actor: 'test' } as const
  const add = async (tenantId: string | null): Promise<string> => (await addGrant({ db }, { ...grant, value: randomUUID(), tenantId })).id
  const [own, foreign, everywhere] = [await add(ours), await add(theirs), await add(null)]
  await inTenant(ours, async () => {
    const deps = { db: operators }
    t.strictSame((await operators.selectFrom('operator_grant').select('id').execute()).map(({ id }) => id), [own], 'all that there is to see')
    t.strictSame((await listGrants(deps, { tenantId: theirs })).items, [])
    t.strictSame((await listGrants(deps, { tenantId: null })).items, [], 'nor who gets in everywhere')
    // Without a place: as if it had been forgotten.
    await t.rejects(removeGrant(deps, { id: foreign, actor: 'test' }), { code: 'NOT-FOUND' })
    await t.rejects(removeGrant(deps, { id: everywhere, actor: 'test' }), { code: 'NOT-FOUND' })
    await t.rejects(addGrant(deps, { ...grant, value: randomUUID(), tenantId: theirs }), { code: 'NOT-FOUND' })
    await t.rejects(addGrant(deps, { ...grant, value: randomUUID(), tenantId: null }), { code: '42501' }, 'a tenant\'s administrator lets nobody into all')
    await t.rejects(addGrant(deps, { ...grant, role: 'platform-admin', value: randomUUID(), tenantId: null }), { code: '42501' })
    await operators.deleteFrom('operator_grant').execute()
    const added = await addGrant(deps, { ...grant, value: randomUUID(), tenantId: ours })
    t.strictSame((await listGrants(deps, { tenantId: ours })).items.map(({ id }) => id), [added.id])
    await removeGrant(deps, { tenantId: ours, id: added.id, actor: 'test' })
  })
  t.strictSame((await db.selectFrom('operator_grant').select('id').execute()).map(({ id }) => id).sort(), [foreign, everywhere].sort(), 'what is not theirs is untouched')
})
