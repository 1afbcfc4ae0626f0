import { randomBytes, randomUUID } from 'node:crypto'
import t from 'tap'
import { createEnrollmentToken } from '../../src/operators/enrollment-tokens.js'
import { createApiKey } from '../../src/operators/api-keys.js'
import { addGrant } from '../../src/operators/grants.js'
import { PERMISSIONS, RANKS, ROLES, type Role } from '../../src/operators/roles.js'
import { createTokenLookup } from '../../src/operators/sign-in/verify-operator.js'
import { createEntraKeys } from '../../src/identity/entra-keys.js'
import { createTenantLookup } from '../../src/identity/tenant-lookup.js'
import { verifyCaller } from '../../src/partners/verify-caller.js'
import { AUDIENCE, AUTHORITY, claimsOf, issuerOf, signed } from '../identity/fake-entra.js'
import { countRows, isProblem, startTestApi, type TestApi } from '../helpers/api.js'
import { seedTenant } from '../helpers/devices.js'
import { silentLog } from '../helpers/log.js'
import { appClaims, entraTenantOf, fakeSignIn, personClaims } from '../operators/sign-in/fake-sign-in.js'

t.setTimeout(600_000)

const T = '/v1/tenants/:tenantId'
/** The least role that each route takes, `any`: every operator. Who adds a route says it here as well. */
const LEAST_ROLE: Readonly<Record<string, Role | 'any'>> = {
  'GET /v1/me': 'any',
  ...Object.fromEntries(Object.entries({
    viewer: [
      'GET /devices', 'GET /devices/:deviceId', 'GET /devices/:deviceId/history', 'GET /devices/:deviceId/explain', 'GET /devices/:deviceId/replay', 'GET /findings', 'GET /overview', 'GET /quarantine',
      'GET /policy', 'GET /policy/versions', 'GET /policy/versions/:version', 'GET /rescorings', 'GET /suppressions', 'GET /detections', 'GET /connector', 'GET /connector/dead-letters', 'GET /connector/reconciliation'
    ],
    analyst: [
      'POST /devices/:deviceId/reassess', 'PATCH /devices/:deviceId', 'POST /quarantine/:id/retry', 'POST /policy/preview', 'GET /policy/previews/:previewId', 'POST /suppressions', 'DELETE /suppressions/:id', 'POST /connector/dead-letters/resend'
    ],
    admin: [
      'GET /devices/:deviceId/export', 'GET /people/:entraUserId/export', 'DELETE /people/:entraUserId', 'POST /devices/:deviceId/revoke', 'DELETE /devices/:deviceId', 'PUT /policy', 'GET /enrollment-tokens', 'POST /enrollment-tokens', 'DELETE /enrollment-tokens/:id', 'POST /connector/provision', 'POST /connector/deprovision',
      'POST /connector/consent', 'GET /connector/doctor', 'GET /intune/admin-setup', 'POST /intune/admin-setup', 'POST /connector/resync', 'GET /audit', 'POST /ingest/:vocabulary', 'PATCH /connector/reconciliation', 'POST /connector/reconcile',
      'GET /signal-destinations', 'POST /signal-destinations', 'GET /signal-destinations/:id', 'PATCH /signal-destinations/:id', 'DELETE /signal-destinations/:id', 'POST /signal-destinations/:id/rotate-secret', 'POST /signal-destinations/:id/test',
      'GET /signal-destinations/:id/dead-letters', 'POST /signal-destinations/:id/dead-letters/resend', 'GET /grants', 'POST /grants', 'DELETE /grants/:id', 'GET /api-keys', 'POST /api-keys', 'POST /api-keys/:id/rotate', 'DELETE /api-keys/:id'
    ]
  }).flatMap(([role, routes]) => routes.map((route) => [route.replace(' ', ` ${T}`), role as Role]))),
  ...Object.fromEntries([
    'POST streams', 'GET streams', 'PATCH streams', 'PUT streams', 'DELETE streams', 'GET status', 'POST status', 'POST subjects/add', 'POST subjects/remove', 'POST verify', 'POST streams/:streamId/poll'
  ].map((route) => [route.replace(' ', ' /v1/ssf/:tenantId/'), 'ssf-receiver' as const])),
  ...Object.fromEntries([
    'POST /onboarding/consent', 'GET /onboarding/doctor', 'GET /upkeep', 'GET /intel/guarded-hosts', 'PUT /intel/guarded-hosts/:host', 'DELETE /intel/guarded-hosts/:host', 'GET /intel/rescorings', 'GET /intel/subscriptions', 'POST /intel/subscriptions',
    'DELETE /intel/subscriptions/:feed', 'POST /intel/subscriptions/:feed/refresh', 'GET /tenants', 'POST /tenants', 'GET /audit', 'POST /intel/feeds/:feed/import', 'GET /intel/feeds', 'GET /intel/feeds/:feed/versions', 'DELETE /intel/feeds/:feed',
    'GET /intel/indicators', 'GET /intel/vulnerabilities', 'GET /upkeep', 'GET /grants', 'POST /grants', 'DELETE /grants/:id', 'GET /api-keys', 'POST /api-keys', 'POST /api-keys/:id/rotate', 'DELETE /api-keys/:id'
  ].map((route) => [route.replace(' ', ' /v1'), 'platform-admin' as const]))
}

