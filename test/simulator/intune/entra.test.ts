import { createLocalJWKSet, decodeJwt, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { createHash, createPrivateKey, type KeyObject, randomUUID, webcrypto, X509Certificate } from 'node:crypto'
import t from 'tap'
import { CLIENT, createMicrosoft, GRAPH_SCOPE, INTUNE_SCOPE, SECRET, SEED, TENANT } from './microsoft.js'

const OTHER_TENANT = '99999999-9999-4999-8999-999999999999'

t.test('the token endpoint refuses with Microsoft\'s words and numbers', async (t) => {
  const { call, sim } = await createMicrosoft(t)
  await sim('PUT', `/tenants/${OTHER_TENANT}`, {})
  const good = { grant_type: 'client_credentials', client_id: CLIENT, client_secret: SECRET, scope: GRAPH_SCOPE }
  const without = (name: keyof typeof good): Record<string, string> => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name))
  const cases: Array<[string, Record<string, string>, number, string, number]> = [
    [TENANT, { ...good, client_secret: 'wrong' }, 401, 'invalid_client', 7000215],
    [TENANT, without('client_secret'), 401, 'invalid_client', 7000216],
    [TENANT, { ...good, client_id: randomUUID() }, 400, 'unauthorized_client', 700016],
    [OTHER_TENANT, good, 401, 'invalid_client', 7000229],
    [randomUUID(), good, 400, 'invalid_request', 90002],
    [TENANT, { ...good, scope: 'https://graph.microsoft.com/User.Read' }, 400, 'invalid_scope', 70011],
    [TENANT, { ...good, scope: `${GRAPH_SCOPE} ${INTUNE_SCOPE}` }, 400, 'invalid_scope', 70011],
    [TENANT, { ...good, scope: 'https://unknown.example/.default' }, 400, 'invalid_resource', 500011],
    [TENANT, without('scope'), 400, 'invalid_request', 900144],
    [TENANT, { ...good, grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
    [TENANT, {}, 400, 'invalid_request', 900144]
  ]
  for (const [tenantId, form, status, error, number] of cases) {
    const answer = await call('POST', `/${tenantId}/oauth2/v2.0/token`, { form })
    t.equal(answer.status, status, `AADSTS${number}`)
    t.match(answer.body, { error, error_codes: [number], error_description: new RegExp(`^AADSTS${number}: .* Correlation ID: `), trace_id: String, correlation_id: String })
  }
  t.equal((await call('POST', `/${TENANT}/oauth2/v2.0/token`, { form: good })).status, 200)
})

t.test('the Intune resource is accepted with one slash and with two', async (t) => {
  const { tokenOf } = await createMicrosoft(t)
  t.equal(decodeJwt(await tokenOf('https://api.manage.microsoft.com//.default')).aud, 'https://api.manage.microsoft.com/')
  t.equal(decodeJwt(await tokenOf('https://api.manage.microsoft.com/.default')).aud, 'https://api.manage.microsoft.com')
})

t.test('a client whose consent was withdrawn gets no token', async (t) => {
  const { call, sim } = await createMicrosoft(t)
  await sim('PUT', `/tenants/${TENANT}`, { clients: [{ ...SEED.clients[0], consented: false }] })
  const answer = await call('POST', `/${TENANT}/oauth2/v2.0/token`, { form: { grant_type: 'client_credentials', client_id: CLIENT, client_secret: SECRET, scope: GRAPH_SCOPE } })
  t.match(answer, { status: 401, body: { error_codes: [7000229] } })
})

t.test('metadata points at this server and its keys verify the tokens', async (t) => {
  const { call, tokenOf } = await createMicrosoft(t)
  const { body } = await call('GET', `/${TENANT}/v2.0/.well-known/openid-configuration`)
  t.match(body, { issuer: /\/v2\.0$/, token_endpoint: new RegExp(`/${TENANT}/oauth2/v2\\.0/token$`) })
  const keys = (await call('GET', new URL(body.jwks_uri).pathname)).body.keys
  const { payload } = await jwtVerify(await tokenOf(GRAPH_SCOPE), createLocalJWKSet({ keys }))
  t.equal(payload.tid, TENANT)
  t.equal((await call('GET', `/${randomUUID()}/v2.0/.well-known/openid-configuration`)).status, 400)
  const discovery = await call('GET', `/common/discovery/instance?api-version=1.1&authorization_endpoint=https://localhost/${TENANT}/oauth2/v2.0/authorize`)
  t.match(discovery.body, { tenant_discovery_endpoint: new RegExp(TENANT), metadata: [{ preferred_network: String, aliases: [String] }] })
})

t.test('client assertions', async (t) => {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificatePem = (await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=mtd.example', keys, signingAlgorithm: algorithm })).toString('pem')
  const key = createPrivateKey({ key: Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)), format: 'der', type: 'pkcs8' })
  const raw = new X509Certificate(certificatePem).raw
  const thumbprint = (name: string): string => createHash(name).update(raw).digest('base64url')
  const { call } = await createMicrosoft(t, { clients: [{ ...SEED.clients[0], certificatePem }] })

  interface Claims { iss?: string, sub?: string, aud?: string, jti?: string | null, expiresIn?: number, header?: object, alg?: string, key?: KeyObject | CryptoKey }
  type CryptoKey = webcrypto.CryptoKey
  const assertion = async ({ iss = CLIENT, sub = CLIENT, aud = `http://localhost:80/${TENANT}/oauth2/v2.0/token`, jti = randomUUID(), expiresIn = 600, header = { x5t: thumbprint('sha1') }, alg = 'RS256', key: signer = key }: Claims): Promise<string> => {
    const now = Math.floor(Date.now() / 1000)
    const jwt = new SignJWT({ iss, sub, aud, nbf: now - 700, exp: now + expiresIn, ...(jti === null ? {} : { jti }) }).setProtectedHeader({ alg, typ: 'JWT', ...header })
    return await jwt.sign(signer)
  }
  const ask = async (clientAssertion: string, more: object = {}) => await call('POST', `/${TENANT}/oauth2/v2.0/token`, {
    form: { grant_type: 'client_credentials', client_id: CLIENT, scope: GRAPH_SCOPE, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: clientAssertion, ...more },
    headers: { host: 'localhost:80' }
  })

  t.equal((await ask(await assertion({}))).status, 200, 'RS256 with x5t')
  t.equal((await ask(await assertion({ alg: 'PS256', header: { 'x5t#S256': thumbprint('sha256') } }))).status, 200, 'PS256 with x5t#S256')
  const replayed = await assertion({})
  t.strictSame([(await ask(replayed)).status, (await ask(replayed)).status], [200, 200], 'MSAL sends the same assertion while it lives')

  const stranger = await generateKeyPair('RS256')
  const refused: Array<[string, Claims, number]> = [
    ['another audience', { aud: 'https://elsewhere.example/token' }, 700023],
    ['another issuer', { iss: randomUUID() }, 700021],
    ['another subject', { sub: randomUUID() }, 700021],
    ['expired', { expiresIn: -400 }, 700024],
    ['an unknown certificate', { header: { x5t: 'AAAA' } }, 700027],
    ['signed by another key', { key: stranger.privateKey as CryptoKey }, 700027],
    ['without jti', { jti: null }, 50027]
  ]
  for (const [what, claims, number] of refused) t.match(await ask(await assertion(claims)), { status: 401, body: { error: 'invalid_client', error_codes: [number] } }, what)
  t.match(await ask('not.a.jwt'), { status: 401, body: { error_codes: [50027] } })
  t.match(await ask(await assertion({}), { client_assertion_type: 'jwt' }), { status: 401, body: { error_codes: [7000218] } })
})
