import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import t from 'tap'
import { createTokenLookup } from '../../src/operators/sign-in/verify-operator.js'
import { isProblem, startTestApi } from '../helpers/api.js'
import { seedTenant } from '../helpers/devices.js'
import { appClaims, entraTenantOf, fakeSignIn, personClaims } from '../operators/sign-in/fake-sign-in.js'

const signIn = await fakeSignIn()
const lines: string[] = []
const log = pino({ level: 'debug' }, { write: (line: string) => { lines.push(line) } })
const api = await startTestApi(t, { log, verifyTokenOf: (db) => createTokenLookup(signIn.deps(db), { rememberMs: 0 }) })
const { call, db, tenantId } = api
const second = await seedTenant(db)
const tid = await entraTenantOf(db, tenantId)
const T = `/v1/tenants/${tenantId}`
const admin = await signIn.sign(personClaims(tid, { roles: ['admin'] }))
const platform = await api.keyFor('platform-admin')
const audit = async (action: string) => await db.selectFrom('audit_event').select(['tenant_id', 'actor', 'subject', 'detail']).where('action', '=', action).orderBy('id').execute()
interface Me { readonly name: string, readonly roles: Array<{ readonly role: string, readonly tenantId: string | null, readonly tenantName: string | null }>, readonly account: { readonly directory: string, readonly subject: string } | null }

t.test('somebody of a service provider is let in by the tenants, with a role in each, and out again', async (t) => {
  const provider = randomUUID()
  const person = personClaims(provider, { preferred_username: 'eve@msp.example' })
  const token = await signIn.sign(person)
  isProblem(t, await call(token, 'GET', '/v1/me'), { status: 401, code: 'invalid-token' }, 'nobody knows the directory yet')

  const made = await call(admin, 'POST', `${T}/grants`, { role: 'analyst', directory: provider, kind: 'subject', value: person.oid, label: 'Eve of the provider' })
  t.match(made.json(), { role: 'analyst', tenantId, directory: provider, value: person.oid, createdBy: /^ann@example.com </, expiresAt: null }, made.body)
  t.equal((await call(await api.keyFor('admin', second), 'POST', `/v1/tenants/${second}/grants`, { role: 'viewer', directory: provider, kind: 'subject', value: person.oid, label: 'Eve' })).statusCode, 201)
  const me = (await call(token, 'GET', '/v1/me')).json<Me>()
  t.strictSame(new Set(me.roles.map(({ role, tenantId: place, tenantName }) => `${role} ${place} ${tenantName}`)), new Set([`analyst ${tenantId} A tenant`, `viewer ${second} A tenant`]))
  t.match(me, { name: /^eve@msp.example </, account: { directory: provider, subject: person.oid } })

  t.equal((await call(token, 'GET', `${T}/devices`)).statusCode, 200)
  t.equal((await call(token, 'POST', `${T}/policy/preview`, 'version: 1', { 'content-type': 'application/yaml', prefer: 'respond-async' })).statusCode < 300, true, 'an analyst there')
  t.equal((await call(token, 'GET', `/v1/tenants/${second}/devices`)).statusCode, 200)
  isProblem(t, await call(token, 'POST', `/v1/tenants/${second}/policy/preview`), { status: 403, code: 'forbidden' }, 'and a viewer here')
  isProblem(t, await call(token, 'GET', `${T}/grants`), { status: 403, code: 'forbidden' })
  isProblem(t, await call(token, 'GET', '/v1/tenants'), { status: 403, code: 'forbidden' })

  isProblem(t, await call(admin, 'POST', `${T}/grants`, { role: 'viewer', directory: provider.toUpperCase(), kind: 'subject', value: person.oid, label: 'Eve' }), { status: 409, code: 'conflict' })
  const { items } = (await call(admin, 'GET', `${T}/grants`)).json<{ items: Array<{ id: string, label: string }> }>()
  t.match(items, [{ label: 'Eve of the provider' }])
  isProblem(t, await call(await api.keyFor('admin', second), 'DELETE', `/v1/tenants/${second}/grants/${items[0]!.id}`), { status: 404, code: 'not-found' }, 'a tenant\'s grant is its own')
  t.equal((await call(admin, 'DELETE', `${T}/grants/${items[0]!.id}`)).statusCode, 204)
  isProblem(t, await call(token, 'GET', `${T}/devices`), { status: 404, code: 'not-found' }, 'out')
  t.equal((await call(token, 'GET', `/v1/tenants/${second}/devices`)).statusCode, 200)
  t.match(await audit('operator-grant.created'), [{ tenant_id: tenantId, detail: { role: 'analyst', value: person.oid } }, { tenant_id: second }])
  t.match(await audit('operator-grant.removed'), [{ tenant_id: tenantId, actor: /^ann@/, detail: { role: 'analyst', value: person.oid } }])
})