type Method = Parameters<TestApi['call']>[1]
/** Where a caller has which role; null: in all tenants. */
type Held = ReadonlyArray<readonly [role: Role, tenantId: string | null]>
interface Caller {
  readonly name: string
  readonly bearer: string | undefined
  /** What it is good for; undefined: nothing. */
  readonly as?: 'agent' | 'partner' | 'enrollment' | Held
  /** Only these permissions. */
  readonly only?: readonly string[]
}

const home = randomUUID()
const provider = randomUUID()
const signIn = await fakeSignIn({ homeTenants: [home] })
const partnerKeys = createEntraKeys({ authorityHost: AUTHORITY, agent: signIn.entra.agent, log: silentLog })
const late: { api?: TestApi, lookup?: ReturnType<typeof createTenantLookup> } = {}
const plenty = 1e9
const api = await startTestApi(t, {
  rateLimits: { perAddress: plenty, perDevice: plenty, perApiKey: plenty, perPartner: plenty, failures: plenty },
  verifyTokenOf: (db) => createTokenLookup(signIn.deps(db), { rememberMs: 3_600_000 }),
  verifyCaller: async (token) => await verifyCaller({
    keys: partnerKeys, audiences: [AUDIENCE], allowedClients: [], log: silentLog, findTenantId: async (tid) => await (late.lookup ??= createTenantLookup({ db: late.api!.db }))(tid)
  }, token)
})
late.api = api
const { app, db, tenantId: own } = api
const [second, foreign] = [await seedTenant(db), await seedTenant(db)]
const tid = await entraTenantOf(db, own)
const table = app.accessTable().filter(({ url }) => !url.startsWith('/docs'))
const routes = table.filter(({ method }) => method !== 'HEAD')
const nameOf = ({ method, url }: { readonly method: string, readonly url: string }): string => `${method} ${url}`

const [ownPhone, foreignPhone] = [await api.enroll(own), await api.enroll(foreign)]
const { token: enrollmentToken } = await createEnrollmentToken({ db }, { tenantId: own, label: 'x', actor: 'test' })
const keyOf = async (role: Role, more: Partial<Parameters<typeof createApiKey>[1]> = {}): Promise<{ readonly id: string, readonly key: string }> =>
  await createApiKey({ db }, { name: role, role, ...(role === 'platform-admin' ? {} : { tenantId: own }), actor: 'test', ...more })
const grant = async (input: Omit<Parameters<typeof addGrant>[1], 'label' | 'actor'>): Promise<void> => { await addGrant({ db }, { ...input, label: 'x', actor: 'test' }) }

/** Whose credentials do not count, whatever they were. */
async function strangers (): Promise<Caller[]> {
  const over = await keyOf('platform-admin')
  await db.updateTable('api_key').set({ revoked_at: new Date() }).where('id', '=', over.id).execute()
  const old = await keyOf('platform-admin')
  await db.updateTable('api_key').set({ expires_at: new Date(Date.now() - 1_000) }).where('id', '=', old.id).execute()
  const admin = { roles: ['platform-admin'] }
  const past = Math.floor(Date.now() / 1000) - 3_600
  const { azp: _, scp: __, ...idClaims } = personClaims(home, admin)
  return [
    { name: 'nobody', bearer: undefined },
    { name: 'a guess', bearer: 'guess' },
    { name: 'a guessed key', bearer: `sp_${randomBytes(32).toString('base64url')}` },
    { name: 'an expired key', bearer: old.key },
    { name: 'a revoked key', bearer: over.key },
    { name: 'an expired token', bearer: await signIn.sign(personClaims(home, { ...admin, iat: past, nbf: past, exp: past + 600 })) },
    { name: 'a token for another API', bearer: await signIn.sign(personClaims(home, { ...admin, aud: randomUUID() })) },
    { name: 'a token of a tenant that nobody let in', bearer: await signIn.sign(personClaims(randomUUID(), admin)) },
    { name: 'a token of another issuer than its tenant\'s', bearer: await signIn.sign(personClaims(home, { ...admin, iss: issuerOf(tid, '2.0') })) },
    { name: 'a token that Entra did not sign', bearer: await signed(personClaims(home, admin), signIn.unpublished, { kid: signIn.key.kid }) },
    { name: 'an ID token', bearer: await signIn.sign(idClaims) }
  ]
}

