import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { createMicrosoft, GRAPH_SCOPE, INTUNE_SCOPE, SECRET, SEED, TENANT } from './microsoft.js'

const APP = '44444444-4444-4444-8444-444444444444'
const REDIRECT = 'https://mtd.example/onboarding/return'
const REGISTRATION = {
  displayName: 'Our MTD', secret: SECRET, redirectUris: [REDIRECT], requiredRoles: { graph: ['Application.Read.All', 'Device.Read.All'], intune: ['update_device_health'] }
}

async function createUnconsented (t: Parameters<typeof createMicrosoft>[0], registration: object = {}) {
  const microsoft = await createMicrosoft(t)
  const registered = await microsoft.sim('PUT', `/applications/${APP}`, { ...REGISTRATION, ...registration })
  if (registered.status !== 200) throw new Error(JSON.stringify(registered.body))
  const consent = async (more: Record<string, string> = {}, tenant = TENANT) => {
    const query = new URLSearchParams({ client_id: APP, scope: GRAPH_SCOPE, redirect_uri: REDIRECT, state: 's1', ...more })
    const { statusCode, headers, body } = await microsoft.app.inject(`/${tenant}/v2.0/adminconsent?${query.toString()}`)
    return { status: statusCode, body, location: headers.location === undefined ? undefined : new URL(headers.location) }
  }
  const token = async (more: Record<string, string> = {}, tenant = TENANT) => await microsoft.call('POST', `/${tenant}/oauth2/v2.0/token`, {
    form: { grant_type: 'client_credentials', client_id: APP, client_secret: SECRET, scope: GRAPH_SCOPE, ...more }
  })
  return { ...microsoft, consent, token }
}

t.test('consent gives the application every role it requires, and tokens from then on', async (t) => {
  const { consent, token, call, graph } = await createUnconsented(t)
  t.match(await token(), { status: 401, body: { error_codes: [7000229] } })
  const { status, location } = await consent()
  t.equal(status, 302)
  t.equal(location?.origin + location!.pathname, REDIRECT)
  t.strictSame(Object.fromEntries(location!.searchParams), { admin_consent: 'True', tenant: TENANT, scope: GRAPH_SCOPE, state: 's1' })
  const answer = await token()
  t.equal(answer.status, 200)
  t.equal((await call('GET', '/v1.0/devices', { token: answer.body.access_token })).status, 200)
  t.equal((await call('GET', '/v1.0/users', { token: answer.body.access_token })).status, 403)

  const [own] = (await graph('GET', `/v1.0/servicePrincipals?$filter=${encodeURIComponent(`appId eq '${APP}'`)}&$select=id,accountEnabled`)).body.value
  t.equal(own.accountEnabled, true)
  const { value } = (await graph('GET', `/v1.0/servicePrincipals/${own.id}/appRoleAssignments`)).body
  t.match(value.map(({ appRoleId }: { appRoleId: string }) => appRoleId), ['9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30', '7438b122-aefc-4978-80ed-43db9fcc7715', 'a5438881-186a-48f0-bc41-a93ae8a195fe'])
  const resource = (await graph('GET', '/v1.0/servicePrincipals/appId=c161e42e-d4df-4a3d-9b42-e7a3c31f59d4')).body
  t.equal(resource.appRoles.find(({ value }: { value: string }) => value === 'update_device_health').id, value[2].appRoleId)
  t.ok((await graph('GET', `/v1.0/servicePrincipals/${resource.id}/appRoleAssignedTo`)).body.value.some(({ principalId }: { principalId: string }) => principalId === own.id))
})

t.test('an administrator can decline, and the page tells the application so', async (t) => {
  const { consent, token, sim } = await createUnconsented(t)
  await sim('PUT', '/consent', { decision: 'deny' })
  const { status, location } = await consent()
  t.equal(status, 302)
  t.match(Object.fromEntries(location!.searchParams), { error: 'access_denied', error_description: /^AADSTS65004/, tenant: TENANT, state: 's1' })
  t.equal((await token()).status, 401)
})

t.test('asked to ask, the page offers both answers and says what is wanted', async (t) => {
  const { consent, sim } = await createUnconsented(t)
  await sim('PUT', '/consent', { decision: 'ask' })
  const asked = await consent()
  t.equal(asked.status, 200)
  t.match(asked.body, /update_device_health/)
  t.match(asked.body, /sim_decision=approve/)
  t.equal((await consent({ sim_decision: 'approve', sim_tenant: TENANT })).location?.searchParams.get('admin_consent'), 'True')
})

