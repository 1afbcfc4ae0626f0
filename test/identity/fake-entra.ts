import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { MockAgent } from 'undici'

export const AUTHORITY = 'https://login.test'
export const AUDIENCE = 'api://sallyport.test'
export const CLIENT_ID = '0f9c7d66-6c0e-4c42-8e10-1f6a1d5b7a01'
export const OBJECT_ID = '0f9c7d66-6c0e-4c42-8e10-1f6a1d5b7a02'

export interface SigningKey { readonly kid: string, readonly privateKey: CryptoKey, readonly jwk: JWK }

export async function makeSigningKey (): Promise<SigningKey> {
  const kid = randomUUID()
  const { privateKey, publicKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
  return { kid, privateKey, jwk: { ...await exportJWK(publicKey), kid, use: 'sig' } }
}

export const issuerOf = (tid: string, version: '1.0' | '2.0'): string => version === '2.0' ? `${AUTHORITY}/${tid}/v2.0` : `https://sts.test/${tid}/`

/** Claims of a token that counts. */
export function claimsOf (tid: string, version: '1.0' | '2.0' = '2.0'): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000)
  return {
    aud: AUDIENCE, iss: issuerOf(tid, version), tid, ver: version, oid: OBJECT_ID, sub: OBJECT_ID, idtyp: 'app', roles: ['threat_state.read'],
    iat: now - 10, nbf: now - 10, exp: now + 3_600, ...(version === '2.0' ? { azp: CLIENT_ID, azpacr: '1' } : { appid: CLIENT_ID, appidacr: '1' })
  }
}

export const signed = async (claims: Record<string, unknown>, { kid, privateKey }: SigningKey, header: Record<string, unknown> = {}): Promise<string> =>
  await new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid, ...header }).sign(privateKey)

/** The documents that Entra publishes for every tenant, of which tests change what they like. */
export class FakeEntra {
  readonly agent = new MockAgent()
  /** What was asked for. */
  readonly asked: string[] = []
  /** The keys of each version; the members of each as published. */
  keys: Record<'1.0' | '2.0', Array<Record<string, unknown>>> = { '1.0': [], '2.0': [] }
  isDown = false
  metadata: (tid: string, version: '1.0' | '2.0') => Record<string, unknown> = (tid, version) => ({ issuer: issuerOf(tid, version), jwks_uri: `${AUTHORITY}/${tid}/discovery/${version === '2.0' ? 'v2.0/' : ''}keys` })

  constructor () {
    this.agent.disableNetConnect()
    this.agent.get(AUTHORITY).intercept({ path: () => true, method: 'GET' }).reply((request) => this.#answer(String(request.path))).persist()
  }

  /** Publishes these keys, for every tenant, as Entra does. */
  publish (...keys: readonly SigningKey[]): void {
    this.keys = {
      '1.0': keys.map(({ jwk }) => ({ ...jwk, issuer: 'https://sts.test/{tenantid}/' })),
      '2.0': keys.map(({ jwk }) => ({ ...jwk, issuer: `${AUTHORITY}/{tenantid}/v2.0` }))
    }
  }

  #answer (path: string): { statusCode: number, data: string } {
    this.asked.push(path)
    if (this.isDown) return { statusCode: 503, data: '{}' }
    const [, tid = '', rest = ''] = /^\/([^/]+)\/(.*)$/.exec(path) ?? []
    const version = rest.includes('v2.0') ? '2.0' : '1.0'
    const body = rest.includes('openid-configuration') ? this.metadata(tid, version) : { keys: this.keys[version] }
    return { statusCode: 200, data: JSON.stringify(body) }
  }
}