/** Who is known, and what each may. */
async function known (): Promise<Caller[]> {
  const msp = personClaims(provider)
  await grant({ tenantId: own, role: 'analyst', directory: provider, kind: 'subject', value: String(msp.oid) })
  await grant({ tenantId: second, role: 'viewer', directory: provider, kind: 'subject', value: String(msp.oid) })
  const group = randomUUID()
  await grant({ tenantId: own, role: 'viewer', kind: 'group', value: group })
  const auditor = appClaims(provider)
  await grant({ tenantId: null, role: 'viewer', directory: provider, kind: 'subject', value: String(auditor.oid) })
  const owner = personClaims(provider)
  await grant({ tenantId: null, role: 'platform-admin', directory: provider, kind: 'subject', value: String(owner.oid) })
  const formerly = personClaims(provider)
  await grant({ tenantId: own, role: 'admin', directory: provider, kind: 'subject', value: String(formerly.oid), expiresAt: new Date(Date.now() + 60_000) })
  await db.updateTable('operator_grant').set({ expires_at: new Date(0) }).where('value', '=', String(formerly.oid)).execute()
  return [
    { name: 'a phone of the tenant', bearer: ownPhone.accessToken, as: 'agent' },
    { name: 'a phone of another tenant', bearer: foreignPhone.accessToken, as: 'agent' },
    { name: 'an enrolment token', bearer: enrollmentToken, as: 'enrollment' },
    { name: 'a relying party', bearer: await signIn.sign(claimsOf(tid)), as: 'partner' },
    ...await Promise.all(ROLES.map(async (role) => ({ name: `a key of role ${role}`, bearer: (await keyOf(role)).key, as: [[role, role === 'platform-admin' ? null : own]] as Held }))),
    { name: 'a key of two tenants', bearer: (await keyOf('analyst', { alsoIn: [second] })).key, as: [['analyst', own], ['analyst', second]] },
    { name: 'a key of few permissions', bearer: (await keyOf('admin', { permissions: ['fleet:read', 'telemetry:ingest'] })).key, as: [['admin', own]], only: ['fleet:read', 'telemetry:ingest', 'self:read'] },
    { name: 'a platform key of few permissions', bearer: (await keyOf('platform-admin', { permissions: ['intel:write'] })).key, as: [['platform-admin', null]], only: ['intel:write', 'self:read'] },
    ...await Promise.all(['viewer', 'analyst', 'admin'].map(async (role) => ({ name: `a person with the role ${role} in the tenant's directory`, bearer: await signIn.sign(personClaims(tid, { roles: [role] })), as: [[role, own]] as Held }))),
    { name: 'an app with the role admin in the tenant\'s directory', bearer: await signIn.sign(appClaims(tid, { roles: ['admin'] })), as: [['admin', own]] },
    { name: 'a customer\'s platform-admin, who is none of ours', bearer: await signIn.sign(personClaims(tid, { roles: ['platform-admin'] })), as: [] },
    { name: 'a person of a customer without a role', bearer: await signIn.sign(personClaims(tid)), as: [] },
    { name: 'a platform-admin of our own directory', bearer: await signIn.sign(personClaims(home, { roles: ['platform-admin'] })), as: [['platform-admin', null]] },
    { name: 'an admin of our own directory, which is no customer', bearer: await signIn.sign(personClaims(home, { roles: ['admin'] })), as: [] },
    { name: 'a member of a group', bearer: await signIn.sign(personClaims(tid, { groups: [randomUUID(), group] })), as: [['viewer', own]] },
    { name: 'a provider\'s operator with two roles', bearer: await signIn.sign(msp), as: [['analyst', own], ['viewer', second]] },
    { name: 'a provider\'s operator without any', bearer: await signIn.sign(personClaims(provider, { roles: ['admin'] })), as: [] },
    { name: 'a provider\'s operator whose grant has expired', bearer: await signIn.sign(formerly), as: [] },
    { name: 'a provider\'s app that sees all tenants', bearer: await signIn.sign(auditor), as: [['viewer', null]] },
    { name: 'somebody elsewhere who runs the platform', bearer: await signIn.sign(owner), as: [['platform-admin', null]] }
  ]
}

