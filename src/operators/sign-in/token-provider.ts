import type { JWTPayload } from 'jose'
import { ENTRA_ALGORITHM, entraPlace } from '../../identity/entra-keys.js'
import type { IssuerPlace } from '../../identity/issuer-keys.js'
import { GUID, guidOf, RefusedToken } from '../../identity/verify-token.js'
import type { Origin } from './role-map.js'

/** Where a token says that it comes from. */
export interface TokenOrigin extends Origin {
  readonly place: IssuerPlace
  /** Entra tenant, or issuer of another provider. */
  readonly directory: string
}

export interface TokenAccount {
  readonly kind: 'user' | 'app'
  readonly subject: string
  readonly clientId: string | null
}

/** How tokens of one kind of provider are to be read. */
export interface TokenProvider {
  readonly algorithms: readonly string[]
  readonly requiredClaims: readonly string[]
  /** A token may be meant for others beside us. */
  readonly allowsOtherAudiences: boolean
  /** Whose token it says it is; those of strangers make us ask nobody. @throws RefusedToken */
  originOf (claims: JWTPayload): Promise<TokenOrigin>
  /** Who it is, by a token that was verified. @throws RefusedToken for what is no access token */
  accountOf (payload: JWTPayload, type: string | undefined): TokenAccount
}

export interface EntraProviderOptions {
  readonly authorityHost: string
  /** Entra tenants of those who run this installation. */
  readonly homeTenants: readonly string[]
  /** Nobody else may sign in. */
  readonly only?: string | undefined
  /** Users' tokens must have it (`scp`). */
  readonly scope: string
  findTenantId (entraTenantId: string): Promise<string | undefined>
  /** Whether anybody of that Entra tenant was let in. */
  isGuest (entraTenantId: string): Promise<boolean>
}

/** Entra, version 2 tokens, of as many tenants as are known here: customers', our own, and those with grants. */
export function createEntraProvider ({ authorityHost, homeTenants, only, scope, findTenantId, isGuest }: EntraProviderOptions): TokenProvider {
  return {
    algorithms: [ENTRA_ALGORITHM],
    requiredClaims: ['exp', 'iat', 'nbf', 'tid', 'oid'],
    allowsOtherAudiences: false,

    async originOf ({ tid, ver }) {
      if (typeof tid !== 'string' || !GUID.test(tid)) throw new RefusedToken('tid is no GUID')
      if (ver !== '2.0') throw new RefusedToken('not of version 2.0')
      if (only !== undefined && tid !== only) throw new RefusedToken('of another tenant than the only one')
      const isHome = homeTenants.includes(tid)
      const ownTenantId = await findTenantId(tid)
      // Before its keys are asked for: strangers must not make us ask about any tenant they like.
      if (!isHome && ownTenantId === undefined && !await isGuest(tid)) throw new RefusedToken('of a tenant that nobody let in')
      return { place: entraPlace(authorityHost, tid, '2.0'), directory: tid, isHome, ownTenantId }
    },

    accountOf (payload) {
      const subject = guidOf(payload, 'oid')
      // An ID token names no client. It is for the app that signed somebody in, and must not work as a key.
      const clientId = guidOf(payload, 'azp')
      if (payload.scp === undefined) {
        if (payload.idtyp !== undefined && payload.idtyp !== 'app') throw new RefusedToken('of a user, without a scope')
        return { kind: 'app', subject, clientId }
      }
      if (payload.idtyp === 'app') throw new RefusedToken('of an app, with a scope')
      requireScope(payload.scp, scope)
      return { kind: 'user', subject, clientId }
    }
  }
}

/** OpenID Connect Core, section 2: at most 255 characters of ASCII. */
const ID = /^[\x20-\x7e]{1,255}$/

export interface IssuerProviderOptions {
  readonly issuer: string
  readonly algorithms: readonly string[]
  /** Tokens must have it (`scope` or `scp`), where one is named. */
  readonly scope: string | undefined
}

/** Where such a provider describes itself. Its keys may be on another host: the administrator named the provider, and TLS says that it is the one. */
export function issuerPlace (issuer: string): IssuerPlace {
  return {
    metadataUrl: `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    issuerOf: (named) => named,
    isOurs: (named) => named === issuer,
    keysHost: undefined
  }
}

/** Any other provider of OpenID Connect whose access tokens are JSON Web Tokens (RFC 9068, or near to it). It is that of those who run this installation. */
export function createIssuerProvider ({ issuer, algorithms, scope }: IssuerProviderOptions): TokenProvider {
  const place = issuerPlace(issuer)
  return {
    algorithms,
    requiredClaims: ['exp', 'iat', 'sub'],
    allowsOtherAudiences: true,

    async originOf ({ iss }) {
      if (iss !== issuer) throw new RefusedToken('of another issuer')
      return { place, directory: issuer, isHome: true, ownTenantId: undefined }
    },

    accountOf (payload, type) {
      // RFC 9068 types access tokens `at+jwt`; where providers do not, what only ID tokens have tells them apart.
      const isTyped = /^(?:application\/)?at\+jwt$/i.test(type ?? '')
      const isIdToken = payload.nonce !== undefined || payload.at_hash !== undefined || payload.c_hash !== undefined || payload.typ === 'ID'
      if (!isTyped && ((type !== undefined && type.toUpperCase() !== 'JWT') || isIdToken)) throw new RefusedToken('no access token')
      const { sub } = payload
      if (typeof sub !== 'string' || !ID.test(sub)) throw new RefusedToken('sub is no id')
      if (scope !== undefined) requireScope(payload.scope ?? payload.scp, scope)
      const clientId = [payload.azp, payload.client_id, payload.cid].find((one): one is string => typeof one === 'string' && ID.test(one)) ?? null
      // RFC 9068, section 2.2: where no person is concerned, `sub` is the client.
      return { kind: sub === clientId ? 'app' : 'user', subject: sub, clientId }
    }
  }
}

function requireScope (held: unknown, wanted: string): void {
  const scopes = Array.isArray(held) ? held : typeof held === 'string' ? held.split(' ') : []
  if (!scopes.includes(wanted)) throw new RefusedToken(`without the scope ${wanted}`)
}
