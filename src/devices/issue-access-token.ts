import { decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose'
import { sql } from 'kysely'
import { DeviceRevokedError, ExpiredTokenError, InvalidTokenError, ReplayedAssertionError } from '../errors.js'
import type { Database } from '../platform/database.js'
import type { AccessToken, AccessTokens } from './access-tokens.js'
import { algorithmsOf, importDeviceKey } from './device-key.js'
import { findCredentials } from './device-repository.js'

/** RFC 7523, section 2.1. */
export const JWT_BEARER_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

export interface IssueAccessTokenDeps {
  readonly db: Database
  readonly accessTokens: AccessTokens
  /** How phones reach us; known once we listen. Assertions are for `<publicUrl>/v1/token`. */
  readonly publicUrl: () => string
}

const MAX_LIFETIME_SECONDS = 600
const CLOCK_TOLERANCE_SECONDS = 60
const MAX_ASSERTION_LENGTH = 4_096
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Printable and short, since it is stored. */
const JTI = /^[\x21-\x7e]{8,256}$/

/**
 * Exchanges an assertion that a phone signed with its key for an access token (RFC 7523).
 * @throws InvalidTokenError, ExpiredTokenError, ReplayedAssertionError, DeviceRevokedError
 */
export async function issueAccessToken (deps: IssueAccessTokenDeps, { assertion }: { readonly assertion: string }): Promise<AccessToken> {
  const device = await findCredentials(deps.db, readIssuer(assertion))
  // As for a wrong signature: who has no key learns nothing about which devices exist.
  if (device === undefined) throw new InvalidTokenError('The assertion is not signed with the key of a known device.')
  const { jti, exp } = await verify(assertion, device, `${deps.publicUrl().replace(/\/$/, '')}/v1/token`)
  if (device.gone) throw new DeviceRevokedError()
  // What the token says was read together with the key that the assertion was checked with: when the
  // key is replaced or the device revoked in this very moment, the token does not count.
  if (!await insertAssertion(deps.db, device.deviceId, jti, exp)) throw new ReplayedAssertionError()
  return await deps.accessTokens.issue(device, Date.now())
}

function readIssuer (assertion: string): string {
  if (assertion.length > MAX_ASSERTION_LENGTH) throw new InvalidTokenError(`The assertion is longer than ${MAX_ASSERTION_LENGTH} characters.`)
  let issuer: string | undefined
  try {
    issuer = decodeJwt(assertion).iss
  } catch {
    throw new InvalidTokenError('The assertion is not a JSON Web Token.')
  }
  if (typeof issuer !== 'string' || !UUID.test(issuer)) throw new InvalidTokenError('The assertion must be issued (iss) by a device id.')
  return issuer.toLowerCase()
}

async function verify (assertion: string, device: { deviceId: string, publicKey: Parameters<typeof importDeviceKey>[0] }, audience: string): Promise<{ jti: string, exp: number }> {
  let payload: JWTPayload
  try {
    payload = (await jwtVerify(assertion, await importDeviceKey(device.publicKey), {
      algorithms: algorithmsOf(device.publicKey),
      audience,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ['iss', 'sub', 'aud', 'exp', 'jti']
    })).payload
  } catch (error) {
    throw toTokenError(error, audience)
  }
  const { iss, sub, exp, iat, jti } = payload
  const now = Date.now() / 1000
  if (iss?.toLowerCase() !== device.deviceId || sub?.toLowerCase() !== device.deviceId) throw new InvalidTokenError('Issuer (iss) and subject (sub) of the assertion must both be the device id.')
  if (exp === undefined || exp > now + MAX_LIFETIME_SECONDS + CLOCK_TOLERANCE_SECONDS) throw new InvalidTokenError(`The assertion must expire (exp) within ${MAX_LIFETIME_SECONDS} seconds.`)
  if (iat !== undefined && (iat > now + CLOCK_TOLERANCE_SECONDS || exp - iat > MAX_LIFETIME_SECONDS)) {
    throw new InvalidTokenError(`The assertion must be issued (iat) in the past and live no longer than ${MAX_LIFETIME_SECONDS} seconds.`)
  }
  if (typeof jti !== 'string' || !JTI.test(jti)) throw new InvalidTokenError('The assertion needs an id (jti) of 8 to 256 printable characters.')
  return { jti, exp }
}

function toTokenError (error: unknown, audience: string): unknown {
  if (error instanceof errors.JWTExpired) return new ExpiredTokenError()
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new InvalidTokenError(error.claim === 'aud' ? `The assertion must be meant (aud) for ${audience}.` : `The assertion's ${error.claim} is missing or wrong.`)
  }
  if (error instanceof errors.JOSEError) return new InvalidTokenError('The assertion is not signed with the key of a known device.')
  return error
}

/** False when this assertion was used before, in whatever process. */
async function insertAssertion (db: Database, deviceId: string, jti: string, expSeconds: number): Promise<boolean> {
  const expiresAt = new Date((expSeconds + CLOCK_TOLERANCE_SECONDS) * 1000)
  const { rows } = await sql`
    insert into used_assertion (device_id, jti, expires_at) values (${deviceId}, ${jti}, ${expiresAt})
    on conflict (device_id, jti) do nothing returning jti`.execute(db)
  return rows.length === 1
}
