import { generateKeyPair, type KeyObject, randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { createLocalJWKSet, exportJWK, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Client, Tenant } from './tenant.js'
import { GRAPH_APP_ID, INTUNE_API_APP_ID } from './vocabulary.js'

/** Which API a token is for. */
export type Api = 'graph' | 'intune'

export interface AccessToken {
  readonly api: Api
  readonly tenantId: string
  readonly clientId: string
  readonly roles: readonly string[]
  readonly tokenId: string
  readonly expiresAtMs: number
}

const LIFETIME_SECONDS = 3599
const MAX_CACHED = 5000

/** Audiences under which an API accepts tokens: its identifier URIs and its app id. */
const AUDIENCES: Readonly<Record<Api, readonly string[]>> = {
  graph: ['https://graph.microsoft.com', 'https://graph.microsoft.com/', 'https://graph.microsoft.us', 'https://graph.microsoft.us/', GRAPH_APP_ID],
  intune: ['https://api.manage.microsoft.com/', 'https://api.manage.microsoft.com', 'https://api.manage.microsoft.us/', 'https://api.manage.microsoft.us', INTUNE_API_APP_ID]
}

/** The API a resource identifier names. A Graph of this simulator's own address counts as Graph, as in a cloud of its own. */
export function apiOfResource (resource: string, ownOrigins: readonly string[]): Api | undefined {
  if (AUDIENCES.graph.includes(resource) || ownOrigins.includes(resource.replace(/\/$/, ''))) return 'graph'
  return AUDIENCES.intune.includes(resource) ? 'intune' : undefined
}

/** Issues and checks this Entra's access tokens (RS256). */
export class TokenAuthority {
  readonly publicKeys: readonly JWK[]
  readonly #privateKey: KeyObject
  readonly #keyId: string
  readonly #findKey: ReturnType<typeof createLocalJWKSet>
  /** Tokens whose signature was checked before: a client sends the same one thousands of times. */
  readonly #verified = new Map<string, AccessToken>()

  static async create (): Promise<TokenAuthority> {
    const keys = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
    const keyId = randomUUID()
    return new TokenAuthority(keys.privateKey, keyId, [{ ...await exportJWK(keys.publicKey), kid: keyId, x5t: keyId, use: 'sig' }])
  }

  private constructor (privateKey: KeyObject, keyId: string, publicKeys: readonly JWK[]) {
    this.#privateKey = privateKey
    this.#keyId = keyId
    this.publicKeys = publicKeys
    this.#findKey = createLocalJWKSet({ keys: [...publicKeys] })
  }

  /** A version 1 token, as both Graph and the Intune API get. `appidacr`: 1 secret, 2 certificate. */
  async issue (tenant: Tenant, client: Client, api: Api, audience: string, credential: '1' | '2'): Promise<{ token: string, expiresInSeconds: number }> {
    const nowSeconds = Math.floor(Date.now() / 1000)
    const token = await new SignJWT({
      appid: client.clientId,
      app_displayname: client.displayName,
      appidacr: credential,
      idp: `https://sts.windows.net/${tenant.id}/`,
      idtyp: 'app',
      oid: client.objectId,
      sub: client.objectId,
      tid: tenant.id,
      roles: client.roles[api],
      ver: '1.0'
    })
      .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: this.#keyId, x5t: this.#keyId })
      .setIssuer(`https://sts.windows.net/${tenant.id}/`)
      .setAudience(audience)
      .setJti(randomUUID())
      .setIssuedAt(nowSeconds)
      .setNotBefore(nowSeconds - 300)
      .setExpirationTime(nowSeconds + LIFETIME_SECONDS)
      .sign(this.#privateKey)
    return { token, expiresInSeconds: LIFETIME_SECONDS }
  }

  /** @returns undefined unless this authority signed it, it is in time, and it is for one of the two APIs. */
  async verify (token: string, ownOrigins: readonly string[]): Promise<AccessToken | undefined> {
    const known = this.#verified.get(token)
    if (known !== undefined) return known.expiresAtMs > Date.now() ? known : undefined
    let payload: JWTPayload
    try {
      ({ payload } = await jwtVerify(token, this.#findKey, { algorithms: ['RS256'] }))
    } catch {
      return undefined
    }
    const api = typeof payload.aud === 'string' ? apiOfResource(payload.aud, ownOrigins) : undefined
    if (api === undefined || payload.exp === undefined) return undefined
    const verified: AccessToken = {
      api,
      tenantId: String(payload.tid),
      clientId: String(payload.appid),
      roles: Array.isArray(payload.roles) ? payload.roles : [],
      tokenId: String(payload.jti),
      expiresAtMs: payload.exp * 1000
    }
    if (this.#verified.size >= MAX_CACHED) this.#verified.clear()
    this.#verified.set(token, verified)
    return verified
  }
}
