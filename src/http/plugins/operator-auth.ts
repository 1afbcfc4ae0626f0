import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ExpiredTokenError, ForbiddenError, InvalidTokenError, NotFoundError, ProviderKeysUnavailableError, UnauthenticatedError } from '../../errors.js'
import { RefusedToken } from '../../identity/verify-token.js'
import { API_KEY_PREFIX } from '../../operators/api-keys.js'
import { isEverywhere, mayEnter, type Operator } from '../../operators/operator.js'
import type { Permission } from '../../operators/roles.js'
import type { Refusal, Refusals } from '../../operators/sign-in/refusals.js'
import { type Sessions, sightingOf } from '../../operators/sign-in/sessions.js'
import { callerAddress, countedAddress } from '../caller-address.js'
import { guard } from './access.js'
import type { SignInLimit } from './sign-in-limit.js'

declare module 'fastify' {
  interface FastifyRequest {
    operator: Operator
  }
}

export interface OperatorAuthOptions {
  /** Whose API key this is. */
  findOperator (key: string): Promise<Operator | undefined>
  /** Who signed in with a provider's token. Undefined: there is no provider, only keys count. */
  readonly verifyToken?: ((token: string) => Promise<Operator>) | undefined
  hasTenant (tenantId: string): Promise<boolean>
  readonly sessions: Sessions
  readonly refusals: Pick<Refusals, 'count'>
  readonly signInLimit?: SignInLimit
}

/** Longer than we leave a provider alone after it gave no keys. */
const KEYS_RETRY_SECONDS = 10
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]*$/
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Lets operators in by API key or by a token of their provider, with the permission their route
 * declares, into their own tenants only: a foreign one looks as if it were not there.
 */
export function addOperatorAuth (app: FastifyInstance, options: OperatorAuthOptions): void {
  const { hasTenant, sessions } = options
  guard(app, 'operator')
  app.decorateRequest('operator', null as unknown as Operator)
  app.addHook('onRequest', async (request, reply) => {
    const operator = await signIn(options, request, reply)
    request.operator = operator
    // Before anything is refused: who tries doors that are not theirs is worth knowing. A person is known there by number alone.
    request.log = request.log.child({ ...(operator.kind === 'api-key' ? { operator: operator.label } : {}), operatorId: operator.id })
    const tenantId = (request.params as { tenantId?: string }).tenantId?.toLowerCase()
    const permission = permissionOf(request)
    const entry = mayEnter(operator, permission, tenantId)
    const isId = tenantId !== undefined && UUID.test(tenantId)
    // Whoever gets in everywhere still does not get into what is not there; what is no id at all the route says.
    if (entry === 'foreign' || (isId && mayNotExist(operator) && !await hasTenant(tenantId))) {
      if (entry === 'foreign') countRefusal(options, request, { action: 'access.refused', tenantId: null, actor: operator.name, subject: operator.id, reason: isId ? `not in tenant ${tenantId}` : 'not in a tenant of that name' })
      throw new NotFoundError('There is no such tenant.')
    }
    if (entry === 'forbidden') {
      const roles = [...new Set(operator.grants.map(({ role }) => role))]
      countRefusal(options, request, { action: 'access.refused', tenantId: isEverywhere(operator) ? null : tenantId ?? null, actor: operator.name, subject: operator.id, reason: `without ${permission}` })
      reply.header('www-authenticate', 'Bearer error="insufficient_scope"')
      throw new ForbiddenError(roles.length === 0 ? `You have no role here (${permission}).` : `${roles.length === 1 ? 'Your role' : 'Your roles'} ${roles.join(', ')} ${operator.permissions === undefined ? '' : 'with this key '}${roles.length === 1 ? 'does' : 'do'} not allow this (${permission}).`)
    }
    if (tenantId === undefined || isId) await sessions.saw(sightingOf(operator, tenantId ?? null, callerAddress(request)))
  })
}

async function signIn (options: OperatorAuthOptions, request: FastifyRequest, reply: FastifyReply): Promise<Operator> {
  const { findOperator, verifyToken, signInLimit } = options
  // Before the key is looked up: guessing must not become a load on the database.
  await signInLimit?.check(request, reply)
  try {
    const bearer = bearerOf(request)
    if (verifyToken !== undefined && !bearer.startsWith(API_KEY_PREFIX) && TOKEN.test(bearer)) return await verifyToken(bearer)
    const operator = await findOperator(bearer)
    if (operator === undefined) throw new UnauthenticatedError('The API key is unknown, expired or revoked.')
    return operator
  } catch (error) {
    challenge(reply, error)
    if (error instanceof InvalidTokenError || error instanceof UnauthenticatedError) {
      const reason = error instanceof RefusedToken ? error.reason : request.headers.authorization === undefined ? undefined : 'unknown key'
      if (error instanceof RefusedToken) request.log.info({ reason }, 'an operator\'s token does not count')
      // Who shows nothing tries nothing.
      if (reason !== undefined) countRefusal(options, request, { action: 'sign-in.refused', tenantId: null, actor: 'unknown', subject: error instanceof RefusedToken ? 'token' : 'api-key', reason })
      await signInLimit?.countFailure(request, reply)
    }
    throw error
  }
}

function countRefusal ({ refusals }: OperatorAuthOptions, request: FastifyRequest, refusal: Omit<Refusal, 'address'>): void {
  refusals.count({ ...refusal, address: countedAddress(request) })
}

/** The tenants of a key exist; a provider's roles are mapped to whatever somebody configured. */
const mayNotExist = (operator: Operator): boolean => isEverywhere(operator) || operator.kind !== 'api-key'

const permissionOf = (request: FastifyRequest): Permission => request.routeOptions.config.permission!

/** What a client library reads to know whether a new token helps (RFC 6750, section 3). */
function challenge (reply: FastifyReply, error: unknown): void {
  if (error instanceof InvalidTokenError || error instanceof ExpiredTokenError) {
    reply.header('www-authenticate', `Bearer error="invalid_token", error_description="${error.message.replace(/["\\]/g, '')}"`)
  } else if (error instanceof ProviderKeysUnavailableError) {
    reply.header('retry-after', KEYS_RETRY_SECONDS)
  }
}

function bearerOf (request: FastifyRequest): string {
  const [scheme, token, ...rest] = (request.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined || token === '' || rest.length > 0) {
    throw new UnauthenticatedError('An API key or a token of your sign-in provider is needed: Authorization: Bearer <key or token>.')
  }
  return token
}
