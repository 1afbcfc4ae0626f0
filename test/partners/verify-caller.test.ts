import { createHmac, randomUUID } from 'node:crypto'
import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose'
import t from 'tap'
import { createEntraKeys } from '../../src/identity/entra-keys.js'
import { verifyCaller, type VerifyCallerDeps } from '../../src/partners/verify-caller.js'
import { silentLog } from '../helpers/log.js'
import { AUDIENCE, AUTHORITY, CLIENT_ID, claimsOf, FakeEntra, issuerOf, makeSigningKey, OBJECT_ID, signed } from '../identity/fake-entra.js'

const TENANT = randomUUID()
const TID = randomUUID()
const OTHER_TID = randomUUID()
const STRANGE_TID = randomUUID()
const key = await makeSigningKey()
const unpublished = await makeSigningKey()
const ofPrivateAccounts = await makeSigningKey()

function setUp (more: Partial<VerifyCallerDeps> = {}) {
  const entra = new FakeEntra()
  entra.publish(key)
  // As in real life: the key of private accounts stands beside the others.
  entra.keys['2.0'].push({ ...ofPrivateAccounts.jwk, issuer: `${AUTHORITY}/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0` })
  let now = Date.now()
  const deps: VerifyCallerDeps = {
    keys: createEntraKeys({ authorityHost: AUTHORITY, agent: entra.agent, log: silentLog, now: () => now }),
    audiences: [AUDIENCE],
    allowedClients: [],
    findTenantId: async (tid) => tid === TID ? TENANT : tid === OTHER_TID ? randomUUID() : undefined,
    log: silentLog,
    ...more
  }
  return { entra, deps, pass: (ms: number) => { now += ms } }
}

for (const version of ['1.0', '2.0'] as const) {
  t.test(`an app with a token of version ${version} is known by tenant and object id`, async (t) => {
    const { deps } = setUp()
    t.strictSame(await verifyCaller(deps, await signed(claimsOf(TID, version), key)), { tenantId: TENANT, entraTenantId: TID, objectId: OBJECT_ID, clientId: CLIENT_ID })
  })
}

const seconds = (ahead: number): number => Math.floor(Date.now() / 1000) + ahead
const { idtyp: _, ...withoutType } = claimsOf(TID)
const good: Array<[name: string, token: () => Promise<string>, deps?: Partial<VerifyCallerDeps>]> = [
  ['without idtyp, which is optional', async () => await signed(withoutType, key)],
  ['that expired within the tolerance for clocks', async () => await signed({ ...claimsOf(TID), exp: seconds(-30) }, key)],
  ['with other roles beside', async () => await signed({ ...claimsOf(TID), roles: ['x', 'threat_state.read'] }, key)],
  ['for the second of our audiences', async () => await signed({ ...claimsOf(TID), aud: CLIENT_ID }, key), { audiences: [AUDIENCE, CLIENT_ID] }],
  ['of an app on the list', async () => await signed(claimsOf(TID), key), { allowedClients: [randomUUID(), CLIENT_ID] }],
  ['of an app on the list for this tenant', async () => await signed(claimsOf(TID), key), { allowedClients: [`${TID}/${CLIENT_ID}`] }]
]
for (const [name, token, more] of good) {
  t.test(`a token counts ${name}`, async (t) => {
    t.match(await verifyCaller(setUp(more).deps, await token()), { tenantId: TENANT })
  })
}

