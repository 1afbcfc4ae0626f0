import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createApiKey } from '../../src/operators/api-keys.js'
import { ROLES, type Role } from '../../src/operators/roles.js'
import { countRows, isProblem, startTestApi } from '../helpers/api.js'
import { seedTenant } from '../helpers/devices.js'

const TENANT = '/v1/tenants/{tenantId}'
const DESTINATIONS = `${TENANT}/signal-destinations`
/** The least role that each route takes. A route that is missing here fails the test. */
const LEAST_ROLE: Readonly<Record<string, Role>> = {
  [`GET ${TENANT}/devices`]: 'viewer',
  [`GET ${TENANT}/devices/{deviceId}`]: 'viewer',
  [`GET ${TENANT}/devices/{deviceId}/history`]: 'viewer',
  [`POST ${TENANT}/devices/{deviceId}/reassess`]: 'analyst',
  [`POST ${TENANT}/devices/{deviceId}/revoke`]: 'admin',
  [`DELETE ${TENANT}/devices/{deviceId}`]: 'admin',
  [`GET ${TENANT}/findings`]: 'viewer',
  [`GET ${TENANT}/overview`]: 'viewer',
  [`GET ${TENANT}/quarantine`]: 'viewer',
  [`POST ${TENANT}/quarantine/{id}/retry`]: 'analyst',
  [`GET ${TENANT}/policy`]: 'viewer',
  [`PUT ${TENANT}/policy`]: 'admin',
  [`GET ${TENANT}/policy/versions`]: 'viewer',
  [`GET ${TENANT}/policy/versions/{version}`]: 'viewer',
  [`POST ${TENANT}/policy/preview`]: 'analyst',
  [`GET ${TENANT}/policy/previews/{previewId}`]: 'analyst',
  [`GET ${TENANT}/rescorings`]: 'viewer',
  [`GET ${TENANT}/suppressions`]: 'viewer',
  [`POST ${TENANT}/suppressions`]: 'analyst',
  [`DELETE ${TENANT}/suppressions/{id}`]: 'analyst',
  [`PATCH ${TENANT}/devices/{deviceId}`]: 'analyst',
  [`GET ${TENANT}/devices/{deviceId}/explain`]: 'viewer',
  [`GET ${TENANT}/devices/{deviceId}/replay`]: 'viewer',
  [`GET ${TENANT}/detections`]: 'viewer',
  [`GET ${TENANT}/enrollment-tokens`]: 'admin',
  [`POST ${TENANT}/enrollment-tokens`]: 'admin',
  [`DELETE ${TENANT}/enrollment-tokens/{id}`]: 'admin',
  [`GET ${TENANT}/connector`]: 'viewer',
  [`POST ${TENANT}/connector/provision`]: 'admin',
  [`POST ${TENANT}/connector/deprovision`]: 'admin',
  [`POST ${TENANT}/connector/consent`]: 'admin',
  [`GET ${TENANT}/connector/doctor`]: 'admin',
  [`GET ${TENANT}/intune/admin-setup`]: 'admin',
  [`POST ${TENANT}/intune/admin-setup`]: 'admin',
  'POST /v1/onboarding/consent': 'platform-admin',
  'GET /v1/onboarding/doctor': 'platform-admin',
  [`POST ${TENANT}/connector/resync`]: 'admin',
  [`GET ${TENANT}/audit`]: 'admin',
  [`POST ${TENANT}/ingest/{vocabulary}`]: 'admin',
  'GET /v1/intel/guarded-hosts': 'platform-admin',
  'PUT /v1/intel/guarded-hosts/{host}': 'platform-admin',
  'DELETE /v1/intel/guarded-hosts/{host}': 'platform-admin',
  'GET /v1/intel/rescorings': 'platform-admin',
  'GET /v1/intel/subscriptions': 'platform-admin',
  'POST /v1/intel/subscriptions': 'platform-admin',
  'DELETE /v1/intel/subscriptions/{feed}': 'platform-admin',
  'POST /v1/intel/subscriptions/{feed}/refresh': 'platform-admin',
  'GET /v1/tenants': 'platform-admin',
  'POST /v1/tenants': 'platform-admin',
  'GET /v1/audit': 'platform-admin',
  'POST /v1/intel/feeds/{feed}/import': 'platform-admin',
  'GET /v1/intel/feeds': 'platform-admin',
  'GET /v1/intel/feeds/{feed}/versions': 'platform-admin',
  'DELETE /v1/intel/feeds/{feed}': 'platform-admin',
  'GET /v1/intel/indicators': 'platform-admin',
  'GET /v1/intel/vulnerabilities': 'platform-admin',
  [`GET ${TENANT}/connector/dead-letters`]: 'viewer',
  [`POST ${TENANT}/connector/dead-letters/resend`]: 'analyst',
  [`GET ${TENANT}/connector/reconciliation`]: 'viewer',
  [`PATCH ${TENANT}/connector/reconciliation`]: 'admin',
  [`POST ${TENANT}/connector/reconcile`]: 'admin',
  [`GET ${DESTINATIONS}`]: 'admin',
  [`POST ${DESTINATIONS}`]: 'admin',
  [`GET ${DESTINATIONS}/{id}`]: 'admin',
  [`PATCH ${DESTINATIONS}/{id}`]: 'admin',
  [`DELETE ${DESTINATIONS}/{id}`]: 'admin',
  [`POST ${DESTINATIONS}/{id}/rotate-secret`]: 'admin',
  [`POST ${DESTINATIONS}/{id}/test`]: 'admin',
  [`GET ${DESTINATIONS}/{id}/dead-letters`]: 'admin',
  [`POST ${DESTINATIONS}/{id}/dead-letters/resend`]: 'admin',
  ...Object.fromEntries([
    'POST streams', 'GET streams', 'PATCH streams', 'PUT streams', 'DELETE streams', 'GET status', 'POST status',
    'POST subjects/add', 'POST subjects/remove', 'POST verify', 'POST streams/{streamId}/poll'
  ].map((route) => [route.replace(' ', ' /v1/ssf/{tenantId}/'), 'ssf-receiver' as const]))
}
/** From least to most; receivers of shared signals stand beside them and may nothing else. */
const RANKS = ROLES.filter((role) => role !== 'ssf-receiver')
const mayCall = (role: Role, least: Role): boolean =>
  role === 'ssf-receiver' || least === 'ssf-receiver' ? role === least : RANKS.indexOf(role) >= RANKS.indexOf(least)

