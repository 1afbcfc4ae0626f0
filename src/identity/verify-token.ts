import { type CryptoKey, decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose'
import { ExpiredTokenError, InvalidTokenError } from '../errors.js'

/** Those of providers of ours are a kilobyte or two; more is somebody else's. */
const MAX_TOKEN_LENGTH = 8_192
/** How far clocks may differ. */
export const CLOCK_TOLERANCE_SECONDS = 60
/** What everybody is told who has not proved anything yet: neither which tenants nor which keys we know is theirs to find out. */
const NOT_VALID = 'The access token is not valid.'

/** Ids of tenants and principals as Entra writes them. */
export const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A token does not count; why is for our log alone. */
export class RefusedToken extends InvalidTokenError {
  constructor (readonly reason: string, message = NOT_VALID) {
    super(message)
  }
}

/** What a token says before anybody has vouched for it. */
export interface ClaimedToken {
  readonly keyId: string
  readonly algorithm: string
  readonly type: string | undefined
  readonly claims: JWTPayload
}

/** Reads a signed JSON Web Token without believing it. @throws RefusedToken */
export function readToken (token: string, algorithms: readonly string[]): ClaimedToken {
  if (token.length > MAX_TOKEN_LENGTH) throw new RefusedToken(`longer than ${MAX_TOKEN_LENGTH} characters`)
  let header, claims
  try {
    header = decodeProtectedHeader(token)
    claims = decodeJwt(token)
  } catch {
    throw new RefusedToken('not a JSON Web Token')
  }
  if (typeof header.alg !== 'string' || !algorithms.includes(header.alg)) throw new RefusedToken(`not signed with ${algorithms.join(' or ')}`)
  if (typeof header.kid !== 'string' || header.kid === '') throw new RefusedToken('names no key')
  return { keyId: header.kid, algorithm: header.alg, type: typeof header.typ === 'string' ? header.typ : undefined, claims }
}

/** Checks signature, issuer, audience and times. @throws RefusedToken, ExpiredTokenError */
export async function verifyToken (
  token: string,
  key: CryptoKey,
  wanted: { readonly algorithm: string, readonly issuer: string, readonly audience: string, readonly requiredClaims: readonly string[] }
): Promise<JWTPayload> {
  const { payload } = await jwtVerify(token, key, {
    algorithms: [wanted.algorithm],
    issuer: wanted.issuer,
    audience: wanted.audience,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: [...wanted.requiredClaims]
  }).catch((error: unknown) => { throw toTokenError(error) })
  return payload
}

/** A claim that must be one of Entra's ids. @throws RefusedToken */
export function guidOf (payload: JWTPayload, claim: string): string {
  const value = payload[claim]
  if (typeof value !== 'string' || !GUID.test(value)) throw new RefusedToken(`${claim} is no GUID`)
  return value
}

function toTokenError (error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return new ExpiredTokenError()
  if (error instanceof errors.JWTClaimValidationFailed) return new RefusedToken(`${error.claim}: ${error.reason}`, `The token's ${error.claim} is missing or wrong.`)
  return error instanceof errors.JOSEError ? new RefusedToken(error.code) : error
}
