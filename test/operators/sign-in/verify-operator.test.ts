import { createHmac, randomUUID } from 'node:crypto'
import { type CryptoKey, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose'
import t from 'tap'
import { MockAgent } from 'undici'
import { ProviderKeysUnavailableError } from '../../../src/errors.js'
import { createIssuerKeys } from '../../../src/identity/issuer-keys.js'
import { RefusedToken } from '../../../src/identity/verify-token.js'
import { addGrant, removeGrant } from '../../../src/operators/grants.js'
import { parseRoleMap } from '../../../src/operators/sign-in/role-map.js'
import { createIssuerProvider } from '../../../src/operators/sign-in/token-provider.js'
import { createTokenLookup, verifyOperator, type VerifyOperatorDeps } from '../../../src/operators/sign-in/verify-operator.js'
import { issuerOf, makeSigningKey, signed } from '../../identity/fake-entra.js'
import { createTestDatabase } from '../../helpers/database.js'
import { seedTenant } from '../../helpers/devices.js'
import { silentLog } from '../../helpers/log.js'
import { API, appClaims, CONSOLE, entraTenantOf, fakeSignIn, personClaims } from './fake-sign-in.js'

const { db } = await createTestDatabase(t)
const [TENANT, OTHER] = [await seedTenant(db), await seedTenant(db)]
const [TID, OTHER_TID] = [await entraTenantOf(db, TENANT), await entraTenantOf(db, OTHER)]
const HOME = randomUUID()
const signIn = await fakeSignIn({ homeTenants: [HOME] })
const deps = signIn.deps(db)
const { key, unpublished } = signIn
const seconds = (ahead: number): number => Math.floor(Date.now() / 1000) + ahead
const without = (name: string, claims = personClaims(TID)): Record<string, unknown> => Object.fromEntries(Object.entries(claims).filter(([one]) => one !== name))
const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url')

t.test('a person is known by directory and object id, under whatever name, and may what the token\'s roles say', async (t) => {
  const claims = personClaims(TID, { roles: ['analyst', 'something else'] })
  const operator = await verifyOperator(deps, await signIn.sign(claims))
  t.match(operator, { kind: 'user', name: `ann@example.com <${operator.id}>`, grants: [{ role: 'analyst', tenantId: TENANT }], account: { directory: TID, subject: claims.oid, clientId: CONSOLE, groupsOmitted: false } })
  t.match(operator.id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const again = await verifyOperator(deps, await signIn.sign({ ...claims, preferred_username: 'ann.married@example.com', uti: 'x' }))
  t.equal(again.id, operator.id)
  t.not(again.session, operator.session)
  t.not((await verifyOperator(deps, await signIn.sign({ ...claims, tid: OTHER_TID, iss: issuerOf(OTHER_TID, '2.0') }))).id, operator.id, 'the same object id elsewhere is somebody else')
})

t.test('an app is known as itself', async (t) => {
  t.match(await verifyOperator(deps, await signIn.sign(appClaims(TID, { roles: ['admin'], app_displayname: 'Script' }))), { kind: 'app', name: /^Script </, grants: [{ role: 'admin', tenantId: TENANT }] })
})

t.test('stored grants of a person and of their groups come on top', async (t) => {
  const [person, group] = [personClaims(HOME), randomUUID()]
  const grant = await addGrant({ db }, { tenantId: TENANT, role: 'viewer', directory: HOME, kind: 'subject', value: String(person.oid).toUpperCase(), label: 'Ann', actor: 'test' })
  await addGrant({ db }, { tenantId: OTHER, role: 'admin', directory: HOME, kind: 'group', value: group, label: 'Admins', actor: 'test' })
  await addGrant({ db }, { tenantId: null, role: 'viewer', directory: TID, kind: 'group', value: group, label: 'The same id in another directory', actor: 'test' })
  const grantsOf = async (more: object) => (await verifyOperator(deps, await signIn.sign({ ...person, ...more }))).grants
  t.strictSame(await grantsOf({}), [{ tenantId: TENANT, role: 'viewer' }])
  t.strictSame(new Set((await grantsOf({ groups: [group], roles: ['platform-admin'] })).map(({ tenantId, role }) => `${role} ${tenantId}`)), new Set(['platform-admin null', `viewer ${TENANT}`, `admin ${OTHER}`]))
  t.strictSame(await grantsOf({ groups: undefined, _claim_names: { groups: 'src1' } }), [{ tenantId: TENANT, role: 'viewer' }], 'what the token leaves out does not count')
  await removeGrant({ db }, { id: grant.id, actor: 'test' })
  t.strictSame(await grantsOf({}), [])
})

const good: Array<[name: string, token: () => Promise<string>, deps?: Partial<VerifyOperatorDeps>]> = [
  ['that expired within the tolerance for clocks', async () => await signIn.sign(personClaims(TID, { exp: seconds(-30) }))],
  ['that will be good within it', async () => await signIn.sign(personClaims(TID, { nbf: seconds(30), iat: seconds(30) }))],
  ['with other scopes beside', async () => await signIn.sign(personClaims(TID, { scp: 'x access_as_user y' }))],
  ['of an app, without idtyp, which is optional', async () => await signIn.sign(without('idtyp', appClaims(TID)))],
  ['for the second of our audiences', async () => await signIn.sign(personClaims(TID, { aud: 'api://second' })), { audiences: [API, 'api://second'] }],
  ['of an app on the list', async () => await signIn.sign(personClaims(TID)), { allowedClients: [randomUUID(), CONSOLE] }]
]
for (const [name, token, more] of good) {
  t.test(`a token counts ${name}`, async (t) => { t.match(await verifyOperator({ ...deps, ...more }, await token()), { id: String }) })
}

const confused = async (): Promise<string> => {
  // The public key as if it were a secret between two.
  const head = `${part({ alg: 'HS256', typ: 'JWT', kid: key.kid })}.${part(personClaims(HOME, { roles: ['platform-admin'] }))}`
  return `${head}.${createHmac('sha256', await exportSPKI(await importJWK(key.jwk, 'RS256') as CryptoKey)).update(head).digest('base64url')}`
}
const bad: Array<[name: string, token: () => Promise<string>, reason: RegExp, code?: string, deps?: Partial<VerifyOperatorDeps>]> = [
  ['that is none', async () => 'a.b.c', /not a JSON/],
  ['that is not signed', async () => new UnsecuredJWT(personClaims(TID)).encode(), /RS256/],
  ['signed with our public key as a secret', confused, /RS256/],
  ['signed with another algorithm', async () => await new SignJWT(personClaims(TID)).setProtectedHeader({ alg: 'PS256', kid: key.kid }).sign((await generateKeyPair('PS256')).privateKey), /RS256/],
  ['that names no key', async () => await signed(personClaims(TID), key, { kid: undefined }), /no key/],
  ['that brings its own key', async () => await signed(personClaims(TID), unpublished, { jwk: unpublished.jwk, jku: 'https://evil.test/keys', x5u: 'https://evil.test' }), /unknown key/],
  ['of another key under the name of a published one', async () => await signed(personClaims(TID), unpublished, { kid: key.kid }), /SIGNATURE/],
  ['whose claims were changed', async () => (await signIn.sign(personClaims(TID))).replace(/\.[^.]+\./, `.${part(personClaims(TID, { roles: ['admin'] }))}.`), /SIGNATURE/],
  ['that is huge', async () => await signIn.sign(personClaims(TID, { filler: 'x'.repeat(20_000) })), /longer/],
  ['for Graph', async () => await signIn.sign(personClaims(TID, { aud: 'https://graph.microsoft.com' })), /audience/],
  ['for our audience with a slash', async () => await signIn.sign(personClaims(TID, { aud: `${API}/` })), /audience/],
  ['for several audiences', async () => await signIn.sign(personClaims(TID, { aud: [API, 'x'] })), /audience/],
  ['for nobody', async () => await signIn.sign(without('aud')), /audience/],
  ['of a tenant that nobody let in', async () => await signIn.sign(personClaims(randomUUID())), /nobody let in/],
  ['whose tid is not the issuer\'s', async () => await signIn.sign(personClaims(HOME, { roles: ['platform-admin'], iss: issuerOf(TID, '2.0') })), /iss/],
  ['from the issuer for all tenants', async () => await signIn.sign(personClaims(TID, { iss: issuerOf('{tenantid}', '2.0') })), /iss/],
  ['from the issuer of version 1', async () => await signIn.sign(personClaims(TID, { iss: issuerOf(TID, '1.0') })), /iss/],
  ['whose tid leads elsewhere', async () => await signIn.sign(personClaims(TID, { tid: '../common' })), /GUID/],
  ['whose tid is in capitals', async () => await signIn.sign(personClaims(TID, { tid: TID.toUpperCase() })), /GUID/],
  ['of version 1', async () => await signIn.sign(personClaims(TID, { ver: '1.0' })), /version 2/],
  ['that has expired', async () => await signIn.sign(personClaims(TID, { exp: seconds(-90) })), /./, 'EXPIRED-TOKEN'],
  ['that never expires', async () => await signIn.sign(without('exp')), /exp/],
  ['that expires in words', async () => await signIn.sign(personClaims(TID, { exp: 'never' })), /exp/],
  ['that is not yet good', async () => await signIn.sign(personClaims(TID, { nbf: seconds(90) })), /nbf/],
  ['that does not say since when it is good', async () => await signIn.sign(without('nbf')), /nbf/],
  ['without an object id', async () => await signIn.sign(without('oid')), /oid/],
  ['that is an ID token', async () => await signIn.sign(without('scp', without('azp', personClaims(TID, { nonce: 'x' })))), /azp/],
  ['of a person without our scope', async () => await signIn.sign(personClaims(TID, { scp: 'access_as_users User.Read' })), /scope/],
  ['of a person without any scope', async () => await signIn.sign(personClaims(TID, { scp: undefined, idtyp: 'user' })), /scope/],
  ['of an app with a person\'s scope', async () => await signIn.sign(appClaims(TID, { scp: 'access_as_user' })), /scope/],
  ['of an app that is not on the list', async () => await signIn.sign(personClaims(TID)), /not on the list/, 'INVALID-TOKEN', { allowedClients: [randomUUID()] }]
]
for (const [name, token, reason, code = 'INVALID-TOKEN', more] of bad) {
  t.test(`a token does not count ${name}`, async (t) => {
    const error = await verifyOperator({ ...deps, ...more }, await token()).then(() => undefined, (error: Error & { code?: string }) => error)
    t.equal(error?.code, code)
    if (error instanceof RefusedToken) t.match(error.reason, reason)
  })
}

t.test('a stranger is told the same whatever is wrong with the token, and makes us ask Entra nothing', async (t) => {
  const own = await fakeSignIn({ homeTenants: [HOME] })
  const strange = randomUUID()
  const messages = new Set<string>()
  for (const token of [await own.sign(personClaims(strange)), await signed(personClaims(strange), own.unpublished), 'x.y.z']) {
    messages.add(await verifyOperator(own.deps(db), token).then(() => 'counts', (error: Error) => error.message))
  }
  t.strictSame([...messages], ['The access token is not valid.'])
  t.strictSame(own.entra.asked, [])
})

t.test('where one tenant is named nobody else may sign in, and its roles are those of the platform', async (t) => {
  const one = await fakeSignIn({ homeTenants: [HOME], only: HOME })
  t.match(await verifyOperator(one.deps(db), await one.sign(personClaims(HOME, { roles: ['platform-admin'] }))), { grants: [{ role: 'platform-admin', tenantId: null }] })
  await t.rejects(verifyOperator(one.deps(db), await one.sign(personClaims(TID, { roles: ['admin'] }))), { code: 'INVALID-TOKEN' })
})

t.test('keys change: a new one counts at once, one that is withdrawn no longer, and while Entra is away the known ones go on', async (t) => {
  const own = await fakeSignIn()
  const ownDeps = own.deps(db)
  const [before, after] = [await own.sign(personClaims(TID)), await signed(personClaims(TID), own.unpublished)]
  await verifyOperator(ownDeps, before)
  await t.rejects(verifyOperator(ownDeps, after), { code: 'INVALID-TOKEN' })
  own.entra.publish(own.unpublished)
  own.pass(61_000)
  await verifyOperator(ownDeps, after)
  await t.rejects(verifyOperator(ownDeps, before), { code: 'INVALID-TOKEN' })
  own.entra.isDown = true
  own.pass(25 * 3_600_000)
  await verifyOperator(ownDeps, after)
  await t.rejects(verifyOperator(ownDeps, await signed(personClaims(OTHER_TID), own.unpublished)), { code: 'PROVIDER-KEYS-UNAVAILABLE', statusCode: 503 })
})

t.test('whom the look-up remembers it forgets in time, and never beyond the token\'s end', async (t) => {
  const person = personClaims(HOME, { exp: seconds(3_600) })
  const grant = await addGrant({ db }, { tenantId: TENANT, role: 'viewer', directory: HOME, kind: 'subject', value: String(person.oid), label: 'Ann', actor: 'test' })
  let now = Date.now()
  const lookup = createTokenLookup(deps, { now: () => now })
  const token = await signIn.sign(person)
  t.equal((await lookup(token)).grants.length, 1)
  await removeGrant({ db }, { tenantId: TENANT, id: grant.id, actor: 'test' })
  now += 4_999
  t.equal((await lookup(token)).grants.length, 1, 'for five seconds it asks nobody')
  now += 1
  t.equal((await lookup(token)).grants.length, 0)
  const short = createTokenLookup(deps, { rememberMs: 3_600_000, now: () => now })
  const ending = await signIn.sign(personClaims(TID, { exp: seconds(-50) }))
  await short(ending)
  const calls = signIn.entra.asked.length
  await short(ending)
  t.equal(signIn.entra.asked.length, calls)
  await t.rejects(short('x.y.z'), { code: 'INVALID-TOKEN' })
})

t.test('another provider\'s tokens count by its own rules', async (t) => {
  const ISSUER = 'https://idp.test/realms/mtd'
  const own = await makeSigningKey()
  const agent = new MockAgent()
  agent.disableNetConnect()
  let named = ISSUER
  agent.get('https://idp.test').intercept({ path: '/realms/mtd/.well-known/openid-configuration' }).reply(() => ({ statusCode: 200, data: JSON.stringify({ issuer: named, jwks_uri: 'https://keys.test/jwks' }) })).persist()
  agent.get('https://keys.test').intercept({ path: '/jwks' }).reply(() => ({ statusCode: 200, data: JSON.stringify({ keys: [own.jwk, { kty: 'oct', kid: 'shared', k: 'c2VjcmV0', alg: 'HS256' }] }) })).persist()
  const depsOf = (): VerifyOperatorDeps => ({
    db,
    keys: createIssuerKeys({ agent, log: silentLog, unavailable: () => new ProviderKeysUnavailableError() }),
    provider: createIssuerProvider({ issuer: ISSUER, algorithms: ['RS256', 'ES256'], scope: 'mtd' }),
    audiences: ['sallyport'],
    allowedClients: [],
    roleMap: parseRoleMap(`mtd-admin=platform-admin,soc=analyst@*,one=viewer@${TENANT}`),
    rolesClaims: ['realm_access.roles'],
    groupsClaims: ['groups']
  })
  const claims = (more: object = {}): Record<string, unknown> => ({
    iss: ISSUER, aud: ['account', 'sallyport'], sub: 'f:1:ann', azp: 'console', iat: seconds(-1), exp: seconds(60), scope: 'openid mtd', typ: 'Bearer', preferred_username: 'ann', realm_access: { roles: ['soc', 'mtd-admin'] }, ...more
  })
  const idp = depsOf()
  t.match(await verifyOperator(idp, await signed(claims(), own)), {
    kind: 'user', name: /^ann </, account: { directory: ISSUER, subject: 'f:1:ann' }, grants: [{ role: 'platform-admin', tenantId: null }, { role: 'analyst', tenantId: null }]
  })
  await addGrant({ db, issuer: ISSUER }, { tenantId: OTHER, role: 'admin', kind: 'group', value: '/Tier 2', label: 'Tier 2', actor: 'test' })
  t.match(await verifyOperator(idp, await signed(claims({ realm_access: { roles: ['one'] }, groups: ['/Tier 2'] }), own)), { grants: [{ role: 'viewer', tenantId: TENANT }, { role: 'admin', tenantId: OTHER }] })
  t.match(await verifyOperator(idp, await signed(claims({ sub: 'script', client_id: 'script', azp: undefined, aud: 'sallyport' }), own, { typ: 'at+jwt' })), { kind: 'app' }, 'RFC 9068')

  const refused: Array<[why: string, token: Promise<string>]> = [
    ['another issuer', signed(claims({ iss: 'https://idp.test/realms/other' }), own)],
    ['another audience', signed(claims({ aud: ['account'] }), own)],
    ['an ID token', signed(claims({ nonce: 'x' }), own)],
    ['an ID token by its kind', signed(claims({ typ: 'ID' }), own)],
    ['a token of another kind', signed(claims(), own, { typ: 'logout+jwt' })],
    ['no scope of ours', signed(claims({ scope: 'openid' }), own)],
    ['no subject', signed(claims({ sub: undefined }), own)],
    ['a subject that is no id', signed(claims({ sub: 'x\u0000' }), own)],
    ['no end', signed(claims({ exp: undefined }), own)],
    ['a secret between two as a key', new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'shared' }).sign(Buffer.from('secret'.padEnd(32, 'x')))]
  ]
  for (const [why, token] of refused) await t.rejects(verifyOperator(idp, await token), { code: 'INVALID-TOKEN' }, why)
  named = `${ISSUER}/`
  await t.rejects(verifyOperator(depsOf(), await signed(claims(), own)), { code: 'PROVIDER-KEYS-UNAVAILABLE' }, 'metadata of another issuer are not believed')
})
