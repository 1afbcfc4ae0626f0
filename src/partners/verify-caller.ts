import type { JWTPayload } from 'jose'
import type { Logger } from 'pino'
import { ForbiddenError } from '../errors.js'
import { ENTRA_ALGORITHM, type EntraKeys, type TokenVersion } from '../identity/entra-keys.js'
import { GUID, guidOf, readToken, RefusedToken, verifyToken } from '../identity/verify-token.js'
import { type PartnerCaller, READ_ROLE } from './caller.js'

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

/**
 * Who calls, by an app-only access token from Entra (v1 or v2) that is meant for us.
 * @throws InvalidTokenError, ExpiredTokenError, ForbiddenError without the role or for an app that is not on the list,
 *   EntraKeysUnavailableError
 */
export async function verifyCaller (deps: VerifyCallerDeps, token: string): Promise<PartnerCaller> {
  try {
    return await verify(deps, token)
  } catch (error) {
    if (error instanceof RefusedToken) deps.log.info({ reason: error.reason }, 'a relying party\'s token does not count')
    throw error
  }
}

async function verify (deps: VerifyCallerDeps, token: string): Promise<PartnerCaller> {
  const { keyId, claims: claimed } = readToken(token, [ENTRA_ALGORITHM])
  const wanted = `The token must be meant (aud) for ${deps.audiences.join(' or ')}.`
  if (typeof claimed.aud !== 'string' || !deps.audiences.includes(claimed.aud)) throw new RefusedToken('audience', wanted)
  const { tid: entraTenantId, ver: version } = claimed
  if (typeof entraTenantId !== 'string' || !GUID.test(entraTenantId)) throw new RefusedToken('tid is no GUID')
  if (version !== '1.0' && version !== '2.0') throw new RefusedToken('neither version 1.0 nor 2.0')
  const tenantId = await deps.findTenantId(entraTenantId)
  // Before its keys are asked for: strangers must not make us ask about any tenant they like.
  if (tenantId === undefined) throw new RefusedToken('not a customer\'s tenant')
  const { key, issuer } = await deps.keys.find({ entraTenantId, version, keyId })
  if (key === undefined) throw new RefusedToken('unknown key, or not for this issuer')

  const payload = await verifyToken(token, key, { algorithm: ENTRA_ALGORITHM, issuer, audience: claimed.aud, requiredClaims: ['exp', 'nbf', 'tid', 'oid'] })
  const caller = { tenantId, entraTenantId, objectId: guidOf(payload, 'oid'), clientId: clientOf(payload, version) }
  requireAppOnly(payload)
  requireAllowed(deps, caller)
  return caller
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

const clientOf = (payload: JWTPayload, version: TokenVersion): string => guidOf(payload, version === '2.0' ? 'azp' : 'appid')
