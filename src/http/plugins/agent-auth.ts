import { createVerifier, TokenError } from 'fast-jwt'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { AccessTokenClaims } from '../../devices/access-tokens.js'
import type { SigningKeys } from '../../devices/signing-keys.js'
import type { TokenCutoffs } from '../../devices/token-cutoffs.js'
import { DeviceRevokedError, ExpiredTokenError, InvalidTokenError, UnauthenticatedError } from '../../errors.js'
import type { RequestDevice } from '../agent-request.js'
import { guard } from './access.js'
import type { SignInLimit } from './sign-in-limit.js'

export interface AgentAuthOptions {
  readonly keys: Pick<SigningKeys, 'find' | 'generation'>
  readonly cutoffs: Pick<TokenCutoffs, 'allows'>
  readonly signInLimit?: SignInLimit
}

/**
 * How many verified tokens are remembered: 0.6 KB each. Verifying one costs 6 µs, a fifteenth of
 * what the request costs otherwise, so a fleet that is larger only loses that.
 */
const REMEMBER_AT_MOST = 20_000
/**
 * Of an `Authorization` header; ours have some 350 characters. Spaces before the token make as many spellings of it as
 * somebody likes, and 20,000 long ones would fill the memory.
 */
const REMEMBER_UP_TO_LENGTH = 1_024

interface VerifiedToken {
  readonly device: RequestDevice
  readonly credentialsVersion: number
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number
  readonly generation: number
}

/**
 * Lets agents in by access token. Verified tokens are remembered, so that the hot path neither
 * computes a signature nor asks the database; the device's cutoff, the token's expiry and whether
 * a signing key has gone are looked at every time.
 */
export async function addAgentAuth (app: FastifyInstance, { keys, cutoffs, signInLimit }: AgentAuthOptions): Promise<void> {
  const verify = createAccessTokenVerifier(keys)
  const known = new LRUCache<string, VerifiedToken>({ max: REMEMBER_AT_MOST })
  guard(app, 'agent')
  app.decorateRequest('device', null as unknown as RequestDevice)
  app.addHook('onRequest', async (request, reply) => {
    const header = request.headers.authorization ?? ''
    let token = known.get(header)
    if (token === undefined || token.generation !== keys.generation() || token.expiresAtMs <= Date.now()) {
      known.delete(header)
      try {
        // To check a signature costs little, so even an address that failed often may try.
        token = await verify(bearerOf(request))
      } catch (error) {
        if (isGuess(error)) await signInLimit?.countFailure(request, reply)
        throw error
      }
      if (header.length <= REMEMBER_UP_TO_LENGTH) known.set(header, token)
    }
    const { device } = token
    request.log = request.log.child({ deviceId: device.deviceId })
    if (!cutoffs.allows(device.deviceId, token.credentialsVersion)) throw new DeviceRevokedError()
    request.device = device
  })
}

/** An expired token was a good one: a thousand phones behind one address that wake up together guess nothing. */
const isGuess = (error: unknown): boolean => error instanceof InvalidTokenError || error instanceof UnauthenticatedError

function bearerOf (request: FastifyRequest): string {
  const header = request.headers.authorization
  if (header === undefined) throw new UnauthenticatedError('An access token is needed: Authorization: Bearer <token>.')
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1]
  if (token === undefined) throw new UnauthenticatedError('The Authorization header must be: Bearer <token>.')
  return token
}

/** Checks tokens with the key that their header names. What goes wrong on our side is thrown as it is. */
function createAccessTokenVerifier (keys: AgentAuthOptions['keys']): (token: string) => Promise<VerifiedToken> {
  const verifiers = new LRUCache<string, (token: string) => AccessTokenClaims>({ max: 32 })
  return async (token) => {
    // Before the look-up: the key may go meanwhile.
    const generation = keys.generation()
    const id = keyIdOf(token)
    const key = id === undefined ? undefined : await keys.find(id)
    if (key === undefined) throw new InvalidTokenError('The access token was signed with an unknown key.')
    let verifier = verifiers.get(key.id)
    if (verifier === undefined) {
      verifier = createVerifier({ key: key.secret, algorithms: ['HS256'], requiredClaims: ['sub', 'tid', 'exp'] }) as (token: string) => AccessTokenClaims
      verifiers.set(key.id, verifier)
    }
    try {
      // A token from before there were versions is of the first one.
      const { sub, tid, ver = 0, exp } = verifier(token)
      return { device: { deviceId: sub, tenantId: tid }, credentialsVersion: ver, expiresAtMs: exp * 1000, generation }
    } catch (error) {
      if (!(error instanceof TokenError)) throw error
      throw error.code === TokenError.codes.expired ? new ExpiredTokenError() : new InvalidTokenError('The access token is not valid.')
    }
  }
}

function keyIdOf (token: string): string | undefined {
  const end = token.indexOf('.')
  if (end < 1) return undefined
  try {
    const { kid } = JSON.parse(Buffer.from(token.slice(0, end), 'base64url').toString()) as { kid?: unknown }
    return typeof kid === 'string' ? kid : undefined
  } catch {
    // Not a JSON Web Token at all.
    return undefined
  }
}