const api = await startTestApi(t, { rateLimits: { perAddress: 1e6, perDevice: 1e6, perApiKey: 1e6, failures: 1e6 } })
const { app, db, tenantId } = api
const foreignTenant = await seedTenant(db)
const phone = await api.enroll()
type Method = Parameters<typeof api.call>[1]

/** An address of this route; what it names need not exist. */
const addressOf = (path: string, tenant = tenantId): string => path
  .replace('{tenantId}', tenant).replace('{deviceId}', phone.deviceId).replace('{feed}', 'a-feed')
  .replace('{host}', 'a.example').replace('{vocabulary}', 'mvt').replace('{version}', '1').replace('{previewId}', randomUUID()).replace('{streamId}', randomUUID()).replace('quarantine/{id}', 'quarantine/1').replace('{id}', randomUUID())

/** A change that says nothing: what is asked is who may make one. */
const bodyOf = (method: Method): object | undefined => method === 'PATCH' ? {} : undefined

const routes = Object.entries(app.swagger().paths ?? {}).flatMap(([path, item]) => Object.entries(item as Record<string, { readonly security?: readonly object[] }>)
  .filter(([, { security }]) => security?.some((scheme) => 'apiKey' in scheme))
  .map(([method]) => ({ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase() as Method, path })))
const keys = Object.fromEntries(await Promise.all(ROLES.map(async (role) => [role, await api.keyFor(role)] as const))) as Record<Role, string>

