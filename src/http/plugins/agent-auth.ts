import jwt, { type TokenOrHeader } from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { issuedAtMsOf } from '../../devices/access-tokens.js'
import type { SigningKeys } from '../../devices/signing-keys.js'
import type { TokenCutoffs } from '../../devices/token-cutoffs.js'
import { DeviceRevokedError, ExpiredTokenError, InvalidTokenError, UnauthenticatedError } from '../../errors.js'
import type { RequestDevice } from '../agent-request.js'
import type { SignInLimit } from './sign-in-limit.js'

export interface AgentAuthOptions {
  readonly keys: Pick<SigningKeys, 'find'>
  readonly cutoffs: Pick<TokenCutoffs, 'allows'>
  readonly signInLimit?: SignInLimit
}

interface AccessTokenClaims { readonly sub: string, readonly tid: string, readonly iat: number, readonly exp: number }

const FAULTS: Readonly<Record<string, () => Error>> = {
  FST_JWT_NO_AUTHORIZATION_IN_HEADER: () => new UnauthenticatedError('An access token is needed: Authorization: Bearer <token>.'),
  FST_JWT_BAD_REQUEST: () => new UnauthenticatedError('The Authorization header must be: Bearer <token>.'),
  FST_JWT_AUTHORIZATION_TOKEN_EXPIRED: () => new ExpiredTokenError()
}

/** How long a verified token is trusted before its key is looked at again, and how many are remembered. */
const REMEMBER_MS = 60_000
const REMEMBER_AT_MOST = 50_000

/**
 * Lets agents in by access token. Verified tokens are remembered for a while, so that the hot
 * path neither computes a signature nor asks the database; a device's cutoff is looked at
 * every time.
 */
export async function addAgentAuth (app: FastifyInstance, { keys, cutoffs, signInLimit }: AgentAuthOptions): Promise<void> {
  await app.register(jwt, {
    // The newest key signs, any that is not retired verifies; the header's kid says which.
    secret: async (_request: FastifyRequest, token: TokenOrHeader) => {
      const header = 'header' in token ? token.header : token
      const key = await keys.find(String(header.kid ?? ''))
      if (key === undefined) throw new InvalidTokenError('The access token was signed with an unknown key.')
      return key.secret
    },
    decode: { complete: true },
    verify: { algorithms: ['HS256'] }
  })
  const known = new Map<string, { readonly claims: AccessTokenClaims, readonly untilMs: number }>()
  app.decorateRequest('device', null as unknown as RequestDevice)
  app.addHook('onRequest', async (request, reply) => {
    const header = request.headers.authorization ?? ''
    const now = Date.now()
    let entry = known.get(header)
    if (entry === undefined || entry.untilMs <= now) {
      // To check a signature costs little, so even an address that failed often may try.
      const claims = await verify(request).catch(async (error: unknown) => {
        await signInLimit?.countFailure(request, reply)
        throw error
      })
      entry = { claims, untilMs: Math.min(claims.exp * 1000, now + REMEMBER_MS) }
      if (known.size >= REMEMBER_AT_MOST) known.clear()
      known.set(header, entry)
    }
    const { claims } = entry
    request.log = request.log.child({ deviceId: claims.sub })
    if (!cutoffs.allows(claims.sub, issuedAtMsOf(claims.iat))) throw new DeviceRevokedError()
    request.device = { deviceId: claims.sub, tenantId: claims.tid }
  })
}

async function verify (request: FastifyRequest): Promise<AccessTokenClaims> {
  try {
    return await request.jwtVerify<AccessTokenClaims>()
  } catch (error) {
    const { code } = error as { code?: string }
    throw FAULTS[code ?? '']?.() ?? (error instanceof InvalidTokenError ? error : new InvalidTokenError('The access token is not valid.'))
  }
}
