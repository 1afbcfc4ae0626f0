import { randomUUID } from 'node:crypto'
import t from 'tap'
import { MockAgent } from 'undici'
import { ProviderKeysUnavailableError } from '../../src/errors.js'
import { entraPlace } from '../../src/identity/entra-keys.js'
import { createIssuerKeys, type IssuerKeys } from '../../src/identity/issuer-keys.js'
import { silentLog } from '../helpers/log.js'
import { AUTHORITY, issuerOf, makeSigningKey } from './fake-entra.js'

const TID = randomUUID()
const place = entraPlace(AUTHORITY, TID, '2.0')
const key = await makeSigningKey()
const published = { ...key.jwk, issuer: `${AUTHORITY}/{tenantid}/v2.0` }
const DAY_MS = 24 * 3_600_000

/** A provider that answers with these lists of keys, one after the other, and from then on not in time. */
function setUp (...lists: ReadonlyArray<readonly object[]>): { keys: IssuerKeys, find: () => Promise<boolean>, pass: (ms: number) => void } {
  const agent = new MockAgent()
  agent.disableNetConnect()
  const host = agent.get(AUTHORITY)
  const metadata = JSON.stringify({ issuer: issuerOf(TID, '2.0'), jwks_uri: `${AUTHORITY}/keys` })
  for (const keys of lists) {
    host.intercept({ path: /openid-configuration/ }).reply(200, metadata)
    host.intercept({ path: '/keys' }).reply(200, JSON.stringify({ keys }))
  }
  host.intercept({ path: /openid-configuration/ }).reply(200, metadata).delay(60_000).persist()
  let now = Date.now()
  const keys = createIssuerKeys({ agent, log: silentLog, unavailable: () => new ProviderKeysUnavailableError(), now: () => now, patienceMs: 20 })
  return { keys, find: async () => (await keys.find({ place, keyId: key.kid, algorithm: 'RS256' })).key !== undefined, pass: (ms) => { now += ms } }
}

t.test('a provider that has become slow holds nobody up whose key is known', async (t) => {
  const { find, pass } = setUp([published])
  t.ok(await find())
  pass(DAY_MS)
  const startedAt = performance.now()
  t.strictSame(await Promise.all(Array.from({ length: 5 }, find)), Array.from({ length: 5 }, () => true))
  t.ok(performance.now() - startedAt < 4_000, 'before the provider would have been given up')
})

t.test('a provider that says it has no keys at all is not believed', async (t) => {
  const { find, pass } = setUp([published], [])
  t.ok(await find())
  pass(DAY_MS)
  t.ok(await find(), 'what was known goes on')
})

t.test('a key is none when another of its name is for somebody else, or a secret between two', async (t) => {
  const consumer = { ...(await makeSigningKey()).jwk, kid: key.kid, issuer: `${AUTHORITY}/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0` }
  const secret = { kty: 'oct', kid: key.kid, k: 'c2VjcmV0' }
  for (const other of [consumer, secret]) {
    t.notOk(await setUp([published, other]).find())
    t.notOk(await setUp([other, published]).find())
  }
  t.ok(await setUp([{ ...published, kid: 'another' }, published]).find())
})
