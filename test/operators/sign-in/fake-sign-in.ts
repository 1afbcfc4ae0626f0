import { randomUUID } from 'node:crypto'
import { ProviderKeysUnavailableError } from '../../../src/errors.js'
import { createIssuerKeys } from '../../../src/identity/issuer-keys.js'
import { createTenantLookup } from '../../../src/identity/tenant-lookup.js'
import { hasGrantsFrom } from '../../../src/operators/grants.js'
import { DEFAULT_ROLE_MAP } from '../../../src/operators/sign-in/role-map.js'
import { createEntraProvider, type EntraProviderOptions } from '../../../src/operators/sign-in/token-provider.js'
import type { VerifyOperatorDeps } from '../../../src/operators/sign-in/verify-operator.js'
import type { Database } from '../../../src/platform/database.js'
import { AUTHORITY, FakeEntra, issuerOf, makeSigningKey, signed, type SigningKey } from '../../identity/fake-entra.js'
import { silentLog } from '../../helpers/log.js'

/** The client id of the app that stands for our API. */
export const API = '7d1f7a8e-4c0e-4f0a-9d3e-0a0a0a0a0a01'
/** The app that people sign in with. */
export const CONSOLE = '7d1f7a8e-4c0e-4f0a-9d3e-0a0a0a0a0a02'

/** Claims of a person's access token that counts, as Entra writes them. */
export function personClaims (tid: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000)
  const oid = randomUUID()
  return {
    aud: API, iss: issuerOf(tid, '2.0'), iat: now - 10, nbf: now - 10, exp: now + 3_600, azp: CONSOLE, azpacr: '0', name: 'Ann Example', oid, preferred_username: 'ann@example.com',
    scp: 'access_as_user', sub: randomUUID(), tid, uti: randomUUID(), ver: '2.0', ...more
  }
}

/** Claims of an app's own access token. */
export function appClaims (tid: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const { scp: _, name: __, preferred_username: ___, ...claims } = personClaims(tid)
  return { ...claims, idtyp: 'app', azpacr: '1', sub: claims.oid, ...more }
}

export interface FakeSignIn {
  readonly entra: FakeEntra
  readonly key: SigningKey
  /** A key that Entra does not publish. */
  readonly unpublished: SigningKey
  readonly deps: (db: Database) => VerifyOperatorDeps
  sign (claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
  /** Lets time pass for the keys. */
  pass (ms: number): void
}

/** An Entra of the test's own, and all that is between its tokens and the database. */
export async function fakeSignIn ({ homeTenants = [], only }: Partial<Pick<EntraProviderOptions, 'homeTenants' | 'only'>> = {}): Promise<FakeSignIn> {
  const entra = new FakeEntra()
  const [key, unpublished] = await Promise.all([makeSigningKey(), makeSigningKey()])
  entra.publish(key)
  let now = Date.now()
  return {
    entra,
    key,
    unpublished,
    sign: async (claims, header) => await signed(claims, key, header),
    pass: (ms) => { now += ms },
    deps: (db) => ({
      db,
      keys: createIssuerKeys({ agent: entra.agent, log: silentLog, unavailable: () => new ProviderKeysUnavailableError(), now: () => now }),
      provider: createEntraProvider({
        authorityHost: AUTHORITY,
        homeTenants,
        only,
        scope: 'access_as_user',
        findTenantId: createTenantLookup({ db }),
        isGuest: async (tid) => await hasGrantsFrom(db, tid)
      }),
      audiences: [API],
      allowedClients: [],
      roleMap: DEFAULT_ROLE_MAP,
      rolesClaims: ['roles'],
      groupsClaims: ['groups']
    })
  }
}

export const entraTenantOf = async (db: Database, tenantId: string): Promise<string> =>
  (await db.selectFrom('tenant').select('entra_tenant_id').where('id', '=', tenantId).executeTakeFirstOrThrow()).entra_tenant_id