const isAsMuch = (role: Role, least: Role): boolean =>
  role === 'ssf-receiver' || least === 'ssf-receiver' ? role === least : RANKS.indexOf(role) >= RANKS.indexOf(least)

type Outcome = 'in' | 401 | 403 | 404
/** What must come of it, by the table above and what each caller was given. */
function expected (route: (typeof routes)[number], { as, only }: Caller, tenantId: string): Outcome {
  if (route.access === 'agent' || route.access === 'partner') return as === route.access ? 'in' : 401
  if (route.access === 'enrollment-token') return as === 'enrollment' ? 'in' : 401
  if (route.access === 'public' || route.access === 'assertion') return 'in'
  if (as === undefined || typeof as === 'string') return 401
  const least = LEAST_ROLE[nameOf(route)] ?? PERMISSIONS[route.permission!] ?? 'any'
  if (least === 'any') return 'in'
  const isOfTenant = route.url.includes(':tenantId')
  const there = as.filter(([, place]) => place === null || (isOfTenant && place === tenantId))
  if (isOfTenant && there.length === 0) return 404
  return there.some(([role]) => isAsMuch(role, least)) && only?.includes(route.permission!) !== false ? 'in' : 403
}

/** An address of this route; what it names within a tenant does not exist, so that nothing is changed. */
const addressOf = (url: string, tenantId: string): string => url
  .replace(':tenantId', tenantId).replace(':deviceId', randomUUID()).replace(':entraDeviceId', randomUUID()).replace(':feed', 'a-feed').replace(':host', 'a.example').replace(':vocabulary', 'mvt')
  .replace(':version', '1').replace(':previewId', randomUUID()).replace(':streamId', randomUUID()).replace('quarantine/:id', 'quarantine/1').replace(':id', randomUUID())

const bodyOf = ({ method, url }: (typeof routes)[number]): object | undefined =>
  url === '/v1/enroll' ? { entraDeviceId: randomUUID(), platform: 'android', publicKey: { kty: 'OKP', crv: 'Ed25519', x: randomBytes(32).toString('base64url') } } : method === 'PATCH' ? {} : undefined

/** Where a caller tries each route: at home, where nothing is theirs, and between where there is something. */
function tenantsFor ({ as }: Caller): string[] {
  if (as === undefined || typeof as === 'string') return [own]
  return as.some(([, place]) => place !== own) ? [own, second, foreign] : [own, foreign]
}

t.test('every operator route is in the table, and the table holds no other', async (t) => {
  t.strictSame(routes.filter(({ access }) => access === 'operator').map(nameOf).sort(), Object.keys(LEAST_ROLE).sort())
})

t.test('every route that lets others in is one of these', async (t) => {
  t.strictSame(routes.filter(({ access }) => access !== 'operator').map((route) => `${nameOf(route)} ${route.access}`).sort(), [
    'GET /.well-known/ssf-configuration/v1/ssf/:tenantId public', 'GET /v1/device/status agent', 'GET /v1/onboarding/consent public', 'GET /v1/partner/devices partner', 'GET /v1/partner/devices/:entraDeviceId/threat-state partner',
    'GET /v1/partner/state partner', 'GET /v1/ssf/:tenantId/jwks.json public', 'POST /v1/enroll enrollment-token', 'POST /v1/telemetry agent', 'POST /v1/telemetry/batch agent', 'POST /v1/token assertion'
  ])
})

t.test('whoever has nothing that counts gets into no route, and nothing happens', async (t) => {
  const callers = await strangers()
  const before = await countRows(db)
  for (const route of table.filter(({ access }) => access !== 'public' && access !== 'assertion')) {
    for (const { name, bearer } of callers) {
      const method = route.method as Method | 'HEAD'
      // HEAD goes the way of GET, so one shows that it is not left open.
      if (method === 'HEAD' && bearer !== undefined) continue
      const payload = bodyOf(route)
      const answer = await app.inject({ method, url: addressOf(route.url, own), headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }, ...(payload === undefined ? {} : { payload }) })
      if (answer.statusCode !== 401) t.fail(`${nameOf(route)} with ${name}: ${answer.statusCode} ${answer.body}`)
      else if (method !== 'HEAD' && !['unauthenticated', 'invalid-token', 'expired-token', 'invalid-enrollment-token'].includes(answer.json<{ code: string }>().code)) t.fail(`${nameOf(route)} with ${name}: ${answer.body}`)
    }
  }
  t.pass(`${table.length} routes, ${callers.length} callers`)
  t.strictSame(await countRows(db), before)
  const [sample] = routes.filter(({ access }) => access === 'operator')
  isProblem(t, await app.inject({ method: sample!.method as Method, url: addressOf(sample!.url, own) }), { status: 401, code: 'unauthenticated' })
  await api.refusals.flush()
  const written = await db.selectFrom('audit_event').select(['tenant_id', 'actor', 'subject', 'detail']).where('action', '=', 'sign-in.refused').execute()
  t.ok(written.length > 4 && written.length < 20, `${written.length} events, each with a count`)
  t.ok(written.every(({ tenant_id: tenant, actor, detail }) => tenant === null && actor === 'unknown' && (detail as { count: number }).count > 10))
  t.notOk(JSON.stringify(written).includes('eyJ'), 'no token is written down')
})