/** The header or claims of a signed token replaced, its signature kept. */
function forged (token: string, part: 0 | 1, content: object): string {
  const parts = token.split('.')
  parts[part] = Buffer.from(JSON.stringify(content)).toString('base64url')
  return parts.join('.')
}
const without = (name: string): Record<string, unknown> => Object.fromEntries(Object.entries(claimsOf(TID)).filter(([claim]) => claim !== name))
const hmac = (header: object, claims: object, secret: string): string => {
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

const bad: Array<[name: string, token: () => Promise<string>, code: string]> = [
  ['that is nothing', async () => 'x', 'INVALID-TOKEN'],
  ['of two parts', async () => 'e30.e30', 'INVALID-TOKEN'],
  ['that is encrypted', async () => 'e30.e30.e30.e30.e30', 'INVALID-TOKEN'],
  ['that is not signed (alg none)', async () => new UnsecuredJWT(claimsOf(TID)).encode(), 'INVALID-TOKEN'],
  ['with alg none in a signed token\'s header', async () => forged(await signed(claimsOf(TID), key), 0, { alg: 'none', kid: key.kid }), 'INVALID-TOKEN'],
  ['signed with our public key as a secret (HS256)', async () => hmac({ alg: 'HS256', kid: key.kid }, claimsOf(TID), await exportSPKI(await importJWK(key.jwk, 'RS256') as never)), 'INVALID-TOKEN'],
  ['signed with the public key as a secret, saying RS256', async () => hmac({ alg: 'RS256', kid: key.kid }, claimsOf(TID), JSON.stringify(key.jwk)), 'INVALID-TOKEN'],
  ['signed with PS256 by the right key', async () => await new SignJWT(claimsOf(TID)).setProtectedHeader({ alg: 'PS256', kid: key.kid }).sign(await importJWK(await exportJWK(key.privateKey), 'PS256')), 'INVALID-TOKEN'],
  ['signed with RS384', async () => { const pair = await generateKeyPair('RS384'); return await new SignJWT(claimsOf(TID)).setProtectedHeader({ alg: 'RS384', kid: key.kid }).sign(pair.privateKey) }, 'INVALID-TOKEN'],
  ['that names no key', async () => await signed(claimsOf(TID), key, { kid: undefined }), 'INVALID-TOKEN'],
  ['whose key id is a number', async () => forged(await signed(claimsOf(TID), key), 0, { alg: 'RS256', kid: 7 }), 'INVALID-TOKEN'],
  ['with a header that must be understood (crit)', async () => forged(await signed(claimsOf(TID), key), 0, { alg: 'RS256', kid: key.kid, crit: ['b64'], b64: false }), 'INVALID-TOKEN'],
  ['that brings its own key (jwk)', async () => await signed(claimsOf(TID), unpublished, { jwk: unpublished.jwk }), 'INVALID-TOKEN'],
  ['of a key that Entra does not publish', async () => await signed(claimsOf(TID), unpublished), 'INVALID-TOKEN'],
  ['of another key under the name of a published one', async () => await signed(claimsOf(TID), unpublished, { kid: key.kid }), 'INVALID-TOKEN'],
  ['of a key that is for private accounts', async () => await signed(claimsOf(TID), ofPrivateAccounts), 'INVALID-TOKEN'],
  ['whose claims were changed', async () => forged(await signed({ ...claimsOf(TID), roles: [] }, key), 1, claimsOf(TID)), 'INVALID-TOKEN'],
  ['without a signature', async () => (await signed(claimsOf(TID), key)).replace(/[^.]*$/, ''), 'INVALID-TOKEN'],
  ['that is huge', async () => await signed({ ...claimsOf(TID), filler: 'x'.repeat(20_000) }, key), 'INVALID-TOKEN'],
  ['of a tenant that is no customer', async () => await signed(claimsOf(STRANGE_TID), key), 'INVALID-TOKEN'],
  ['whose tid is not the issuer\'s', async () => await signed({ ...claimsOf(TID), iss: issuerOf(OTHER_TID, '2.0') }, key), 'INVALID-TOKEN'],
  ['whose issuer is not the tid\'s', async () => await signed({ ...claimsOf(OTHER_TID), tid: TID }, key), 'INVALID-TOKEN'],
  ['of version 2 from the issuer of version 1', async () => await signed({ ...claimsOf(TID), iss: issuerOf(TID, '1.0') }, key), 'INVALID-TOKEN'],
  ['of version 1 from the issuer of version 2', async () => await signed({ ...claimsOf(TID, '1.0'), iss: issuerOf(TID, '2.0') }, key), 'INVALID-TOKEN'],
  ['from an issuer that stands for all tenants', async () => await signed({ ...claimsOf(TID), iss: issuerOf('{tenantid}', '2.0') }, key), 'INVALID-TOKEN'],
  ['from an issuer with something after it', async () => await signed({ ...claimsOf(TID), iss: `${issuerOf(TID, '2.0')}/` }, key), 'INVALID-TOKEN'],
  ['whose tid is a name', async () => await signed({ ...claimsOf(TID), tid: 'contoso.onmicrosoft.com' }, key), 'INVALID-TOKEN'],
  ['whose tid leads elsewhere', async () => await signed({ ...claimsOf(TID), tid: '../common' }, key), 'INVALID-TOKEN'],
  ['whose tid is in capitals', async () => await signed({ ...claimsOf(TID), tid: TID.toUpperCase() }, key), 'INVALID-TOKEN'],
  ['of no version', async () => await signed(without('ver'), key), 'INVALID-TOKEN'],
  ['of version 3', async () => await signed({ ...claimsOf(TID), ver: '3.0' }, key), 'INVALID-TOKEN'],
  ['for Graph', async () => await signed({ ...claimsOf(TID), aud: 'https://graph.microsoft.com' }, key), 'INVALID-TOKEN'],
  ['for Intune', async () => await signed({ ...claimsOf(TID), aud: 'https://api.manage.microsoft.com/' }, key), 'INVALID-TOKEN'],
  ['for our audience with a slash', async () => await signed({ ...claimsOf(TID), aud: `${AUDIENCE}/` }, key), 'INVALID-TOKEN'],
  ['for our audience in capitals', async () => await signed({ ...claimsOf(TID), aud: AUDIENCE.toUpperCase() }, key), 'INVALID-TOKEN'],
  ['for several audiences', async () => await signed({ ...claimsOf(TID), aud: [AUDIENCE, 'https://graph.microsoft.com'] }, key), 'INVALID-TOKEN'],
  ['for nobody', async () => await signed(without('aud'), key), 'INVALID-TOKEN'],
  ['that has expired', async () => await signed({ ...claimsOf(TID), exp: seconds(-90) }, key), 'EXPIRED-TOKEN'],
  ['that never expires', async () => await signed(without('exp'), key), 'INVALID-TOKEN'],
  ['that expires in words', async () => await signed({ ...claimsOf(TID), exp: 'never' }, key), 'INVALID-TOKEN'],
  ['that is not yet good', async () => await signed({ ...claimsOf(TID), nbf: seconds(90) }, key), 'INVALID-TOKEN'],
  ['that does not say since when it is good', async () => await signed(without('nbf'), key), 'INVALID-TOKEN'],
  ['without an object id', async () => await signed(without('oid'), key), 'INVALID-TOKEN'],
  ['without a client', async () => await signed(without('azp'), key), 'INVALID-TOKEN'],
  ['of version 2 that names its client as version 1 does', async () => await signed({ ...without('azp'), appid: CLIENT_ID }, key), 'INVALID-TOKEN'],
  ['of a user', async () => await signed({ ...claimsOf(TID), idtyp: 'user' }, key), 'FORBIDDEN'],
  ['that an app has on behalf of a user', async () => await signed({ ...withoutType, scp: 'threat_state.read' }, key), 'FORBIDDEN'],
  ['with a user\'s consent and a role', async () => await signed({ ...claimsOf(TID), scp: '' }, key), 'FORBIDDEN'],
  ['without roles', async () => await signed(without('roles'), key), 'FORBIDDEN'],
  ['without our role', async () => await signed({ ...claimsOf(TID), roles: ['threat_state.read.all'] }, key), 'FORBIDDEN'],
  ['with the role as a text', async () => await signed({ ...claimsOf(TID), roles: 'threat_state.read' }, key), 'FORBIDDEN']
]
for (const [name, token, code] of bad) {
  t.test(`a token does not count ${name}`, async (t) => {
    await t.rejects(verifyCaller(setUp().deps, await token()), { code })
  })
}

t.test('only apps on the list may call, where there is one', async (t) => {
  const token = await signed(claimsOf(TID), key)
  for (const allowedClients of [[randomUUID()], [`${OTHER_TID}/${CLIENT_ID}`], [`${TID}/${randomUUID()}`]]) {
    await t.rejects(verifyCaller(setUp({ allowedClients }).deps, token), { code: 'FORBIDDEN' })
  }
})

t.test('a stranger is told the same whatever is wrong with his token, and makes us ask Entra nothing', async (t) => {
  const { deps, entra } = setUp()
  const messages = new Set<string>()
  for (const token of [await signed(claimsOf(STRANGE_TID), unpublished), 'x', await signed(claimsOf(STRANGE_TID), key)]) {
    messages.add(await verifyCaller(deps, token).then(() => 'counts', (error: Error) => error.message))
  }
  t.strictSame([...messages], ['The access token is not valid.'])
  t.strictSame(entra.asked, [])
  t.equal(await verifyCaller(deps, await signed(claimsOf(TID), unpublished)).catch((error: Error) => error.message), 'The access token is not valid.')
})

t.test('keys are asked for once, then after a day', async (t) => {
  const { deps, entra, pass } = setUp()
  const token = await signed(claimsOf(TID), key)
  await Promise.all(Array.from({ length: 10 }, async () => await verifyCaller(deps, token)))
  t.equal(entra.asked.length, 2, 'metadata and keys, for all ten')
  pass(23 * 3_600_000)
  await verifyCaller(deps, token)
  t.equal(entra.asked.length, 2)
  pass(3_600_000)
  await verifyCaller(deps, token)
  t.equal(entra.asked.length, 4)
})

t.test('a key that Entra begins to sign with counts at once, and one that it withdraws no longer than a day', async (t) => {
  const { deps, entra, pass } = setUp()
  const [before, after] = [await signed(claimsOf(TID), key), await signed(claimsOf(TID), unpublished)]
  await verifyCaller(deps, before)
  entra.publish(unpublished)
  pass(61_000)
  await verifyCaller(deps, after)
  await t.rejects(verifyCaller(deps, before), { code: 'INVALID-TOKEN' }, 'what was fetched has it no more')
})

t.test('tokens with made-up key ids make us ask Entra once a minute at most', async (t) => {
  const { deps, entra, pass } = setUp()
  await verifyCaller(deps, await signed(claimsOf(TID), key))
  const guess = async (): Promise<void> => { await t.rejects(verifyCaller(deps, await signed(claimsOf(TID), key, { kid: randomUUID() })), { code: 'INVALID-TOKEN' }) }
  for (let n = 0; n < 5; n++) await guess()
  t.equal(entra.asked.length, 2)
  pass(61_000)
  for (let n = 0; n < 5; n++) await guess()
  t.equal(entra.asked.length, 4)
  await verifyCaller(deps, await signed(claimsOf(TID), key))
})

t.test('while Entra does not answer known keys go on counting, for days; unknown tenants must wait', async (t) => {
  const { deps, entra, pass } = setUp()
  const [known, unknown] = [await signed(claimsOf(TID), key), await signed(claimsOf(OTHER_TID), key)]
  await verifyCaller(deps, known)
  entra.isDown = true
  pass(25 * 3_600_000)
  await verifyCaller(deps, known)
  await t.rejects(verifyCaller(deps, unknown), { code: 'ENTRA-KEYS-UNAVAILABLE', statusCode: 503 })
  const { length } = entra.asked
  await t.rejects(verifyCaller(deps, unknown), { code: 'ENTRA-KEYS-UNAVAILABLE' })
  t.equal(entra.asked.length, length, 'Entra is left alone for a moment')
  entra.isDown = false
  pass(6_000)
  await verifyCaller(deps, unknown)
  entra.isDown = true
  pass(4 * 24 * 3_600_000)
  await t.rejects(verifyCaller(deps, known), { code: 'ENTRA-KEYS-UNAVAILABLE' }, 'not for ever')
})

t.test('metadata that is not the tenant\'s own is not believed', async (t) => {
  const token = await signed(claimsOf(TID), key)
  for (const [name, metadata] of Object.entries({
    'another tenant': { issuer: issuerOf(OTHER_TID, '2.0'), jwks_uri: `${AUTHORITY}/keys` },
    'a foreign host': { issuer: issuerOf(TID, '2.0'), jwks_uri: 'https://elsewhere.test/keys' },
    'without TLS': { issuer: issuerOf(TID, '2.0'), jwks_uri: AUTHORITY.replace('https', 'http') },
    'no metadata': { error: 'invalid_tenant' }
  })) {
    const { deps, entra } = setUp()
    entra.metadata = () => metadata
    await t.rejects(verifyCaller(deps, token), { code: 'ENTRA-KEYS-UNAVAILABLE' }, name)
  }
})
