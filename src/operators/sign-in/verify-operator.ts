import { createHash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { LRUCache } from 'lru-cache'
import type { IssuerKeys } from '../../identity/issuer-keys.js'
import { readToken, RefusedToken, verifyToken } from '../../identity/verify-token.js'
import type { Database } from '../../platform/database.js'
import { REMEMBER_MS } from '../find-operator.js'
import { findGrants } from '../grants.js'
import type { Grant, Operator } from '../operator.js'
import { hasGroupsOmitted, nameIn, textsOf } from './claims.js'
import { grantsOf, type RoleMapping } from './role-map.js'
import type { TokenProvider } from './token-provider.js'

export interface VerifyOperatorDeps {
  readonly db: Database
  readonly keys: Pick<IssuerKeys, 'find'>
  readonly provider: TokenProvider
  /** What `aud` may be, exactly. */
  readonly audiences: readonly string[]
  /** Apps whose users may come; empty: any that the provider gave a token for us. */
  readonly allowedClients: readonly string[]
  readonly roleMap: readonly RoleMapping[]
  readonly rolesClaims: readonly string[]
  readonly groupsClaims: readonly string[]
}

/** Who operates, by an access token. @throws RefusedToken, ExpiredTokenError, ProviderKeysUnavailableError */
export async function verifyOperator (deps: VerifyOperatorDeps, token: string): Promise<Operator & { readonly expiresAtMs: number }> {
  const { provider } = deps
  const { keyId, algorithm, type, claims } = readToken(token, provider.algorithms)
  const audience = audienceOf(deps, claims.aud)
  const { place, directory, ...origin } = await provider.originOf(claims)
  const { key, issuer } = await deps.keys.find({ place, keyId, algorithm })
  if (key === undefined) throw new RefusedToken('unknown key, or not for this issuer')

  const payload = await verifyToken(token, key, { algorithm, issuer, audience, requiredClaims: provider.requiredClaims })
  const { kind, subject, clientId } = provider.accountOf(payload, type)
  if (deps.allowedClients.length > 0 && (clientId === null || !deps.allowedClients.includes(clientId))) throw new RefusedToken(`of the app ${clientId ?? '(unnamed)'}, which is not on the list`)

  const groups = textsOf(payload, deps.groupsClaims)
  const values = new Set([...textsOf(payload, deps.rolesClaims), ...groups])
  const stored = await findGrants(deps.db, { directory, subject, groups: [...groups] })
  const id = idOf(directory, subject)
  const name = `${nameIn(payload) ?? kind} <${id}>`
  return {
    id,
    kind,
    name,
    label: name,
    grants: unique([...grantsOf(deps.roleMap, values, origin), ...stored]),
    session: sessionOf(token),
    account: { directory, subject, clientId, groupsOmitted: hasGroupsOmitted(payload) },
    expiresAtMs: payload.exp! * 1000
  }
}

const REMEMBER_AT_MOST = 5_000

/** `verifyOperator` that remembers for `rememberMs` (5 s) what came of a good token. */
export function createTokenLookup (deps: VerifyOperatorDeps, { rememberMs = REMEMBER_MS, now = Date.now } = {}): (token: string) => Promise<Operator> {
  const known = new LRUCache<string, { readonly operator: Operator, readonly untilMs: number }>({ max: REMEMBER_AT_MOST })
  return async (token) => {
    const session = sessionOf(token)
    const hit = known.get(session)
    if (hit !== undefined && hit.untilMs > now()) return hit.operator
    known.delete(session)
    const { expiresAtMs, ...operator } = await verifyOperator(deps, token)
    known.set(session, { operator, untilMs: Math.min(now() + rememberMs, expiresAtMs) })
    return operator
  }
}

const sessionOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

function audienceOf ({ audiences, provider }: VerifyOperatorDeps, aud: JWTPayload['aud']): string {
  const named = typeof aud === 'string' ? [aud] : Array.isArray(aud) && provider.allowsOtherAudiences ? aud : []
  const ours = named.find((one) => audiences.includes(one))
  if (ours === undefined) throw new RefusedToken('audience', `The token must be meant (aud) for ${audiences.join(' or ')}.`)
  return ours
}

/** The same for the same account everywhere and always, in the form of our ids (UUID version 8, RFC 9562). */
function idOf (directory: string, subject: string): string {
  const bytes = createHash('sha256').update(JSON.stringify([directory, subject])).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function unique (grants: readonly Grant[]): Grant[] {
  return [...new Map(grants.map((grant) => [`${grant.role} ${grant.tenantId ?? ''}`, grant])).values()]
}
