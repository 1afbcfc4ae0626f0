import t from 'tap'
import { isProblem, startTestApi } from '../helpers/api.js'

t.test('operators see rounds, choose groups and start one', async (t) => {
  const { db, tenantId, call, keyFor } = await startTestApi(t)
  const [viewer, admin] = [await keyFor('viewer'), await keyFor('admin')]
  const path = `/v1/tenants/${tenantId}/connector`
  t.match((await call(viewer, 'GET', `${path}/reconciliation`)).json(), { running: false, nextAt: null, groups: [], rounds: [], directory: { phones: 0, pending: 0 } })

  isProblem(t, await call(viewer, 'PATCH', `${path}/reconciliation`, { groups: ['Phones'] }), { status: 403, code: 'forbidden' })
  isProblem(t, await call(admin, 'PATCH', `${path}/reconciliation`, { groups: [' ', ''], deactivateAfterDays: 0 }), { status: 400, code: 'validation' })
  const changed = await call(admin, 'PATCH', `${path}/reconciliation`, { groups: ['Phones', 'Phones', ' phones '], deactivateAfterDays: 30 })
  t.match(changed.json(), { deactivateAfterDays: 30, groups: [{ wanted: 'Phones', entraGroupId: null, members: 0 }, { wanted: 'phones' }], nextAt: String })
  t.match((await call(admin, 'PATCH', `${path}/reconciliation`, { groups: ['Phones'] })).json(), { deactivateAfterDays: 30, groups: { length: 1 } })

  t.equal((await call(viewer, 'POST', `${path}/reconcile`)).statusCode, 403)
  t.equal((await call(admin, 'POST', `${path}/reconcile`)).statusCode, 202)
  const actions = await db.selectFrom('audit_event').select('action').where('action', 'like', 'reconciliation.%').orderBy('id').execute()
  t.strictSame(actions.map(({ action }) => action), ['reconciliation.changed', 'reconciliation.changed', 'reconciliation.requested'])
})