t.test('under organizations the tenant is the one whose administrator signs in', async (t) => {
  const { consent, token, sim } = await createUnconsented(t)
  const other = randomUUID()
  await sim('PUT', `/tenants/${other}`, {})
  t.equal((await consent({}, 'organizations')).status, 200, 'nobody has said which: the page asks')
  await sim('PUT', '/consent', { decision: 'approve', tenantId: other })
  t.equal((await consent({}, 'organizations')).location?.searchParams.get('tenant'), other)
  t.equal((await token({}, other)).status, 200)
  t.equal((await token()).status, 401, 'the other tenant has not consented')
})

t.test('what the consent page refuses stays on the page', async (t) => {
  const { consent } = await createUnconsented(t)
  const cases: Array<[string, Record<string, string>, string, RegExp]> = [
    ['common', {}, 'common', /AADSTS50059/],
    ['an unknown tenant', {}, randomUUID(), /AADSTS90002/],
    ['an unknown application', { client_id: randomUUID() }, TENANT, /AADSTS700016/],
    ['another redirect', { redirect_uri: `${REDIRECT}/` }, TENANT, /AADSTS50011/],
    ['no scope', { scope: '' }, TENANT, /AADSTS900144/],
    ['a scope without /.default', { scope: 'https://graph.microsoft.com/Device.Read.All' }, TENANT, /AADSTS70011/]
  ]
  for (const [what, query, tenant, expected] of cases) {
    const { status, body, location } = await consent(query, tenant)
    t.equal(status, 400, what)
    t.equal(location, undefined, what)
    t.match(body, expected, what)
  }
})

t.test('consent can be revoked, and the application or its principal switched off', async (t) => {
  const { consent, token, sim, graph } = await createUnconsented(t)
  await consent()
  t.equal((await sim('DELETE', `/tenants/${TENANT}/consents/${APP}`)).status, 204)
  t.match(await token(), { status: 401, body: { error_codes: [7000229] } })
  t.strictSame((await graph('GET', `/v1.0/servicePrincipals?$filter=${encodeURIComponent(`appId eq '${APP}'`)}`)).body.value, [])
  await consent()
  t.equal((await token()).status, 200)
  await sim('PUT', `/applications/${APP}`, { ...REGISTRATION, enabled: false })
  t.match(await token(), { status: 400, body: { error: 'unauthorized_client', error_codes: [7000112] } })
  await sim('PUT', `/applications/${APP}`, { ...REGISTRATION, secretExpiresAt: '2020-01-01T00:00:00Z' })
  t.match(await token(), { status: 401, body: { error_codes: [7000222] } })
})

t.test('a token of somebody the application trusts stands in for a secret', async (t) => {
  const issuer = 'https://oidc.mtd.example'
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const { consent, token } = await createUnconsented(t, {
    secret: undefined, federatedCredentials: [{ issuer, subject: 'worker', jwks: { keys: [{ ...await exportJWK(publicKey), kid: 'k1', alg: 'RS256' }] } }]
  })
  await consent()
  const assertion = async ({ iss = issuer, sub = 'worker', aud = 'api://AzureADTokenExchange', exp = '5m', key = privateKey } = {}) =>
    await new SignJWT({}).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).setIssuer(iss).setSubject(sub).setAudience(aud).setIssuedAt().setExpirationTime(exp).sign(key)
  const ask = async (clientAssertion: string) => await token({ client_secret: '', client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: clientAssertion })
  t.equal((await ask(await assertion())).status, 200)
  t.match(await ask(await assertion({ iss: 'https://elsewhere.example' })), { status: 401, body: { error_codes: [700211] } })
  t.match(await ask(await assertion({ sub: 'other' })), { status: 401, body: { error_codes: [700213] } })
  t.match(await ask(await assertion({ aud: 'api://other' })), { status: 401, body: { error_codes: [700212] } })
  t.match(await ask(await assertion({ exp: '-10m' })), { status: 401, body: { error_codes: [700024] } })
  t.match(await ask(await assertion({ key: (await generateKeyPair('RS256')).privateKey })), { status: 401, body: { error_codes: [700027] } })
})

t.test('a consented application can still lack the role that the partner services ask for', async (t) => {
  const { consent, token, sim } = await createUnconsented(t, { requiredRoles: { graph: ['Application.Read.All'] } })
  await sim('PUT', `/tenants/${TENANT}`, { clients: [{ ...SEED.clients[0], roles: {} }], connector: { provisioned: true } })
  await consent()
  t.equal((await token({ scope: INTUNE_SCOPE })).status, 200)
  t.equal((await sim('GET', `/tenants/${TENANT}`)).body.connector.partnerState, 'notSetUp')
  await sim('PUT', `/applications/${APP}`, REGISTRATION)
  await consent()
  t.equal((await sim('GET', `/tenants/${TENANT}`)).body.connector.partnerState, 'enabled')
})