t.test('what is wrong with a grant is named all at once', async (t) => {
  isProblem(t, await call(admin, 'POST', `${T}/grants`, { role: 'viewer', directory: 'contoso.com', kind: 'subject', value: 'eve', label: ' ', expiresAt: '2020-01-01T00:00:00Z' }), { status: 400, code: 'validation', paths: ['/directory', '/value', '/label', '/expiresAt'] })
  isProblem(t, await call(admin, 'POST', `${T}/grants`, { role: 'platform-admin', kind: 'subject', value: randomUUID(), label: 'x' }), { status: 400, code: 'validation', paths: ['/role'] }, 'an admin gives no more than admin')
  isProblem(t, await call(platform, 'POST', '/v1/grants', { role: 'viewer', kind: 'group', value: randomUUID(), label: 'x' }), { status: 400, code: 'validation', paths: ['/directory'] }, 'in all tenants there is none of its own')
  t.equal((await db.selectFrom('operator_grant').select('id').where('label', '=', 'x').execute()).length, 0)
})

t.test('the platform lets in everywhere', async (t) => {
  const app = appClaims(tid)
  const token = await signIn.sign(app)
  isProblem(t, await call(token, 'GET', `/v1/tenants/${second}/overview`), { status: 404, code: 'not-found' })
  const { id } = (await call(platform, 'POST', '/v1/grants', { role: 'viewer', directory: tid, kind: 'subject', value: app.oid, label: 'Dashboard' })).json<{ id: string }>()
  t.equal((await call(token, 'GET', `/v1/tenants/${second}/overview`)).statusCode, 200)
  t.match((await call(token, 'GET', '/v1/me')).json<Me>().roles, [{ role: 'viewer', tenantId: null, tenantName: null }])
  isProblem(t, await call(token, 'GET', '/v1/tenants'), { status: 403, code: 'forbidden' }, 'which is no right on the platform')
  t.match((await call(platform, 'GET', '/v1/grants')).json(), { items: [{ id, tenantId: null }] })
  t.equal((await call(platform, 'DELETE', `/v1/grants/${id}`)).statusCode, 204)
  isProblem(t, await call(token, 'GET', `/v1/tenants/${second}/overview`), { status: 404, code: 'not-found' })
})

t.test('an admin makes keys for the tenant, sees when they were used, rotates and ends them', async (t) => {
  const made = await call(admin, 'POST', `${T}/api-keys`, { name: 'SIEM', role: 'viewer', permissions: ['fleet:read'] })
  t.equal(made.statusCode, 201, made.body)
  t.equal(made.headers['cache-control'], 'no-store')
  const { id, key, expiresAt } = made.json<{ id: string, key: string, expiresAt: string }>()
  t.equal(Math.round((Date.parse(expiresAt) - Date.now()) / 86_400_000), 90, 'it expires although nobody said so')
  const listed = async () => (await call(admin, 'GET', `${T}/api-keys`)).json<{ items: Array<{ id: string, prefix: string, lastUsedAt: string | null, revokedAt: string | null }> }>().items.find((one) => one.id === id)
  t.match(await listed(), { prefix: key.slice(0, 11), lastUsedAt: null })
  t.equal((await call(key, 'GET', `${T}/devices`)).statusCode, 200)
  t.match(await listed(), { lastUsedAt: /^\d{4}-/ })

  const fresh = (await call(admin, 'POST', `${T}/api-keys/${id}/rotate`, { graceSeconds: 0 })).json<{ id: string, key: string }>()
  t.equal((await call(fresh.key, 'GET', `${T}/devices`)).statusCode, 200)
  t.match(await listed(), { revokedAt: /^\d{4}-/ })
  isProblem(t, await call(admin, 'POST', `${T}/api-keys/${id}/rotate`, {}), { status: 409, code: 'conflict' })
  isProblem(t, await call(await api.keyFor('admin', second), 'DELETE', `/v1/tenants/${second}/api-keys/${fresh.id}`), { status: 404, code: 'not-found' })
  t.equal((await call(admin, 'DELETE', `${T}/api-keys/${fresh.id}`)).statusCode, 204)
  isProblem(t, await call(admin, 'POST', `${T}/api-keys`, { name: 'x', role: 'platform-admin' }), { status: 400, code: 'validation', paths: ['/role'] })
  isProblem(t, await call(admin, 'POST', `${T}/api-keys`, { name: 'x', role: 'viewer', permissions: ['policy:write'], expiresAt: '2090-01-01T00:00:00Z' }), { status: 400, code: 'validation', paths: ['/permissions/0', '/expiresAt'] })

  const shared = (await call(platform, 'POST', '/v1/api-keys', { name: 'Provider', role: 'viewer', tenantIds: [tenantId, second] })).json<{ id: string, key: string }>()
  t.equal((await call(shared.key, 'GET', `/v1/tenants/${second}/devices`)).statusCode, 200)
  isProblem(t, await call(admin, 'POST', `${T}/api-keys/${shared.id}/rotate`, {}), { status: 403, code: 'forbidden' })
  t.notOk((await call(admin, 'GET', `${T}/api-keys`)).body.includes(second), 'a tenant does not learn of others')
  isProblem(t, await call(platform, 'POST', '/v1/api-keys', { name: 'x', role: 'viewer', tenantIds: [randomUUID()] }), { status: 404, code: 'not-found' })
  isProblem(t, await call(platform, 'POST', '/v1/api-keys', { name: 'x', role: 'viewer' }), { status: 422, code: 'unprocessable' })
})

