import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose'
import type { Logger } from 'pino'
import { ExpiredTokenError, ForbiddenError, InvalidTokenError } from '../errors.js'
import { type PartnerCaller, READ_ROLE } from './caller.js'
import type { EntraKeys, TokenVersion } from './entra-keys.js'

export interface VerifyCallerDeps {
  readonly keys: Pick<EntraKeys, 'find'>
  /** What `aud` may be, exactly: the client id of our app registration, or its App ID URI where that asks for version 1 tokens. */
  readonly audiences: readonly string[]
  /** Apps that may call: a client id, or `<Entra tenant id>/<client id>` for one tenant's; empty: any that an administrator gave the role. */
  readonly allowedClients: readonly string[]
  /** Our id of a customer's Entra tenant. */
  findTenantId (entraTenantId: string): Promise<string | undefined>
  readonly log: Logger
}

const MAX_TOKEN_LENGTH = 8_192
const CLOCK_TOLERANCE_SECONDS = 60
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** What everybody is told who has not proved anything yet: neither which tenants nor which keys we know is theirs to find out. */
const NOT_VALID = 'The access token is not valid.'

/** Why a token does not count, for our log alone. */
class Refused extends InvalidTokenError {
  constructor (readonly reason: string, message = NOT_VALID) {
    super(message)
  }
}

/**
 * Who calls, by an app-only access token from Entra (v1 or v2) that is meant for us.
 * @throws InvalidTokenError, ExpiredTokenError, ForbiddenError without the role or for an app that is not on the list,
 *   EntraKeysUnavailableError
 */
export async function verifyCaller (deps: VerifyCallerDeps, token: string): Promise<PartnerCaller> {
  try {
    return await verify(deps, token)
  } catch (error) {
    if (error instanceof Refused) deps.log.info({ reason: error.reason }, 'a relying party\'s token does not count')
    throw error
  }
}

async function verify (deps: VerifyCallerDeps, token: string): Promise<PartnerCaller> {
  const { keyId, claims: claimed } = read(token)
  const wanted = `The token must be meant (aud) for ${deps.audiences.join(' or ')}.`
  if (typeof claimed.aud !== 'string' || !deps.audiences.includes(claimed.aud)) throw new Refused('audience', wanted)
  const { tid: entraTenantId, ver: version } = claimed
  if (typeof entraTenantId !== 'string' || !UUID.test(entraTenantId)) throw new Refused('tid is no GUID')
  if (version !== '1.0' && version !== '2.0') throw new Refused('neither version 1.0 nor 2.0')
  const tenantId = await deps.findTenantId(entraTenantId)
  // Before its keys are asked for: strangers must not make us ask about any tenant they like.
  if (tenantId === undefined) throw new Refused('not a customer\'s tenant')
  const { key, issuer } = await deps.keys.find({ entraTenantId, version, keyId })
  if (key === undefined) throw new Refused('unknown key, or not for this issuer')

  const { payload } = await jwtVerify(token, key, {
    algorithms: ['RS256'],
    issuer,
    audience: claimed.aud,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ['exp', 'nbf', 'tid', 'oid']
  }).catch((error: unknown) => { throw toTokenError(error) })
  const caller = { tenantId, entraTenantId, objectId: textOf(payload.oid), clientId: clientOf(payload, version) }
  requireAppOnly(payload)
  requireAllowed(deps, caller)
  return caller
}

/** What a token says before anybody has vouched for it. */
function read (token: string): { readonly keyId: string, readonly claims: JWTPayload } {
  if (token.length > MAX_TOKEN_LENGTH) throw new Refused(`longer than ${MAX_TOKEN_LENGTH} characters`)
  let header, claims
  try {
    header = decodeProtectedHeader(token)
    claims = decodeJwt(token)
  } catch {
    throw new Refused('not a JSON Web Token')
  }
  if (header.alg !== 'RS256') throw new Refused('not signed with RS256')
  if (typeof header.kid !== 'string' || header.kid === '') throw new Refused('names no key')
  return { keyId: header.kid, claims }
}

/** An app speaks for itself: it has roles, and there is no user whose consent (`scp`) it carries. */
function requireAppOnly (payload: JWTPayload): void {
  if (payload.scp !== undefined || (payload.idtyp !== undefined && payload.idtyp !== 'app')) {
    throw new ForbiddenError('Only apps may call, with an app-only token; this one is of a user.')
  }
  if (!Array.isArray(payload.roles) || !payload.roles.includes(READ_ROLE)) {
    throw new ForbiddenError(`The token has no role ${READ_ROLE}. An administrator gives it to your app in Entra.`)
  }
}

function requireAllowed ({ allowedClients }: VerifyCallerDeps, { entraTenantId, clientId }: PartnerCaller): void {
  if (allowedClients.length === 0) return
  if (allowedClients.includes(clientId) || allowedClients.includes(`${entraTenantId}/${clientId}`)) return
  throw new ForbiddenError('This app is not one of those that may call here.')
}

function clientOf (payload: JWTPayload, version: TokenVersion): string {
  return textOf(version === '2.0' ? payload.azp : payload.appid)
}

function textOf (claim: unknown): string {
  if (typeof claim !== 'string' || !UUID.test(claim)) throw new Refused('oid, azp or appid is no GUID')
  return claim
}

function toTokenError (error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return new ExpiredTokenError()
  if (error instanceof errors.JWTClaimValidationFailed) return new Refused(`${error.claim}: ${error.reason}`, `The token's ${error.claim} is missing or wrong.`)
  return error instanceof errors.JOSEError ? new Refused(error.code) : error
}
