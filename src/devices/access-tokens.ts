import { SignJWT } from 'jose'
import type { SigningKeys } from './signing-keys.js'

export interface AccessToken {
  readonly accessToken: string
  /** Seconds. */
  readonly expiresIn: number
}

/** Makes the short-lived tokens that agents call the API with. */
export interface AccessTokens {
  issue (device: { readonly deviceId: string, readonly tenantId: string }, issuedAtMs: number): Promise<AccessToken>
}

/**
 * HS256 tokens with `sub` device, `tid` tenant. `iat` has milliseconds (RFC 7519 allows
 * fractions), so that a cutoff within the same second parts old tokens from new ones.
 */
export function createAccessTokens ({ keys, lifetimeSeconds }: { keys: Pick<SigningKeys, 'current'>, lifetimeSeconds: number }): AccessTokens {
  return {
    async issue ({ deviceId, tenantId }, issuedAtMs) {
      const { id, secret } = keys.current()
      const iat = issuedAtMs / 1000
      const accessToken = await new SignJWT({ tid: tenantId, iat, exp: Math.floor(iat) + lifetimeSeconds })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: id })
        .setSubject(deviceId)
        .sign(secret)
      return { accessToken, expiresIn: lifetimeSeconds }
    }
  }
}

/** When a token was issued, from its `iat` claim, in milliseconds. */
export const issuedAtMsOf = (iat: number): number => Math.round(iat * 1000)