t.test('the audit log says who signed in where, and who tried doors that are not theirs', async (t) => {
  const person = personClaims(tid, { roles: ['viewer'], preferred_username: 'bob@example.com' })
  const token = await signIn.sign(person)
  for (let n = 0; n < 3; n++) await call(token, 'GET', `${T}/devices`)
  for (let n = 0; n < 4; n++) await call(token, 'GET', `/v1/tenants/${second}/devices`)
  for (let n = 0; n < 2; n++) await call(token, 'GET', `${T}/audit`)
  await api.refusals.flush()
  const mine = (events: Array<{ tenant_id: string | null, actor: string }>) => events.filter(({ actor }) => actor.startsWith('bob@'))
  t.match(mine(await audit('operator.signed-in')), [{ tenant_id: tenantId, detail: { kind: 'user', directory: tid, subject: person.oid, roles: [{ role: 'viewer', tenantId }], address: '127.0.0.1' } }])
  t.equal(mine(await audit('operator.signed-in')).length, 1)
  const refused = mine(await audit('access.refused'))
  t.match(refused.find(({ tenant_id: place }) => place === tenantId), { detail: { reason: 'without audit:read', count: 2 } }, 'the tenant\'s admins see it')
  t.match(refused.find(({ tenant_id: place }) => place === null), { detail: { reason: `not in tenant ${second}`, count: 4 } }, 'and the platform\'s')
  t.equal(refused.length, 2)
  t.notOk(lines.join('').includes('bob@example.com'), 'no name of a person is in our log')
  t.notOk(lines.join('').includes(token.slice(0, 40)), 'nor a token')
  t.ok(lines.join('').includes('operatorId'))
})

t.test('a token that does not count is answered as client libraries expect', async (t) => {
  const past = Math.floor(Date.now() / 1000) - 600
  const expired = await call(await signIn.sign(personClaims(tid, { exp: past })), 'GET', '/v1/me')
  isProblem(t, expired, { status: 401, code: 'expired-token' })
  t.match(expired.headers['www-authenticate'], /error="invalid_token"/)
  t.match((await call(admin, 'GET', '/v1/tenants')).headers['www-authenticate'], /error="insufficient_scope"/)
  signIn.entra.isDown = true
  signIn.pass(5 * 24 * 3_600_000)
  const away = await call(admin, 'GET', '/v1/me')
  isProblem(t, away, { status: 503, code: 'provider-keys-unavailable' })
  t.ok(Number(away.headers['retry-after']) > 0)
  signIn.entra.isDown = false
})

t.test('where no provider is configured a token is as good as a guess', async (t) => {
  const bare = await startTestApi(t)
  isProblem(t, await bare.call(admin, 'GET', '/v1/me'), { status: 401, code: 'unauthenticated' })
  t.match((await bare.call(await bare.keyFor('viewer'), 'GET', '/v1/me')).json(), { kind: 'api-key', account: null, permissions: null, roles: [{ role: 'viewer' }] })
})