t.test('every route lets every caller in where it may, and tells the others what the contract says', async (t) => {
  const callers = await known()
  const wrong: string[] = []
  let asked = 0
  for (const route of routes) {
    const isOfTenant = route.url.includes(':tenantId') && route.access === 'operator'
    for (const caller of callers) {
      for (const tenantId of isOfTenant ? tenantsFor(caller) : [own]) {
        const answer = await api.call(caller.bearer, route.method as Method, addressOf(route.url, tenantId), bodyOf(route))
        asked++
        const { statusCode: status } = answer
        const { detail } = status >= 400 ? answer.json<{ detail: string }>() : { detail: '' }
        const isHidden = status === 404 && detail === 'There is no such tenant.'
        // A body or a row may be missing; what counts is that the caller may ask.
        const outcome: Outcome | number = status === 401 && route.access !== 'assertion' ? 401 : status === 403 || status === 405 || status === 500 ? status as 403 : isHidden ? 404 : 'in'
        const wish = expected(route, caller, tenantId)
        if (outcome !== wish) wrong.push(`${nameOf(route)} as ${caller.name} in ${tenantId === own ? 'its own tenant' : tenantId === second ? 'the second tenant' : 'a foreign tenant'}: ${status} ${detail}, not ${wish}`)
      }
    }
  }
  t.strictSame(wrong, [])
  t.ok(asked > 3_000, `${asked} requests`)
  const signedIn = await db.selectFrom('audit_event').select(['action', 'actor', 'tenant_id']).where('action', 'like', '%.signed-in').execute()
  t.strictSame(signedIn.filter(({ action }) => action === 'partner.signed-in').map(({ tenant_id: tenant }) => tenant), [own])
  t.ok(signedIn.length > callers.length && signedIn.length < callers.length * 4, `${signedIn.length} sign-ins, one for each caller and place`)
})

t.test('a tenant that does not exist is none, also for those who may everything', async (t) => {
  const everybody = [await api.keyFor('platform-admin'), await signIn.sign(personClaims(home, { roles: ['platform-admin'] }))]
  for (const route of routes.filter(({ access, url, permission }) => access === 'operator' && url.includes('/tenants/:tenantId/') && permission === 'fleet:read')) {
    for (const bearer of everybody) isProblem(t, await api.call(bearer, route.method as Method, addressOf(route.url, randomUUID())), { status: 404, code: 'not-found' }, nameOf(route))
  }
  for (const [bearer, status] of [[everybody[0]!, 400], [await api.keyFor('admin'), 404]] as const) {
    t.equal((await api.call(bearer, 'GET', '/v1/tenants/x%00y/devices')).statusCode, status, 'what is no id at all')
  }
  t.equal((await api.call(await api.keyFor('viewer'), 'GET', `/v1/tenants/${own.toUpperCase()}/devices`)).statusCode, 200, 'ids may be written in capitals')
})

t.test('another tenant\'s phones, findings and audit are not in one\'s own lists', async (t) => {
  const admin = await api.keyFor('admin')
  for (const path of ['devices', 'findings', 'audit', 'enrollment-tokens', 'grants', 'api-keys']) {
    const answer = await api.call(admin, 'GET', `/v1/tenants/${own}/${path}`)
    t.equal(answer.statusCode, 200, path)
    t.notOk(answer.body.includes(foreignPhone.deviceId) || answer.body.includes(foreign) || answer.body.includes(second), path)
  }
  t.equal((await api.call(admin, 'GET', `/v1/tenants/${own}/devices/${foreignPhone.deviceId}`)).statusCode, 404)
  t.equal((await api.call(admin, 'GET', `/v1/tenants/${own}/devices/entra:${foreignPhone.entraDeviceId}`)).statusCode, 404)
})