t.test('every operator route is in the table, and the table holds no other', async (t) => {
  t.strictSame(routes.map(({ name }) => name).sort(), Object.keys(LEAST_ROLE).sort())
})

t.test('nobody gets in without a key that counts, and nothing happens', async (t) => {
  const expired = await createApiKey({ db }, { name: 'expired', role: 'platform-admin', expiresAt: new Date(Date.now() - 1_000), actor: 'test' })
  const revoked = await createApiKey({ db }, { name: 'revoked', role: 'platform-admin', actor: 'test' })
  await db.updateTable('api_key').set({ revoked_at: new Date() }).where('id', '=', revoked.id).execute()
  const headers: Readonly<Record<string, string | undefined>> = {
    'no key': undefined,
    'an unknown key': `Bearer sp_${'a'.repeat(43)}`,
    'no key of ours': 'Bearer guess',
    'an expired key': `Bearer ${expired.key}`,
    'a revoked key': `Bearer ${revoked.key}`,
    'a key under another scheme': `Basic ${keys['platform-admin']}`,
    'two keys': `Bearer ${keys.viewer} ${keys['platform-admin']}`,
    'a phone\'s token': `Bearer ${phone.accessToken}`
  }
  const before = await countRows(db)
  for (const { name, method, path } of routes) {
    for (const [who, authorization] of Object.entries(headers)) {
      const answer = await app.inject({ method, url: addressOf(path), headers: authorization === undefined ? {} : { authorization } })
      isProblem(t, answer, { status: 401, code: 'unauthenticated' }, `${name} with ${who}`)
    }
    if (method === 'GET') t.equal((await app.inject({ method: 'HEAD', url: addressOf(path) })).statusCode, 401, `HEAD ${path}`)
  }
  t.strictSame(await countRows(db), before)
})

t.test('a role that is too weak is told so, the right one gets in', async (t) => {
  for (const { name, method, path } of routes) {
    for (const role of ROLES) {
      const answer = await api.call(keys[role], method, addressOf(path), bodyOf(method))
      if (!mayCall(role, LEAST_ROLE[name] ?? 'platform-admin')) isProblem(t, answer, { status: 403, code: 'forbidden' }, `${name} as ${role}`)
      // A body or a row may be missing; what counts is that the caller may ask.
      else t.notOk([401, 403, 405, 500].includes(answer.statusCode), `${name} as ${role}: ${answer.statusCode}`)
    }
  }
})

t.test('another tenant looks as if it were not there', async (t) => {
  const foreignPhone = await api.enroll(foreignTenant)
  const before = await countRows(db)
  for (const { name, method, path } of routes.filter(({ path }) => path.includes('{tenantId}'))) {
    const key = LEAST_ROLE[name] === 'ssf-receiver' ? keys['ssf-receiver'] : keys.admin
    const answers = await Promise.all([foreignTenant, randomUUID()].map(async (tenant) => await api.call(key, method, addressOf(path, tenant))))
    for (const answer of answers) isProblem(t, answer, { status: 404, code: 'not-found' }, name)
    const [foreign, missing] = answers.map((answer) => ({ ...answer.json<Record<string, unknown>>(), instance: '' }))
    t.strictSame(foreign, missing, `${name}: as one that never was`)
    if (path.includes('{deviceId}')) {
      isProblem(t, await api.call(keys.admin, method, addressOf(path).replace(phone.deviceId, foreignPhone.deviceId), bodyOf(method)), { status: 404, code: 'not-found' }, `${name}: a foreign phone`)
      isProblem(t, await api.call(keys.admin, method, addressOf(path).replace(phone.deviceId, `entra:${foreignPhone.entraDeviceId}`), bodyOf(method)), { status: 404, code: 'not-found' }, `${name}: by its Entra id`)
    }
  }
  t.strictSame(await countRows(db), before)
})

t.test('an id is the same in capitals', async (t) => {
  t.equal((await api.call(keys.viewer, 'GET', `/v1/tenants/${tenantId.toUpperCase()}/devices`)).statusCode, 200)
})
