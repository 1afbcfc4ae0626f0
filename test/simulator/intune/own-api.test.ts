import { randomUUID } from 'node:crypto'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { CLIENT, createMicrosoft, GRAPH_SCOPE, messagePath, SECRET, SEED, TENANT } from './microsoft.js'

const API = '55555555-5555-4555-8555-555555555555'
const ROLES = ['threat_state.read']

async function createWithApi (t: Parameters<typeof createMicrosoft>[0], api: object) {
  const microsoft = await createMicrosoft(t, {
    clients: [{ clientId: CLIENT, secret: SECRET, roles: { graph: ['Device.Read.All'], intune: ['update_device_health'], apis: { [API]: ROLES } } }, { clientId: API, roles: {} }]
  })
  const registered = await microsoft.sim('PUT', `/applications/${API}`, { displayName: 'Threat state', api: { roles: ROLES, ...api } })
  if (registered.status !== 200) throw new Error(JSON.stringify(registered.body))
  return microsoft
}

t.test('tokens for an API of one\'s own have the version the API accepts', async (t) => {
  const v2 = await createWithApi(t, { tokenVersion: 2, identifierUris: ['https://mtd.example/api'] })
  for (const resource of [API, `api://${API}`, 'https://mtd.example/api']) {
    const claims = decodeJwt(await v2.tokenOf(`${resource}/.default`))
    t.match(claims, { iss: `https://localhost/${TENANT}/v2.0`, aud: API, tid: TENANT, azp: CLIENT, azpacr: '1', roles: ROLES, idtyp: 'app', ver: '2.0', oid: String }, resource)
    t.notOk('appid' in claims)
    t.notOk('scp' in claims)
  }
  const v1 = await createWithApi(t, { idtyp: false })
  const claims = decodeJwt(await v1.tokenOf(`api://${API}/.default`))
  t.match(claims, { iss: `https://sts.windows.net/${TENANT}/`, aud: `api://${API}`, appid: CLIENT, appidacr: '1', roles: ROLES, ver: '1.0' })
  t.notOk('idtyp' in claims)
})

t.test('a caller without a role gets a token without roles, an API nobody consented to gets none', async (t) => {
  const { sim, call, tokenOf } = await createWithApi(t, { tokenVersion: 2 })
  await sim('PUT', `/tenants/${TENANT}`, { clients: [SEED.clients[0], { clientId: API, roles: {} }] })
  t.notOk('roles' in decodeJwt(await tokenOf(`${API}/.default`)))
  await sim('DELETE', `/tenants/${TENANT}/consents/${API}`)
  const form = { grant_type: 'client_credentials', client_id: CLIENT, client_secret: SECRET, scope: `${API}/.default` }
  t.match(await call('POST', `/${TENANT}/oauth2/v2.0/token`, { form }), { status: 400, body: { error: 'invalid_resource', error_codes: [500011] } })
})

t.test('a token for one API is worthless at the others', async (t) => {
  const { call, tokenOf } = await createWithApi(t, { tokenVersion: 2 })
  const token = await tokenOf(`${API}/.default`)
  t.match(await call('GET', '/v1.0/devices', { token }), { status: 401, body: { error: { message: /audience/ } } })
  t.equal((await call('GET', messagePath(randomUUID()), { token })).status, 401)
})

t.test('metadata and keys say for each version whose tokens they are about', async (t) => {
  const { call, tokenOf } = await createWithApi(t, { tokenVersion: 2 })
  const versions = [['/v2.0', `https://localhost/${TENANT}/v2.0`, await tokenOf(`${API}/.default`)], ['', `https://sts.windows.net/${TENANT}/`, await tokenOf(GRAPH_SCOPE)]] as const
  for (const [path, issuer, token] of versions) {
    const metadata = (await call('GET', `/${TENANT}${path}/.well-known/openid-configuration`)).body
    t.equal(metadata.issuer, issuer)
    const { keys } = (await call('GET', new URL(metadata.jwks_uri).pathname)).body
    t.ok(keys.every((key: { issuer: string }) => key.issuer.replace('{tenantid}', TENANT) === issuer))
    t.equal((await jwtVerify(token, createLocalJWKSet({ keys }), { issuer })).payload.tid, TENANT)
    t.match((await call('GET', `/common${path}/.well-known/openid-configuration`)).body.issuer, /\{tenantid\}/)
  }
})

t.test('keys are rotated on demand: published beside the old ones, or instead of them', async (t) => {
  const { call, sim, tokenOf } = await createMicrosoft(t)
  const keyIds = async (): Promise<string[]> => (await call('GET', '/common/discovery/v2.0/keys')).body.keys.map(({ kid }: { kid: string }) => kid)
  const [first] = await keyIds()
  const old = await tokenOf(GRAPH_SCOPE)
  await sim('POST', '/keys/rotate', {})
  t.equal((await keyIds()).length, 2)
  const young = await tokenOf(GRAPH_SCOPE)
  t.not(decodeProtectedHeader(young).kid, first)
  for (const token of [old, young]) t.equal((await call('GET', '/v1.0/devices', { token })).status, 200)
  await sim('POST', '/keys/rotate', { retireOld: true })
  t.equal((await keyIds()).length, 1)
  for (const token of [old, young]) t.equal((await call('GET', '/v1.0/devices', { token })).status, 401)
  t.equal((await call('GET', '/v1.0/devices', { token: await tokenOf(GRAPH_SCOPE) })).status, 200)
})

t.test('Entra\'s clock can be wrong, and tokens can be short-lived', async (t) => {
  const { sim, tokenOf } = await createMicrosoft(t, { tokenLifetimeSeconds: 60 })
  const claims = decodeJwt(await tokenOf(GRAPH_SCOPE))
  t.equal(claims.exp! - claims.iat!, 60)
  await sim('PUT', '/faults', [{ kind: 'clock-skew', skewSeconds: 900, times: 1 }])
  const ahead = decodeJwt(await tokenOf(GRAPH_SCOPE))
  t.ok(ahead.nbf! > Date.now() / 1000 + 500)
})

t.test('the partner services move: the list says where, a stale list does not, and the old place refuses', async (t) => {
  const { sim, graph, call, provision, tokenOf } = await createMicrosoft(t)
  const { body } = await sim('POST', `/tenants/${TENANT}/move`, { oldAnswers: '410' })
  t.equal((await provision()).status, 410)
  const find = async (): Promise<string> => new URL((await graph('GET', '/v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints')).body.value
    .find(({ providerName }: { providerName: string }) => providerName === 'PartnerTenantDataSyncService').uri).pathname
  await sim('PUT', '/faults', [{ kind: 'stale-endpoint-list', times: 1 }])
  t.notMatch(await find(), body.path)
  const found = await find()
  t.ok(found.startsWith(body.path))
  const token = await tokenOf('https://api.manage.microsoft.com//.default')
  t.match(await call('PUT', `${found}/PartnerTenants(guid'${TENANT}')?api-version=1.6`, { token, body: { Provisioned: 1, PartnerEnrollmentUrl: 'https://a.example', PartnerRemediationUrl: 'https://a.example' } }), { status: 200, body: { Provisioned: 1 } })
})
