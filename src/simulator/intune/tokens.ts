import { generateKeyPair, type KeyObject, randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { createLocalJWKSet, exportJWK, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Application } from './application.js'
import type { Client, Tenant } from './tenant.js'
import { GRAPH_APP_ID, INTUNE_API_APP_ID } from './vocabulary.js'

/** Which API a token is for: Microsoft's two, or one that somebody registered. */
export type Api = 'graph' | 'intune' | 'other'

export interface AccessToken {
  readonly api: Api
  readonly tenantId: string
  readonly clientId: string
  readonly roles: readonly string[]
  readonly tokenId: string
  readonly expiresAtMs: number
}

const MAX_CACHED = 5000

/** Audiences under which an API accepts tokens: its identifier URIs and its app id. */
const AUDIENCES: Readonly<Record<'graph' | 'intune', readonly string[]>> = {
  graph: ['https://graph.microsoft.com', 'https://graph.microsoft.com/', 'https://graph.microsoft.us', 'https://graph.microsoft.us/', GRAPH_APP_ID],
  intune: ['https://api.manage.microsoft.com/', 'https://api.manage.microsoft.com', 'https://api.manage.microsoft.us/', 'https://api.manage.microsoft.us', INTUNE_API_APP_ID]
}

/** The API a resource identifier names. A Graph of this simulator's own address counts as Graph, as in a cloud of its own. */
export function apiOfResource (resource: string, ownOrigins: readonly string[]): 'graph' | 'intune' | undefined {
  if (AUDIENCES.graph.includes(resource) || ownOrigins.includes(resource.replace(/\/$/, ''))) return 'graph'
  return AUDIENCES.intune.includes(resource) ? 'intune' : undefined
}

/** What a token is asked for. */
export type Resource =
  | { readonly api: 'graph' | 'intune', readonly audience: string }
  | { readonly api: 'other', readonly audience: string, readonly application: Application }

export interface IssueOptions {
  readonly tenant: Tenant
  readonly client: Client
  readonly resource: Resource
  /** How the client proved who it is: 1 secret, 2 certificate or another's token. */
  readonly credential: '1' | '2'
  /** Of the issuer of version 2 tokens. */
  readonly issuerOrigin: string
  /** How far this Entra's clock is ahead of the real one. */
  readonly skewSeconds: number
}

interface SigningKey {
  readonly id: string
  readonly privateKey: KeyObject
  readonly publicJwk: JWK
}

/** Issues and checks this Entra's access tokens (RS256). */
export class TokenAuthority {
  /** The last one signs; all are published. */
  #keys: readonly [SigningKey, ...SigningKey[]]
  #findKey: ReturnType<typeof createLocalJWKSet>
  /** Tokens whose signature was checked before: a client sends the same one thousands of times. */
  readonly #verified = new Map<string, AccessToken>()

  static async create (): Promise<TokenAuthority> {
    return new TokenAuthority(await createKey())
  }

  private constructor (key: SigningKey) {
    this.#keys = [key]
    this.#findKey = createLocalJWKSet({ keys: [key.publicJwk] })
  }

  get publicKeys (): readonly JWK[] {
    return this.#keys.map(({ publicJwk }) => publicJwk)
  }

  get signingKeyId (): string {
    return this.#signingKey.id
  }

  get #signingKey (): SigningKey {
    return this.#keys[this.#keys.length - 1]!
  }

  /** A new key signs from now on. The old ones stay published, or are retired at once. */
  async rotate ({ retireOld }: { retireOld: boolean }): Promise<void> {
    const key = await createKey()
    this.#keys = retireOld ? [key] : [...this.#keys, key]
    this.#findKey = createLocalJWKSet({ keys: [...this.publicKeys] })
    if (retireOld) this.#verified.clear()
  }

  /**
   * An app-only token. Graph, the Intune API and APIs that do not say otherwise get version 1;
   * APIs that accept version 2 get that, with their client id as audience.
   */
  async issue ({ tenant, client, resource, credential, issuerOrigin, skewSeconds }: IssueOptions): Promise<{ token: string, expiresInSeconds: number }> {
    const nowSeconds = Math.floor(Date.now() / 1000) + skewSeconds
    const own = resource.api === 'other' ? resource.application.api : undefined
    const isVersion2 = own?.tokenVersion === 2
    const issuer = isVersion2 ? `${issuerOrigin}/${tenant.id}/v2.0` : `https://sts.windows.net/${tenant.id}/`
    const roles = resource.api === 'other' ? client.roles.apis[resource.application.clientId] ?? [] : client.roles[resource.api]
    const { id, privateKey } = this.#signingKey
    const token = await new SignJWT({
      ...(isVersion2
        ? { azp: client.clientId, azpacr: credential }
        : { appid: client.clientId, app_displayname: client.displayName, appidacr: credential, idp: `https://sts.windows.net/${tenant.id}/` }),
      ...(own?.idtyp === false ? {} : { idtyp: 'app' }),
      oid: client.objectId,
      sub: client.objectId,
      tid: tenant.id,
      ...(roles.length === 0 ? {} : { roles }),
      uti: randomUUID(),
      ver: isVersion2 ? '2.0' : '1.0'
    })
      .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: id, ...(isVersion2 ? {} : { x5t: id }) })
      .setIssuer(issuer)
      .setAudience(isVersion2 && resource.api === 'other' ? resource.application.clientId : resource.audience)
      .setJti(randomUUID())
      .setIssuedAt(nowSeconds)
      .setNotBefore(nowSeconds - NOT_BEFORE_LEEWAY_SECONDS)
      .setExpirationTime(nowSeconds + tenant.tokenLifetimeSeconds)
      .sign(privateKey)
    return { token, expiresInSeconds: tenant.tokenLifetimeSeconds }
  }

  /** @returns undefined unless this authority signed it with a key it still has, and it is in time. */
  async verify (token: string, ownOrigins: readonly string[]): Promise<AccessToken | undefined> {
    const known = this.#verified.get(token)
    if (known !== undefined) return known.expiresAtMs > Date.now() ? known : undefined
    let payload: JWTPayload
    try {
      ({ payload } = await jwtVerify(token, this.#findKey, { algorithms: ['RS256'] }))
    } catch {
      return undefined
    }
    if (payload.exp === undefined) return undefined
    const verified: AccessToken = {
      api: (typeof payload.aud === 'string' ? apiOfResource(payload.aud, ownOrigins) : undefined) ?? 'other',
      tenantId: String(payload.tid),
      clientId: String(payload.appid ?? payload.azp),
      roles: Array.isArray(payload.roles) ? payload.roles : [],
      tokenId: String(payload.jti),
      expiresAtMs: payload.exp * 1000
    }
    if (this.#verified.size >= MAX_CACHED) this.#verified.clear()
    this.#verified.set(token, verified)
    return verified
  }
}

/** Microsoft's tokens are good from five minutes before they were made. */
const NOT_BEFORE_LEEWAY_SECONDS = 300

async function createKey (): Promise<SigningKey> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const id = randomUUID()
  return { id, privateKey, publicJwk: { ...await exportJWK(publicKey), kid: id, x5t: id, use: 'sig' } }
}
