import { SignJWT } from 'jose'
import type { SigningKeys } from './signing-keys.js'

export interface AccessToken {
  readonly accessToken: string
  /** Seconds. */
  readonly expiresIn: number
}

/** Whom a token is for, with the version of the credentials it was given for. */
export interface TokenBearer {
  readonly deviceId: string
  readonly tenantId: string
  readonly credentialsVersion: number
}

/** Makes the short-lived tokens that agents call the API with. */
export interface AccessTokens {
  issue (device: TokenBearer, issuedAtMs: number): Promise<AccessToken>
}

/** Claims of an access token: `sub` device, `tid` tenant, `ver` version of its credentials. */
export interface AccessTokenClaims {
  readonly sub: string
  readonly tid: string
  readonly ver: number
  /** Seconds since 1970. */
  readonly iat: number
  readonly exp: number
}

/** The longest life of an access token, in seconds (ACCESS_TOKEN_SECONDS may be shorter). */
export const LONGEST_TOKEN_SECONDS = 86_400

/** HS256 tokens, signed with the newest key. */
export function createAccessTokens ({ keys, lifetimeSeconds }: { keys: Pick<SigningKeys, 'current'>, lifetimeSeconds: number }): AccessTokens {
  return {
    async issue ({ deviceId, tenantId, credentialsVersion }, issuedAtMs) {
      const { id, secret } = keys.current()
      const iat = Math.floor(issuedAtMs / 1000)
      const claims: AccessTokenClaims = { sub: deviceId, tid: tenantId, ver: credentialsVersion, iat, exp: iat + lifetimeSeconds }
      const accessToken = await new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: id })
        .sign(secret)
      return { accessToken, expiresIn: lifetimeSeconds }
    }
  }
}
